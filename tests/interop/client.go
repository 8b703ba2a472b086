package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb"
)

// parallelLookups keeps a go.sum of thousands of lines from opening as many connections.
const parallelLookups = 32

// An account sums up one run of the client.
type account struct {
	Requests int `json:"requests"` // sent to the server
	Lookups  int `json:"lookups"`  // requests for /lookup/
	Tiles    int `json:"tiles"`    // requests for /tile/
	Checked  int `json:"checked"`  // questions asked of x/mod
	Failures int `json:"failures"` // questions that x/mod did not answer with what was expected
}

// A question is what the log should say about a path and version (or version/go.mod).
type question struct {
	path, version string
	expected      string // a go.sum line; empty if any will do
}

// runClient asks x/mod's own client, which trusts a server only as far as it proves its answers.
func runClient(args []string) error {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	url := flags.String("url", "", "where the database is; may end in /sumdb/NAME")
	vkey := flags.String("vkey", "", "its verifier key")
	file := flags.String("file", "", "check each line of this go.sum")
	flags.Parse(args)
	if *url == "" || *vkey == "" || (*file == "") == (flags.NArg() == 0) {
		return fmt.Errorf("usage: interop client --url U --vkey K MODULE@VERSION... | --file go.sum")
	}

	var questions []question
	for _, arg := range flags.Args() {
		path, version, _ := strings.Cut(arg, "@")
		questions = append(questions,
			question{path: path, version: version}, question{path: path, version: version + "/go.mod"})
	}
	if *file != "" {
		content, err := os.ReadFile(*file)
		if err != nil {
			return err
		}
		if questions, err = goSumQuestions(string(content)); err != nil {
			return fmt.Errorf("%s: %v", *file, err)
		}
	}

	ops := newMemoryOps(strings.TrimSuffix(*url, "/"), *vkey)
	answers, failures := askAll(sumdb.NewClient(ops), questions)
	for i, lines := range answers {
		if *file == "" && failures[i] == nil {
			fmt.Println(strings.Join(lines, "\n"))
		}
	}
	total := ops.account()
	total.Checked = len(questions)
	for _, failure := range failures {
		if failure != nil {
			total.Failures++
			fmt.Fprintln(os.Stderr, failure)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(total); err != nil {
		return err
	}
	if total.Failures > 0 {
		return fmt.Errorf("%d of %d failed", total.Failures, total.Checked)
	}
	return nil
}

func goSumQuestions(content string) ([]question, error) {
	var questions []question
	for i, line := range strings.Split(content, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return nil, fmt.Errorf("line %d has %d fields, and a go.sum's three", i+1, len(f))
		}
		questions = append(questions, question{f[0], f[1], strings.Join(f, " ")})
	}
	return questions, nil
}

func askAll(client *sumdb.Client, questions []question) (answers [][]string, failures []error) {
	answers, failures = make([][]string, len(questions)), make([]error, len(questions))
	slots := make(chan struct{}, parallelLookups)
	var all sync.WaitGroup
	for i, q := range questions {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			answers[i], failures[i] = ask(client, q)
		})
	}
	all.Wait()
	return answers, failures
}

func ask(client *sumdb.Client, q question) ([]string, error) {
	lines, err := client.Lookup(q.path, q.version)
	switch {
	case err != nil:
		return nil, err
	case len(lines) == 0:
		// x/mod is content with a record that has no line for the question.
		return nil, fmt.Errorf("%s@%s: the record has no such line", q.path, q.version)
	case q.expected != "" && !slices.Contains(lines, q.expected):
		return nil, fmt.Errorf("the go.sum has %q, and the log %q", q.expected, lines)
	}
	return lines, nil
}
