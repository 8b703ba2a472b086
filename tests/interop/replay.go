package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// A replay serves recorded answers from memory and counts what is asked.
type replay struct {
	files  map[string][]byte
	newest []byte // the head that takes the place of those in lookups, if not nil
	delay  time.Duration

	requests, connections, inFlight, mostInFlight atomic.Int64
}

// isCounted is the key in a connection's context of whether it is among the connections counted.
type isCounted struct{}

// runReplay serves a folder of recorded answers, for benchmarks: every client is asked to make do
// with the same server. GET /stats tells the counts since it was last asked.
func runReplay(args []string) error {
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	folder := flags.String("dir", "", "folder with latest, lookup/… and tile/…")
	address := flags.String("listen", "127.0.0.1:0", "address")
	delay := flags.Duration("delay", 0, "time that is added to each answer")
	newest := flags.Bool("newest-heads", false, "lookups carry the head of latest: a client that "+
		"starts from an older head needs tiles that no recording has")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := &replay{files: map[string][]byte{}, delay: *delay}
	if err := r.read(os.DirFS(*folder)); err != nil {
		return err
	}
	if *newest {
		r.newest = r.files["/latest"]
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: r, ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, isCounted{}, new(atomic.Bool))
	}}
	fmt.Printf("{\"url\":\"http://%s\"}\n", listener.Addr())
	return server.Serve(listener)
}

func (r *replay) read(folder fs.FS) error {
	return fs.WalkDir(folder, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		r.files["/"+path], err = fs.ReadFile(folder, path)
		return err
	})
}

func (r *replay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/stats" {
		stats := map[string]int64{
			"requests":    r.requests.Swap(0),
			"connections": r.connections.Swap(0),
			"in_flight":   r.mostInFlight.Swap(0),
		}
		if err := json.NewEncoder(w).Encode(stats); err != nil && !errors.Is(err, net.ErrClosed) {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	r.requests.Add(1)
	// A connection that asks for nothing but the counts is none of those that are counted.
	if request.Context().Value(isCounted{}).(*atomic.Bool).CompareAndSwap(false, true) {
		r.connections.Add(1)
	}
	now := r.inFlight.Add(1)
	for most := r.mostInFlight.Load(); now > most && !r.mostInFlight.CompareAndSwap(most, now); {
		most = r.mostInFlight.Load()
	}
	time.Sleep(r.delay)
	body, found := r.files[request.URL.Path]
	if r.newest != nil && strings.HasPrefix(request.URL.Path, "/lookup/") {
		if end := bytes.Index(body, []byte("\n\n")); end >= 0 {
			body = append(bytes.Clone(body[:end+2]), r.newest...)
		}
	}
	r.inFlight.Add(-1)
	if !found {
		http.NotFound(w, request)
		return
	}
	w.Write(body)
}
