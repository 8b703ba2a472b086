// Torchwood iterates over all entries of the log with the client of
// filippo.io/torchwood, which verifies each against the signed tree.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"peers/internal/peer"
)

func main() {
	where, key := peer.Args()
	start := time.Now()
	n, err := run(where, key)
	if err != nil {
		peer.Refuse(err)
	}
	peer.Accept(n, time.Since(start))
}

func run(where, key string) (int64, error) {
	ctx := context.Background()
	tiles, err := reader(where)
	if err != nil {
		return 0, err
	}
	msg, err := tiles.ReadEndpoint(ctx, "latest")
	if err != nil {
		return 0, err
	}
	tree, err := peer.OpenHead(msg, key)
	if err != nil {
		return 0, err
	}
	client, err := torchwood.NewClient(tiles, torchwood.WithCutEntry(torchwood.ReadSumDBEntry))
	if err != nil {
		return 0, err
	}

	var n int64
	for i := range client.AllEntries(ctx, tree, 0) {
		if i != n {
			return 0, fmt.Errorf("got entry %d, wanted %d", i, n)
		}
		n++
	}
	if err := client.Err(); err != nil {
		return 0, fmt.Errorf("after %d entries: %w", n, err)
	}
	if n != tree.N {
		return 0, fmt.Errorf("got %d entries of %d", n, tree.N)
	}
	return n, nil
}

// reader is one of the library's own tile readers, told to use our paths.
func reader(where string) (torchwood.TileReader, error) {
	if peer.IsURL(where) {
		return torchwood.NewTileFetcher(where,
			torchwood.WithTilePath(tlog.Tile.Path),
			torchwood.WithConcurrencyLimit(peer.InFlight))
	}
	return torchwood.NewTileFS(os.DirFS(where), torchwood.WithTileFSTilePath(tlog.Tile.Path))
}
