// Package loadtest asserts, inside a server's own test suite, how many long-lived HTTP keep-alive connections that
// server can hold, and at what cost.
package loadtest
