package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxRequest is the longest line that the oracle reads: room for the largest note, in base64.
const maxRequest = 16 << 20

// An answer is the JSON object that the oracle writes for one request: "ok" and more fields.
type answer map[string]any

// errRefused marks a request that x/mod was not asked: its answer is no verdict.
var errRefused = errors.New("refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errRefused, fmt.Sprintf(format, args...))
}

// A request is the JSON object of one line.
type request map[string]json.RawMessage

// An operation takes a request without its "op"; what it returns besides an error are fields of
// the answer.
type operation func(request) (answer, error)

// operations are in the files that they concern: oracle_tlog.go, oracle_tiles.go,
// oracle_golang.go, oracle_zip.go.
var operations = map[string]operation{
	"parse_tile_path":    on(parseTilePath),
	"tile_path":          on(tilePath),
	"tile_for_index":     on(tileForIndex),
	"tile_data":          on(tileData),
	"tree_hash":          on(treeHash),
	"prove_record":       on(proveRecord),
	"prove_tree":         on(proveTree),
	"check_record":       on(checkRecord),
	"check_tree":         on(checkTree),
	"authenticate_tiles": on(authenticateTiles),
	"parse_tree":         on(parseTree),
	"parse_record":       on(parseRecord),
	"new_verifier":       on(newVerifier),
	"open_note":          on(openNote),

	"check_module":          on(checkModule),
	"escape_path":           on(escapePath),
	"unescape_path":         on(unescapePath),
	"escape_version":        on(escapeVersion),
	"unescape_version":      on(unescapeVersion),
	"canonical_version":     on(canonicalVersion),
	"match_prefix_patterns": on(matchPrefixPatterns),
	"hash_go_mod":           on(hashGoMod),
	"hash_files":            on(hashFiles),

	"check_zip":            on(checkZip),
	"create_zip":           on(createZip),
	"mod_zip_tests":        on(modZipTests),
	"file_name_characters": on(fileNameCharacters),
}

// on reads the fields of a request into a T before it calls the operation. A field that T does not
// have is refused: a misspelt name in a test must not turn into a question about zero.
func on[T any](op func(T) (answer, error)) operation {
	return func(in request) (answer, error) {
		object, err := json.Marshal(in)
		if err != nil {
			return nil, refuse("%v", err)
		}
		decoder := json.NewDecoder(bytes.NewReader(object))
		decoder.DisallowUnknownFields()
		var fields T
		if err := decoder.Decode(&fields); err != nil {
			return nil, refuse("%v", err)
		}
		return op(fields)
	}
}

// runOracle answers each line of standard input with one line, at once, until the input ends.
func runOracle(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("usage: interop oracle, with requests on standard input")
	}
	return answerAll(os.Stdin, os.Stdout)
}

func answerAll(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRequest)
	encoder := json.NewEncoder(out) // writes each answer in one piece
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		if err := encoder.Encode(answerOne(lines.Bytes())); err != nil {
			return err
		}
	}
	return lines.Err()
}

// answerOne never fails: a panic of x/mod is an answer too, and one worth knowing.
func answerOne(line []byte) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a = answer{"ok": false, "panic": fmt.Sprint(r)}
		}
	}()
	var in request
	if err := json.Unmarshal(line, &in); err != nil {
		return failed(refuse("%v", err))
	}
	var name string
	if err := json.Unmarshal(in["op"], &name); err != nil {
		return failed(refuse("op: %v", err))
	}
	op, ok := operations[name]
	if !ok {
		return failed(refuse("no operation is called %q", name))
	}
	delete(in, "op")
	a, err := op(in)
	if err != nil {
		return failed(err)
	}
	a["ok"] = true
	return a
}

func failed(err error) answer {
	a := answer{"ok": false, "error": err.Error()}
	if errors.Is(err, errRefused) {
		a["refused"] = true
	}
	return a
}
