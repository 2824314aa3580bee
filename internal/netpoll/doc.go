// Package netpoll is the only place that touches system calls: epoll, raw sockets, and the limits and counters of the
// process and the kernel. What a platform does not have is absent or unknown there, never zero.
package netpoll
