// Package clientjob is what the peers' tests and their client processes say to each other: a job in the environment, an
// outcome on standard output. It imports little, because the memory of a client is compared.
package clientjob

import (
	"fmt"
	"io"
	"os"
	"time"
)

// variable carries a Job to a client.
const variable = "HOLDFAST_PEER_JOB"

// A Job says what a client does.
type Job struct {
	Client      string // "holdfast" or "net/http"
	URL         string
	Conns       int
	IdleTimeout time.Duration
	Hold        time.Duration
	ClosedLoop  bool // GET back to back on conns that open at once; else the origin's job
	Processes   int  // of the generator; 0: the client's own
}

// Environ returns the process's environment with the job in it.
func (j Job) Environ() []string {
	// As words: encoding/json would add 170 kB to the memory of the client.
	words := fmt.Sprintln(j.Client, j.URL, j.Conns, int64(j.IdleTimeout), int64(j.Hold), j.ClosedLoop, j.Processes)
	return append(os.Environ(), variable+"="+words)
}

func parse(text string) (j Job, err error) {
	_, err = fmt.Sscan(text, &j.Client, &j.URL, &j.Conns, &j.IdleTimeout, &j.Hold, &j.ClosedLoop, &j.Processes)
	return j, err
}

// An Outcome is what a client says about its run, one line of JSON. What a client does not count is 0.
type Outcome struct {
	Opened   int64 `json:"opened"` // connections that were established
	Held     int64 `json:"held"`
	Dropped  int64 `json:"dropped"`
	Answered int64 `json:"answered"` // requests
	Failed   int64 `json:"failed"`
}

func (o Outcome) String() string {
	return fmt.Sprintf(`{"opened":%d,"held":%d,"dropped":%d,"answered":%d,"failed":%d}`,
		o.Opened, o.Held, o.Dropped, o.Answered, o.Failed)
}

// Main runs the client that the environment asks for, and exits. Without a job it returns: the process is no client.
func Main(clients map[string]func(Job) (Outcome, error)) {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return
	}
	job, err := parse(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s=%q: %v\n", variable, text, err)
		os.Exit(2)
	}
	run, ok := clients[job.Client]
	if !ok {
		fmt.Fprintf(os.Stderr, "no client %q\n", job.Client)
		os.Exit(2)
	}
	o, err := run(job)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(o)
	_, _ = io.Copy(io.Discard, os.Stdin) // the parent reads our memory, then closes it
	os.Exit(0)
}
