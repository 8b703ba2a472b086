// Interop lets golang.org/x/mod, the reference implementation, judge sumcheck: it writes test
// vectors, answers questions, serves a checksum database and is a client of one. See README.md.
package main

import (
	"fmt"
	"os"
)

// A command runs one subcommand with the arguments after its name.
type command func(args []string) error

var commands = map[string]command{
	"vectors": runVectors,
	"oracle":  runOracle,
	"server":  runServer,
	"client":  runClient,
	"replay":  runReplay,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: interop vectors|oracle|server|client|replay [arguments]: see README.md")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "interop %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
