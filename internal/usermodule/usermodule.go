// Package usermodule makes a module that uses this one as its users' do, without a network. Tests use it, and nothing else.
package usermodule

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Write writes the go.mod and go.sum of a module of that path into dir. It replaces this module by the work tree at root, and
// requires what that does: nothing has to be downloaded then that tests here do not need.
func Write(tb testing.TB, root, dir, module string) {
	tb.Helper()
	root, err := filepath.Abs(root)
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	cmd := exec.CommandContext(tb.Context(), "go", "mod", "edit", "-module="+module, "-require=example.com/holdfast@v0.0.0",
		"-replace=example.com/holdfast="+root)
	cmd.Dir, cmd.Env = dir, Env(dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// Env is the environment of a command of such a user's in dir, in which go asks nobody for modules. What is in more wins.
func Env(dir string, more ...string) []string {
	return append(append(os.Environ(), "PWD="+dir, "GOFLAGS=", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "GOTOOLCHAIN=local"), more...)
}
