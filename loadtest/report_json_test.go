package loadtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/golden"
)

func diffReports(want, got *Report) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}))
}

// roundTrip demands that r is the same after it was JSON, and that its JSON is too.
func roundTrip(t *testing.T, r *Report) {
	t.Helper()
	data, err := json.Marshal(r)
	require.NoError(t, err)
	var got Report
	require.NoError(t, json.Unmarshal(data, &got))
	if diff := diffReports(r, &got); diff != "" {
		t.Fatalf("report differs after its round trip (-want +got):\n%s", diff)
	}
	again, err := json.Marshal(got)
	require.NoError(t, err)
	require.Equal(t, string(data), string(again))
}

func TestJSONRoundTrip(t *testing.T) {
	roundTrip(t, healthyReport())
	roundTrip(t, failingReport())
	roundTrip(t, cancelledReport())
	roundTrip(t, treeReport())
	roundTrip(t, leakingReport())
	roundTrip(t, &Report{})
	rng := rand.New(rand.NewPCG(7, 8))
	for range 10 {
		roundTrip(t, randomReport(rng))
	}
}

// TestJSONHasTheVerdict: who reads the JSON of a test that failed need not know its budget; and one that nobody judged says
// nothing of it.
func TestJSONHasTheVerdict(t *testing.T) {
	r := failingReport()
	data, err := json.Marshal(r)
	require.NoError(t, err)
	require.NotContains(t, string(data), `"verdict"`)
	for _, b := range []Budget{{}, {Held: 900, Drops: 200, Failed: -1, Latency: Limits{P50: time.Minute, P99: time.Second}},
		{Held: 2000}} {
		v := r.Judge(b)
		r.Verdict = &v
		roundTrip(t, r)
		data, err = json.Marshal(r)
		require.NoError(t, err)
		require.Contains(t, string(data), `"verdict":{"outcome":`)
	}
}

// The bytes of a compressed histogram may change with the Go release; see TestJSONOfVersion4 for them.
var histogramText = regexp.MustCompile(`"hdr": "[^"]+"`)

func TestJSONGolden(t *testing.T) {
	for name, r := range map[string]*Report{"healthy": healthyReport(), "failing": failingReport()} {
		data, err := json.MarshalIndent(r, "", "  ")
		require.NoError(t, err)
		require.Len(t, histogramText.FindAll(data, -1), len(r.distributions())+4) // those of the cohort
		golden.Want(t, "report_"+name+".json", histogramText.ReplaceAllString(string(data), `"hdr": "…"`)+"\n")
	}
}

// A file once written stays readable, and means the same. HOLDFAST_UPDATE does not touch it: without the file, the test
// writes it anew.
func TestJSONOfVersion4(t *testing.T) {
	file := filepath.Join("testdata", "report_v4.json")
	if _, err := os.Stat(file); os.IsNotExist(err) {
		data, err := json.MarshalIndent(failingReport(), "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, append(data, '\n'), 0o644))
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var got Report
	require.NoError(t, json.Unmarshal(data, &got))
	want := failingReport()
	require.Len(t, got.Warnings, len(want.Warnings))
	for i, w := range got.Warnings {
		want.Warnings[i].Text = w.Text // is for people, and may be put better some day
	}
	if diff := diffReports(want, &got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
	require.NoError(t, got.laws())
	require.Equal(t, want.String(), got.String())
}

func TestJSONThatIsRefused(t *testing.T) {
	data, err := json.Marshal(healthyReport())
	require.NoError(t, err)
	hdr := regexp.MustCompile(`"hdr":"[^"]+"`)
	coarse := hdrhistogram.New(1, 1e6, 1)
	require.NoError(t, coarse.RecordValues(5, 1000))
	oneDigit, err := coarse.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	tests := map[string]struct{ data, want string }{
		"not an object":    {`[]`, "decoding a report"},
		"no report":        {`{"conns":{}}`, "this is not a report"},
		"another version":  {`{"version":3,"conns":7}`, "it is of version 3, and this package reads version 4"},
		"wrong type":       {`{"version":4,"conns":{"held":"all"}}`, "conns.held"},
		"seed as a number": {`{"version":4,"seed":5}`, "decoding a report"},
		"no histogram":     {string(hdr.ReplaceAll(data, []byte(`"hdr":""`))), "no histogram (hdr), yet count is 1000"},
		"no base64":        {string(hdr.ReplaceAll(data, []byte(`"hdr":"?"`))), "hdr: illegal base64"},
		"cut":              {string(hdr.ReplaceAll(data, []byte(`"hdr":"HISTFAAA"`))), "hdr: "},
		"one digit":        {string(hdr.ReplaceAll(data, fmt.Appendf(nil, `"hdr":%q`, oneDigit))), "hdr has 1 significant digits"},
		"count":            {replaced(data, `"count":1000`, `"count":1001`), "hdr holds 1000 values, yet count is 1001"},
		"censored":         {replaced(data, `"censored":0`, `"censored":1001`), "1001 censored"},
		"clamped":          {replaced(data, `"clamped":0`, `"clamped":-1`), "-1 clamped"},
		"min above max":    {replaced(data, `"min_ns":31000`, `"min_ns":412001`), "min_ns 412001 is above max_ns 412000"},
		"min":              {replaced(data, `"min_ns":31000`, `"min_ns":30000`), "yet min_ns is 30000"},
		"max":              {replaced(data, `"max_ns":412000`, `"max_ns":413000`), "and max_ns 413000"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var r Report
			require.ErrorContains(t, json.Unmarshal([]byte(test.data), &r), test.want)
		})
	}
}

// replaced changes the first distribution, which is Connect.
func replaced(data []byte, old, new string) string {
	return string(bytes.Replace(data, []byte(old), []byte(new), 1))
}

// FuzzReportJSON demands of any bytes: an error, or a report that makes its round trip and can be read.
func FuzzReportJSON(f *testing.F) {
	f.Add([]byte(`{"version":4,"started":"2026-11-23T15:00:00.5Z","config":{"local_addrs":["::1%lo"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Report
		if json.Unmarshal(data, &r) != nil {
			return
		}
		roundTrip(t, &r)
		_ = r.String()
		_ = r.laws()
		require.NoError(t, r.WriteHTML(io.Discard))
	})
}
