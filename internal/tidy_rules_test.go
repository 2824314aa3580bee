package internal

import "strings"

var rules = []rule{
	{
		name: "imports follow the arrows",
		why: "root tests → loadtest → engine → {http1, netpoll}: each package is understood, tested and replaced with " +
			"what is below it alone, and nothing but tests imports the public face; a new package gets a row in arrows, " +
			"and comes when a second user comes",
		check: followArrows,
		breaks: map[string]string{
			"internal/engine/a.go":      `import _ "example.com/holdfast/loadtest"`,
			"internal/engine/b.go":      `import _ "example.com/holdfast/internal/memnet"`,
			"internal/engine/a_test.go": `import _ "example.com/holdfast/loadtest"`,
			"internal/http1/a.go":       `import _ "example.com/holdfast/internal/netpoll"`,
			"internal/netpoll/a.go":     `import _ "example.com/holdfast/internal/engine"`,
			"internal/peers/a.go":       `import _ "example.com/holdfast/loadtest"`,
			"internal/newcomer/a.go":    ``,
			"loadtest/a.go":             `import _ "example.com/holdfast/internal/peers"`,
			"loadtest_test.go":          `import _ "example.com/holdfast/internal/engine"`,
		},
	},
	{
		name: "the top is for who comes by",
		why: "a server author's tests and the whole story as an example, and nothing else to look through; all other code has " +
			"a package",
		check: each(everything, topIsBare),
		breaks: map[string]string{
			"more_test.go": `package holdfast_test`,
			"a.go":         `package holdfast`,
		},
	},
	{
		name:  "the fixture does not know the engine",
		why:   "reports are held against the fixture's counts: what the two shared, both could get wrong alike",
		check: noImport(in("loadtest/server*.go", "loadtest/listener*.go"), module+"/internal/engine"),
		breaks: map[string]string{
			"loadtest/server_tls.go":    `import _ "example.com/holdfast/internal/engine"`,
			"loadtest/listener_test.go": `import _ "example.com/holdfast/internal/engine"`,
		},
	},
	{
		name: "testing stays with who takes a testing.TB",
		why: "Run and Report serve programs too, and a generator child starts without a test framework; what takes a " +
			"testing.TB says so by its file",
		check: noImport(code.but("loadtest/server*.go", "loadtest/bench.go", "loadtest/check*.go", "internal/artifact",
			"loadtest/gate/artifacts.go", "loadtest/gate/check.go", "loadtest/gate/serving.go"), "testing/..."),
		breaks: map[string]string{
			"loadtest/run.go":        `import "testing"`,
			"internal/engine/run.go": `import "testing/synctest"`,
		},
	},
	{
		name: "http1 does no I/O and reads no clock",
		why: "as a function of bytes alone it is split at every byte, fuzzed and set beside net/http, and both drivers " +
			"share it",
		check: noImport(codeIn("internal/http1"), "time", "net/...", "os/...", "io/...", "syscall", "context", "sync/...",
			"golang.org/x/..."),
		breaks: map[string]string{
			"internal/http1/a.go": `import "time"`,
			"internal/http1/b.go": `import "net"`,
			"internal/http1/c.go": `import "net/http"`,
			"internal/http1/d.go": `import "os"`,
			"internal/http1/e.go": `import "syscall"`,
		},
	},
	{
		name: "the state machine does no I/O",
		why: "two drivers, and whoever tests a state that no server can be brought into, tell it what happened and when; " +
			"it decides, and knows neither sockets nor goroutines",
		check: noImport(codeIn("internal/engine/conn.go", "internal/engine/response.go", "internal/engine/loss.go",
			"internal/engine/sweep.go", "internal/engine/sides.go", "internal/engine/cadence.go", "internal/engine/wheel.go",
			"internal/engine/tally.go", "internal/engine/part.go"),
			"net/...", "os/...", "io/...", "sync/...", "syscall", "context", module+"/internal/netpoll"),
		breaks: map[string]string{
			"internal/engine/conn.go":  `import "net"`,
			"internal/engine/sweep.go": `import "sync"`,
			"internal/engine/wheel.go": `import "example.com/holdfast/internal/netpoll"`,
		},
	},
	{
		name: "the engine reads the clock in clock.go alone",
		why: "an instant is an argument everywhere else, counted from the start of the run; a clock read twice for one " +
			"event gives two times for it, and costs",
		check: each(codeIn("internal/engine").but("internal/engine/clock.go"), readsClock),
		breaks: map[string]string{
			"internal/engine/conn.go":  `import "time"; var now = time.Now()`,
			"internal/engine/tally.go": `import t "time"; var start = clock{t.Now()}; var _ = t.Since(start.start)`,
		},
	},
	{
		name: "event loops have no timers of Go's",
		why: "deadlines are the wheel's, and the epoll driver's one timer is in its epoll set: Go's cost a seventh more; the " +
			"blocking driver needs them, clock.go to wait for the origin before the loops begin, and timeline.go for Progress " +
			"when they are over",
		check: noUse(codeIn("internal/engine").but("internal/engine/blocking*.go", "internal/engine/clock.go",
			"internal/engine/timeline.go"), "time", "NewTimer", "NewTicker", "After", "AfterFunc", "Sleep", "Tick"),
		breaks: map[string]string{
			"internal/engine/epoll_linux.go": `import "time"; var t = time.NewTimer(1)`,
			"internal/engine/conn.go":        `import "time"; func f() { time.Sleep(1) }`,
		},
	},
	{
		name: "net/http never below loadtest",
		why: "its client hides closed connections and sends again by itself, which is what we measure; and a generator " +
			"child takes over before net/http would be initialised, without its memory",
		check: noImport(codeIn("internal/engine", "internal/generator", "internal/spawn", "internal/netpoll", "internal/memnet"), "net/http/..."),
		breaks: map[string]string{
			"internal/engine/a.go":    `import "net/http"`,
			"internal/generator/a.go": `import "net/http/httptrace"`,
		},
	},
	{
		name: "nothing is logged",
		why: "what is worth telling is in the report, in an error, or in the test's own log; loadtest/server_log.go has " +
			"log for http.Server.ErrorLog, whose type it is",
		check: noImport(everything.but("loadtest/server_log.go"), "log/..."),
		breaks: map[string]string{
			"loadtest/server.go":  `import "log"`,
			"loadtest/a_test.go":  `import "log/slog"`,
			"internal/peers/a.go": `import "log"`,
		},
	},
	{
		name:  "nothing is printed",
		why:   "a line printed while a benchmark runs splits its result line, and stdout is the program's that calls us",
		check: each(code, prints),
		breaks: map[string]string{
			"loadtest/a.go":        `import "fmt"; func f() { fmt.Println() }`,
			"loadtest/b.go":        `import "os"; var w = os.Stderr`,
			"internal/engine/a.go": `func f() { println() }`,
		},
	},
	{
		name: "golang.org/x/sys in netpoll alone",
		why: "what differs between platforms stands side by side in one package; peers, which starts other processes, and " +
			"tests have their own",
		check: noImport(code.but("internal/netpoll"), "golang.org/x/sys/..."),
		breaks: map[string]string{
			"internal/engine/a.go": `import "golang.org/x/sys/unix"`,
			"loadtest/a.go":        `import "golang.org/x/sys/windows"`,
		},
	},
	{
		name: "system calls in netpoll alone",
		why: "elsewhere package syscall is for the names of errors: a caller looks for the same ones over memory as over " +
			"TCP",
		check: each(code.but("internal/netpoll"), syscallForErrnoOnly),
		breaks: map[string]string{
			"internal/engine/a.go": `import "syscall"; func f(fd int) { syscall.Close(fd) }`,
			"loadtest/a.go":        `import sys "syscall"; var _ = sys.SOCK_STREAM`,
		},
	},
	{
		name:   "unsafe in netpoll alone",
		why:    "only what is handed to the kernel needs it",
		check:  noImport(code.but("internal/netpoll"), "unsafe"),
		breaks: map[string]string{"loadtest/a.go": `import "unsafe"`},
	},
	{
		name: "the library reads neither flags nor the environment",
		why: "a run is what its Config says and can be replayed from the report; flags, signals and the environment are " +
			"the program's, and in a test binary go test's, of which Check and the gate alone ask, and artifact for them; spawn finds out by " +
			"a variable, and more, that a process is a child, and generator hands on what it has",
		check: each(code.but("loadtest/check*.go", "loadtest/gate/program.go", "internal/artifact", "internal/generator/start.go",
			"internal/spawn/child.go", "internal/generator/hostile/late"),
			asksTheProgram),
		breaks: map[string]string{
			"loadtest/a.go":         `import "flag"; var n = flag.Int("n", 1, "")`,
			"loadtest/b.go":         `import "os"; var home = os.Getenv("HOME")`,
			"internal/netpoll/a.go": `import "os"; var name = os.Args[0]`,
			"loadtest/c.go":         `import "os/signal"; var _ = signal.Notify`,
		},
	},
	{
		name: "few modules are depended on",
		why: "who imports loadtest gets them all into go.sum; testify, with the yaml that it brings, and go-cmp are for tests, and " +
			"so is x/perf, the reader of what benchmarks print, but in the gate, which writes for benchstat, with its medians and scales: it has a package of its " +
			"own so that only its users' go.sum has x/perf",
		check: each(everything, dependsOnLittle),
		breaks: map[string]string{
			"loadtest/a.go":       `import _ "github.com/stretchr/testify/require"`,
			"loadtest/a_test.go":  `import _ "github.com/stretchr/testify/assert"`,
			"loadtest/b.go":       `import _ "golang.org/x/perf/benchfmt"`,
			"loadtest/gate/a.go":  `import _ "golang.org/x/perf/storage"`,
			"internal/peers/a.go": `import _ "github.com/valyala/fasthttp"`,
		},
	},
	{
		name:  "packages are named for what they do",
		why:   "a package for anything ends up with everything",
		check: each(everything, packagesSayWhatTheyDo),
		breaks: map[string]string{
			"internal/util/a.go":    ``,
			"internal/netpoll/a.go": `package helpers`,
		},
	},
	{
		name:  "each package says what it is",
		why:   "its comment is where a reader begins",
		check: packagesAreDocumented,
		breaks: map[string]string{
			"loadtest/a.go":        "package loadtest",
			"internal/engine/a.go": "// This is the engine.\npackage engine",
			"internal/http1/a.go":  "// Package http2 is another.\npackage http1",
		},
	},
	{
		name:   "files are read in one go",
		why:    "beyond 400 lines there is a second subject, which gets a file and a name of its own",
		check:  each(everything, fileFits),
		breaks: map[string]string{"loadtest/a.go": strings.Repeat("\n", 400)},
	},
	{
		name:  "functions fit a screen",
		why:   "what is longer has parts, and they have names",
		check: each(everything, functionsFit),
		breaks: map[string]string{
			"loadtest/a.go":      "func f() {" + strings.Repeat("\n", 70) + "}",
			"loadtest/b.go":      "func f() { _ = []int{" + strings.Repeat("\n", 70) + "} }",
			"loadtest/a_test.go": "func f() { _ = []int{\n1,\n}" + strings.Repeat("\n", 70) + "}",
		},
	},
	{
		name:  "nothing is left to do",
		why:   "what is missing is done, or refused with an error that says so",
		check: each(everything, isFinished),
		breaks: map[string]string{
			"loadtest/a.go":      "// TODO: count them.\nvar n int",
			"loadtest/a_test.go": "/* FIXME */ var n int",
		},
	},
	{
		name:   "names say where they come from",
		why:    "after a dot import a reader, and half of the rules here, cannot tell whose a name is",
		check:  each(everything, importsByName),
		breaks: map[string]string{"loadtest/a_test.go": `import . "time"`},
	},
	{
		name: "code reads as it looks",
		why: "a letter of another script in a name, or a character that turns the text around, tells people one thing and " +
			"the compiler another",
		check: each(everything, readsAsItLooks),
		breaks: map[string]string{
			"loadtest/a.go": "var \u0441 int",
			"loadtest/b.go": "// \u202e backwards\nvar n int",
			"loadtest/c.go": "var s = `a\u00a0b`",
		},
	},
}
