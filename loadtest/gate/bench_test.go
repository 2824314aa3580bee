package gate

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/artifact"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchunit"
)

// TestBenchIsRead: each pair is a result, with all metrics that it has, and each pair of costs one.
func TestBenchIsRead(t *testing.T) {
	for name, r := range map[string]*result{"worse": worseSample(), "hostile": hostile()} {
		var text bytes.Buffer
		require.NoError(t, r.writeBench(&text, true))
		reader := benchfmt.NewReader(bytes.NewReader(text.Bytes()), name)
		lines, values := map[string]int{}, map[string][]float64{}
		for reader.Scan() {
			of, ok := reader.Result().(*benchfmt.Result)
			require.True(t, ok, "%v in\n%s", reader.Result(), &text)
			base, _ := of.Name.Parts()
			require.Equal(t, "Gate", string(base))
			stage := "first"
			if bytes.Contains(of.Name, []byte("/confirming-2")) {
				stage = "confirming"
			}
			for _, v := range of.Values {
				lines[stage+" "+v.Unit]++
				values[stage+" "+v.Unit] = append(values[stage+" "+v.Unit], v.Value)
			}
			require.Equal(t, "linux", of.GetConfig("goos"))
			require.Equal(t, "example.org/shop", of.GetConfig("pkg"))
			require.Len(t, of.Config, 3)
		}
		require.NoError(t, reader.Err())
		require.Equal(t, map[string]int{
			"first cpu-sec/req": 12, "first p50-sec": 12, "first p99-sec": 12, "first drops/conn": 12,
			"confirming cpu-sec/req": 24, "confirming p50-sec": 24, "confirming p99-sec": 24, "confirming drops/conn": 24,
			"first p999-sec": 12, "first max-sec": 12, "first failed/req": 12,
			"confirming p999-sec": 24, "confirming max-sec": 24, "confirming failed/req": 24,
			"first heap-B/conn": 3, "first goroutines/conn": 3, "first descriptors/conn": 3, "first stack-B/conn": 3, // RSS of them is not known
			"first req/s": 12, "confirming req/s": 24,
		}, lines, name)
		cpu := slices.Sorted(slices.Values(values["first cpu-sec/req"]))
		require.InDelta(t, *r.Metrics[0].Head/1e9, (cpu[5]+cpu[6])/2, 1e-10)
	}
}

// TestBenchHasTheMediansOfTheTable, of those pairs that each metric was judged by.
func TestBenchHasTheMediansOfTheTable(t *testing.T) {
	r := worseSample()
	j, err := decide(r.First, func(int) ([]pair, error) { return r.Confirming, nil })
	require.NoError(t, err)
	costs, _, err := compareCosts(r.Costs, nil)
	require.NoError(t, err)
	r.Metrics = inOrder(append(j.metrics, costs...))
	require.Equal(t, worse, r.Metrics[0].Outcome)
	for _, head := range []bool{false, true} {
		var text bytes.Buffer
		require.NoError(t, r.writeBench(&text, head))
		values := map[string][]float64{}
		reader := benchfmt.NewReader(&text, "")
		for reader.Scan() {
			of := reader.Result().(*benchfmt.Result)
			for _, v := range of.Values {
				name := v.Unit + " " + string(of.Name)
				values[name] = append(values[name], v.Value)
			}
		}
		require.NoError(t, reader.Err())
		compared := 0
		for _, m := range r.Metrics {
			want := m.Base
			if head {
				want = m.Head
			}
			if want == nil || m.Unit == "drops/conn" || m.Unit == "failed/req" { // these are shares of all pairs
				continue
			}
			name := "Gate/TestShop/keep-alive-2"
			if m.Confirm != nil {
				name = "Gate/TestShop/keep-alive/confirming-2"
			}
			tidy, unit := benchunit.Tidy(*want, m.Unit)
			got := values[unit+" "+name]
			require.NotEmpty(t, got, m.Unit)
			require.InEpsilon(t, tidy, median(got), 1e-9, m.Unit)
			compared++
		}
		require.Greater(t, compared, 8)
	}
}

// TestBenchstatComparesThem as people do, and finds what the table says.
func TestBenchstatComparesThem(t *testing.T) {
	dir := t.TempDir()
	r := worseSample()
	for name, head := range map[string]bool{"base.txt": false, "head.txt": true} {
		var text bytes.Buffer
		require.NoError(t, r.writeBench(&text, head))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text.Bytes(), 0o644))
	}
	cmd := exec.CommandContext(t.Context(), "go", "tool", "benchstat", filepath.Join(dir, "base.txt"), filepath.Join(dir, "head.txt"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	base, head := r.Metrics[0].values()
	require.Regexp(t, `cpu-sec/req`, string(out))
	require.Regexp(t, `Gate/TestShop/keep-alive-2\s+`+regexp.QuoteMeta(base[:5]+"µ")+` ±.*`+regexp.QuoteMeta(head[:5]+"µ")+` ±.*\+10\.\d+%`, string(out))
	require.Regexp(t, `Gate/TestShop/keep-alive-2\s+4\.000Ki ±.*4\.004Ki ±`, string(out))
}

func TestArtifacts(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TEST_UNDECLARED_OUTPUTS_DIR", dir)
	r := worseSample()
	r.Test, r.Package = t.Name(), "example.org/"+filepath.Base(filepath.Dir(dir)) // another in each run, by -count too
	line := r.keep(artifact.Of(t, r.Package, ".gate"), extra{".head.cpu.pprof", []byte("profile")})
	found := regexp.MustCompile(`^artifacts    (.*)\.\*\n$`).FindStringSubmatch(line)
	require.NotNil(t, found, line)
	require.Equal(t, filepath.Join(dir, strings.ReplaceAll(r.Package, "/", "_")+".TestArtifacts.gate"), found[1])
	for suffix, want := range map[string]string{
		".md": r.markdown(), ".worst.txt": r.worstPair(), ".head.cpu.pprof": "profile",
	} {
		text, err := os.ReadFile(found[1] + suffix)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
	var read result
	text, err := os.ReadFile(found[1] + ".json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, r.String(), read.String())
	left, err := filepath.Glob(found[1] + ".*")
	require.NoError(t, err)
	require.Len(t, left, 6, "with those for benchstat: %v", left)

	left, err = filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, left, 6)
	require.Regexp(t, `^artifacts    \S+-2\.\*\n$`, newSampleOf(r).keep(artifact.Of(t, r.Package, ".gate")))
	left, err = filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, left, 8, "of what is new there are no figures: JSON and Markdown")
}

// newSampleOf is a new test of the same name.
func newSampleOf(r *result) *result {
	n := newSample()
	n.Test, n.Package = r.Test, r.Package
	return n
}

func TestArtifactsThatNobodyKeeps(t *testing.T) {
	t.Setenv("TEST_UNDECLARED_OUTPUTS_DIR", "")
	if f := flag.Lookup("test.artifacts"); f.Value.String() == "true" {
		t.Skip("go test -artifacts keeps them")
	}
	require.Equal(t, "artifacts    none are kept: go test -artifacts does, and benchstat reads what is in them\n", worseSample().keep(artifact.Of(t, "example.com/x", ".gate")))
}
