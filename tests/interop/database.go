package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/tlog"
)

// A database is an honest checksum database in memory that never changes after it was sealed;
// it implements sumdb.ServerOps.
type database struct {
	tree    tree
	records [][]byte
	ids     map[module.Version]int64
	head    []byte // signed
}

func newDatabase() *database {
	return &database{ids: make(map[module.Version]int64)}
}

// add appends the record of one module version; the text is its go.sum lines.
func (d *database) add(m module.Version, text []byte) error {
	if _, ok := d.ids[m]; ok {
		return fmt.Errorf("%v stands twice", m)
	}
	if _, err := tlog.FormatRecord(0, text); err != nil {
		return fmt.Errorf("%v: %v", m, err)
	}
	d.ids[m] = d.tree.size
	d.records = append(d.records, text)
	d.tree.add(text)
	return nil
}

// addSynthetic appends example.com/mN v1.0.N for each N below count.
func (d *database) addSynthetic(count int64) error {
	for n := range count {
		m := module.Version{Path: fmt.Sprintf("example.com/m%d", n), Version: fmt.Sprintf("v1.0.%d", n)}
		text := goSumLine(m.Path, m.Version) + goSumLine(m.Path, m.Version+"/go.mod")
		if err := d.add(m, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// goSumLine has the SHA-256 of "PATH VERSION" for its hash: well-formed and easy to compute, and
// the hash of no module.
func goSumLine(path, version string) string {
	digest := sha256.Sum256([]byte(path + " " + version))
	return fmt.Sprintf("%s %s h1:%s\n", path, version, base64.StdEncoding.EncodeToString(digest[:]))
}

// addGoSum appends one record for each module version of a go.sum, in the order in which they
// first come, with all its lines as they come.
func (d *database) addGoSum(content string) error {
	var order []module.Version
	texts := make(map[module.Version]string)
	for i, line := range strings.Split(content, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return fmt.Errorf("line %d has %d fields, and a go.sum's three", i+1, len(f))
		}
		m := module.Version{Path: f[0], Version: strings.TrimSuffix(f[1], "/go.mod")}
		if err := module.Check(m.Path, m.Version); err != nil {
			return fmt.Errorf("line %d: %v", i+1, err)
		}
		if _, ok := texts[m]; !ok {
			order = append(order, m)
		}
		texts[m] += strings.Join(f, " ") + "\n"
	}
	for _, m := range order {
		if err := d.add(m, []byte(texts[m])); err != nil {
			return err
		}
	}
	return nil
}

// seal signs the tree head. Signing once makes every answer the same bytes.
func (d *database) seal(k key) (err error) {
	text := tlog.FormatTree(tlog.Tree{N: d.tree.size, Hash: d.tree.root(d.tree.size)})
	d.head, err = k.sign(string(text))
	return err
}

// Signed implements sumdb.ServerOps.
func (d *database) Signed(context.Context) ([]byte, error) {
	return d.head, nil
}

// ReadRecords implements sumdb.ServerOps.
func (d *database) ReadRecords(_ context.Context, id, n int64) ([][]byte, error) {
	// The server shifts a data tile's index without looking: id may have any value.
	size := int64(len(d.records))
	if id < 0 || n < 0 || id > size || n > size-id {
		return nil, notFound("records from", fmt.Sprint(id))
	}
	return d.records[id : id+n], nil
}

// Lookup implements sumdb.ServerOps.
func (d *database) Lookup(_ context.Context, m module.Version) (int64, error) {
	id, ok := d.ids[m]
	if !ok {
		return 0, notFound("lookup", m.String())
	}
	return id, nil
}

// ReadTileData implements sumdb.ServerOps.
func (d *database) ReadTileData(_ context.Context, t tlog.Tile) ([]byte, error) {
	return d.tree.tileData(t, d.tree.size)
}
