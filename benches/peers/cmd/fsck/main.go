// Fsck runs tessera's fsck package over a log in the checksum database's layout.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"

	"peers/internal/peer"
)

// origin is the first line of every tree head in this format. It is not the
// name of the key.
const origin = "go.sum database tree"

var workers = flag.Uint("workers", uint(runtime.NumCPU()), "workers of fsck, which are also its requests in flight")

func main() {
	where, key := peer.Args()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	start := time.Now()
	n, err := run(where, key)
	if err != nil {
		peer.Refuse(err)
	}
	peer.Accept(n, time.Since(start))
}

func run(where, key string) (int64, error) {
	ctx := context.Background()
	f := &fetcher{src: peer.NewSource(where), begun: make(chan struct{})}
	var err error
	if f.head, err = f.src.Read(ctx, "latest"); err != nil {
		return 0, err
	}
	tree, err := peer.OpenHead(f.head, key)
	if err != nil {
		return 0, err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return 0, err
	}

	check := fsck.New(origin, verifier, f, bundleHasher(tree), fsck.Opts{N: *workers})
	done := make(chan error, 2)
	go func() { done <- check.Check(ctx) }()
	go func() { done <- watch(f, check) }()
	if err := <-done; err != nil {
		return 0, err
	}
	return tree.N, nil
}

// watch ends a run that cannot end by itself. Each worker of fsck stops at its
// first bad tile, and once all have stopped nobody empties their queue any
// more, so that Check blocks. One changed record is enough for that: it spoils
// one tile on every level.
func watch(f *fetcher, check *fsck.Fsck) error {
	<-f.begun // before that, the status isn't there yet
	for {
		time.Sleep(250 * time.Millisecond)
		s := check.Status()
		for level, ranges := range append([][]fsck.Range{s.EntryRanges}, s.TileRanges...) {
			for _, r := range ranges {
				if r.State != fsck.Invalid && r.State != fsck.FetchError {
					continue
				}
				// Let Check say it in its own words, if it still can.
				time.Sleep(250 * time.Millisecond)
				if level == 0 {
					return fmt.Errorf("fsck found bad entry bundles: %v", r)
				}
				return fmt.Errorf("fsck found tiles of level %d that don't match: %v", level-1, r)
			}
		}
	}
}

// fetcher serves fsck's requests, which mean tlog-tiles, from our layout: the
// same tiles under other names. A width of zero stands for a full tile in both.
type fetcher struct {
	src   peer.Source
	head  []byte
	once  sync.Once
	begun chan struct{}
}

func (f *fetcher) ReadCheckpoint(context.Context) ([]byte, error) { return f.head, nil }

func (f *fetcher) ReadTile(ctx context.Context, level, n uint64, width uint8) ([]byte, error) {
	return f.read(ctx, int(level), n, width)
}

func (f *fetcher) ReadEntryBundle(ctx context.Context, n uint64, width uint8) ([]byte, error) {
	f.once.Do(func() { close(f.begun) })
	return f.read(ctx, -1, n, width)
}

// read falls back to the full tile where a partial one is gone, as fsck asks for.
func (f *fetcher) read(ctx context.Context, level int, n uint64, width uint8) ([]byte, error) {
	data, err := f.src.Read(ctx, peer.Path(level, int64(n), int(width)))
	if width != 0 && errors.Is(err, os.ErrNotExist) {
		return f.src.Read(ctx, peer.Path(level, int64(n), 0))
	}
	return data, err
}

// bundleHasher returns the function that turns a data tile into leaf hashes.
// Fsck calls it for one tile after the other and takes for granted that enough
// hashes come back, so the number of records is checked here.
func bundleHasher(tree tlog.Tree) func([]byte) ([][]byte, error) {
	left := tree.N
	return func(data []byte) ([][]byte, error) {
		want := int(min(peer.Width, left))
		left -= int64(want)
		hashes := make([][]byte, 0, peer.Width)
		for len(data) > 0 {
			end := bytes.Index(data, []byte("\n\n"))
			if end < 0 {
				return nil, errors.New("data tile ends inside a record")
			}
			hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(data[:end+1]))
			data = data[end+2:]
		}
		// A full tile may stand in for a partial one; fsck takes what it needs.
		if n := len(hashes); n != want && (want == peer.Width || n != peer.Width) {
			return nil, fmt.Errorf("data tile holds %d records, wanted %d", n, want)
		}
		return hashes, nil
	}
}
