package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
)

// Points of small order: as a public key or as the R of a signature they make the equation of
// Ed25519 hold for texts that nobody signed. Go accepts them; sumcheck must not.

// groupOrder is L of RFC 8032 section 5.1.
var groupOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)

// smallOrderKeys are public keys, some in an encoding that is not canonical.
var smallOrderKeys = []struct{ what, hex string }{
	{"order 1", "0100000000000000000000000000000000000000000000000000000000000000"},
	{"order 1, y = p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
	{"order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
	{"order 4", "0000000000000000000000000000000000000000000000000000000000000000"},
	{"order 4, other sign", "0000000000000000000000000000000000000000000000000000000000000080"},
	{"order 4, y = p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
	{"order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
	{"order 8, other sign", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"},
	{"order 8, other y", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
}

// neutral is the point of order 1.
func neutral() []byte {
	point := make([]byte, 32)
	point[0] = 1
	return point
}

func forgeries(text string) []noteVector {
	var forged []noteVector
	for _, weak := range smallOrderKeys {
		public, err := hex.DecodeString(weak.hex)
		if err != nil {
			panic(err)
		}
		text, signature := forge(public)
		name := "weak.example.com"
		forged = append(forged, noteVector{
			Reason:   "signature without a private key, for a key of " + weak.what,
			Vkey:     verifierKey(name, public),
			Note:     []byte(text + "\n" + signatureLine(name, keyID(name, public), signature)),
			Stricter: "a public key of small order verifies what nobody signed",
		})
	}
	forged = append(forged, noteVector{
		Reason:   "R of order 1, made with the private key",
		Vkey:     logKey.vkey,
		Note:     []byte(text + "\n" + signatureLine(logKey.name, logKey.id, signWithNeutral(logKey.private, text))),
		Stricter: "verify_strict refuses an R of small order",
	})
	return forged
}

// forge looks for a text for which R of order 1 and S = 0 verify: one in eight at worst.
func forge(public []byte) (text string, signature []byte) {
	signature = append(neutral(), make([]byte, 32)...)
	for n := range 1000 {
		text = fmt.Sprintf("forged %d\n", n)
		if ed25519.Verify(public, []byte(text), signature) {
			return text, signature
		}
	}
	panic(fmt.Sprintf("%x is not of small order", public))
}

// signWithNeutral signs with the nonce 0, so that R is of order 1 and S is the challenge times the
// private scalar. It gives the key away, which is as well for one that stands in a test.
func signWithNeutral(private ed25519.PrivateKey, text string) []byte {
	digest := sha512.Sum512(private.Seed())
	digest[0] &= 248 // RFC 8032 section 5.1.5
	digest[31] = digest[31]&127 | 64
	challenge := sha512.New()
	challenge.Write(neutral())
	challenge.Write(private.Public().(ed25519.PublicKey))
	challenge.Write([]byte(text))
	s := new(big.Int).Mul(littleEndian(digest[:32]), littleEndian(challenge.Sum(nil)))
	return append(neutral(), scalar(s.Mod(s, groupOrder))...)
}

// addOrder gives the signature whose S is not reduced; RFC 8032 section 5.1.7 says to refuse it.
func addOrder(signature []byte) []byte {
	s := new(big.Int).Add(littleEndian(signature[32:]), groupOrder)
	return append(bytes.Clone(signature[:32]), scalar(s)...)
}

func littleEndian(b []byte) *big.Int {
	b = bytes.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

func scalar(s *big.Int) []byte {
	b := s.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}
