package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/holdfast/internal/leaktest"
	"example.com/holdfast/loadtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// lossyReport is of a run in which the server closed idle conns, of which all is judged.
func lossyReport(tb testing.TB) *loadtest.Report {
	tb.Helper()
	own := &http.Server{IdleTimeout: 250 * time.Millisecond}
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      loadtest.Serve(tb, "tcp", own.Serve),
		Connections: 60,
		IdleTimeout: 2 * time.Second,
		Cadence:     loadtest.Uniform(100*time.Millisecond, 500*time.Millisecond),
		Reopen:      loadtest.Reopen{Delay: -1},
		Request:     loadtest.Request{Want: loadtest.StatusRange{Lowest: 200, Highest: 499}}, // there is no handler
		Hold:        2500 * time.Millisecond,
	})
	require.NoError(tb, err)
	require.Positive(tb, r.Conns.Dropped)
	v := r.Judge(loadtest.Budget{Latency: loadtest.Limits{P50: time.Nanosecond, P99: time.Minute}})
	r.Verdict = &v
	return r
}

// tenMinutes makes a report one of ten minutes at 10 000 conns.
func tenMinutes(r *loadtest.Report) *loadtest.Report {
	long := *r
	long.Timeline = nil
	for i := range 600 {
		s := r.Timeline[i%len(r.Timeline)]
		s.At, s.Phase, s.Open, s.Sent = time.Duration(i+1)*time.Second, "hold", 10_000-int64(i%7), int64(500+i%90)
		s.LatencyP50 += time.Duration(i%50) * time.Microsecond
		s.LatencyP99, s.LatencyMax = 3*s.LatencyP50, time.Duration(5+i%11)*s.LatencyP50
		s.Late, s.LagMax = time.Duration(1+i%13)*time.Millisecond, time.Duration(1+i%12)*time.Millisecond
		s.Host.Busy, s.Host.Foreign, s.Host.Steal = float64(i%60)/100, float64(i%23)/100, float64(i%3)/100
		s.Clean = i%9 > 0
		long.Timeline = append(long.Timeline, s)
	}
	long.Phases = loadtest.Phases{Ramp: 10 * time.Second, Hold: 588 * time.Second, Sweep: time.Second, Drain: time.Second,
		Ended: "drain", Complete: true}
	return &long
}

// written returns the file:// URL of a report's page.
func written(tb testing.TB, r *loadtest.Report) string {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "report.html")
	file, err := os.Create(name)
	require.NoError(tb, err)
	require.NoError(tb, r.WriteHTML(file))
	require.NoError(tb, file.Close())
	return "file://" + name
}

// A drawing is what the browser made of one chart.
type drawing struct {
	ID     string
	Width  float64 // of the figure
	Height float64
	Marks  int    // lines and bars that take room
	Words  string // that stand in its place
}

const drawings = `[...document.querySelectorAll('figure')].map(f => {
	const box = f.getBoundingClientRect();
	const marks = [...f.querySelectorAll('path.line, path.loss')].filter(m => {
		const b = m.getBBox(), style = getComputedStyle(m);
		const ink = style.stroke != 'none' || style.fill != 'none';
		return ink && b.width + b.height > 0;
	});
	const words = f.querySelector('.none');
	return {ID: f.id, Width: box.width, Height: box.height, Marks: marks.length, Words: words ? words.textContent : ''};
})`

// dim are the texts whose contrast with what is behind them is below 4.5 to 1, which WCAG 2 demands at level AA.
const dim = `(() => {
	const channels = s => s.match(/[\d.]+/g).map(Number);
	const luminance = c => {
		const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = e => {
		for (; e; e = e.parentElement) {
			const c = channels(getComputedStyle(e).backgroundColor);
			if (c.length == 3 || c[3] > 0) return c.slice(0, 3);
		}
	};
	const found = new Set();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; n = walk.nextNode();) {
		const e = n.parentElement;
		if (!n.textContent.trim() || ['title', 'desc'].includes(e.localName)) continue;
		const style = getComputedStyle(e);
		const ink = luminance(channels(e.namespaceURI.endsWith('svg') ? style.fill : style.color).slice(0, 3));
		const back = luminance(ground(e));
		const contrast = (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05);
		if (contrast < 4.5) found.add(contrast.toFixed(2) + ': ' + n.textContent.trim().slice(0, 40));
	}
	return [...found];
})()`

// TestPageInChromium: in light and dark, on a wide and on a narrow screen, there is no error, each chart is drawn, all text can
// be read, nothing is beyond the edge, and no number is another than in the JSON.
func TestPageInChromium(t *testing.T) {
	c := startChromium(t)
	r := lossyReport(t)
	pages := map[string]*loadtest.Report{"lossy": r, "ten minutes": tenMinutes(r), "empty": {}}
	for name, r := range pages {
		url := written(t, r)
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int{1280, 360} {
				at := fmt.Sprintf("%s, %s, %d wide", name, scheme, width)
				c.look(scheme, width)
				c.open(url)
				var isDark bool
				c.ask(`getComputedStyle(document.body).backgroundColor != 'rgb(255, 255, 255)'`, &isDark)
				require.Equal(t, scheme == "dark", isDark, at)
				c.wantDrawn(at, name == "empty")
				var tooDim []string
				c.ask(dim, &tooDim)
				require.Empty(t, tooDim, at)
				var wide int
				c.ask(`document.documentElement.scrollWidth`, &wide)
				require.LessOrEqual(t, wide, width, at)
				require.Empty(t, c.troubles, at)
			}
		}
		c.wantNumbersOf(r)
	}
}

func (c *chromium) wantDrawn(at string, empty bool) {
	c.tb.Helper()
	var all []drawing
	c.ask(drawings, &all)
	require.Len(c.tb, all, 8, at)
	for _, d := range all {
		require.Greater(c.tb, d.Width, 200.0, "%s: %+v", at, d)
		require.Greater(c.tb, d.Height, 40.0, "%s: %+v", at, d)
		if empty {
			require.Zero(c.tb, d.Marks, "%s: %+v", at, d)
			require.Contains(c.tb, d.Words, "none: ", at)
			continue
		}
		require.Empty(c.tb, d.Words, "%s: %s", at, d.ID)
		require.Positive(c.tb, d.Marks, "%s: %+v", at, d)
	}
}

// TestPageOnPaper: whoever prints it from a dark screen gets black on white, and what belongs together is on one sheet.
func TestPageOnPaper(t *testing.T) {
	c := startChromium(t)
	c.look("dark", 720)
	c.call("Emulation.setEmulatedMedia", map[string]any{
		"media": "print", "features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}},
	}, nil)
	c.open(written(t, lossyReport(t)))
	var ground string
	c.ask(`getComputedStyle(document.body).backgroundColor`, &ground)
	require.Equal(t, "rgb(255, 255, 255)", ground)
	var tooDim, apart []string
	c.ask(dim, &tooDim)
	require.Empty(t, tooDim)
	c.ask(`[...document.querySelectorAll('figure, tr, li, h2, tr:has(+.why)')].filter(e => {
		const style = getComputedStyle(e);
		return e.matches('h2, tr:has(+.why)') ? style.breakAfter != 'avoid' : style.breakInside != 'avoid';
	}).map(e => e.textContent.trim().slice(0, 40))`, &apart)
	require.Empty(t, apart)
	var sizes []string
	c.ask(`[...new Set([...document.querySelectorAll('p, figcaption, th, td, li')].filter(e => !e.closest('.banner, .seconds'))
		.map(e => getComputedStyle(e).fontSize))].sort()`, &sizes)
	require.Subset(t, []string{"10.12px", "11px", "9.35px", "9.57px"}, sizes, "none is half as large as another")
}

// wantNumbersOf holds each number of the page, as the browser has it, against the JSON.
func (c *chromium) wantNumbersOf(r *loadtest.Report) {
	c.tb.Helper()
	data, err := json.Marshal(r)
	require.NoError(c.tb, err)
	// The browser has what is in the JSON at a key by itself; a seed is a string there.
	var wrong []string
	c.ask(fmt.Sprintf(`(() => {
		const report = %s;
		return [...document.querySelectorAll('data')].filter(d => {
			const want = d.dataset.key.split('.').reduce((v, key) => v[key], report);
			return want === undefined || (typeof want == 'string' ? d.value !== want : Number(d.value) !== want) || !d.textContent;
		}).map(d => d.outerHTML);
	})()`, data), &wrong)
	require.Empty(c.tb, wrong)
	var n int
	c.ask(`document.querySelectorAll('data').length`, &n)
	require.Greater(c.tb, n, 50)
	var headline string
	c.ask(`document.querySelector('h1').textContent`, &headline)
	first, _, _ := strings.Cut(r.String(), "\n")
	require.Equal(c.tb, first, strings.TrimSpace(headline))
}

// TestTroublesAreSeen: what the test above would overlook, it could not find.
func TestTroublesAreSeen(t *testing.T) {
	c := startChromium(t)
	for page, want := range map[string]string{
		`<script>console.error('told')</script>`: "told",
		`<script>nobody()</script>`:              "nobody is not defined",
		`<meta http-equiv="Content-Security-Policy" content="script-src 'none'"><script>1</script>`: "Content Security Policy",
	} {
		name := filepath.Join(t.TempDir(), "page.html")
		require.NoError(t, os.WriteFile(name, []byte("<!DOCTYPE html>"+page+"<body style='color:#888;background:#fff'>dim"), 0o644))
		c.open("file://" + name)
		var tooDim []string
		c.ask(dim, &tooDim)
		require.Equal(t, []string{"3.54: dim"}, tooDim)
		require.Contains(t, strings.Join(c.troubles, "\n"), want)
	}
}

// BenchmarkRender is how long the browser takes from a file to the first picture, of ten minutes at 10 000 conns.
func BenchmarkRender(b *testing.B) {
	c := startChromium(b)
	r := tenMinutes(lossyReport(b))
	url := written(b, r)
	c.look("light", 1280)
	var longest, took float64
	for b.Loop() {
		c.open(url)
		c.ask(`new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))`, &took)
		longest = max(longest, took)
	}
	if longest > 1000 {
		b.Errorf("the page took %.0f ms to be seen, want less than a second", longest)
	}
	b.ReportMetric(longest/1000, "longest-s")
}
