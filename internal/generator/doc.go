// Package generator runs a plan in child processes, so that the test process has only the server's descriptors, CPU and
// memory. A child is the test binary once more, taken over in this package's init, before the program's own packages that
// need more than this one does: it and all that it imports need neither net/http nor testing.
//
// Parent and child talk over one end each of a socket pair (wire.go). The parent is what keeps a child alive: a child
// whose socket ends, ends, however the parent came to its end. What a child measures is told once a second, so that of a
// child that dies no more than a second is unknown; engine.Gathering makes one result of it all.
package generator
