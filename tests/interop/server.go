package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/mod/sumdb"
)

const (
	defaultName = "sum.example.com"
	defaultSeed = "sumcheck interop"
)

// runServer serves an honest checksum database until standard input ends, so that it cannot
// outlive the test that started it.
func runServer(args []string) error {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	records := flags.String("records", "", "a go.sum: one record for each of its module versions")
	count := flags.Int64("count", 0, "so many synthetic records (after those of --records)")
	listen := flags.String("listen", "127.0.0.1:0", "address to listen on")
	seed := flags.String("key-seed", defaultSeed, "the signing key is derived from this")
	name := flags.String("name", defaultName, "name of the database")
	flags.Parse(args)
	if flags.NArg() > 0 || *count < 0 {
		return fmt.Errorf("usage: interop server --records FILE | --count N [flags]")
	}

	db := newDatabase()
	if *records != "" {
		content, err := os.ReadFile(*records)
		if err != nil {
			return err
		}
		if err := db.addGoSum(string(content)); err != nil {
			return fmt.Errorf("%s: %v", *records, err)
		}
	}
	if err := db.addSynthetic(*count); err != nil {
		return err
	}
	k := newKey(*name, *seed)
	if err := db.seal(k); err != nil {
		return err
	}

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(db, *name), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	ready := map[string]any{"url": "http://" + listener.Addr().String(), "vkey": k.vkey, "size": db.tree.size}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}

	closed := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(closed)
	}()
	select {
	case err := <-failed:
		return err
	case <-closed:
		return server.Close()
	}
}

// handler serves the database at the root, and below /sumdb/NAME/ as a module proxy does.
func handler(db *database, name string) http.Handler {
	direct := sumdb.NewServer(db)
	proxied := "/sumdb/" + name
	mux := http.NewServeMux()
	for _, path := range sumdb.ServerPaths {
		mux.Handle(path, direct)
		mux.Handle(proxied+path, http.StripPrefix(proxied, direct))
	}
	mux.HandleFunc(proxied+"/supported", func(http.ResponseWriter, *http.Request) {})
	return mux
}
