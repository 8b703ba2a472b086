package main

import (
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

type moduleVector struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	OK      bool   `json:"ok"`
	Error   string `json:"error,omitempty"` // x/mod's words
}

func moduleVectors() []moduleVector {
	var vectors []moduleVector
	add := func(path, version string) {
		v := moduleVector{Path: path, Version: version}
		if err := module.Check(path, version); err != nil {
			v.Error = err.Error()
		} else {
			v.OK = true
		}
		vectors = append(vectors, v)
	}
	for _, path := range append(goodPaths, badPaths...) {
		add(path, "v1.0.0")
	}
	for _, version := range append(goodVersions, badVersions...) {
		add("example.com/m", version)
	}
	for _, pair := range pathsWithMajors {
		path, versions, _ := strings.Cut(pair, " ")
		for version := range strings.FieldsSeq(versions) {
			add(path, version)
		}
	}
	return vectors
}

var goodPaths = []string{
	"example.com", "example.com/m", "github.com/Azure/azure-sdk-for-go", "github.com/BurntSushi/toml",
	"a.b/c", "a.b/C", "1.2/3", "x.y/-z", "a.b/_", "a.b/~", "a.b/c~", "a.b/c~x", "a.b/c.d", "a.b/c..d", "a-b.c/d", "a.-/b",
	"a.b/v", "a.b/vv2", "a.b/xv2", "a.b/v2x", "a.b/v2/x", "a.b/v1x", "a.b/COM10", "a.b/nuller", "a.b/c.nul", "a.b/com", "a.b/com0",
	"gopkg.in/check.v1", "gopkg.in/x/y.v1", "gopkg.in/y.v1-unstable", "a.b/" + strings.Repeat("long/", 60) + "end",
}

var badPaths = []string{
	"", "/", ".", "..", "m", "localhost/m", "std", "cmd/go", "C:/m", "com/example.com", "/example.com/m", "example.com/", "example.com//m",
	"//example.com", "./m", "../m", "example.com/.", "example.com/..", "example.com/./m", "example.com/.m", "example.com/m.", "example.com./m", ".com/m",
	"-a.b/c", "--x", "Example.com/m", "exampLe.com/m", "example_x.com/m", "example.com~/m", "a_b.c/d", "a~.b/c", "ex ample.com/m",
	"example.com/m m", " example.com/m", "example.com/m ", "example.com/m\t", "example.com/m\n", "example.com/\x00", "example.com/m\x7f",
	"example.com/m!", "example.com/!m", "example.com/m@v1", "example.com/m@v1.0.0", "example.com/m:80", "example.com:80/m", "example.com/m+x", "example.com/m?x",
	"example.com/m#x", "example.com/m%20", "example.com/m\\n", "example.com\\m", "example.com/m*", "example.com/[m]", "example.com/(m)", "example.com/m,n",
	"example.com/m;n", "example.com/m&n", "example.com/m=n", "example.com/m'n", "example.com/m\"n", "example.com/m`n", "example.com/m|n", "example.com/m<n>", "example.com/m$n",
	"example.com/ä", "exämple.com/m", "example.com/世界", "example.com/\u00a0", "example.com/\u200b", "example.com/\ufeffm", "example.com/\ufffd", "example.com/ſ", "example.com/K",
	"https://example.com/m", "example.com/con", "example.com/CON", "example.com/Con", "example.com/con.txt", "example.com/aux/m", "example.com/m/nul", "con.example.com/m", "nul/m",
	"nul.com/m", "example.com/com1", "example.com/COM9", "example.com/lpt1.x.y", "example.com/prn", "example.com/lpt9", "example.com/m~1", "example.com/m~12/n", "example.com/m~1.x", "example.com/~1",
	"a~1.b/c", "example.com/v1", "example.com/v0", "example.com/v01", "example.com/v02", "example.com/v", "example.com/v2.0", "example.com/v2.", "example.com/v1.2.3", "example.com/v.2", "example.com/m/v1",
	"example.com/m/v00", "example.com/m/v2.1", "gopkg.in", "gopkg.in/", "gopkg.in/yaml", "gopkg.in/yaml.v", "gopkg.in/yaml.v01", "gopkg.in/yaml.v1.2", "gopkg.in/yaml/v1", "gopkg.in/.v1",
	"gopkg.in/yaml.v1-stable", "gopkg.in/yaml-unstable", "gopkg.in/yaml.v-unstable", "gopkg.in/yaml.v00", "gopkg.in/v1", "a.b/" + strings.Repeat("/", 50),
}

var goodVersions = []string{
	"v0.0.0", "v1.2.3", "v1.0.0-rc.1", "v1.0.0-0", "v1.0.0-a", "v1.0.0--", "v1.0.0-a.b.c", "v1.0.0-0a", "v1.0.0-A", "v1.0.0+meta", "v1.0.0-rc+meta.01", "v1.0.0+0.00.000",
	"v0", "v1", "v0.1", "v1.2", "v2.0.0+incompatible", "v100.0.0+incompatible", "v0.0.0-20191109021931-daa7c04131f5",
	"v1.2.4-0.20191109021931-daa7c04131f5", "v1.2.3-pre.0.20191109021931-daa7c04131f5", "v1.99999999999999999999.0",
}

var badVersions = []string{
	"", "v", "1", "1.2.3", "V1.2.3", "vv1.2.3", " v1.2.3", "v1.2.3 ", "v1.2.3\n", "v1.2.3\r", "v 1.2.3", "v1. 2.3", "v01.2.3", "v1.02.3", "v1.2.03", "v00.0.0", "v-1.2.3", "v+1.2.3",
	"v1.", "v1..3", "v1.2.", "v1.2.3.", "v1.2.3.4", "v1.2.x", "v1.*", "vx", "v1.2.3-", "v1.2.3-.", "v1.2.3-a.", "v1.2.3-.a", "v1.2.3-a..b", "v1.2.3-01", "v1.2.3-a.01", "v1.2.3-00",
	"v1.2.3+", "v1.2.3+.", "v1.2.3+a.", "v1.2.3+a..b", "v1.2.3+a+b", "v1.2.3-+a", "v1.2.3-a_b", "v1.2.3-a~b", "v1.2.3-ä", "v1.2.3+ä", "v1.2.3-a/b", "v1.2.3/go.mod", "v1.2.3@x", "v1.2.3!",
	"v1-rc", "v1.2-rc", "v1+meta", "v1.2+meta", "v1+incompatible", "v２.0.0", "v٢.0.0", "latest", "main", "master", "none", "upgrade", "HEAD", "daa7c04131f5", "v1.2.3-\x00", "v1.2.3-\u200b", "v2.0.0", "v2",
	"v3.1.4-rc.1", "v2.0.0+incompatible.1", "v2.0.0+Incompatible", "v2.0.0-incompatible", "v2.0.0-x+incompatible+", "v10.0.0",
}

// pathsWithMajors are paths and the versions that they are asked with: of the right and of a wrong
// major version.
var pathsWithMajors = []string{
	"example.com/m v0.1.0 v1.0.0 v2.0.0 v2.0.0+incompatible v1.0.0+incompatible v0.0.0+incompatible",
	"example.com/m/v2 v2.0.0 v2 v2.1 v2.0.0-rc.1 v2.0.0+meta v1.0.0 v3.0.0 v0.0.0 v20.0.0 v2.0.0+incompatible v3.0.0+incompatible",
	"example.com/m/v2 v0.0.0-20191109021931-daa7c04131f5 v2.0.0-20191109021931-daa7c04131f5",
	"example.com/m/v10 v10.0.0 v1.0.0 v100.0.0",
	"example.com/v2 v2.0.0 v1.0.0",
	"gopkg.in/yaml.v2 v2.0.0 v2.4.0 v1.0.0 v3.0.0 v2.0.0+incompatible v0.0.0-20191109021931-daa7c04131f5",
	"gopkg.in/check.v1 v1.0.0 v0.0.0 v0.0.0-20161208181325-20d25e280405 v0.0.0-x v0.0.1-x v0.1.0 v2.0.0",
	"gopkg.in/check.v0 v0.0.0 v0.1.0 v1.0.0",
	"gopkg.in/yaml.v2-unstable v2.0.0 v1.0.0 v0.0.0-20161208181325-20d25e280405",
	"gopkg.in/check.v1-unstable v1.0.0 v0.0.0-20161208181325-20d25e280405 v2.0.0",
	"gopkg.in/check.v10 v10.0.0 v1.0.0 v0.0.0-20161208181325-20d25e280405",
	"gopkg.in.example.com/yaml.v2 v2.0.0 v1.0.0",
}

// escapeVector is one question in one direction; Op is the oracle's name for it.
type escapeVector struct {
	Op       string `json:"op"`
	Input    string `json:"input"`
	OK       bool   `json:"ok"`
	Output   string `json:"output,omitempty"`
	Stricter string `json:"stricter,omitempty"`
}

func escapeVectors() []escapeVector {
	var vectors []escapeVector
	add := func(op string, function func(string) (string, error), input string) {
		v := escapeVector{Op: op, Input: input}
		output, err := function(input)
		if err == nil {
			v.OK, v.Output = true, output
		}
		version := map[string]string{"escape_version": input, "unescape_version": output}[op]
		if v.OK && strings.HasSuffix(op, "_version") && !semver.IsValid(version) {
			v.Stricter = "sumcheck knows no versions but semantic ones"
		}
		vectors = append(vectors, v)
	}
	for _, path := range pathsToEscape {
		add("escape_path", module.EscapePath, path)
	}
	for _, escaped := range escapedPaths {
		add("unescape_path", module.UnescapePath, escaped)
	}
	for _, version := range versionsToEscape {
		add("escape_version", module.EscapeVersion, version)
	}
	for _, escaped := range escapedVersions {
		add("unescape_version", module.UnescapeVersion, escaped)
	}
	return vectors
}

var pathsToEscape = []string{
	"example.com/m", "github.com/Azure/azure-sdk-for-go", "github.com/GoogleCloudPlatform/X", "a.b/ABC", "a.b/aBcD/E", "a.b/Z", "gopkg.in/Yaml.v2", "a.b/v2",
	"A.b/c", "a.b/!c", "a.b/C!", "a.b/Ä", "a.b/ä", "a.b/C D", "", "m", "a.b/C/", "a.b/CON", "a.b/V2", "a.b/v1", "a.b/C\n", "a.b/@C",
}

var escapedPaths = []string{
	"example.com/m", "github.com/!azure/azure-sdk-for-go", "a.b/!a!b!c", "a.b/!z", "gopkg.in/!yaml.v2", "a.b/!v2", "a.b/x!a",
	"github.com/Azure/azure-sdk-for-go", "a.b/A", "a.b/!A", "a.b/!", "a.b/x!", "a.b/!!a", "a.b/!!", "a.b/!1", "a.b/!-", "a.b/!/a", "a.b/! a", "a.b/!.", "a.b!/c", "!a.b/c", "a.!b/c", "!", "", "/",
	"a.b/!ä", "a.b/ä", "a.b/!é", "a.b/%41", "a.b/%21a", "a.b//!c", "a.b/!c/", "a.b/!c!o!n", "a.b/c!o!n", "a.b/v1", "a.b/!x~1", "m/!a", "a.b/!a@v1", "a.b/!a\n", "a.b/!a\x00", "a.b/\u0130", "a.b/!ı", "a.b/!\u212a",
}

var versionsToEscape = []string{
	"v1.2.3", "v1.2.3-RC.1", "v1.0.0-ABC", "v1.0.0+Meta", "v2.0.0+incompatible", "v1", "v1.0.0-0.20191109021931-daa7c04131f5",
	"main", "Feature", "release-1.0", "v1.0.0 x", "x=y", "1.0",
	"", ".", "..", "a/b", "v1.0.0!", "!v1", "v1.0.0.", "con", "CON.x", "v1.0.0\n", "v1.0.0\t", "v1.0.0:x", "v1.0.0*", "v1.0.0?", "v1.0.0\\x", "v1.0.0|x", "v1.0.0\"", "v1.0.0'", "v1.0.0`", "v1.0.0<", "v1.0.0>",
	"v1.0.0-ä", "Ä", "v1.0.0\x00", "v1.0.0\u2028",
}

var escapedVersions = []string{
	"v1.2.3", "v1.2.3-!r!c.1", "v1.0.0+!meta", "v2.0.0+incompatible", "v1.0.0-!a!b!c", "v1", "main", "!feature", "release-1.0", "v1.0.0 x",
	"v1.2.3-RC.1", "V1.2.3", "!v1.2.3", "v1.0.0!", "!", "v1.0.0-!", "v1.0.0-!!a", "v1.0.0-!A", "v1.0.0-!1", "v1.0.0-!-", "v1.0.0-a!", "", ".", "..", "a/b", "v1.0.0/go.mod", "v1.0.0.", "con", "c!o!n.x",
	"v1.0.0\n", "v1.0.0\t", "v1.0.0:x", "v1.0.0*", "v1.0.0\\x", "v1.0.0-ä", "v1.0.0-!ä", "v1.0.0\x00", "v1.0.0%21",
}
