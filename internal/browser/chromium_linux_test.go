// Package browser opens the report's page in headless Chromium, as a person would from a CI's artifacts: tests only.
package browser

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/peers"
)

// A chromium is driven by the DevTools protocol over a pair of pipes: there is no port to find or to be taken, and it ends
// when they do. It is for one goroutine.
type chromium struct {
	tb       testing.TB
	commands *os.File // its descriptor 3
	answers  *os.File // its descriptor 4
	messages *bufio.Reader
	last     int    // the number of the last command
	session  string // of the one tab
	loaded   bool
	troubles []string // what a page complained about: errors, warnings, exceptions
}

// patience is how long a busy machine may take for anything.
const patience = 60 * time.Second

// startChromium starts it with one empty tab, and ends it with the test. Without it the test is skipped, or fails with
// CI=true.
func startChromium(tb testing.TB) *chromium {
	tb.Helper()
	binary := peers.RequireBinary(tb, "chromium", "chromium")
	theirIn, commands, err := os.Pipe()
	require.NoError(tb, err)
	answers, theirOut, err := os.Pipe()
	require.NoError(tb, err)
	// As root, in a container, it has no sandbox; and what it opens here is ours.
	cmd := exec.Command(binary, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
		"--disable-background-networking", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir="+tb.TempDir(),
		"about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it starts others, which must end too
	err = cmd.Start()
	theirIn.Close()
	theirOut.Close()
	c := &chromium{tb: tb, commands: commands, answers: answers, messages: bufio.NewReaderSize(answers, 1<<20)}
	tb.Cleanup(func() {
		commands.Close()
		answers.Close()
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		}
	})
	require.NoError(tb, err)
	c.openTab()
	return c
}

func (c *chromium) openTab() {
	c.tb.Helper()
	var target struct {
		TargetID string `json:"targetId"`
	}
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		c.call(domain+".enable", nil, nil)
	}
}

// A message is an answer, which has the number of its command, or an event.
type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// call sends a command and waits for its answer.
func (c *chromium) call(method string, params, result any) {
	c.tb.Helper()
	c.last++
	command := map[string]any{"id": c.last, "method": method}
	if params != nil {
		command["params"] = params
	}
	if c.session != "" {
		command["sessionId"] = c.session
	}
	data, err := json.Marshal(command)
	require.NoError(c.tb, err)
	_, err = c.commands.Write(append(data, 0))
	require.NoError(c.tb, err, "chromium ended")
	for {
		m := c.next(method)
		if m.ID != c.last {
			continue
		}
		if m.Error != nil {
			c.tb.Fatalf("chromium refuses %s: %s", method, m.Error.Message)
		}
		if result != nil {
			require.NoError(c.tb, json.Unmarshal(m.Result, result))
		}
		return
	}
}

// next reads a message, and notes what it says of the page.
func (c *chromium) next(waitingFor string) (m message) {
	c.tb.Helper()
	require.NoError(c.tb, c.answers.SetReadDeadline(time.Now().Add(patience)))
	data, err := c.messages.ReadBytes(0)
	if err != nil {
		c.tb.Fatalf("waiting for chromium to answer %s: %v", waitingFor, err)
	}
	require.NoError(c.tb, json.Unmarshal(data[:len(data)-1], &m))
	switch m.Method {
	case "Page.loadEventFired":
		c.loaded = true
	case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
		c.troubles = append(c.troubles, fmt.Sprintf("%s: %s", m.Method, m.Params))
	}
	return m
}

// open shows a page, and returns when it is loaded.
func (c *chromium) open(url string) {
	c.tb.Helper()
	c.loaded, c.troubles = false, nil
	var navigated struct {
		ErrorText string `json:"errorText"`
	}
	c.call("Page.navigate", map[string]any{"url": url}, &navigated)
	require.Empty(c.tb, navigated.ErrorText, url)
	for !c.loaded {
		c.next("Page.loadEventFired")
	}
}

// look chooses light or dark, and how wide the window is.
func (c *chromium) look(scheme string, width int) {
	c.tb.Helper()
	c.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false,
	}, nil)
}

// ask evaluates an expression in the page.
func (c *chromium) ask(expression string, answer any) {
	c.tb.Helper()
	var evaluated struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	c.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &evaluated)
	require.Empty(c.tb, string(evaluated.Exception), expression)
	require.NoError(c.tb, json.Unmarshal(evaluated.Result.Value, answer))
}
