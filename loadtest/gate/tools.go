package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"example.com/holdfast/internal/netpoll"
)

// A toolbox runs git and go.
type toolbox struct {
	env  []string
	hold *os.File // inherited by all that it runs; nil: nothing is
}

// localToGit are the variables by which git tells its hooks which repository, index and objects they are about ("git rev-parse
// --local-env-vars"). A test that a hook runs would have its git work on those, whatever directory it is in. What configures git
// stays: a CI system may say safe.directory there.
var localToGit = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY",
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_NO_REPLACE_OBJECTS",
	"GIT_REPLACE_REF_BASE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_SHALLOW_FILE", "GIT_NAMESPACE", "GIT_QUARANTINE_PATH"}

// newToolbox has the tools see env, without what is about another repository, and with messages that we can read. They ask nobody
// for a password, and git takes no lock for what it need not write.
func newToolbox(env []string) toolbox {
	own := slices.DeleteFunc(slices.Clone(env), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains(localToGit, name)
	})
	return toolbox{env: append(own, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0")}
}

// with returns a toolbox whose tools see more variables, which win over those there are.
func (t toolbox) with(more ...string) toolbox {
	t.env = append(slices.Clip(t.env), more...)
	return t
}

// A toolError says what a program that failed was asked, and the end of what it said.
type toolError struct {
	command string
	said    string
	err     error
}

func (e *toolError) Error() string {
	text := fmt.Sprintf("%s: %v", e.command, e.err)
	if e.said != "" {
		text += ":\n" + e.said
	}
	return text
}

func (e *toolError) Unwrap() error { return e.err }

// said is what a program that failed said; "" if err is of another kind.
func said(err error) string {
	var e *toolError
	if errors.As(err, &e) {
		return e.said
	}
	return ""
}

// toolPatience is how long a program may take to end when it is asked to. git removes its own locks then.
const toolPatience = 3 * time.Second

// run runs a program in dir, and returns what it wrote to stdout.
func (t toolbox) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	var out bytes.Buffer
	said := &ending{}
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = dir, append(slices.Clip(t.env), "PWD="+dir)
	c.Stdout, c.Stderr = &out, said
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = toolPatience
	if t.hold != nil && netpoll.CanInherit {
		c.ExtraFiles = []*os.File{t.hold}
	}
	err := c.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if said.text() == "" { // go test tells some of it there
		said.Write(out.Bytes())
	}
	return out.String(), &toolError{strings.Join(append([]string{name}, args...), " "), said.text(), err}
}

// git runs git so that no hook of the author's runs, no daemon is started, and what it says of commits is UTF-8.
func (t toolbox) git(ctx context.Context, dir string, args ...string) (string, error) {
	quiet := []string{"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "i18n.logOutputEncoding=UTF-8"}
	out, err := t.run(ctx, dir, "git", append(quiet, args...)...)
	var e *toolError
	if errors.As(err, &e) {
		e.command = "git " + strings.Join(args, " ") // as a person would type it
	}
	return out, err
}

// goTool runs go.
func (t toolbox) goTool(ctx context.Context, dir string, args ...string) (string, error) {
	return t.run(ctx, dir, "go", args...)
}

// An ending keeps the end of what is written to it.
type ending struct {
	last []byte
	cut  bool
}

const endingSize = 4 << 10

func (e *ending) Write(b []byte) (int, error) {
	e.last = append(e.last, b...)
	if over := len(e.last) - endingSize; over > 0 {
		e.last, e.cut = e.last[over:], true
	}
	return len(b), nil
}

func (e *ending) text() string {
	text := strings.ToValidUTF8(string(bytes.TrimSpace(e.last)), "?")
	if e.cut {
		_, text, _ = strings.Cut(text, "\n") // the first line is part of one
		text = "…\n" + text
	}
	return text
}
