// Package spawn starts programs of which the parent alone decides how long they live: each has one end of a socket pair, and
// is to end when that does, however the parent came to its end. A generator's children are such, and the servers that a gate
// compares.
//
// A child is told from any other program that happens to run with the same environment: by a variable with a nonce, a
// descriptor that is one end of a pair that its parent made, and the same nonce read from it.
//
// Like generator it and all that it imports need neither net/http nor testing.
package spawn
