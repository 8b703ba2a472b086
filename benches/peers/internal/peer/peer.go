// Package peer holds what the three commands share: where the files of the log
// come from, how the signed tree head is opened, and what is printed at the end.
package peer

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// InFlight is how many HTTP requests may be under way at once.
const InFlight = 64

// Height and Width are those of the log's tiles.
const (
	Height = 8
	Width  = 1 << Height
)

// Source reads one file of the log, named by its path below the log's root.
type Source interface {
	Read(ctx context.Context, path string) ([]byte, error)
}

// IsURL says whether a command's first argument means HTTP rather than a folder.
func IsURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// NewSource picks the source that fits the argument.
func NewSource(where string) Source {
	if !IsURL(where) {
		return folder(where)
	}
	return &web{
		base: strings.TrimSuffix(where, "/") + "/",
		client: &http.Client{
			Timeout: 60 * time.Second,
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				MaxIdleConns:        InFlight,
				MaxIdleConnsPerHost: InFlight,
				MaxConnsPerHost:     InFlight,
				IdleConnTimeout:     90 * time.Second,
				ForceAttemptHTTP2:   true,
			},
		},
	}
}

type folder string

func (f folder) Read(_ context.Context, path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), filepath.FromSlash(path)))
}

type web struct {
	base   string
	client *http.Client
}

func (w *web) Read(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		// Empty the body, so that the connection can serve again.
		io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
		if resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone {
			return nil, fmt.Errorf("%s: %s: %w", path, resp.Status, os.ErrNotExist)
		}
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	if resp.ContentLength <= 0 {
		return io.ReadAll(resp.Body)
	}
	data := make([]byte, resp.ContentLength)
	if _, err := io.ReadFull(resp.Body, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	// One more read reaches the end of the body and frees the connection.
	resp.Body.Read(make([]byte, 1))
	return data, nil
}

// OpenHead checks the signature of a tree head and returns the tree it names.
func OpenHead(msg []byte, key string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("verifier key: %w", err)
	}
	n, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("signed tree head: %w", err)
	}
	return tlog.ParseTree([]byte(n.Text))
}

// Head reads "latest" and opens it.
func Head(ctx context.Context, src Source, key string) (tlog.Tree, error) {
	msg, err := src.Read(ctx, "latest")
	if err != nil {
		return tlog.Tree{}, err
	}
	return OpenHead(msg, key)
}

// Path is the log's own path of a tile; level -1 means records. A width of
// zero stands for a full tile.
func Path(level int, n int64, width int) string {
	if width == 0 {
		width = Width
	}
	return tlog.Tile{H: Height, L: level, N: n, W: width}.Path()
}

// Args parses the command line: options, then the two arguments.
func Args() (where, key string) {
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: %s [options] FOLDER-or-http-URL VERIFIERKEY\n", filepath.Base(os.Args[0]))
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	return flag.Arg(0), strings.TrimSpace(flag.Arg(1))
}

// Refuse ends the program because the log did not pass.
func Refuse(err error) {
	fmt.Fprintln(os.Stderr, "REFUSED:", err)
	os.Exit(1)
}

// Accept prints the result of a run that passed.
func Accept(records int64, took time.Duration) {
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	cpu := time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
	fmt.Printf("ACCEPTED: %d records, %.3f seconds, %.0f records/s, max RSS %.1f MiB, CPU %.3f seconds\n",
		records, took.Seconds(), float64(records)/took.Seconds(), float64(ru.Maxrss)/1024, cpu.Seconds())
}
