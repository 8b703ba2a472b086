package main

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

type checkpointVector struct {
	Reason   string `json:"reason"`
	Text     string `json:"text"` // of the opened note
	OK       bool   `json:"ok"`
	Size     *int64 `json:"size,omitempty"`
	Root     *hash  `json:"root,omitempty"`
	Stricter string `json:"stricter,omitempty"`
}

func checkpointVectors() []checkpointVector {
	numbered.growTo(3)
	root := numbered.root(3).String()
	const first = "go.sum database tree\n"
	var vectors []checkpointVector
	addStricter := func(stricter, reason, text string) {
		v := checkpointVector{Reason: reason, Text: text, Stricter: stricter}
		if tree, err := tlog.ParseTree([]byte(text)); err == nil {
			root := hash(tree.Hash)
			v.OK, v.Size, v.Root = true, &tree.N, &root
		}
		vectors = append(vectors, v)
	}
	add := func(reason, text string) { addStricter("", reason, text) }

	add("good", first+"3\n"+root+"\n")
	add("size 1", first+"1\n"+numbered.root(1).String()+"\n")
	add("size 0", first+"0\n"+numbered.root(0).String()+"\n")
	add("size 2^53 + 1", first+"9007199254740993\n"+root+"\n")
	add("size 2^62", first+"4611686018427387904\n"+root+"\n")
	add("size 2^63 - 1", first+"9223372036854775807\n"+root+"\n")
	add("extension line", first+"3\n"+root+"\nextension\n")
	add("many extension lines", first+"3\n"+root+"\n"+strings.Repeat("extension\n", 50))
	add("extension line without a newline", first+"3\n"+root+"\nextension")
	add("blank line at the end", first+"3\n"+root+"\n\n")
	addStricter("an empty tree has one root", "size 0 with another root", first+"0\n"+root+"\n")

	for _, size := range []string{
		"", " 3", "3 ", "03", "003", "00", "+3", "-1", "-0", "3.0", "3e0", "0x3", "1_000", "1,000", "٣", "³", "three", "3\r", "3\t", "\v3",
		"9223372036854775808", "-9223372036854775808", "18446744073709551615", "18446744073709551616", "18446744073709551619", strings.Repeat("9", 50),
	} {
		add(fmt.Sprintf("size %.25q", size), first+size+"\n"+root+"\n")
	}

	for _, bad := range []struct{ reason, root string }{
		{"empty root", ""},
		{"root without padding", root[:43]},
		{"root with more padding", root + "="},
		{"root of 31 bytes", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
		{"root of 33 bytes", strings.Repeat("A", 44)},
		{"root of 64 bytes", strings.Repeat("A", 86) + "=="},
		{"two roots", root + root},
		{"space before the root", " " + root},
		{"space after the root", root + " "},
		{"tab after the root", root + "\t"},
		{"root in hex", fmt.Sprintf("%x", numbered.root(3))},
		{"root in base64 of URLs", strings.Repeat("-_", 21) + "A="},
		{"root is no base64", "!" + root[1:]},
		{"NUL after the root", root + "\x00"},
	} {
		add(bad.reason, first+"3\n"+bad.root+"\n")
	}
	const oneForm = "base64 has one form"
	addStricter(oneForm, "root with a bit set that stands for no byte", first+"3\n"+looseBase64(root)+"\n")
	addStricter(oneForm, "CR after the root", first+"3\n"+root+"\r\n")
	addStricter(oneForm, "CR within the root", first+"3\n"+root[:9]+"\r"+root[9:]+"\n")

	for _, bad := range []struct{ reason, text string }{
		{"empty", ""},
		{"newlines only", "\n\n\n"},
		{"first line only", first},
		{"no root line", first + "3\n"},
		{"no newline after the root", first + "3\n" + root},
		{"no first line", "3\n" + root + "\n"},
		{"empty first line", "\n3\n" + root + "\n"},
		{"another first line", "sum.golang.org\n3\n" + root + "\n"},
		{"first line of a version to come", "go.sum database tree v2\n3\n" + root + "\n"},
		{"first line in capitals", "Go.sum database tree\n3\n" + root + "\n"},
		{"space after the first line", "go.sum database tree \n3\n" + root + "\n"},
		{"space before the first line", " go.sum database tree\n3\n" + root + "\n"},
		{"CR after the first line", "go.sum database tree\r\n3\n" + root + "\n"},
		{"blank line in front", "\n" + first + "3\n" + root + "\n"},
		{"blank line after the first", first + "\n3\n" + root + "\n"},
		{"blank line after the size", first + "3\n\n" + root + "\n"},
		{"root before the size", first + root + "\n3\n"},
		{"byte-order mark", "\ufeff" + first + "3\n" + root + "\n"},
	} {
		add(bad.reason, bad.text)
	}
	return vectors
}

type lookupReplyVector struct {
	Reason   string  `json:"reason"`
	Reply    []byte  `json:"reply"`
	OK       bool    `json:"ok"`
	ID       *int64  `json:"id,omitempty"`
	Text     *string `json:"text,omitempty"`
	TreeMsg  *[]byte `json:"tree_msg,omitempty"` // all after the record, not looked at
	Stricter string  `json:"stricter,omitempty"`
}

func lookupReplyVectors() []lookupReplyVector {
	const path, version = "example.com/m3", "v1.0.3"
	record := goSumLine(path, version) + goSumLine(path, version+"/go.mod")
	signed, err := logKey.sign(headText())
	if err != nil {
		panic(err)
	}
	const head = "the signed note\n" // tlog.ParseRecord does not look at it
	var vectors []lookupReplyVector
	addStricter := func(stricter, reason, reply string) {
		v := lookupReplyVector{Reason: reason, Reply: []byte(reply), Stricter: stricter}
		if id, text, rest, err := tlog.ParseRecord(v.Reply); err == nil {
			text := string(text)
			v.OK, v.ID, v.Text, v.TreeMsg = true, &id, &text, &rest
		}
		vectors = append(vectors, v)
	}
	add := func(reason, reply string) { addStricter("", reason, reply) }

	add("good", "3\n"+record+"\n"+string(signed))
	add("id 0", "0\n"+record+"\n"+head)
	add("id 2^63 - 1", "9223372036854775807\n"+record+"\n"+head)
	add("no tree head", "3\n"+record+"\n")
	add("tree head that is none", "3\n"+record+"\nhello")
	add("tree head that is not UTF-8", "3\n"+record+"\n\xff\x00")
	add("two blank lines", "3\n"+record+"\n\n"+head)
	add("record of one letter", "3\nx\n\n"+head)
	add("record that begins with a space, and DEL and U+0085", "3\n x\u007f\u0085\n\n"+head)

	const oneForm = "a record index has one form: plain decimal"
	addStricter(oneForm, "id with leading zeros", "003\n"+record+"\n"+head)
	addStricter(oneForm, "id 00", "00\n"+record+"\n"+head)
	addStricter(oneForm, "id with a plus", "+3\n"+record+"\n"+head)
	addStricter(oneForm, "id -0", "-0\n"+record+"\n"+head)
	addStricter("a record index is not negative", "id -1", "-1\n"+record+"\n"+head)
	addStricter("a record index is not negative", "id -2^63", "-9223372036854775808\n"+record+"\n"+head)
	const noBlankLine = "a record has no blank line, and x/mod does not look at the first"
	addStricter(noBlankLine, "record of one newline", "3\n\n\n"+head)
	addStricter(noBlankLine, "blank line in front of the record", "3\n\n"+record+"\n"+head)

	for _, id := range []string{
		"", " ", " 3", "3 ", "3\r", "3\t", "0x3", "3.0", "3e0", "1_0", "٣", "three", "\x00", "\xff",
		"9223372036854775808", "18446744073709551615", "18446744073709551619", strings.Repeat("9", 50),
	} {
		add(fmt.Sprintf("id %.25q", id), id+"\nx\n\n"+head)
	}
	for _, bad := range []struct{ reason, reply string }{
		{"empty", ""},
		{"newline only", "\n"},
		{"newlines only", "\n\n\n\n"},
		{"id only", "3"},
		{"id line only", "3\n"},
		{"id line and newline", "3\n\n"},
		{"no id line", record + "\n" + head},
		{"no blank line at all", "3\n" + record},
		{"record without an end", "3\n" + strings.TrimSuffix(record, "\n")},
		{"CRLF", strings.ReplaceAll("3\n"+record+"\n"+head, "\n", "\r\n")},
		{"CRLF in the record", "3\n" + strings.ReplaceAll(record, "\n", "\r\n") + "\n" + head},
		{"blank line that has a space", "3\n" + record + " \n" + head},
		{"blank line in front of the id", "\n3\n" + record + "\n" + head},
		{"tab in the record", "3\n" + strings.ReplaceAll(record, " ", "\t") + "\n" + head},
		{"NUL in the record", "3\nx\x00\n\n" + head},
		{"escape in the record", "3\nx\x1b[2J\n\n" + head},
		{"0x1f in the record", "3\nx\x1f\n\n" + head},
		{"record that is not UTF-8", "3\nx\xff\n\n" + head},
		{"record with an overlong letter", "3\nx\xc1\x81\n\n" + head},
		{"record with a surrogate", "3\nx\xed\xa0\x80\n\n" + head},
		{"byte-order mark", "\ufeff3\n" + record + "\n" + head},
		{"HTML", "<!DOCTYPE html>\n<html>\n\n</html>\n"},
		{"a tree head alone", string(signed)},
	} {
		add(bad.reason, bad.reply)
	}
	return vectors
}
