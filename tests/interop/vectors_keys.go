package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

type vkeyVector struct {
	Reason   string `json:"reason"`
	Vkey     string `json:"vkey"`
	OK       bool   `json:"ok"`
	Name     string `json:"name,omitempty"`
	Hash     string `json:"hash,omitempty"` // key id, eight hex digits
	Error    string `json:"error,omitempty"`
	Stricter string `json:"stricter,omitempty"`
}

// sumGolangOrg is the key of the public log, as cmd/go has it.
const sumGolangOrg = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

func vkeyVectors() []vkeyVector {
	var vectors []vkeyVector
	add := func(stricter, reason, vkey string) {
		v := vkeyVector{Reason: reason, Vkey: vkey, Stricter: stricter}
		if verifier, err := note.NewVerifier(vkey); err != nil {
			v.Error = err.Error()
		} else {
			v.OK, v.Name, v.Hash = true, verifier.Name(), fmt.Sprintf("%08x", verifier.KeyHash())
		}
		vectors = append(vectors, v)
	}

	add("", "the public log", sumGolangOrg)
	for _, k := range []key{logKey, witnessKey, unicodeKey} {
		add("", "good", k.vkey)
	}
	for _, bad := range malformedVkeys() {
		add("", bad.reason, bad.vkey)
	}
	const oneForm = "base64 has one form: no line ends in it"
	add(oneForm, "newline at the end", sumGolangOrg+"\n")
	add(oneForm, "CR and newline within the base64", sumGolangOrg[:40]+"\r\n"+sumGolangOrg[40:])
	for _, weak := range smallOrderKeys {
		public, err := hex.DecodeString(weak.hex)
		if err != nil {
			panic(err)
		}
		add("a public key of small order verifies what nobody signed",
			"key of "+weak.what, verifierKey("weak.example.com", public))
	}
	notOnCurve := append([]byte{2}, make([]byte, 31)...)
	add("no point of the curve has this y", "32 bytes that are no point", verifierKey("weak.example.com", notOnCurve))
	return vectors
}

type malformedVkey struct{ reason, vkey string }

func malformedVkeys() []malformedVkey {
	f := strings.SplitN(sumGolangOrg, "+", 3)
	name, id, b64 := f[0], f[1], f[2]
	public, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		panic(err)
	}
	public = public[1:]
	join := func(name, id, b64 string) string { return name + "+" + id + "+" + b64 }
	typed := func(alg byte, public []byte) string {
		return base64.StdEncoding.EncodeToString(append([]byte{alg}, public...))
	}
	return []malformedVkey{
		{"empty", ""},
		{"pluses only", "++"},
		{"name only", name},
		{"no key", name + "+" + id},
		{"empty key", join(name, id, "")},
		{"empty id", join(name, "", b64)},
		{"empty name", join("", id, b64)},
		{"name with a space", verifierKey("sum golang", public)},
		{"name with a newline", verifierKey("sum\ngolang", public)},
		{"name with a tab", verifierKey("sum\tgolang", public)},
		{"name with a no-break space", verifierKey("sum\u00a0golang", public)},
		{"name with U+0085", verifierKey("sum\u0085golang", public)},
		{"name with a line separator", verifierKey("sum\u2028golang", public)},
		{"name with a plus", verifierKey("sum+golang", public)},
		{"name with a zero-width space, which is no white space", verifierKey("sum\u200bgolang", public)},
		{"space before", " " + sumGolangOrg},
		{"space after", sumGolangOrg + " "},
		{"another name", join("sum.golang.com", id, b64)},
		{"name in capitals", join("SUM.GOLANG.ORG", id, b64)},
		{"another id", join(name, "033de0af", b64)},
		{"id in capitals", join(name, "033DE0AE", b64)},
		{"id without its zero", join(name, "33de0ae", b64)},
		{"id with one more zero", join(name, "0033de0ae", b64)},
		{"id with 0x", join(name, "0x3de0ae", b64)},
		{"id with a sign", join(name, "+33de0ae", b64)},
		{"id with an underscore", join(name, "033d_0ae", b64)},
		{"id not hexadecimal", join(name, "033dg0ae", b64)},
		{"bit of the key flipped", join(name, id, "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn9")},
		{"key cut off", join(name, id, b64[:40])},
		{"key cut off in a group", join(name, id, b64[:43])},
		{"padding after the key", join(name, id, b64+"=")},
		{"base64 of URLs", join(name, id, strings.NewReplacer("+", "-", "/", "_").Replace(b64))},
		{"one more part", sumGolangOrg + "+x"},
		{"private key", "PRIVATE+KEY+" + sumGolangOrg},
		{"algorithm 0, id of Ed25519", join(name, id, typed(0, public))},
		{"algorithm 2 with its id", typedVkey(name, 2, public)},
		{"algorithm 4 (cosignature/v1) with its id", typedVkey(name, 4, public)},
		{"algorithm 255 with its id", typedVkey(name, 255, public)},
		{"31 bytes", verifierKey(name, public[:31])},
		{"33 bytes", verifierKey(name, append([]byte{0}, public...))},
		{"no bytes", verifierKey(name, nil)},
	}
}
