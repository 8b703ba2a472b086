package main

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// damagedTiles implements tlog.TileReader: the tiles of "record N", one byte of one of them
// changed.
type damagedTiles struct {
	height  int
	size    int64
	damaged string // path of a tile; empty for none
	at      int    // which byte, counted round
	mask    byte
	asked   []string
}

// Height implements tlog.TileReader.
func (t *damagedTiles) Height() int {
	return t.height
}

// ReadTiles implements tlog.TileReader.
func (t *damagedTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var list [][]byte
	for _, tile := range tiles {
		t.asked = append(t.asked, tile.Path())
		data, err := numbered.tileData(tile, t.size)
		if err != nil {
			return nil, err
		}
		if tile.Path() == t.damaged {
			data[t.at%len(data)] ^= t.mask
		}
		list = append(list, data)
	}
	return list, nil
}

// SaveTiles implements tlog.TileReader.
func (t *damagedTiles) SaveTiles([]tlog.Tile, [][]byte) {}

func authenticateTiles(in struct {
	Height      int
	Size, Index int64
	Damaged     string
	At          int
	Mask        byte
}) (answer, error) {
	if in.Height < 1 || in.Height > 30 || in.At < 0 || in.Index < 0 || in.Index >= in.Size {
		return nil, refuse("height is 1 to 30, and the index below the size")
	}
	if err := growNumbered(in.Size); err != nil {
		return nil, err
	}
	tiles := &damagedTiles{height: in.Height, size: in.Size, damaged: in.Damaged, at: in.At, mask: in.Mask}
	tree := tlog.Tree{N: in.Size, Hash: numbered.root(in.Size)}
	read, err := tlog.TileHashReader(tree, tiles).ReadHashes([]int64{tlog.StoredHashIndex(0, in.Index)})
	if err != nil {
		return nil, err
	}
	slices.Sort(tiles.asked)
	return answer{"hash": hash(read[0]), "tiles": tiles.asked}, nil
}
