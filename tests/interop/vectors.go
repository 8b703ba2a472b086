package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Every vector type has these columns in common:
//
//   - ok is what golang.org/x/mod says, and nothing else;
//   - stricter, where present, says why sumcheck refuses what x/mod accepts.
//
// So what sumcheck must accept is: ok, and no stricter.

// runVectors writes all test vectors; the same bytes in every run.
func runVectors(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: interop vectors DIR")
	}
	dir := args[0]
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, write := range []func(dir string) error{
		writeAll("tile_paths.json", tilePathVectors),
		writeAll("hashes.json", hashVectors),
		writeAll("inclusion.json", inclusionVectors),
		writeAll("consistency.json", consistencyVectors),
		writeAll("vkeys.json", vkeyVectors),
		writeAll("notes.json", noteVectors),
		writeAll("checkpoints.json", checkpointVectors),
		writeAll("lookup_replies.json", lookupReplyVectors),
		writeAll("modules.json", moduleVectors),
		writeAll("escapes.json", escapeVectors),
		writeAll("patterns.json", patternVectors),
	} {
		if err := write(dir); err != nil {
			return err
		}
	}
	return nil
}

// writeAll writes one file: a JSON array with one vector a line, so that a change shows as lines.
func writeAll[T any](name string, vectors func() []T) func(dir string) error {
	return func(dir string) error {
		var file bytes.Buffer
		encoder := json.NewEncoder(&file)
		encoder.SetEscapeHTML(false)
		for i, vector := range vectors() {
			if i == 0 {
				file.WriteString("[\n")
			} else {
				file.Truncate(file.Len() - 1) // the encoder's newline
				file.WriteString(",\n")
			}
			if err := encoder.Encode(vector); err != nil {
				return fmt.Errorf("%s: %v", name, err)
			}
		}
		file.WriteString("]\n")
		return os.WriteFile(filepath.Join(dir, name), file.Bytes(), 0o666)
	}
}
