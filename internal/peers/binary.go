package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// RequireBinary returns the path of the program name. If it is not installed, the test is skipped; with CI=true in the
// environment it fails instead, so that the comparisons cannot silently fall away where they must run. debPackage is the
// Debian package to name in the message.
func RequireBinary(tb testing.TB, name, debPackage string) string {
	tb.Helper()
	path, ok := findBinary(name)
	if ok {
		return path
	}
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s is not installed, and CI=true demands it: apt-get install %s", name, debPackage)
	}
	tb.Skipf("%s is not installed: apt-get install %s", name, debPackage)
	return ""
}

// NginxPath returns the path of nginx, if it is installed.
func NginxPath() (string, bool) { return findBinary("nginx") }

func findBinary(name string) (string, bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	// Debian installs servers where the PATH of an ordinary user does not look.
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return "", false
}
