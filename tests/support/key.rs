//! Signing keys of logs, the same in every run (C2SP signed-note).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

/// C2SP signed-note: the signature type of Ed25519.
const ED25519: u8 = 1;

/// A name and a private key: what makes a signed note.
#[derive(Clone)]
pub struct Key {
    name: String,
    signing: SigningKey,
}

impl Key {
    /// The key of this name whose private half is the SHA-256 of `seed`.
    pub fn new(name: &str, seed: &str) -> Self {
        let seed: [u8; 32] = Sha256::digest(seed).into();
        Self {
            name: name.to_owned(),
            signing: SigningKey::from_bytes(&seed),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public half, 32 bytes.
    pub fn public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, &self.public())
    }

    /// `name+id+key`, as in GOSUMDB.
    pub fn verifier_key(&self) -> String {
        verifier_key(&self.name, &self.public())
    }

    /// A note of this text, which should end in a newline, with one signature.
    pub fn sign(&self, text: &str) -> Vec<u8> {
        format!("{text}\n{}", self.signature_line(text)).into_bytes()
    }

    /// The line below a note of this text, newline and all.
    pub fn signature_line(&self, text: &str) -> String {
        let signature = self.signing.sign(text.as_bytes()).to_bytes();
        signature_line(&self.name, self.id(), &signature)
    }
}

/// A signature line that says what the caller likes.
pub fn signature_line(name: &str, id: [u8; 4], signature: &[u8]) -> String {
    format!(
        "\u{2014} {name} {}\n",
        STANDARD.encode([&id, signature].concat())
    )
}

/// The verifier key of any 32 bytes: also of those that nobody should accept.
pub fn verifier_key(name: &str, public: &[u8; 32]) -> String {
    let typed = STANDARD.encode([&[ED25519], public.as_slice()].concat());
    format!("{name}+{}+{typed}", hex::encode(key_id(name, public)))
}

/// C2SP signed-note section "Verifier keys": the start of SHA-256(name, newline, type, key).
pub fn key_id(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(name)
        .chain_update(b"\n")
        .chain_update([ED25519])
        .chain_update(public)
        .finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}
