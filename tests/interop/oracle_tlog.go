package main

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// maxSize keeps x/mod alive: from 2^62 on its search for a power of two never ends.
	maxSize = 1 << 62
	// maxProvenSize bounds the tree of "record N" that proofs are made from.
	maxProvenSize = 5000
)

// numbered is the tree of "record N"; it grows to what was asked for and stays.
var numbered tree

// A hash is base64 in JSON, as x/mod writes it.
type hash tlog.Hash

func (h hash) MarshalText() ([]byte, error) {
	return []byte(tlog.Hash(h).String()), nil
}

func (h *hash) UnmarshalText(text []byte) error {
	parsed, err := tlog.ParseHash(string(text))
	*h = hash(parsed)
	return err
}

func hashes[From, To ~[32]byte](list []From) []To {
	converted := make([]To, 0, len(list)) // never null in JSON
	for _, h := range list {
		converted = append(converted, To(h))
	}
	return converted
}

func checkSizes(sizes ...int64) error {
	for _, size := range sizes {
		if size >= maxSize {
			return refuse("x/mod loops for ever for %d, which is 2^62 or more", size)
		}
	}
	return nil
}

// growNumbered makes sure that the tree of "record N" has size records.
func growNumbered(size int64) error {
	if size < 0 || size > maxProvenSize {
		return refuse("the oracle's tree has 0 to %d records, and not %d", maxProvenSize, size)
	}
	numbered.growTo(size)
	return nil
}

// A coordinate is a tile in JSON; Level is -1 for data.
type coordinate struct {
	Height int   `json:"height"`
	Level  int   `json:"level"`
	Index  int64 `json:"index"`
	Width  int   `json:"width"`
}

func coordinateOf(t tlog.Tile) *coordinate {
	return &coordinate{t.H, t.L, t.N, t.W}
}

func (c coordinate) tile() tlog.Tile {
	return tlog.Tile{H: c.Height, L: c.Level, N: c.Index, W: c.Width}
}

func (c coordinate) answer() answer {
	return answer{"height": c.Height, "level": c.Level, "index": c.Index, "width": c.Width, "path": c.tile().Path()}
}

func parseTilePath(in struct{ Path string }) (answer, error) {
	tile, err := tlog.ParseTilePath(in.Path)
	if err != nil {
		return nil, err
	}
	return coordinateOf(tile).answer(), nil
}

// tilePath is ok only for a path that x/mod reads back: Path itself writes any numbers.
func tilePath(in coordinate) (answer, error) {
	path := in.tile().Path()
	if back, err := tlog.ParseTilePath(path); err != nil || back != in.tile() {
		return nil, fmt.Errorf("%+v has no path", in)
	}
	return answer{"path": path}, nil
}

func tileForIndex(in struct {
	Height, Level int
	N             int64
}) (answer, error) {
	// x/mod shifts without looking: keep the last record below the node well within 63 bits.
	if in.Height < 1 || in.Height > 30 || in.Level < 0 || in.Level > 60 || in.N < 0 || in.N >= 1<<60>>uint(in.Level) {
		return nil, refuse("height is 1 to 30, level 0 to 60, and n below 2^(60-level)")
	}
	return coordinateOf(tlog.TileForIndex(in.Height, tlog.StoredHashIndex(in.Level, in.N))).answer(), nil
}

func tileData(in struct {
	coordinate
	Size int64
}) (answer, error) {
	if err := growNumbered(in.Size); err != nil {
		return nil, err
	}
	data, err := numbered.tileData(in.tile(), in.Size)
	return answer{"data": data}, err
}

func treeHash(in struct{ Size int64 }) (answer, error) {
	if err := growNumbered(in.Size); err != nil {
		return nil, err
	}
	return answer{"root": hash(numbered.root(in.Size))}, nil
}

func proveRecord(in struct{ Size, Index int64 }) (answer, error) {
	if err := growNumbered(in.Size); err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(in.Size, in.Index, &numbered)
	if err != nil {
		return nil, err
	}
	return answer{
		"proof": hashes[tlog.Hash, hash](proof),
		"root":  hash(numbered.root(in.Size)),
		"hash":  hash(numbered.recordHash(in.Index)),
	}, nil
}

func proveTree(in struct {
	NewSize int64 `json:"new_size"`
	OldSize int64 `json:"old_size"`
}) (answer, error) {
	if err := growNumbered(in.NewSize); err != nil {
		return nil, err
	}
	proof, err := tlog.ProveTree(in.NewSize, in.OldSize, &numbered)
	if err != nil {
		return nil, err
	}
	return answer{
		"proof":    hashes[tlog.Hash, hash](proof),
		"new_root": hash(numbered.root(in.NewSize)),
		"old_root": hash(numbered.root(in.OldSize)),
	}, nil
}

func checkRecord(in struct {
	Proof []hash
	Size  int64
	Root  hash
	Index int64
	Hash  hash
}) (answer, error) {
	if err := checkSizes(in.Size, in.Index); err != nil {
		return nil, err
	}
	proof := hashes[hash, tlog.Hash](in.Proof)
	return answer{}, tlog.CheckRecord(proof, in.Size, tlog.Hash(in.Root), in.Index, tlog.Hash(in.Hash))
}

func checkTree(in struct {
	Proof   []hash
	NewSize int64 `json:"new_size"`
	NewRoot hash  `json:"new_root"`
	OldSize int64 `json:"old_size"`
	OldRoot hash  `json:"old_root"`
}) (answer, error) {
	if err := checkSizes(in.NewSize, in.OldSize); err != nil {
		return nil, err
	}
	proof := hashes[hash, tlog.Hash](in.Proof)
	return answer{}, tlog.CheckTree(proof, in.NewSize, tlog.Hash(in.NewRoot), in.OldSize, tlog.Hash(in.OldRoot))
}

func parseTree(in struct {
	Text []byte `json:"text_b64"`
}) (answer, error) {
	tree, err := tlog.ParseTree(in.Text)
	return answer{"size": tree.N, "root": hash(tree.Hash)}, err
}

func parseRecord(in struct {
	Reply []byte `json:"reply_b64"`
}) (answer, error) {
	id, text, rest, err := tlog.ParseRecord(in.Reply)
	return answer{"id": id, "text": string(text), "tree_msg_b64": rest}, err
}

func newVerifier(in struct{ Vkey string }) (answer, error) {
	verifier, err := note.NewVerifier(in.Vkey)
	if err != nil {
		return nil, err
	}
	return answer{"name": verifier.Name(), "hash": fmt.Sprintf("%08x", verifier.KeyHash())}, nil
}

func openNote(in struct {
	Note []byte `json:"note_b64"`
	Vkey string
}) (answer, error) {
	verifier, err := note.NewVerifier(in.Vkey)
	if err != nil {
		return nil, refuse("the verifier key: %v", err)
	}
	opened, err := note.Open(in.Note, note.VerifierList(verifier))
	if err != nil {
		return nil, err
	}
	return answer{"text": opened.Text, "unverified": len(opened.UnverifiedSigs)}, nil
}
