package main

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb"
)

// maxReply is more than any answer of a checksum database has (a full tile of height 8: 8 KiB).
const maxReply = 1 << 20

// memoryOps implements sumdb.ClientOps with a memory of its own and none from before.
type memoryOps struct {
	url, vkey string
	http      *http.Client

	mu     sync.Mutex
	head   []byte
	cache  map[string][]byte
	counts account
}

func newMemoryOps(url, vkey string) *memoryOps {
	transport := &http.Transport{MaxIdleConnsPerHost: parallelLookups}
	return &memoryOps{
		url:   url,
		vkey:  vkey,
		http:  &http.Client{Transport: transport, Timeout: time.Minute},
		cache: make(map[string][]byte),
	}
}

func (o *memoryOps) account() account {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts
}

// ReadRemote implements sumdb.ClientOps.
func (o *memoryOps) ReadRemote(path string) ([]byte, error) {
	o.mu.Lock()
	o.counts.Requests++
	switch {
	case strings.HasPrefix(path, "/lookup/"):
		o.counts.Lookups++
	case strings.HasPrefix(path, "/tile/"):
		o.counts.Tiles++
	}
	o.mu.Unlock()

	reply, err := o.http.Get(o.url + path)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return nil, err
	}
	if reply.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %q", path, reply.Status, body)
	}
	return body, nil
}

// ReadConfig implements sumdb.ClientOps.
func (o *memoryOps) ReadConfig(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if file == "key" {
		return []byte(o.vkey), nil
	}
	return o.head, nil
}

// WriteConfig implements sumdb.ClientOps.
func (o *memoryOps) WriteConfig(_ string, old, new []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if string(o.head) != string(old) {
		return sumdb.ErrWriteConflict
	}
	o.head = new
	return nil
}

// ReadCache implements sumdb.ClientOps.
func (o *memoryOps) ReadCache(file string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, ok := o.cache[file]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return data, nil
}

// WriteCache implements sumdb.ClientOps.
func (o *memoryOps) WriteCache(file string, data []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cache[file] = data
}

// Log implements sumdb.ClientOps.
func (o *memoryOps) Log(msg string) {
	fmt.Fprintln(os.Stderr, msg)
}

// SecurityError implements sumdb.ClientOps. The lookup then ends in sumdb.ErrSecurity, which
// counts as a failure.
func (o *memoryOps) SecurityError(msg string) {
	fmt.Fprintln(os.Stderr, msg)
}
