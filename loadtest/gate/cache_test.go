package gate

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeyTellsWhatMakesADifference(t *testing.T) {
	env := map[string]string{"GOVERSION": "go1.26.8", "GOFLAGS": "", "GOMOD": "/tmp/a/go.mod", "GOGCCFLAGS": "-x=/tmp/a"}
	key := keyOf("c1", "srv", "off", []string{"-trimpath"}, env)
	seen := map[string]bool{key: true}
	differs := func(key string) {
		t.Helper()
		require.False(t, seen[key])
		seen[key] = true
	}
	differs(keyOf("c2", "srv", "off", []string{"-trimpath"}, env))
	differs(keyOf("c1", "srv2", "off", []string{"-trimpath"}, env))
	differs(keyOf("c1", "srv", "go.work", []string{"-trimpath"}, env))
	differs(keyOf("c1", "srv", "off", []string{"-trimpath", "-race"}, env))
	for name, value := range map[string]string{"GOVERSION": "go1.26.9", "GOFLAGS": "-tags=x", "CGO_ENABLED": "0"} {
		was, is := env[name]
		env[name] = value
		differs(keyOf("c1", "srv", "off", []string{"-trimpath"}, env))
		if env[name] = was; !is {
			delete(env, name)
		}
	}
	env["GOMOD"], env["GOGCCFLAGS"] = "/tmp/b/go.mod", "-x=/tmp/b"
	require.Equal(t, key, keyOf("c1", "srv", "off", []string{"-trimpath"}, env), "only where the work tree is differs")

	require.True(t, cacheable([]string{"-pgo=auto"}, map[string]string{"GOFLAGS": "-mod=mod -tags=overlay"}))
	require.False(t, cacheable(nil, map[string]string{"GOFLAGS": "-mod=mod -overlay=/x"}))
	require.False(t, cacheable([]string{"-pgo=/x/cpu.pprof"}, nil))
}

// binary makes a file to keep, and returns its sum.
func binary(t *testing.T, text string) (path, sum string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "binary")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o700))
	sum, err := sumOf(path)
	require.NoError(t, err)
	return path, sum
}

func TestCacheGivesWhatItWasGiven(t *testing.T) {
	c := cache{filepath.Join(t.TempDir(), "not [made", "yet")}
	from, sum := binary(t, "first")
	to := filepath.Join(t.TempDir(), "copy")
	require.Empty(t, c.take("k", to))
	require.NoError(t, c.put("k", from, sum))
	require.Equal(t, sum, c.take("k", to))
	require.Empty(t, c.take("k2", to))
	text, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, "first", string(text))
	info, err := os.Stat(to)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode())

	kept := filepath.Join(c.dir, "k-"+sum)
	require.NoError(t, os.WriteFile(kept, []byte("fir"), 0o700))
	require.Empty(t, c.take("k", to), "damaged")
	require.NoFileExists(t, kept)
	require.NoFileExists(t, to)
	require.Error(t, c.put("k", from, "another sum"))
	entries, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing half made")
}

func TestCacheForgetsWhatIsNotUsed(t *testing.T) {
	c := cache{t.TempDir()}
	from, sum := binary(t, "x")
	for i := range cacheSize + 3 {
		require.NoError(t, c.put(fmt.Sprint("k", i), from, sum))
		at := time.Now().Add(time.Duration(i-100) * time.Minute)
		require.NoError(t, os.Chtimes(filepath.Join(c.dir, fmt.Sprint("k", i, "-", sum)), at, at))
	}
	require.NotEmpty(t, c.take("k3", filepath.Join(t.TempDir(), "copy")), "the oldest of those that are left")
	c.prune(time.Now())
	entries, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	require.Len(t, entries, cacheSize)
	c.prune(time.Now().Add(cacheAge - time.Minute))
	require.NotEmpty(t, c.take("k3", filepath.Join(t.TempDir(), "copy")), "it was used last")
	require.Empty(t, c.take("k22", filepath.Join(t.TempDir(), "copy")), "some were used longer ago")
	c.prune(time.Now().Add(cacheAge + time.Minute))
	require.Empty(t, c.take("k3", filepath.Join(t.TempDir(), "copy")))
}

func TestCacheThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.change()
	require.NoError(t, os.WriteFile(c.keep, nil, 0o600)) // in the directory's place
	r := c.prepare(c.place("srv", "HEAD^"))
	require.Len(t, r.Notes, 1)
	require.Contains(t, r.Notes[0], "the base is built each time, because its binary cannot be kept: ")
	require.NoError(t, r.Close())
	where := c.place("srv", "HEAD^")
	where.NoCache = os.ErrNotExist
	r = c.prepare(where)
	require.Equal(t, []string{"the base is built each time, because there is no directory for caches: file does not exist"}, r.Notes)
}
