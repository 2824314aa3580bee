package peers

import (
	"cmp"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// NginxOptions says how [StartNginx] configures nginx. Zero values are the documented defaults.
type NginxOptions struct {
	Conns             int           // conns that the one worker can hold. Default 10 000
	WorkerConnections int           // worker_connections. Default as many as Conns need
	KeepaliveTimeout  time.Duration // how long an idle conn is kept, whole seconds count. Default 65 s
	KeepaliveRequests int           // requests after which a conn is closed. Default 1 000 000
	Backlog           int           // of the listening socket. Default 511, which is nginx's own
	NoAccessLog       bool          // for closed loops, which would fill a disk
}

func (o NginxOptions) withDefaults() NginxOptions {
	o.Conns = cmp.Or(o.Conns, 10000)
	o.WorkerConnections = cmp.Or(o.WorkerConnections, workerConnections(o.Conns))
	o.KeepaliveTimeout = cmp.Or(o.KeepaliveTimeout, 65*time.Second)
	o.KeepaliveRequests = cmp.Or(o.KeepaliveRequests, 1000000)
	o.Backlog = cmp.Or(o.Backlog, 511)
	return o
}

// workerConnections is how many nginx must be told to have room for, to hold conns: as soon as fewer than a sixteenth
// are free it closes idle conns to reuse them (seen with 1.22: of 10 000 conns it keeps 9 590 under worker_connections
// 10240). A few are its own.
func workerConnections(conns int) int { return conns*16/15 + 64 }

// program is nginx under o.
func (o NginxOptions) program() program {
	return program{
		name: "nginx", packaged: "nginx-light",
		conf:      o.withDefaults().conf,
		arguments: func(dir, conf string) []string { return []string{"-p", dir, "-c", conf, "-e", "stderr"} },
		graceful:  syscall.SIGQUIT,
	}
}

// nginxConf is a configuration with the defaults of nginx, its log format too, where nothing here needs another. All that
// nginx writes stays in its prefix, a test's own directory. $NAME stands for what [NginxOptions.conf] puts there.
//
// Note: text/template keeps every method of every type in the binary, a third of a test binary's size.
const nginxConf = `daemon off;
master_process on;
worker_processes 1;
worker_rlimit_nofile $DESCRIPTORS;
worker_shutdown_timeout 2s;
$USER
pid $PID;
lock_file lock;
error_log stderr warn;
events {
	worker_connections $CONNECTIONS;
}
http {
	types { text/html html; }
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	access_log $LOG;
	sendfile on;
	keepalive_timeout $KEEPALIVEms;
	keepalive_requests $REQUESTS;
	server {
		listen $ADDR backlog=$BACKLOG;
		root html;
		location = /ok { return 200 "ok"; }
		location = /slow { limit_rate 500; return 200 "$PAGE"; }
		location = /ready { access_log off; }
	}
}
`

func (o NginxOptions) conf(_, addr string) string {
	user := ""
	if os.Geteuid() == 0 { // else workers become nobody, who cannot read a test's directory
		user = "user root;"
	}
	log := accessLog
	if o.NoAccessLog {
		log = "off"
	}
	return strings.NewReplacer(
		"$DESCRIPTORS", strconv.Itoa(o.WorkerConnections+64), // the listening socket, logs, epoll, channel, static files
		"$USER", user,
		"$PID", pidFile,
		"$CONNECTIONS", strconv.Itoa(o.WorkerConnections),
		"$LOG", log,
		"$KEEPALIVE", strconv.FormatInt(o.KeepaliveTimeout.Milliseconds(), 10),
		"$REQUESTS", strconv.Itoa(o.KeepaliveRequests),
		"$ADDR", addr,
		"$BACKLOG", strconv.Itoa(o.Backlog),
		"$PAGE", indexHTML, // from memory: a file would need a descriptor for each conn
	).Replace(nginxConf)
}
