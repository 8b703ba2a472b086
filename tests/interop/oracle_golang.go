package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/mod/sumdb/dirhash"
)

func checkModule(in struct{ Path, Version string }) (answer, error) {
	return answer{}, module.Check(in.Path, in.Version)
}

func escapePath(in struct{ Path string }) (answer, error) {
	escaped, err := module.EscapePath(in.Path)
	return answer{"escaped": escaped}, err
}

func unescapePath(in struct{ Escaped string }) (answer, error) {
	path, err := module.UnescapePath(in.Escaped)
	return answer{"path": path}, err
}

func escapeVersion(in struct{ Version string }) (answer, error) {
	escaped, err := module.EscapeVersion(in.Version)
	return answer{"escaped": escaped}, err
}

func unescapeVersion(in struct{ Escaped string }) (answer, error) {
	version, err := module.UnescapeVersion(in.Escaped)
	return answer{"version": version}, err
}

func canonicalVersion(in struct{ Version string }) (answer, error) {
	if !semver.IsValid(in.Version) {
		return nil, fmt.Errorf("%q is not a semantic version", in.Version)
	}
	return answer{"canonical": module.CanonicalVersion(in.Version)}, nil
}

func matchPrefixPatterns(in struct{ Patterns, Path string }) (answer, error) {
	return answer{"match": module.MatchPrefixPatterns(in.Patterns, in.Path)}, nil
}

func hashGoMod(in struct {
	Content []byte `json:"b64"`
}) (answer, error) {
	h1, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(in.Content)), nil
	})
	return answer{"h1": h1}, err
}

// hashFiles hashes files of which each has its own name for content.
func hashFiles(in struct{ Names []string }) (answer, error) {
	h1, err := dirhash.Hash1(in.Names, func(name string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(name)), nil
	})
	return answer{"h1": h1}, err
}
