// Goloop is the bare loop: read data tiles, hash every record, fold the hashes
// into a root, compare it with the signed one.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"peers/internal/peer"
)

var (
	wantDups  = flag.Bool("dups", false, "keep a map of module versions and report repeated ones")
	wantTiles = flag.Bool("tiles", false, "also read the level 0 hash tiles and compare them")
)

func main() {
	where, key := peer.Args()
	start := time.Now()
	c := &checker{src: peer.NewSource(where)}
	workers := runtime.NumCPU()
	if peer.IsURL(where) {
		workers = peer.InFlight
	}
	if err := c.run(key, workers); err != nil {
		peer.Refuse(err)
	}
	took := time.Since(start)
	if *wantDups {
		c.seen.report()
	}
	peer.Accept(c.tree.N, took)
}

type checker struct {
	src  peer.Source
	tree tlog.Tree
	tops []tlog.Hash // one per full data tile
	rest []tlog.Hash // record hashes of the partial tile at the right edge
	next atomic.Int64
	seen versions
}

func (c *checker) run(key string, workers int) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)

	var err error
	if c.tree, err = peer.Head(ctx, c.src, key); err != nil {
		return err
	}
	c.tops = make([]tlog.Hash, c.tree.N/peer.Width)
	if *wantDups {
		c.seen.first = make(map[string]int64, c.tree.N)
		c.seen.again = make(map[string][]int64)
	}

	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			if err := c.work(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}

	// Every full tile is a node at level 8, every record of the partial one at level 0.
	var r compactRange
	for _, h := range c.tops {
		r.add(peer.Height, h)
	}
	for _, h := range c.rest {
		r.add(0, h)
	}
	root, err := r.root()
	if err != nil {
		return err
	}
	if root != c.tree.Hash {
		return fmt.Errorf("computed root %v, signed root %v", root, c.tree.Hash)
	}
	return nil
}

// work takes one tile after the other until none is left.
func (c *checker) work(ctx context.Context) error {
	var hashes [peer.Width]tlog.Hash
	var flat []byte
	var keys []string
	for ctx.Err() == nil {
		n := c.next.Add(1) - 1
		width := int(min(peer.Width, c.tree.N-n*peer.Width))
		if width <= 0 {
			return nil
		}
		data, err := c.src.Read(ctx, peer.Path(-1, n, width))
		if err != nil {
			return err
		}

		keys = keys[:0]
		rest := data
		for i := range width {
			end := bytes.Index(rest, []byte("\n\n"))
			if end < 0 {
				return fmt.Errorf("data tile %d: record %d of %d is not there", n, i, width)
			}
			record := rest[:end+1]
			rest = rest[end+2:]
			hashes[i] = tlog.RecordHash(record)
			if *wantDups {
				k, err := moduleVersion(record)
				if err != nil {
					return fmt.Errorf("record %d: %w", n*peer.Width+int64(i), err)
				}
				keys = append(keys, k)
			}
		}
		if len(rest) != 0 {
			return fmt.Errorf("data tile %d: more than %d records", n, width)
		}
		if *wantDups {
			c.seen.add(n*peer.Width, keys)
		}

		if *wantTiles {
			tile, err := c.src.Read(ctx, peer.Path(0, n, width))
			if err != nil {
				return err
			}
			flat = flat[:0]
			for i := range width {
				flat = append(flat, hashes[i][:]...)
			}
			if !bytes.Equal(tile, flat) {
				return fmt.Errorf("level 0 hash tile %d does not match its records", n)
			}
		}

		if width < peer.Width {
			c.rest = slices.Clone(hashes[:width]) // only the last tile gets here
			continue
		}
		for w := width; w > 1; w /= 2 {
			for i := range w / 2 {
				hashes[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
			}
		}
		c.tops[n] = hashes[0]
	}
	return nil
}

// compactRange is the stack of complete subtrees that cover what was added so
// far, the largest first.
type compactRange struct {
	size  uint64
	nodes []tlog.Hash
}

// add appends a complete subtree of 2^level records; the size so far must be
// a multiple of that.
func (r *compactRange) add(level int, h tlog.Hash) {
	// Each set bit from the level up is a subtree of the same size as h has by
	// then: join the two, and carry.
	for s := r.size >> level; s&1 == 1; s >>= 1 {
		last := len(r.nodes) - 1
		h = tlog.NodeHash(r.nodes[last], h)
		r.nodes = r.nodes[:last]
	}
	r.nodes = append(r.nodes, h)
	r.size += 1 << level
}

func (r *compactRange) root() (tlog.Hash, error) {
	if len(r.nodes) != bits.OnesCount64(r.size) {
		return tlog.Hash{}, errors.New("compact range is out of step")
	}
	if len(r.nodes) == 0 {
		return tlog.TreeHash(0, nil)
	}
	h := r.nodes[len(r.nodes)-1]
	for i := len(r.nodes) - 2; i >= 0; i-- {
		h = tlog.NodeHash(r.nodes[i], h)
	}
	return h, nil
}

// moduleVersion returns the "module version" at the start of a record's first line.
func moduleVersion(record []byte) (string, error) {
	if i := bytes.IndexByte(record, ' '); i > 0 {
		if j := bytes.IndexByte(record[i+1:], ' '); j > 0 {
			if k := record[:i+1+j]; bytes.IndexByte(k, '\n') < 0 {
				return string(k), nil
			}
		}
	}
	return "", errors.New("no module version on the first line")
}

// versions remembers at which record each module version was met.
type versions struct {
	mu    sync.Mutex
	first map[string]int64
	again map[string][]int64
}

func (v *versions) add(base int64, keys []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i, k := range keys {
		at := base + int64(i)
		if was, ok := v.first[k]; ok {
			if v.again[k] == nil {
				v.again[k] = []int64{was}
			}
			v.again[k] = append(v.again[k], at)
		} else {
			v.first[k] = at
		}
	}
}

func (v *versions) report() {
	repeated := make([]string, 0, len(v.again))
	for k, at := range v.again {
		slices.Sort(at)
		repeated = append(repeated, k)
	}
	slices.SortFunc(repeated, func(a, b string) int { return int(v.again[a][0] - v.again[b][0]) })
	for i, k := range repeated {
		if i == 20 {
			fmt.Printf("repeated: and %d more\n", len(repeated)-i)
			break
		}
		fmt.Printf("repeated: %s at records %v\n", k, v.again[k])
	}
	fmt.Printf("%d module versions, %d of them repeated\n", len(v.first), len(repeated))
}
