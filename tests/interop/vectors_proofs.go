package main

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// hashVector is one of three kinds, by which of its fields are there.
type hashVector struct {
	Kind  string `json:"kind"` // record, node or root
	Index *int64 `json:"index,omitempty"`
	Left  *hash  `json:"left,omitempty"`
	Right *hash  `json:"right,omitempty"`
	Size  *int64 `json:"size,omitempty"`
	Hash  hash   `json:"hash"`
}

// rootSizes are the sizes with a known root: all small ones, and those around powers of two where
// tiles of height 8 and the levels above them begin.
func rootSizes() []int64 {
	var sizes []int64
	for size := range int64(71) {
		sizes = append(sizes, size)
	}
	return append(sizes, 255, 256, 257, 258, 511, 512, 513, 1023, 1024, 1025)
}

func hashVectors() []hashVector {
	numbered.growTo(maxProvenSize)
	var vectors []hashVector
	for _, index := range []int64{0, 1, 2, 9, 10, 255, 256, 1023, 1024} {
		vectors = append(vectors, hashVector{Kind: "record", Index: &index, Hash: hash(numbered.recordHash(index))})
	}
	for n := range int64(8) {
		left, right := hash(numbered.recordHash(2*n)), hash(numbered.recordHash(2*n+1))
		node := tlog.NodeHash(tlog.Hash(left), tlog.Hash(right))
		vectors = append(vectors, hashVector{Kind: "node", Left: &left, Right: &right, Hash: hash(node)})
	}
	for _, size := range rootSizes() {
		vectors = append(vectors, hashVector{Kind: "root", Size: &size, Hash: hash(numbered.root(size))})
	}
	return vectors
}

// proofSizes are few enough that all damages of small proofs and some of each larger one stay a
// small file.
var proofSizes = []int64{1, 2, 3, 4, 5, 7, 8, 17, 256, 257, 1025}

// damagesEach is how many damages each proof of a larger tree gets, of all kinds by turns.
const damagesEach = 2

// exhaustiveSizes get all damages.
var exhaustiveSizes = []int64{1, 5}

type inclusionVector struct {
	Case  string `json:"case"`
	Size  int64  `json:"size"`
	Root  hash   `json:"root"`
	Index int64  `json:"index"`
	Hash  hash   `json:"record_hash"`
	Proof []hash `json:"proof"`
	OK    bool   `json:"ok"`
}

func inclusionVectors() []inclusionVector {
	numbered.growTo(maxProvenSize)
	var vectors []inclusionVector
	next := 0
	for _, size := range proofSizes {
		for _, index := range slices.Compact([]int64{0, size / 2, size - 1}) {
			proof, err := tlog.ProveRecord(size, index, &numbered)
			if err != nil {
				panic(err)
			}
			good := inclusionVector{"good", size, hash(numbered.root(size)), index,
				hash(numbered.recordHash(index)), hashes[tlog.Hash, hash](proof), true}
			vectors = append(vectors, good.judged())
			count := damagesEach
			if slices.Contains(exhaustiveSizes, size) {
				count = len(inclusionDamages)
			}
			for range count {
				damage := inclusionDamages[next%len(inclusionDamages)]
				next++
				v := good
				v.Case, v.Proof = damage.name, slices.Clone(good.Proof)
				if damage.apply(&v) {
					vectors = append(vectors, v.judged())
				}
			}
		}
	}
	return vectors
}

func (v inclusionVector) judged() inclusionVector {
	err := tlog.CheckRecord(hashes[hash, tlog.Hash](v.Proof), v.Size, tlog.Hash(v.Root), v.Index, tlog.Hash(v.Hash))
	v.OK = err == nil
	return v
}

// A damage changes a vector, or says that it cannot.
type damage[V any] struct {
	name  string
	apply func(*V) bool
}

var inclusionDamages = append([]damage[inclusionVector]{
	{"bit of the record hash flipped", func(v *inclusionVector) bool { v.Hash[31] ^= 1; return true }},
	{"bit of the root flipped", func(v *inclusionVector) bool { v.Root[0] ^= 0x80; return true }},
	{"another record", func(v *inclusionVector) bool { v.Hash = hash(numbered.recordHash(v.Index + 1)); return true }},
	{"root for record hash", func(v *inclusionVector) bool { v.Hash = v.Root; return v.Size > 1 }},
	{"index + 1", func(v *inclusionVector) bool { v.Index++; return true }},
	{"index - 1", func(v *inclusionVector) bool { v.Index--; return true }},
	{"index ^ 1", func(v *inclusionVector) bool { v.Index ^= 1; return true }},
	{"index is the size", func(v *inclusionVector) bool { v.Index = v.Size; return true }},
	{"index above the size", func(v *inclusionVector) bool { v.Index += v.Size; return v.Index > v.Size }},
	{"index -1", func(v *inclusionVector) bool { v.Index = -1; return true }},
	{"size 0", func(v *inclusionVector) bool { v.Size = 0; return true }},
	{"size -1", func(v *inclusionVector) bool { v.Size = -1; return true }},
	{"size + 1, old root", func(v *inclusionVector) bool { v.Size++; return true }},
	{"size - 1, old root", func(v *inclusionVector) bool { v.Size--; return true }},
	{"size doubled, old root", func(v *inclusionVector) bool { v.Size *= 2; return true }},
	{"size 2^62 - 1", func(v *inclusionVector) bool { v.Size = maxSize - 1; return true }},
	{"root of size + 1", func(v *inclusionVector) bool { v.Root = hash(numbered.root(v.Size + 1)); return true }},
	{"root of the empty tree", func(v *inclusionVector) bool { v.Root = hash(numbered.root(0)); return true }},
}, proofDamages(func(v *inclusionVector) *[]hash { return &v.Proof })...)

// proofDamages are those that both kinds of proof can have.
func proofDamages[V any](proof func(*V) *[]hash) []damage[V] {
	flip := func(name string, at func(length int) int, bit int) damage[V] {
		return damage[V]{name, func(v *V) bool {
			p := *proof(v)
			if len(p) == 0 {
				return false
			}
			p[at(len(p))][bit/8] ^= 1 << (bit % 8)
			return true
		}}
	}
	change := func(name string, least int, with func(p []hash) []hash) damage[V] {
		return damage[V]{name, func(v *V) bool {
			p := proof(v)
			if len(*p) < least {
				return false
			}
			*p = with(*p)
			return true
		}}
	}
	return []damage[V]{
		flip("first bit of the first hash flipped", func(int) int { return 0 }, 7),
		flip("last bit of the last hash flipped", func(n int) int { return n - 1 }, 248),
		flip("bit of a middle hash flipped", func(n int) int { return n / 2 }, 100),
		change("first hash dropped", 1, func(p []hash) []hash { return p[1:] }),
		change("last hash dropped", 1, func(p []hash) []hash { return p[:len(p)-1] }),
		change("no hashes", 1, func([]hash) []hash { return []hash{} }),
		change("hash added in front", 0, func(p []hash) []hash { return slices.Insert(p, 0, hash(numbered.root(0))) }),
		change("hash added at the end", 0, func(p []hash) []hash { return append(p, hash(numbered.root(0))) }),
		change("last hash twice", 1, func(p []hash) []hash { return append(p, p[len(p)-1]) }),
		change("first two hashes swapped", 2, func(p []hash) []hash { p[0], p[1] = p[1], p[0]; return p }),
		change("reversed", 2, func(p []hash) []hash { slices.Reverse(p); return p }),
		change("hash of zeros", 1, func(p []hash) []hash { p[len(p)-1] = hash{}; return p }),
	}
}

type consistencyVector struct {
	Case    string `json:"case"`
	OldSize int64  `json:"old_size"`
	OldRoot hash   `json:"old_root"`
	NewSize int64  `json:"new_size"`
	NewRoot hash   `json:"new_root"`
	Proof   []hash `json:"proof"`
	OK      bool   `json:"ok"`
}

func consistencyVectors() []consistencyVector {
	numbered.growTo(maxProvenSize)
	var vectors []consistencyVector
	next := 0
	for _, size := range proofSizes {
		for _, old := range oldSizes(size) {
			proof, err := tlog.ProveTree(size, old, &numbered)
			if err != nil {
				panic(fmt.Sprint(size, old, err))
			}
			good := consistencyVector{"good", old, hash(numbered.root(old)), size, hash(numbered.root(size)),
				hashes[tlog.Hash, hash](proof), true}
			vectors = append(vectors, good.judged())
			count := damagesEach
			if slices.Contains(exhaustiveSizes, size) {
				count = len(consistencyDamages)
			}
			for range count {
				damage := consistencyDamages[next%len(consistencyDamages)]
				next++
				v := good
				v.Case, v.Proof = damage.name, slices.Clone(good.Proof)
				if damage.apply(&v) {
					vectors = append(vectors, v.judged())
				}
			}
		}
	}
	return vectors
}

// oldSizes are an odd one, the largest power of two below size, and the one before size.
func oldSizes(size int64) []int64 {
	power := int64(1)
	for power*2 < size {
		power *= 2
	}
	sizes := []int64{max(1, size/2|1), power, max(1, size-1)}
	if size <= 8 {
		sizes = append(sizes, size)
	}
	slices.Sort(sizes)
	return slices.Compact(slices.DeleteFunc(sizes, func(old int64) bool { return old > size }))
}

func (v consistencyVector) judged() consistencyVector {
	err := tlog.CheckTree(hashes[hash, tlog.Hash](v.Proof), v.NewSize, tlog.Hash(v.NewRoot), v.OldSize, tlog.Hash(v.OldRoot))
	v.OK = err == nil
	return v
}

var consistencyDamages = append([]damage[consistencyVector]{
	{"bit of the old root flipped", func(v *consistencyVector) bool { v.OldRoot[31] ^= 1; return true }},
	{"bit of the new root flipped", func(v *consistencyVector) bool { v.NewRoot[0] ^= 0x80; return true }},
	{"bit of both roots flipped", func(v *consistencyVector) bool { v.OldRoot[0] ^= 1; v.NewRoot[0] ^= 1; return true }},
	{"roots swapped", func(v *consistencyVector) bool {
		v.OldRoot, v.NewRoot = v.NewRoot, v.OldRoot
		return v.OldSize != v.NewSize
	}},
	{"sizes swapped", func(v *consistencyVector) bool {
		v.OldSize, v.NewSize = v.NewSize, v.OldSize
		return v.OldSize != v.NewSize
	}},
	{"both swapped", func(v *consistencyVector) bool {
		v.OldSize, v.NewSize, v.OldRoot, v.NewRoot = v.NewSize, v.OldSize, v.NewRoot, v.OldRoot
		return v.OldSize != v.NewSize
	}},
	{"old root for new", func(v *consistencyVector) bool { v.NewRoot = v.OldRoot; return v.OldSize != v.NewSize }},
	{"new root for old", func(v *consistencyVector) bool { v.OldRoot = v.NewRoot; return v.OldSize != v.NewSize }},
	{"old size + 1", func(v *consistencyVector) bool { v.OldSize++; return true }},
	{"old size - 1", func(v *consistencyVector) bool { v.OldSize--; return true }},
	{"old size 0", func(v *consistencyVector) bool { v.OldSize = 0; return true }},
	{"old size 0, root of the empty tree, no hashes", func(v *consistencyVector) bool {
		v.OldSize, v.OldRoot, v.Proof = 0, hash(numbered.root(0)), []hash{}
		return true
	}},
	{"both sizes 0", func(v *consistencyVector) bool {
		v.OldSize, v.NewSize, v.Proof = 0, 0, []hash{}
		v.OldRoot, v.NewRoot = hash(numbered.root(0)), hash(numbered.root(0))
		return true
	}},
	{"old size -1", func(v *consistencyVector) bool { v.OldSize = -1; return true }},
	{"new size + 1", func(v *consistencyVector) bool { v.NewSize++; return true }},
	{"new size - 1", func(v *consistencyVector) bool { v.NewSize--; return true }},
	{"new size 0", func(v *consistencyVector) bool { v.NewSize = 0; return true }},
	{"new size 2^62 - 1", func(v *consistencyVector) bool { v.NewSize = maxSize - 1; return true }},
	{"root of new size + 1", func(v *consistencyVector) bool { v.NewRoot = hash(numbered.root(v.NewSize + 1)); return true }},
	{"root of old size + 1", func(v *consistencyVector) bool { v.OldRoot = hash(numbered.root(v.OldSize + 1)); return true }},
	{"same size, two roots, no hashes", func(v *consistencyVector) bool {
		v.OldSize, v.Proof = v.NewSize, []hash{}
		v.OldRoot = hash(numbered.root(v.NewSize + 1))
		return true
	}},
}, proofDamages(func(v *consistencyVector) *[]hash { return &v.Proof })...)
