package clientjob

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var clients = map[string]func(Job) (Outcome, error){
	"echo":   func(j Job) (Outcome, error) { return Outcome{Opened: int64(j.Conns), Answered: int64(j.Hold)}, nil },
	"broken": func(Job) (Outcome, error) { return Outcome{}, errors.New("no route") },
}

func TestMain(m *testing.M) {
	Main(clients)
	os.Exit(m.Run())
}

func TestJobAndOutcomeSurviveTheirWay(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	for _, test := range []struct {
		job  Job
		code int
	}{
		{Job{Client: "echo", URL: "http://127.0.0.1:1/", Conns: 7, IdleTimeout: time.Minute, Hold: time.Second}, 0},
		{Job{Client: "broken", URL: "-"}, 1},
		{Job{Client: "nobody", URL: "-"}, 2},
		{Job{}, 2}, // no words: gibberish
	} {
		cmd := exec.Command(self)
		cmd.Env = test.job.Environ()
		out, err := cmd.Output()
		require.Equal(t, test.code, cmd.ProcessState.ExitCode(), "%+v: %v", test.job, err)
		if test.code != 0 {
			continue
		}
		var got Outcome
		require.NoError(t, json.Unmarshal(out, &got))
		require.Equal(t, Outcome{Opened: 7, Answered: int64(time.Second)}, got)
	}
}

func TestJobIsReadAsWritten(t *testing.T) {
	want := Job{Client: "holdfast", URL: "http://127.0.0.1:1/", Conns: 7, IdleTimeout: time.Minute, Hold: 3, ClosedLoop: true, Processes: 2}
	env := want.Environ()
	got, err := parse(env[len(env)-1][len(variable)+1:])
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = parse("holdfast http://127.0.0.1:1/ many")
	require.Error(t, err)
}
