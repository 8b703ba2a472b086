// Command slow serves a folder with a delay before each answer, and says at its end how many requests
// were under way at most.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"time"
)

func main() {
	delay := flag.Duration("delay", 20*time.Millisecond, "before each answer")
	address := flag.String("listen", "127.0.0.1:19400", "address")
	flag.Parse()
	files := http.FileServer(http.Dir(flag.Arg(0)))
	var underWay, most, requests atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := underWay.Add(1)
		defer underWay.Add(-1)
		requests.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		time.Sleep(*delay)
		files.ServeHTTP(w, r)
	})
	go func() {
		fmt.Fprintln(os.Stderr, http.ListenAndServe(*address, handler))
		os.Exit(1)
	}()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop
	fmt.Printf("%d requests, %d at once\n", requests.Load(), most.Load())
}
