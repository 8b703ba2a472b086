//! Signed notes and the keys that verify them (C2SP signed-note).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// More bytes are no note: room for 100 signatures of the largest post-quantum kind, and a bound
/// on what a hostile server can make us parse.
pub const MAX_NOTE_BYTES: usize = 1 << 20;

/// More signatures are no note (C2SP signed-note: clients may limit them; x/mod takes 100), or
/// each of them could be made to cost a verification.
pub const MAX_SIGNATURES: usize = 100;

/// C2SP signed-note: signature type 0x01 is Ed25519 as in RFC 8032.
const ED25519: u8 = 0x01;
const ED25519_KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 4;

/// A log's public key with its name: the one thing that has to be known beforehand.
///
/// Its text form is `name+key id+base64(type, key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    key: VerifyingKey,
}

/// The first four bytes of the hash of a key with its name: a hint which key signed, no proof.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; KEY_ID_BYTES]);

/// Why a text is no verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifierKeyError {
    /// Not three parts joined by `+`, or a part that does not decode.
    #[error("not a verifier key of the form name+hash+key")]
    Malformed,
    /// The id is not that of name and key: a typing error, or a key under a wrong name.
    #[error("the hash in the verifier key does not fit its name and key: copy the key again")]
    WrongId,
    /// Another signature algorithm.
    #[error("the verifier key is not an Ed25519 key")]
    UnknownAlgorithm,
    /// Not a point of the curve, or one of the few that verify forged signatures.
    #[error("the verifier key is not a sound Ed25519 key")]
    WeakKey,
}

impl VerifierKey {
    /// Reads `name+hash+key`.
    ///
    /// # Errors
    /// [`VerifierKeyError`]
    pub fn parse(text: &str) -> Result<Self, VerifierKeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VerifierKeyError::Malformed);
        };
        if !is_valid_name(name) {
            return Err(VerifierKeyError::Malformed);
        }
        let mut claimed_id = KeyId([0; KEY_ID_BYTES]);
        hex::decode_to_slice(id, &mut claimed_id.0).map_err(|_| VerifierKeyError::Malformed)?;
        let typed_key = STANDARD
            .decode(key)
            .map_err(|_| VerifierKeyError::Malformed)?;
        if KeyId::of(name, &typed_key) != claimed_id {
            return Err(VerifierKeyError::WrongId);
        }
        let (&algorithm, key) = typed_key.split_first().ok_or(VerifierKeyError::Malformed)?;
        if algorithm != ED25519 {
            return Err(VerifierKeyError::UnknownAlgorithm);
        }
        let key: &[u8; ED25519_KEY_BYTES] =
            key.try_into().map_err(|_| VerifierKeyError::Malformed)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| VerifierKeyError::WeakKey)?;
        if key.is_weak() {
            return Err(VerifierKeyError::WeakKey);
        }
        Ok(Self {
            name: name.to_owned(),
            id: claimed_id,
            key,
        })
    }

    /// Who signs with it: the log's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short identifier in each signature.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed_key = vec![ED25519];
        typed_key.extend(self.key.as_bytes());
        write!(
            f,
            "{}+{}+{}",
            self.name,
            self.id,
            STANDARD.encode(typed_key)
        )
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl KeyId {
    /// C2SP signed-note section "Verifier keys": SHA-256 of name, newline, type and key.
    fn of(name: &str, typed_key: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(name)
            .chain_update("\n")
            .chain_update(typed_key)
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A note as it came: a text and signatures that nobody has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    bytes: String,
    text_bytes: usize,
    signatures: Vec<NoteSignature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    id: KeyId,
    signature: Vec<u8>,
}

/// A note whose text the key has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedNote(SignedNote);

/// Why bytes are no signed note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than [`MAX_NOTE_BYTES`].
    #[error("longer than the {MAX_NOTE_BYTES} bytes that a signed note may have")]
    TooLong,
    /// Not UTF-8, or control characters other than newline.
    #[error("not a signed note: it is not plain UTF-8 text")]
    NotText,
    /// No blank line between text and signatures, or no newline at the end.
    #[error("not a signed note: a text, a blank line and signature lines were expected")]
    NoSignatures,
    /// A line among the signatures that is none.
    #[error("not a signed note: a line among its signatures is no signature")]
    MalformedSignature,
    /// More than [`MAX_SIGNATURES`].
    #[error("more than the {MAX_SIGNATURES} signatures that a note may have")]
    TooManySignatures,
}

/// Why a note does not open with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No signature names this key.
    #[error("the note is not signed by {name} (key {id})")]
    NotSignedBy {
        /// The key's name.
        name: String,
        /// The key's id.
        id: KeyId,
    },
    /// A signature names this key and does not verify.
    #[error("the note's signature by {name} (key {id}) is wrong")]
    WrongSignature {
        /// The key's name.
        name: String,
        /// The key's id.
        id: KeyId,
    },
}

impl SignedNote {
    /// Splits a note into its text and its signatures.
    ///
    /// # Errors
    /// [`NoteError`]
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::NotText);
        }
        let (text, _) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let text_bytes = text.len().saturating_add("\n".len());
        let signatures = note
            .get(text_bytes.saturating_add("\n".len())..)
            .and_then(|lines| lines.strip_suffix('\n'))
            .ok_or(NoteError::NoSignatures)?;
        let signatures = signatures
            .split('\n')
            .take(MAX_SIGNATURES.saturating_add(1))
            .map(|line| NoteSignature::parse(line).ok_or(NoteError::MalformedSignature))
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::TooManySignatures);
        }
        Ok(Self {
            bytes: note.to_owned(),
            text_bytes,
            signatures,
        })
    }

    /// Verifies the key's signature over the text. Signatures by other keys are no concern; of
    /// two by this key the first counts.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open(self, key: &VerifierKey) -> Result<OpenedNote, OpenError> {
        let signature = self
            .signatures
            .iter()
            .find(|signature| signature.name == key.name && signature.id == key.id)
            .ok_or_else(|| OpenError::NotSignedBy {
                name: key.name.clone(),
                id: key.id,
            })?;
        let verified = Signature::from_slice(&signature.signature)
            .and_then(|signature| key.key.verify_strict(self.text().as_bytes(), &signature));
        match verified {
            Ok(()) => Ok(OpenedNote(self)),
            Err(_) => Err(OpenError::WrongSignature {
                name: key.name.clone(),
                id: key.id,
            }),
        }
    }

    fn text(&self) -> &str {
        self.bytes.get(..self.text_bytes).unwrap_or_default()
    }
}

impl OpenedNote {
    /// The signed text, with its final newline.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Text and signatures as they were received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.bytes
    }
}

impl NoteSignature {
    /// `— name base64(key id, signature)`
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (id, signature) = bytes.split_first_chunk::<KEY_ID_BYTES>()?;
        if !is_valid_name(name) || signature.is_empty() {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            id: KeyId(*id),
            signature: signature.to_vec(),
        })
    }
}

/// C2SP signed-note: non-empty, no space and no plus sign.
fn is_valid_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('+') && !name.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests;
