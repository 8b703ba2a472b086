package main

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

type tilePathVector struct {
	Path        string `json:"path"`
	OK          bool   `json:"ok"`
	*coordinate        // absent where ok is false
	Stricter    string `json:"stricter,omitempty"`
}

// maxTileLevel is C2SP tlog-tiles' bound; x/mod has none.
const maxTileLevel = 63

// tilePathVectors are the paths of many tiles, and after each of them what it looks like damaged.
func tilePathVectors() []tilePathVector {
	var vectors []tilePathVector
	seen := make(map[string]bool)
	add := func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		v := tilePathVector{Path: path}
		if tile, err := tlog.ParseTilePath(path); err == nil {
			v.OK, v.coordinate = true, coordinateOf(tile)
			if tile.L > maxTileLevel {
				v.Stricter = "C2SP tlog-tiles: levels are 0 to 63"
			}
		}
		vectors = append(vectors, v)
	}

	next := 0 // damages take turns, over all tiles
	for _, tile := range sampleTiles() {
		add(tile.Path())
		for range 2 {
			add(tilePathDamages[next%len(tilePathDamages)](tile))
			next++
		}
	}
	for _, path := range oddTilePaths {
		add(path)
	}
	return vectors
}

func sampleTiles() []tlog.Tile {
	indexes := []int64{0, 7, 67, 999, 1000, 70_123, 999_999, 1_000_000, 1_234_067, 280_897_483, 1 << 40, 1<<63 - 1}
	levels := []int{0, -1, 1, 2, 5, 63}
	var tiles []tlog.Tile
	for h := 1; h <= 30; h++ {
		full := 1 << h
		widths := []int{full, 1, full - 1, full/2 + 1}
		for i := range 3 {
			tiles = append(tiles, tlog.Tile{
				H: h,
				L: levels[(h+i)%len(levels)],
				N: indexes[(h*3+i)%len(indexes)],
				W: min(max(widths[(h+i*3)%len(widths)], 1), full),
			})
		}
	}
	// The shapes that sum.golang.org serves.
	for _, l := range []int{-1, 0, 1, 2, 3} {
		tiles = append(tiles, tlog.Tile{H: 8, L: l, N: 1, W: 256}, tlog.Tile{H: 8, L: l, N: 280_897, W: 67})
	}
	return tiles
}

// tilePathDamages make something that is no path out of a tile. None of them looks at whether x/mod
// agrees: the vectors' ok column does.
var tilePathDamages = []func(tlog.Tile) string{
	func(t tlog.Tile) string { return "/" + t.Path() },
	func(t tlog.Tile) string { return t.Path() + "/" },
	func(t tlog.Tile) string { return t.Path() + " " },
	func(t tlog.Tile) string { return t.Path() + "\n" },
	func(t tlog.Tile) string { return t.Path() + ".html" },
	func(t tlog.Tile) string { return t.Path() + ".p" },
	func(t tlog.Tile) string { return t.Path() + "?x=1" },
	func(t tlog.Tile) string { return strings.TrimPrefix(t.Path(), "tile/") },
	func(t tlog.Tile) string { return "T" + t.Path()[1:] },
	func(t tlog.Tile) string { return "tiles" + t.Path()[4:] },
	func(t tlog.Tile) string { return strings.Replace(t.Path(), "/", "//", 1) },
	func(t tlog.Tile) string { return strings.Replace(t.Path(), "tile/", "tile/0", 1) },
	func(t tlog.Tile) string { return strings.Replace(t.Path(), "tile/", "tile/+", 1) },
	func(t tlog.Tile) string { return strings.Replace(t.Path(), "tile/", "tile/-", 1) },
	func(t tlog.Tile) string { return withLevel(t, "-1") },
	func(t tlog.Tile) string { return withLevel(t, "064") },
	func(t tlog.Tile) string { return withLevel(t, "00") },
	func(t tlog.Tile) string { return withLevel(t, "+1") },
	func(t tlog.Tile) string { return withLevel(t, "Data") },
	func(t tlog.Tile) string { return withLevel(t, "data0") },
	func(t tlog.Tile) string { return withLevel(t, "") },
	func(t tlog.Tile) string { return withLevel(t, "entries") },
	func(t tlog.Tile) string { return withLevel(t, "9223372036854775808") },
	func(t tlog.Tile) string { return withWidth(t, "0") },
	func(t tlog.Tile) string { return withWidth(t, "-1") },
	func(t tlog.Tile) string { return withWidth(t, "+1") },
	func(t tlog.Tile) string { return withWidth(t, "01") },
	func(t tlog.Tile) string { return withWidth(t, "") },
	func(t tlog.Tile) string { return withWidth(t, "x1") },
	func(t tlog.Tile) string { return withWidth(t, fmt.Sprint(1<<t.H)) },
	func(t tlog.Tile) string { return withWidth(t, fmt.Sprint(1<<t.H+1)) },
	func(t tlog.Tile) string { return withWidth(t, "4294967297") },
	func(t tlog.Tile) string { return withWidth(t, "18446744073709551617") },
	func(t tlog.Tile) string { return withWidth(t, "1/2") },
	func(t tlog.Tile) string { return withWidth(t, "1.p/1") },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return "x000/" + g }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return "000/" + g }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return "x" + g }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return "X001/" + g }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return g + "/000" }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return g[:len(g)-1] }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return g + "0" }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return g[:len(g)-3] + "-01" }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return g[:len(g)-3] + "0x1" }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return "x001//" + g }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return "x1/" + g }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return "xx01/" + g }) },
	func(t tlog.Tile) string { return withGroups(t, func(g string) string { return "../" + g }) },
	func(t tlog.Tile) string { return withGroups(t, func(string) string { return "" }) },
	func(t tlog.Tile) string {
		return withGroups(t, func(string) string { return "x009/x223/x372/x036/x854/x775/808" })
	},
	func(t tlog.Tile) string {
		return withGroups(t, func(string) string { return "x018/x446/x744/x073/x709/x551/616" })
	},
	func(t tlog.Tile) string {
		return withGroups(t, func(string) string { return strings.Repeat("x999/", 9) + "999" })
	},
}

func withLevel(t tlog.Tile, level string) string {
	f := strings.Split(t.Path(), "/")
	f[2] = level
	return strings.Join(f, "/")
}

func withWidth(t tlog.Tile, width string) string {
	t.W = 1 << t.H
	return t.Path() + ".p/" + width
}

func withGroups(t tlog.Tile, change func(groups string) string) string {
	path, partial, isPartial := strings.Cut(t.Path(), ".p/")
	f := strings.SplitN(path, "/", 4)
	f[3] = change(f[3])
	path = strings.Join(f, "/")
	if isPartial {
		path += ".p/" + partial
	}
	return path
}

var oddTilePaths = []string{
	"", "/", "tile", "tile/", "tile/8", "tile/8/0", "tile/8/0/", "tile/8/data", "tile//0/000", "latest", "../tile/8/0/000",
	"tile/8/63/000", "tile/8/64/000", "tile/8/64/000.p/1", "tile/8/255/000", "tile/8/256/000", "tile/30/4294967296/000",
	"tile/8/9223372036854775807/000", "tile/8/data/000", "tile/8/data/000.p/255", "tile/8/data/000.p/256",
	"tile/0/0/000", "tile/31/0/000", "tile/32/0/000", "tile/64/0/000", "tile/256/0/000", "tile/264/0/000",
	"tile/eight/0/000", "tile/8.0/0/000", "tile/0x8/0/000", "tile/8_/0/000", "tile/٨/0/000", "tile/8/٠/000", "tile/8/0/٠٠٠",
	"tile/8/0/000.p", "tile/8/0/000.p/", "tile/8/0/.p/1", "tile/8/0/000.P/1", "tile/8/0/000p/1", "tile/8/0/000..p/1",
	"tile/8/0/x000.p/1", "tile/8/0/x001", "tile/8/0/x001.p/1", "tile/8/0/x001/x002", "tile/8/0/001/002", "tile/8/0/x001.p/002",
	"tile/8/0/x001/002.p/255", "tile/8/0/x001/002.p/256", "tile/8/0/x001/002.p/1/", "tile/1/0/000.p/1", "tile/1/0/000.p/2",
	"tile/8/0/0", "tile/8/0/00", "tile/8/0/0000", "tile/8/0/1000", "tile/8/0/x1000/000", "tile/8/0/x000/000", "tile/8/0/x000/x001/000",
	"tile/8/0/%30%30%30", "tile/8/0/000#", "tile/8/0/000\x00", "tile/8/0/ 00", "tile\\8\\0\\000", "tile/8/0/000/000.p/1/1",
}
