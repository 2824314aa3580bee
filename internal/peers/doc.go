// Package peers sets Holdfast beside what people use instead of it, in one run and on one machine: a real nginx as the
// server, and as clients wrk, a plain net/http client and the origin's own algorithm in Python. And it sets Holdfast's
// reports beside what real servers do, nginx and lighttpd: whom they close, when and how; and its figures and verdicts
// beside the log of a server that answers after exactly 10 ms and stamps what it receives.
//
// The comparisons are this package's tests and benchmarks. Each benchmark body also runs small in an ordinary test:
//
//	go test ./internal/peers
//	go test -run='^$' -bench=OriginJob -benchtime=5x ./internal/peers
//	go test -run='^$' -bench=ClosedLoop -benchtime=1x ./internal/peers -args -pairs=12 -span=5s
//
// What is not a test here is what tests of other packages need too: [StartNginx], [StartLighttpd] and [RequireBinary].
package peers
