package main

import (
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// A tree is a Merkle tree in memory, in tlog's order of storage. Reading a smaller tree out of a
// larger one is right, as hashes that are stored never change.
type tree struct {
	size   int64 // number of records
	hashes []tlog.Hash
}

// add appends one record.
func (t *tree) add(data []byte) {
	added, err := tlog.StoredHashes(t.size, data, t)
	if err != nil {
		panic(err) // every earlier hash is in memory
	}
	t.hashes = append(t.hashes, added...)
	t.size++
}

// growTo appends "record N" for each missing N, so that all vectors and questions are about one
// tree that anybody can make again.
func (t *tree) growTo(size int64) {
	for t.size < size {
		t.add(numberedRecord(t.size))
	}
}

// numberedRecord is the data of a leaf in the tree of the vectors: no newline at the end.
func numberedRecord(n int64) []byte {
	return fmt.Appendf(nil, "record %d", n)
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(t.hashes)) {
			return nil, notFound("hash", fmt.Sprint(index))
		}
		list[i] = t.hashes[index]
	}
	return list, nil
}

// root is the tree hash of the first size records.
func (t *tree) root(size int64) tlog.Hash {
	hash, err := tlog.TreeHash(size, t)
	if err != nil {
		panic(fmt.Sprintf("root of %d out of %d records: %v", size, t.size, err))
	}
	return hash
}

// recordHash is the leaf hash at index.
func (t *tree) recordHash(index int64) tlog.Hash {
	return t.hashes[tlog.StoredHashIndex(0, index)]
}

// tileData is the content of a hash tile, for the tiles that the first size records fill.
func (t *tree) tileData(tile tlog.Tile, size int64) ([]byte, error) {
	// The shift must stay below 63, or a level far above the root would look filled.
	if tile.H < 1 || tile.H > 30 || tile.L < 0 || tile.L > 62/tile.H ||
		tile.N < 0 || tile.W < 1 || tile.W > 1<<uint(tile.H) {
		return nil, notFound("tile", tile.Path())
	}
	filled := size >> uint(tile.H*tile.L)
	if tile.N > filled>>uint(tile.H) || tile.N<<uint(tile.H)+int64(tile.W) > filled {
		return nil, notFound("tile", tile.Path())
	}
	return tlog.ReadTileData(tile, t)
}

// notFound is the one kind of error that sumdb.Server answers with 404.
func notFound(what, name string) error {
	return &fs.PathError{Op: what, Path: name, Err: fs.ErrNotExist}
}
