package main

import (
	"strings"

	"golang.org/x/mod/module"
)

type patternVector struct {
	Patterns string `json:"patterns"`
	Path     string `json:"path"`
	Match    bool   `json:"match"`
}

func patternVectors() []patternVector {
	var vectors []patternVector
	add := func(patterns, path string) {
		vectors = append(vectors, patternVector{patterns, path, module.MatchPrefixPatterns(patterns, path)})
	}
	for _, patterns := range patternsForAll {
		for _, path := range patternPaths {
			add(patterns, path)
		}
	}
	for _, q := range patternQuestions {
		for path := range strings.FieldsSeq(q.paths) {
			add(q.patterns, path)
		}
	}
	return vectors
}

var patternPaths = []string{"example.com", "example.com/a", "example.com/a/b", "git.example.com/a/B"}

// patternsForAll are asked with each of patternPaths.
var patternsForAll = []string{
	"", ",", ",,,", "/", "//", "*", "**", "*/", "*/*", "*/*/*", "*/*/*/*", "?", "*.*", "*.com", "*.com/", "*.com//", "*.com/a", "example.com", "example.com/", "example.com//", "/example.com",
	"example.com/*", "example.com/?", "example.com/a/", "example.com/a/*", "example.com/*/b", "*.example.com", "*example.com", "e*m", "e*.com/a", "*a", "*/a", "example*/a*",
	"example.com,example.org", "example.org,example.com", "none,,*.com", " example.com", "example.com ", "example.com, example.org", "Example.com", "EXAMPLE.COM", "example.com/A", "git.example.com/a/b",
	"example.c[o]m", "example.c[a-z]m", "example.c[^a]m", "example.c[!a]m", "[e-e]*", "[^/]*", "example.com[/]a", "exampl?.com", "example?com", "example.com?a", "example.com*a",
	`example\.com`, `\e\x\a\m\p\l\e.com`, `example.com\/a`,
	"[", "[]", "[]a]", "[^]", "[^]a]", "[a", "[a-", "[a-]", "[-a]", "[a-z", "[z-a]", `\`, `example.com\`, `[\]`, `[a\`, "example.com[", "example.com/[", "x[", "*[", "[,example.com", "example.com,[", "[a,b]", "*.com[",
}

// patternQuestions are asked with their own paths, separated by spaces: mostly what a malformed end
// or a star does to a match that would otherwise hold or fail.
var patternQuestions = []struct{ patterns, paths string }{
	{`a.b/c\[d\]`, "a.b/c[d] a.b/cd"},
	{"a.b/c[[]d]", "a.b/c[d] a.b/cd]"},
	{"a.b/c[d]", "a.b/c[d] a.b/cd"},
	{`a.b/c[\[]d[\]]`, "a.b/c[d]"},
	{"a[-]b", "a-b ab"},
	{`a[\-]b`, "a-b a\\b"},
	{"a[+--]b", "a-b a,b a+b a.b"},
	{"a*b*c", "abc axbxc axbx abcbc aXbYcZ a/b/c ac abxc"},
	{"a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa aaaab aaab baaaab"},
	{"a**b", "ab axb a/b axxb"},
	{"*x*", "x axa ax xa a a/x x/a"},
	{"a?c", "abc ac a/c aéc a世c abbc"},
	{"a[^b]c", "abc aac a/c a^c aéc ac"},
	{"a[b-d-f]c", "abc adc aec afc a-c"},
	{"a[a-z-]c", "abc a-c aAc"},
	{"a[é-ü]c", "aéc aüc aöc aec azc"},
	{"a[世界]c", "a世c a界c ac"},
	{"*é", "é aé ae"},
	{`a\*c`, "a*c abc ac"},
	{`a\\c`, `a\c ac a\\c`},
	{`a[\]-a]c`, "a]c a^c aac a[c"},
	{"a[b", "ab a[b a aa"},
	{"ab[", "ab a b x ab["},
	{"x*[", "x xa a x["},
	{"a*b[", "aXb ab a b"},
	{"a[]b", "ab a[]b a]b"},
	{"a/b/c", "a/b/c a/b/c/d a/b a/b/cd a//b/c"},
	{"a/*/c", "a/b/c a/b/c/d a//c a/c a/b/b/c"},
	{"a/b/,c", "a/b a/b/ c c/d a"},
	{"a//", "a a/ a//b a/b"},
	{"*/", "a a/ a/b /"},
	{"a,*", "b b/c"},
	{"*,", "b b/c"},
	{",a", "a a/b b"},
	{"a;b", "a b a;b"},
	{"rsc.io/*", "rsc.io rsc.io/quote rsc.io/quote/v3 rsc.iox/quote"},
	{"*.corp.example.com,rsc.io/private", "x.corp.example.com/y corp.example.com/y x.y.corp.example.com rsc.io/private rsc.io/private/quux rsc.io/privateer rsc.io/public"},
	{"github.com/Acme", "github.com/Acme/x github.com/acme/x github.com/AcmeX/x github.com/Acme"},
	{"github.com/[A-Z]*", "github.com/Acme/x github.com/acme/x"},
}
