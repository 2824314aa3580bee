package readme

// A recipe says how a block of README.md is run. Each block of commands and of Go has one, and each recipe one block.
//
// A Go block is a package of its own in a module that uses this one. Its tests, each of which must pass, and its
// benchmarks are run, those once. Commands are run by bash until one fails, in a directory of their own, and so are those
// of the job that a block of YAML describes. In their environment
//
//	$REPOSITORY  is this module's root,
//	$SCRATCH     is a directory that all blocks share,
//	$URL         is a server on this machine,
//	$ADDRESS     is where nobody listens on it: in Go too.
type recipe struct {
	has string // a piece of the block that no other has

	// swap lists what is replaced, and by what: what would take long, or is not on this machine. Each must be there.
	swap []string

	before string // commands that make what the block needs

	// of Go
	wrap  string // a fragment goes in the place of FRAGMENT
	fails string // the tests fail, with this in what they print; "": they pass

	// of commands
	at     string // the directory that they are run in: repository, or a piece of the Go block whose package it is
	says   string // a regular expression for what they print
	ci     bool   // .ci/run runs them, each by its function readme
	parsed string // why they are only parsed: they need what a test may not have
}

const repository = "the repository"

var recipes = []recipe{
	{has: "go test ./...", ci: true},
	{has: "func TestHoldsAThousand", swap: []string{"1000", "20", "4 * time.Second", "600 * time.Millisecond", strict, unlessBusy}},
	{has: "-run=TestHoldsAThousand", at: "func TestHoldsAThousand", says: `(?m)^ok `},
	{has: "HeapPerConn:       16 << 10", wrap: "func TestFragment(t *testing.T) {\nloadtest.Check(t, slow(t), FRAGMENT)\n}",
		fails: "Latency.P99"},
	{
		has:    "go mod edit -replace",
		before: `ln -s "$REPOSITORY" holdfast && mkdir mine && cd mine && go mod init example.org/mine && ` + useLoadtest,
		// Without a network it fails to find what the tests of dependencies import, and goes on with -e.
		swap: []string{"go mod tidy", "go mod tidy -e && go list -deps -test . && cat go.mod"},
		says: `(?s)example\.com/holdfast/loadtest\n.*require example\.com/holdfast `,
	},
	{has: "v := r.Judge(", wrap: "func TestFragment(t *testing.T) {\nr := reportOf(t)\nFRAGMENT\n}", swap: []string{"20 *", "20000 *"}},
	{
		has: "go test -c -o holdfast", at: repository,
		swap: []string{"-o holdfast", `-o "$SCRATCH"/holdfast`, "./holdfast", `"$SCRATCH"/holdfast`,
			"http://127.0.0.1:8080/", "$URL", "-conns=10000", "-conns=20", "-keepalive=20s", "-keepalive=600ms"},
		says: `(?s)20 of 20 conns held, 0 dropped.*BenchmarkURL/conns=20\S*\s+1\s`,
	},
	{has: "func TestGate(", swap: []string{"1000", "20", "4 * time.Second", "600 * time.Millisecond", strict, unlessBusy}},
	{
		has: "HOLDFAST_BASE=origin/main...", at: "func TestGate(", before: changeOnMain, swap: []string{"-count=1", "-count=1 -v"},
		says: gateIsNew,
	},
	{
		has: "$GITHUB_STEP_SUMMARY", at: "func TestGate(", before: changeOnMain + ` && export GITHUB_STEP_SUMMARY=$PWD/summary`,
		swap: []string{"${{ github.base_ref }}", "main", "${{ contains(github.event.pull_request.labels.*.name, 'accept-worse') && '1' || '' }}", "",
			`>> "$GITHUB_STEP_SUMMARY"`, `>> "$GITHUB_STEP_SUMMARY"; cat "$GITHUB_STEP_SUMMARY"`},
		says: `(?m)^## 🆕 gate: new|loadtest: invalid: this run proves nothing`,
	},
	{
		has: "$CI_MERGE_REQUEST_DIFF_BASE_SHA", at: "func TestGate(",
		before: changeOnMain + ` && export CI_MERGE_REQUEST_DIFF_BASE_SHA=$(git rev-parse HEAD)`, says: gateIsNew,
	},
	{has: "func TestLeaksNothing", swap: []string{"500", "256", "4 * time.Second", "400 * time.Millisecond",
		"LeakRounds: 3", "LeakRounds: 3, SkipUnfit: true"}},
	{has: "func TestCostOfAConn", swap: []string{"4000", "1000", "CostOptions{}", "CostOptions{Repeats: 2}"}},
	{has: "func TestOwnServer", swap: []string{"200", "20", "2 * time.Second", "400 * time.Millisecond", strict, unlessBusy}},
	{has: "func TestOverTLS", swap: []string{"200", "20", "2 * time.Second", "400 * time.Millisecond", strict, unlessBusy}},
	{has: "func TestProcessHolds", before: buildShop, swap: []string{"127.0.0.1:8099", "$ADDRESS", "500", "50",
		"4 * time.Second", "2500 * time.Millisecond", "2 * time.Millisecond}", "time.Second, SkipUnfit: true}", "64 << 10", "1 << 20"}},
	{has: "func TestNobodyIsDroppedWithinTheHour", swap: []string{"100,", "20,"}},
	{has: "docker run", parsed: "it needs docker, and the right to raise a limit"},
	{
		has: "-count=1 -artifacts", at: "func TestHoldsAThousand",
		swap: []string{"-outputdir=. .", "-outputdir=. . && ls _artifacts/*/*.html"}, says: `TestHoldsAThousand\.html`,
	},
	{has: "func BenchmarkHold(", swap: []string{"1000", "20", "4 * time.Second", "300 * time.Millisecond"}},
	{
		has: "benchstat@latest", at: "func BenchmarkHold(",
		before: "go test -run='^$' -bench=Hold -benchtime=1x . > old.txt",
		swap:   []string{"-count=10", "-count=2", "go run golang.org/x/perf/cmd/benchstat@latest", "go tool benchstat"},
		says:   `(?s)old\.txt.*new\.txt.*p99-sec`,
	},
}

// A machine on which all other tests run too may keep a run from proving anything.
const (
	strict     = "loadtest.Budget{}"
	unlessBusy = "loadtest.Budget{SkipUnfit: true}"
)

// changeOnMain makes a repository whose main has no test yet, so that a gate has nothing to compare with: that takes seconds.
const changeOnMain = `package=$PWD && cd "$(mktemp -d)" && cp "$SCRATCH"/go.mod "$SCRATCH"/go.sum . && git init -q && git add . &&
git -c user.name=a -c user.email=a@example.org -c commit.gpgsign=false commit -qm 'No tests' &&
git update-ref refs/remotes/origin/main HEAD && cp "$package"/shop_test.go .`

const gateIsNew = `gate: new: the base has no tests in |loadtest: invalid: this run proves nothing`

const useLoadtest = `printf 'package mine\n\nimport _ "example.com/holdfast/loadtest"\n' > mine_test.go`

// buildShop makes the program of which the text says that it serves: ./shop -listen=address.
const buildShop = `mkdir program && cat > program/main.go <<'END'
package main

import (
	"flag"
	"net/http"
)

func main() {
	listen := flag.String("listen", "", "where")
	flag.Parse()
	panic(http.ListenAndServe(*listen, http.FileServer(http.Dir("."))))
}
END
go build -o shop ./program`

// standIns are what the text speaks of without writing it down, by name: a block that uses one and does not declare it
// gets it.
var standIns = map[string]string{
	"shop": `func shop() http.Handler { return http.FileServer(http.Dir(".")) }`,
	"slow": `func slow(t *testing.T) loadtest.Config {
	sleep := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(100 * time.Millisecond) })
	return loadtest.Config{Server: loadtest.NewServer(t, sleep), Connections: 10, IdleTimeout: 600 * time.Millisecond}
}`,
	"reportOf": `func reportOf(t *testing.T) *loadtest.Report {
	r, err := loadtest.Run(t.Context(), loadtest.Config{
		Server: loadtest.NewServer(t, nil), Connections: 10, IdleTimeout: 200 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}`,
}

// packages are what Go blocks use without importing it.
var packages = map[string]string{
	"context": "context", "errors": "errors", "exec": "os/exec", "flag": "flag", "fmt": "fmt", "http": "net/http", "httptest": "net/http/httptest",
	"io": "io", "json": "encoding/json", "net": "net", "os": "os", "strings": "strings", "sync": "sync", "atomic": "sync/atomic",
	"synctest": "testing/synctest", "testing": "testing", "time": "time", "tls": "crypto/tls",
	"loadtest": "example.com/holdfast/loadtest", "gate": "example.com/holdfast/loadtest/gate",
}
