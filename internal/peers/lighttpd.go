package peers

import (
	"cmp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// LighttpdOptions says how [StartLighttpd] configures lighttpd. Zero values are the documented defaults.
type LighttpdOptions struct {
	Conns                int           // conns that it can hold. Default 1 000
	MaxKeepAliveIdle     time.Duration // server.max-keep-alive-idle: whole seconds count. Default 65 s
	MaxKeepAliveRequests int           // server.max-keep-alive-requests; at most 65 535, the default
}

func (o LighttpdOptions) withDefaults() LighttpdOptions {
	o.Conns = cmp.Or(o.Conns, 1000)
	o.MaxKeepAliveIdle = cmp.Or(o.MaxKeepAliveIdle, 65*time.Second)
	o.MaxKeepAliveRequests = cmp.Or(o.MaxKeepAliveRequests, 1<<16-1)
	return o
}

// A Lighttpd is a running lighttpd, which is a second opinion beside nginx: one process.
type Lighttpd struct{ *daemon }

// StartLighttpd starts lighttpd as [StartNginx] starts nginx.
//
// lighttpd writes its access log in blocks: a life that was killed has hardly a line in it.
func StartLighttpd(tb testing.TB, o LighttpdOptions) *Lighttpd {
	tb.Helper()
	return &Lighttpd{startDaemon(tb, o.program())}
}

func (o LighttpdOptions) program() program {
	return program{
		name: "lighttpd", packaged: "lighttpd",
		conf:      o.withDefaults().conf,
		arguments: func(_, conf string) []string { return []string{"-D", "-f", conf} },
		graceful:  syscall.SIGINT,
	}
}

// lighttpdConf is a configuration with the defaults of lighttpd where nothing here needs another. Its error log is
// standard error. $NAME stands for what [LighttpdOptions.conf] puts there.
const lighttpdConf = `server.bind = "$HOST"
server.port = $PORT
server.document-root = "$DIR/html"
server.pid-file = "$DIR/$PID"
server.max-fds = $DESCRIPTORS
server.max-connections = $CONNECTIONS
server.max-keep-alive-idle = $IDLE
server.max-keep-alive-requests = $REQUESTS
server.feature-flags = ("server.graceful-shutdown-timeout" => 2)
server.modules = ("mod_accesslog")
index-file.names = ("index.html")
mimetype.assign = (".html" => "text/html", "" => "text/plain")
accesslog.filename = "$DIR/$LOG"
$HTTP["url"] == "/ready" { accesslog.filename = "" }
`

func (o LighttpdOptions) conf(dir, addr string) string {
	host, port, _ := strings.Cut(addr, ":")
	return strings.NewReplacer(
		"$HOST", host,
		"$PORT", port,
		"$DIR", dir,
		"$PID", pidFile,
		"$DESCRIPTORS", strconv.Itoa(o.Conns*2), // it lets conns have half of them
		"$CONNECTIONS", strconv.Itoa(o.Conns),
		"$IDLE", strconv.FormatInt(int64(o.MaxKeepAliveIdle/time.Second), 10),
		"$REQUESTS", strconv.Itoa(o.MaxKeepAliveRequests),
		"$LOG", accessLog,
	).Replace(lighttpdConf)
}
