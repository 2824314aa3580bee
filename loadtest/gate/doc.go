// Package gate holds a change against what was before it: the same test, of two revisions of a repository, on the same
// machine at the same time.
package gate
