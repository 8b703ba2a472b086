package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type noteVector struct {
	Reason   string `json:"reason"` // what is special about this note
	Vkey     string `json:"vkey"`   // the one key that is known
	Note     []byte `json:"note"`
	OK       bool   `json:"ok"`
	Error    string `json:"error,omitempty"` // x/mod's words
	Stricter string `json:"stricter,omitempty"`
}

// The keys of the notes: the log that is known, strangers, and another key of the same name.
var (
	logKey      = newKey("sum.example.com", "log")
	witnessKey  = newKey("witness.example.com/w1", "witness")
	namesakeKey = newKey("sum.example.com", "namesake")
	unicodeKey  = newKey("журнал.example", "unicode")
)

// headText is what a checkpoint of three records says.
func headText() string {
	numbered.growTo(3)
	return string(tlog.FormatTree(tlog.Tree{N: 3, Hash: numbered.root(3)}))
}

// signatureLine writes any name, id and signature bytes as a line of a note.
func signatureLine(name string, id uint32, signature []byte) string {
	typed := append(binary.BigEndian.AppendUint32(nil, id), signature...)
	return fmt.Sprintf("— %s %s\n", name, base64.StdEncoding.EncodeToString(typed))
}

// line is the key's own signature of text.
func (k key) line(text string) string {
	return signatureLine(k.name, k.id, ed25519.Sign(k.private, []byte(text)))
}

// strangers are n lines of keys that nobody knows, the shortest that can be.
func strangers(n int) string {
	var lines strings.Builder
	for i := range n {
		lines.WriteString(signatureLine("a", uint32(i), []byte{0}))
	}
	return lines.String()
}

func noteVectors() []noteVector {
	text := headText()
	var vectors []noteVector
	addFor := func(vkey, stricter, reason, body string) {
		v := noteVector{Reason: reason, Vkey: vkey, Note: []byte(body), Stricter: stricter}
		verifier, err := note.NewVerifier(vkey)
		if err == nil {
			_, err = note.Open(v.Note, note.VerifierList(verifier))
		}
		v.OK = err == nil
		if err != nil {
			v.Error = err.Error()
		}
		vectors = append(vectors, v)
	}
	add := func(reason, body string) { addFor(logKey.vkey, "", reason, body) }

	goodNotes(text, add)
	addFor(unicodeKey.vkey, "", "a name in another script", text+"\n"+unicodeKey.line(text))
	addFor(witnessKey.vkey, "", "a name with a slash", text+"\n"+witnessKey.line(text))
	wrongSignatures(text, add)
	wrongShapes("hello\n", add)
	wrongSignatureLines("hello\n", add)
	addFor(logKey.vkey, "base64 has one form: the bits after the signature are not zero",
		"signature in base64 that is not canonical", text+"\n"+looseBase64(logKey.line(text)))
	for _, forged := range forgeries(text) {
		addFor(forged.Vkey, forged.Stricter, forged.Reason, string(forged.Note))
	}
	return vectors
}

func goodNotes(text string, add func(reason, body string)) {
	good := text + "\n" + logKey.line(text)
	add("good", good)
	add("good, and a stranger's signature after it", good+witnessKey.line(text))
	add("good, and a stranger's signature before it", text+"\n"+witnessKey.line(text)+logKey.line(text))
	add("good, and one by another key of the same name", good+namesakeKey.line(text))
	add("good, and a wrong one by a stranger", good+witnessKey.line("other\n"))
	add("good, twice the same", good+logKey.line(text))
	add("good, then a wrong one by the same key: x/mod skips the second", good+logKey.line("other\n"))
	add("100 signatures, the good one last", text+"\n"+strangers(99)+logKey.line(text))
	add("text with extension lines", longer(text, "extension\nanother one\n"))
	add("text with a blank line", longer(text, "\nafter\n"))
	add("text with a signature line in it", longer(text, "\n"+witnessKey.line(text)))
	add("text that is one newline", "\n\n"+logKey.line("\n"))
	add("text that is two newlines", "\n\n\n"+logKey.line("\n\n"))
	add("text with letters of many scripts, and DEL", longer("", "ὦ 世界 \u007f\u0085\u2028\n"))
	add("text without a tree head", longer("", "hello\n"))
}

func longer(text, more string) string {
	return text + more + "\n" + logKey.line(text+more)
}

func wrongSignatures(text string, add func(reason, body string)) {
	good := ed25519.Sign(logKey.private, []byte(text))
	with := func(signature []byte) string {
		return text + "\n" + signatureLine(logKey.name, logKey.id, signature)
	}
	for _, at := range []int{0, 31, 32, 63} {
		flipped := bytes.Clone(good)
		flipped[at] ^= 1
		add(fmt.Sprintf("bit of byte %d of the signature flipped", at), with(flipped))
	}
	add("signature of zeros", with(make([]byte, 64)))
	add("signature a byte short", with(good[:63]))
	add("signature a byte long", with(append(bytes.Clone(good), 0)))
	add("signature of one byte", with(good[:1]))
	add("halves swapped", with(append(bytes.Clone(good[32:]), good[:32]...)))
	add("S plus the group order: the same signature in another form", with(addOrder(good)))
	add("text changed after signing", strings.Replace(text, "\n3\n", "\n4\n", 1)+"\n"+logKey.line(text))
	add("line added after signing", text+"more\n\n"+logKey.line(text))
	add("newline added after signing", text+"\n\n"+logKey.line(text))
	add("signed without the final newline", text+"\n"+logKey.line(strings.TrimSuffix(text, "\n")))
	add("signed with the blank line", text+"\n"+logKey.line(text+"\n"))
	add("known name and id, another key's signature",
		text+"\n"+signatureLine(logKey.name, logKey.id, ed25519.Sign(namesakeKey.private, []byte(text))))
	add("another key of the same name", text+"\n"+namesakeKey.line(text))
	add("the key's id and signature under another name",
		text+"\n"+signatureLine("sum.example.org", logKey.id, good))
	add("the key's name in capitals", text+"\n"+signatureLine("SUM.EXAMPLE.COM", logKey.id, good))
	add("the key's name with a dot at the end", text+"\n"+signatureLine("sum.example.com.", logKey.id, good))
	add("the key's id plus one", text+"\n"+signatureLine(logKey.name, logKey.id+1, good))
	add("strangers only", text+"\n"+witnessKey.line(text)+unicodeKey.line(text))
	add("a wrong one, then a good one by the same key", text+"\n"+logKey.line("other\n")+logKey.line(text))
}

func wrongShapes(text string, add func(reason, body string)) {
	line := logKey.line(text)
	good := text + "\n" + line
	add("no bytes", "")
	add("newline only", "\n")
	add("two newlines only", "\n\n")
	add("text only", text)
	add("text and a blank line only", text+"\n")
	add("signature only", line)
	add("blank line and signature, no text", "\n"+line)
	add("no blank line", text+line)
	add("no final newline", strings.TrimSuffix(good, "\n"))
	add("CRLF", strings.ReplaceAll(good, "\n", "\r\n"))
	add("CRLF in the signature lines", text+"\n"+strings.ReplaceAll(line, "\n", "\r\n"))
	add("trailing bytes", good+"x")
	add("trailing line", good+"x\n")
	add("trailing blank line", good+"\n")
	add("trailing NUL", good+"\x00")
	add("blank line between signatures", good+"\n"+witnessKey.line(text))
	add("two notes in a row", good+good)
	add("byte-order mark", "\ufeff"+good)
	add("NUL in the text", longer("", "a\x00b\n"))
	add("tab in the text", longer("", "a\tb\n"))
	add("escape in the text", longer("", "a\x1b[31mb\n"))
	add("0x1f in the text", longer("", "a\x1fb\n"))
	add("not UTF-8: a lone byte", longer("", "a\xffb\n"))
	add("not UTF-8: an overlong slash", longer("", "a\xc0\xafb\n"))
	add("not UTF-8: a surrogate", longer("", "a\xed\xa0\x80b\n"))
	add("not UTF-8: cut off", longer("", "a\xe4\xb8\n"))
	add("U+FFFD itself", longer("", "a\ufffdb\n"))
	add("101 signatures, the good one first", good+strangers(100))
	add("101 signatures, the good one last", text+"\n"+strangers(100)+line)
	add("101 times the same signature", text+"\n"+strings.Repeat(signatureLine("a", 1, []byte{0}), 100)+line)
}

func wrongSignatureLines(text string, add func(reason, body string)) {
	line := logKey.line(text)
	b64 := strings.TrimSuffix(strings.TrimPrefix(line, "— "+logKey.name+" "), "\n")
	for _, bad := range []struct{ reason, line string }{
		{"hyphen for the dash", strings.Replace(line, "—", "-", 1)},
		{"en dash for the em dash", strings.Replace(line, "—", "–", 1)},
		{"no space after the dash", strings.Replace(line, "— ", "—", 1)},
		{"two spaces after the dash", strings.Replace(line, "— ", "—  ", 1)},
		{"no-break space after the dash", strings.Replace(line, "— ", "—\u00a0", 1)},
		{"space before the dash", " " + line},
		{"no name", "— " + b64 + "\n"},
		{"empty name", "—  " + b64 + "\n"},
		{"name with a plus", "— sum+example " + b64 + "\n"},
		{"name with a no-break space", "— sum\u00a0example " + b64 + "\n"},
		{"name with an ideographic space", "— sum\u3000example " + b64 + "\n"},
		{"name only", "— " + logKey.name + "\n"},
		{"name and space only", "— " + logKey.name + " \n"},
		{"dash only", "— \n"},
		{"two spaces before the signature", "— " + logKey.name + "  " + b64 + "\n"},
		{"space after the signature", "— " + logKey.name + " " + b64 + " \n"},
		{"three fields", "— " + logKey.name + " " + b64 + " " + b64 + "\n"},
		{"no padding", "— " + logKey.name + " " + strings.TrimRight(b64, "=") + "\n"},
		{"too much padding", "— " + logKey.name + " " + b64 + "=\n"},
		{"base64 of URLs", "— " + logKey.name + " " + strings.NewReplacer("+", "-", "/", "_").Replace(b64[:90]) + "-_\n"},
		{"not base64", "— " + logKey.name + " !" + b64[1:] + "\n"},
		{"id without a signature", "— " + logKey.name + " " + base64.StdEncoding.EncodeToString([]byte{1, 2, 3, 4}) + "\n"},
		{"three bytes", "— " + logKey.name + " AAAA\n"},
	} {
		add("good, then a bad line: "+bad.reason, text+"\n"+line+bad.line)
	}
	add("bad line, then a good one", text+"\n"+"hello\n"+line)
	add("only a bad line: no padding", text+"\n"+"— "+logKey.name+" "+strings.TrimRight(b64, "=")+"\n")
}

// looseBase64 sets a bit of the last character that stands for no byte.
func looseBase64(line string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	end := strings.TrimRight(line, "=\n")
	last := strings.IndexByte(alphabet, end[len(end)-1])
	return end[:len(end)-1] + alphabet[last+1:last+2] + line[len(end):]
}
