package loadtest

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"example.com/holdfast/internal/engine"
	"example.com/holdfast/internal/netpoll"
)

// Echo is the configuration as it took effect: every default filled in, every automatic choice made. It holds no
// secret: of the request's header only the names, of the URL no user info.
type Echo struct {
	URL        string       `json:"url"`
	Network    string       `json:"network"`               // tcp, unix, or dialer: Config.DialContext or a fixture in memory
	UnixSocket string       `json:"unix_socket,omitempty"` // path
	TLS        bool         `json:"tls"`                   // https
	LocalAddrs []netip.Addr `json:"local_addrs,omitempty"` // none: the kernel's choice

	Connections int           `json:"connections"`
	RampConns   int           `json:"ramp_conns"`
	RampEvery   time.Duration `json:"ramp_every_ns"` // negative: all at once
	IdleTimeout time.Duration `json:"idle_timeout_ns"`
	Cadence     string        `json:"cadence"` // such as "uniform(1s, 30s)"
	Hold        time.Duration `json:"hold_ns"`

	ReopenDelay     time.Duration `json:"reopen_delay_ns"` // 0: at once
	ReopenMaxDelay  time.Duration `json:"reopen_max_delay_ns"`
	ReopenPerSecond int           `json:"reopen_per_second"` // 0: never

	Method          string        `json:"method"`
	HeaderNames     []string      `json:"header_names,omitempty"` // of Request.Header, sorted
	BodySize        int           `json:"body_bytes"`
	WantLowest      int           `json:"want_lowest"` // the statuses that are not failures
	WantHighest     int           `json:"want_highest"`
	ConnectTimeout  time.Duration `json:"connect_timeout_ns"`
	ResponseTimeout time.Duration `json:"response_timeout_ns"`

	Driver        string        `json:"driver"`         // epoll or blocking
	Tick          time.Duration `json:"tick_ns"`        // the grid on which requests fall due; 0: none
	Workers       int           `json:"workers"`        // event loops, of each process
	Processes     int           `json:"processes"`      // generator processes; 0: the test process generates
	MaxConnecting int           `json:"max_connecting"` // connects in flight, at most
}

// echoOf takes from the plan and the result what was chosen there, and from the Config only what they do not know.
func echoOf(in reportInput) Echo {
	p := in.plan
	return Echo{
		URL:        redacted(in.target),
		Network:    networkOf(p),
		UnixSocket: p.Target.Unix,
		TLS:        isTLS(in.target),
		LocalAddrs: slices.Clone(p.Target.Local),

		Connections: p.Slots,
		RampConns:   p.Ramp.Conns,
		RampEvery:   p.Ramp.Every,
		IdleTimeout: p.IdleTimeout,
		Cadence:     cadenceText(p.Cadence),
		Hold:        p.Hold,

		ReopenDelay:     p.Reopen.Delay,
		ReopenMaxDelay:  p.Reopen.Most,
		ReopenPerSecond: p.Reopen.Rate,

		Method:          in.cfg.Request.Method,
		HeaderNames:     headerNames(in.cfg.Request.Header),
		BodySize:        len(in.cfg.Request.Body),
		WantLowest:      p.WantLowest,
		WantHighest:     p.WantMost,
		ConnectTimeout:  p.ConnectTimeout,
		ResponseTimeout: p.ResponseTimeout,

		Driver:        in.result.Driver,
		Tick:          in.result.Tick,
		Workers:       in.result.Workers,
		Processes:     in.cfg.Processes,
		MaxConnecting: p.MaxConnecting,
	}
}

func networkOf(p engine.Plan) string {
	switch {
	case p.Target.Unix != "":
		return "unix"
	case len(p.Target.Addrs) > 0:
		return "tcp"
	}
	return "dialer"
}

func redacted(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return target
	}
	u.User = nil
	return u.String()
}

func isTLS(target string) bool {
	u, err := url.Parse(target)
	return err == nil && u.Scheme == "https"
}

func headerNames(h http.Header) []string { return slices.Sorted(maps.Keys(h)) }

// backToBack is how Echo.Cadence says it.
const backToBack = "back to back"

func cadenceText(c engine.Cadence) string {
	var s string
	switch c.Kind {
	case engine.Silent:
		s = "silent"
	case engine.Uniform:
		s = fmt.Sprintf("uniform(%s, %s)", plainDuration(c.Min), plainDuration(c.Max))
	case engine.Every:
		s = fmt.Sprintf("every(%s)", plainDuration(c.Min))
	case engine.Exponential:
		s = fmt.Sprintf("exponential(%s)", plainDuration(c.Min))
	case engine.BackToBack:
		s = backToBack
	}
	if c.Grid {
		s = "fixed(" + s + ")"
	}
	return s
}

// Environment is where the run took place. It names nobody and no host.
type Environment struct {
	Go         string `json:"go"` // such as "go1.26.8"
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Kernel     string `json:"kernel,omitempty"`   // the kernel's release
	CPUs       int    `json:"cpus"`               // usable by this process
	GOMAXPROCS int    `json:"gomaxprocs"`         // below CPUs in a container with a CPU limit
	Governor   string `json:"governor,omitempty"` // of the CPUs' clocks, such as "powersave"; unknown in most virtual machines
	Race       bool   `json:"race"`               // built with the race detector: costs and latencies are not the server's
	Version    string `json:"version,omitempty"`  // of this module, if the build knows it
}

const modulePath = "example.com/holdfast"

func environmentOf() Environment {
	return Environment{
		Go:         runtime.Version(),
		OS:         runtime.GOOS,
		Arch:       runtime.GOARCH,
		Kernel:     netpoll.KernelRelease(),
		CPUs:       runtime.NumCPU(),
		GOMAXPROCS: runtime.GOMAXPROCS(0),
		Governor:   netpoll.Governor(),
		Race:       builtWithRace(),
		Version:    moduleVersion(),
	}
}

// builtWithRace asks the build's own record, so that no file has to exist twice, once for each build tag.
func builtWithRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// moduleVersion is "" where the build does not know it, as in a test of this module itself.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == modulePath && m.Version != "(devel)" {
			return m.Version
		}
	}
	return ""
}
