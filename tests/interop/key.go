package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// algEd25519 is the type byte before an Ed25519 key (C2SP signed-note).
const algEd25519 = 1

// A key signs notes. It is the same for the same seed in every run: for tests only.
type key struct {
	name    string
	id      uint32
	private ed25519.PrivateKey
	vkey    string
}

// newKey derives the key of this name from the SHA-256 of seed.
func newKey(name, seed string) key {
	digest := sha256.Sum256([]byte(seed))
	private := ed25519.NewKeyFromSeed(digest[:])
	public := private.Public().(ed25519.PublicKey)
	return key{name: name, id: keyID(name, public), private: private, vkey: verifierKey(name, public)}
}

// signer is the key as x/mod takes it.
func (k key) signer() note.Signer {
	private := append([]byte{algEd25519}, k.private.Seed()...)
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", k.name, k.id, base64.StdEncoding.EncodeToString(private))
	signer, err := note.NewSigner(skey)
	if err != nil {
		panic(fmt.Sprintf("key %q: %v", k.name, err))
	}
	return signer
}

// sign makes a note of the text, which must end in a newline.
func (k key) sign(text string) ([]byte, error) {
	return note.Sign(&note.Note{Text: text}, k.signer())
}

// keyID is the key id by the rule for Ed25519 keys: what note.NewVerifier demands.
func keyID(name string, public []byte) uint32 {
	return typedKeyID(name, algEd25519, public)
}

func typedKeyID(name string, alg byte, public []byte) uint32 {
	digest := sha256.Sum256(slices.Concat([]byte(name+"\n"), []byte{alg}, public))
	return binary.BigEndian.Uint32(digest[:4])
}

// verifierKey writes any bytes as an Ed25519 verifier key: unlike x/mod's own function it also
// makes those that nobody should accept.
func verifierKey(name string, public []byte) string {
	return typedVkey(name, algEd25519, public)
}

func typedVkey(name string, alg byte, public []byte) string {
	typed := append([]byte{alg}, public...)
	return fmt.Sprintf("%s+%08x+%s", name, typedKeyID(name, alg, public), base64.StdEncoding.EncodeToString(typed))
}
