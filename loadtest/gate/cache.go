package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A cache keeps test binaries of bases: a base is compared with again and again, and linking takes seconds. A file is named for what
// it was made of and for its content, so that what is damaged is not taken. Any number of processes use it at once: files come
// by renaming, and each gate runs a copy of its own.
type cache struct{ dir string }

// What is kept at most. A test binary has some ten megabytes.
const (
	cacheAge  = 14 * 24 * time.Hour // since it was last used
	cacheSize = 20
)

// cacheFormat changes when old binaries would not do any more.
const cacheFormat = "1"

// keyOf returns the name for all that makes a difference to a binary.
func keyOf(commit, prefix, work string, flags []string, env map[string]string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%q\n%q\n%q\n", cacheFormat, commit, prefix, work, flags)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		// These name temporary files, or where the work tree is.
		if name != "GOGCCFLAGS" && name != "GOMOD" && name != "GOWORK" {
			fmt.Fprintf(h, "%s=%q\n", name, env[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// cacheable reports whether the key tells all: flags may name files whose content it does not.
func cacheable(flags []string, env map[string]string) bool {
	for _, f := range append(strings.Fields(env["GOFLAGS"]), flags...) {
		name, value, _ := strings.Cut(strings.TrimLeft(f, `'"-`), "=")
		switch name {
		case "overlay", "modfile", "toolexec", "pkgdir":
			return false
		case "pgo":
			if value != "auto" && value != "off" {
				return false
			}
		}
	}
	return true
}

// take copies a binary out of the cache, and returns its sum; "" if it is not there.
func (c cache) take(key, to string) string {
	found, _ := filepath.Glob(filepath.Join(escapeGlob(c.dir), key+"-*"))
	for _, path := range found {
		sum, err := copyFile(path, to)
		if err == nil && strings.HasSuffix(path, "-"+sum) {
			now := time.Now()
			_ = os.Chtimes(path, now, now) // it was used
			return sum
		}
		os.Remove(to)
		if err == nil { // damaged, and not only unreadable now
			os.Remove(path)
		}
	}
	return ""
}

// put keeps a binary, and removes what is too much.
func (c cache) put(key, binary, sum string) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, "new-")
	if err != nil {
		return err
	}
	f.Close()
	defer os.Remove(f.Name()) // it has another name by then, if all went well
	switch got, err := copyFile(binary, f.Name()); {
	case err != nil:
		return err
	case got != sum:
		return errors.New("it changed while it was copied")
	}
	if err := os.Rename(f.Name(), filepath.Join(c.dir, key+"-"+sum)); err != nil {
		return err
	}
	c.prune(time.Now())
	return nil
}

// prune removes what was not used for long, and the longest unused of what is too many.
func (c cache) prune(now time.Time) {
	entries, _ := os.ReadDir(c.dir)
	used := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			used[e.Name()] = info.ModTime()
		}
	}
	names := slices.SortedFunc(maps.Keys(used), func(a, b string) int { return used[b].Compare(used[a]) })
	for i, name := range names {
		// A file that another gate is writing is the youngest, or of one that was killed.
		if i >= cacheSize || now.Sub(used[name]) > cacheAge {
			os.Remove(filepath.Join(c.dir, name))
		}
	}
}

// copyFile copies an executable, and returns the SHA-256 of what it copied.
func copyFile(from, to string) (sum string, err error) {
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o700)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), in)
	// On disk before it has its name: what a crash cuts short must not be found.
	if err = errors.Join(err, out.Chmod(0o700), out.Sync(), out.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sumOf returns the SHA-256 of a file.
func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
