package peers

import (
	"bytes"
	"os"
	"strings"
	"text/template"
	"time"
)

// NginxOptions says how [StartNginx] configures nginx. Zero values are the documented defaults.
type NginxOptions struct {
	Conns             int           // conns that the one worker can hold. Default 10 000
	KeepaliveTimeout  time.Duration // how long an idle conn is kept, whole seconds count. Default 65 s
	KeepaliveRequests int           // requests after which a conn is closed. Default 1 000 000
	Backlog           int           // of the listening socket. Default 511, which is nginx's own
	NoAccessLog       bool          // for closed loops, which would fill a disk
}

func (o NginxOptions) withDefaults() NginxOptions {
	if o.Conns == 0 {
		o.Conns = 10000
	}
	if o.KeepaliveTimeout == 0 {
		o.KeepaliveTimeout = 65 * time.Second
	}
	if o.KeepaliveRequests == 0 {
		o.KeepaliveRequests = 1000000
	}
	if o.Backlog == 0 {
		o.Backlog = 511
	}
	return o
}

// workerConnections is how many nginx must be told to have room for, to hold o.Conns: as soon as fewer than a sixteenth
// are free it closes idle conns to reuse them (seen with 1.22: of 10 000 conns it keeps 9 590 under worker_connections
// 10240). A few are its own.
func (o NginxOptions) workerConnections() int { return o.Conns*16/15 + 64 }

// Everything that nginx writes stays in its prefix, a test's own directory. It needs no configuration of the system's.
var nginxConf = template.Must(template.New("nginx.conf").Parse(`daemon off;
master_process on;
worker_processes 1;
worker_rlimit_nofile {{.Descriptors}};
worker_shutdown_timeout 2s;
{{if .Root}}user root;
{{end}}pid nginx.pid;
lock_file nginx.lock;
error_log error.log warn;
events {
	worker_connections {{.WorkerConnections}};
}
http {
	types { text/html html; }
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	log_format compact '$msec $connection $status $request_method';
	access_log {{if .NoAccessLog}}off{{else}}access.log compact{{end}};
	sendfile on;
	keepalive_timeout {{.KeepaliveTimeout.Milliseconds}}ms;
	keepalive_requests {{.KeepaliveRequests}};
	server {
		listen {{.Addr}} backlog={{.Backlog}};
		root html;
		location = /ok { return 200 "ok"; }
		location = /ready { access_log off; return 204; }
	}
}
`))

func writeConf(path, addr string, o NginxOptions) error {
	var text bytes.Buffer
	err := nginxConf.Execute(&text, struct {
		NginxOptions
		Addr              string
		WorkerConnections int
		Descriptors       int
		Root              bool
	}{
		NginxOptions:      o,
		Addr:              addr,
		WorkerConnections: o.workerConnections(),
		Descriptors:       o.workerConnections() + 64, // the listening socket, logs, epoll, channel and static files
		Root:              os.Geteuid() == 0,          // else workers become nobody, who cannot read a test's directory
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}

// indexHTML is as long as the page that nginx brings along: 612 bytes.
var indexHTML = func() string {
	const head, tail = "<!DOCTYPE html>\n<title>It works</title>\n<p>", "</p>\n"
	return head + strings.Repeat("x", 612-len(head)-len(tail)) + tail
}()
