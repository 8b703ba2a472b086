package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// checkZip does with an archive all that the go command does before it builds with it: the hash,
// the rules for module zips, and unpacking.
func checkZip(in struct {
	Module, Version, Path string
	Archive               []byte `json:"b64"`
}) (answer, error) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		return nil, refuse("%v", err)
	}
	defer os.RemoveAll(dir)
	file := in.Path
	if file == "" {
		file = filepath.Join(dir, "m.zip")
		if err := os.WriteFile(file, in.Archive, 0o666); err != nil {
			return nil, refuse("%v", err)
		}
	}
	m := module.Version{Path: in.Module, Version: in.Version}
	if _, err := modzip.CheckZip(m, file); err != nil {
		return nil, err
	}
	h1, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	unpacked := filepath.Join(dir, "unpacked")
	if err := modzip.Unzip(unpacked, m, file); err != nil {
		return nil, err
	}
	unpackedH1, err := dirhash.HashDir(unpacked, in.Module+"@"+in.Version, dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	files, err := zipFiles(file, in.Module+"@"+in.Version+"/")
	return answer{"h1": h1, "unpacked_h1": unpackedH1, "files": files}, err
}

// zipFiles lists path and size of each file of an archive.
func zipFiles(file, prefix string) ([][2]any, error) {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	files := [][2]any{}
	for _, f := range archive.File {
		files = append(files, [2]any{strings.TrimPrefix(f.Name, prefix), f.UncompressedSize64})
	}
	return files, nil
}

// createZip makes an archive as the go command does.
func createZip(in struct {
	Module, Version string
	Files           []zipFile
}) (answer, error) {
	files := make([]modzip.File, len(in.Files))
	for i, f := range in.Files {
		files[i] = f
	}
	var archive bytes.Buffer
	err := modzip.Create(&archive, module.Version{Path: in.Module, Version: in.Version}, files)
	return answer{"b64": archive.Bytes()}, err
}

// writeZip makes an archive of whatever names, which need not be one of a module.
func writeZip(files []zipFile) ([]byte, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, f := range files {
		fw, err := w.Create(f.Name)
		if err != nil {
			return nil, err
		}
		if _, err := fw.Write(f.Content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return archive.Bytes(), err
}

// A zipFile is a file of an archive that is to be made.
type zipFile struct {
	Name    string
	Content []byte `json:"b64"`
}

func (f zipFile) Path() string                { return f.Name }
func (f zipFile) Lstat() (os.FileInfo, error) { return zipFileInfo{f}, nil }
func (f zipFile) Open() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f.Content)), nil
}

// modZipTests gives the archives of x/mod/zip's own tests, made from the texts in the folder of
// x/mod's source.
func modZipTests(in struct{ Dir string }) (answer, error) {
	tests := []any{}
	for _, kind := range []string{"check_zip", "unzip", "create"} {
		paths, err := filepath.Glob(filepath.Join(in.Dir, "zip", "testdata", kind, "*.txt"))
		if err != nil {
			return nil, refuse("%v", err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, refuse("%v", err)
			}
			test, err := modZipTest(kind, string(text))
			if err != nil {
				return nil, refuse("%s: %v", path, err)
			}
			test["name"] = kind + "/" + filepath.Base(path)
			tests = append(tests, test)
		}
	}
	return answer{"tests": tests}, nil
}

// modZipTest reads a test: lines of key=value, then files. For the tests of Create it adds the
// prefix to the names, so that what Create leaves out is in the archive.
func modZipTest(kind, text string) (answer, error) {
	head, files := parseTxtar(text)
	test := answer{}
	for line := range strings.Lines(head) {
		line, _, _ = strings.Cut(line, "#")
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		test[key] = value
	}
	var packed []zipFile
	for _, f := range files {
		if f.Name == "want" {
			continue
		}
		if kind == "create" {
			f.Name = fmt.Sprintf("%v@%v/%s", test["path"], test["version"], f.Name)
		}
		packed = append(packed, f)
	}
	archive, err := writeZip(packed)
	return answer{"module": test["path"], "version": test["version"], "b64": archive}, err
}

// parseTxtar reads the format of Go's test archives: a comment, then files, each after a line
// "-- name --".
func parseTxtar(text string) (comment string, files []zipFile) {
	for line := range strings.Lines(text) {
		name, isHeader := strings.CutPrefix(strings.TrimRight(line, "\n"), "-- ")
		name, closed := strings.CutSuffix(name, " --")
		switch {
		case isHeader && closed:
			files = append(files, zipFile{Name: name})
		case len(files) == 0:
			comment += line
		default:
			last := &files[len(files)-1]
			last.Content = append(last.Content, line...)
		}
	}
	return comment, files
}

// fileNameCharacters tells for every character whether a name of a file may have it, and the least
// of those that differ from it in case alone.
func fileNameCharacters(struct{}) (answer, error) {
	var allowed []rune
	folds := [][2]rune{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if unicode.Is(unicode.Cs, r) {
			continue
		}
		// The letters keep the character from the end, and the name from those that Windows reserves.
		if r != '/' && module.CheckFilePath("xx"+string(r)+"xx") == nil {
			allowed = append(allowed, r)
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		if least != r {
			folds = append(folds, [2]rune{r, least})
		}
	}
	return answer{"allowed": allowed, "folds": folds}, nil
}

// A zipFileInfo tells the size of a regular file.
type zipFileInfo struct{ file zipFile }

func (i zipFileInfo) Name() string       { return filepath.Base(i.file.Name) }
func (i zipFileInfo) Size() int64        { return int64(len(i.file.Content)) }
func (i zipFileInfo) Mode() os.FileMode  { return 0o644 }
func (i zipFileInfo) ModTime() time.Time { return time.Time{} }
func (i zipFileInfo) IsDir() bool        { return false }
func (i zipFileInfo) Sys() any           { return nil }
