package readme

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// A job is what GitHub Actions and GitLab CI write of one, as far as it runs commands.
type job struct {
	Steps []struct {
		Run string            `yaml:"run"`
		Env map[string]string `yaml:"env"`
	} `yaml:"steps"`

	Variables   map[string]string `yaml:"variables"`
	Script      []string          `yaml:"script"`
	AfterScript []string          `yaml:"after_script"`
}

// scriptOf returns the commands of the one job in a file of GitHub Actions or of GitLab CI, in their order, with the variables
// that they are given. What else a runner does, such as to check out, is left to it.
func scriptOf(text string) (string, error) {
	var top map[string]yaml.Node
	if err := yaml.Unmarshal([]byte(text), &top); err != nil {
		return "", err
	}
	jobs := map[string]job{}
	if all, is := top["jobs"]; is {
		if err := all.Decode(&jobs); err != nil {
			return "", err
		}
	} else {
		for name, node := range top {
			var j job
			if err := node.Decode(&j); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			jobs[name] = j
		}
	}
	if len(jobs) != 1 {
		return "", fmt.Errorf("%d jobs, want 1", len(jobs))
	}
	var b strings.Builder
	for _, j := range jobs {
		export(&b, j.Variables)
		for _, s := range j.Steps {
			b.WriteString("(")
			export(&b, s.Env)
			b.WriteString(":\n" + s.Run + "\n)\n")
		}
		for _, command := range slices.Concat(j.Script, j.AfterScript) {
			b.WriteString(command + "\n")
		}
	}
	return b.String(), nil
}

// export has the shell put in the variables that are in others, as GitLab does.
func export(b *strings.Builder, variables map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		fmt.Fprintf(b, "export %s=\"%s\"\n", name, variables[name])
	}
}

func TestScriptOf(t *testing.T) {
	for text, want := range map[string]string{
		"on: push\njobs:\n  a:\n    steps:\n      - uses: x\n      - run: go test\n        env:\n          A: b\n      - run: |\n          c\n          d\n": "(:\n\n)\n(export A=\"b\"\n:\ngo test\n)\n(:\nc\nd\n\n)\n",
		"a:\n  variables: {A: 0}\n  script:\n    - go test\n  after_script:\n    - b\n":                                                                      "export A=\"0\"\ngo test\nb\n",
	} {
		got, err := scriptOf(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"a: [", "jobs: {}", "a: {script: [b]}\nc: {script: [d]}", "jobs: {a: {steps: no}}", "a: text"} {
		_, err := scriptOf(text)
		require.Error(t, err, text)
	}
}
