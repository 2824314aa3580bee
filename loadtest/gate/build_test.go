package gate

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestRecipeIsThatOfThisBinary(t *testing.T) {
	r := recipeOf([]debug.BuildSetting{
		{Key: "-buildmode", Value: "exe"}, {Key: "-compiler", Value: "gc"}, {Key: "-race", Value: "true"},
		{Key: "-tags", Value: "one,two"}, {Key: "-gcflags", Value: "all=-N -l"}, {Key: "-cover", Value: "true"},
		{Key: "-trimpath", Value: "true"}, {Key: "-pgo", Value: "/somewhere/default.pgo"}, {Key: "DefaultGODEBUG", Value: "x=1"},
		{Key: "CGO_ENABLED", Value: "1"}, {Key: "CGO_CFLAGS", Value: ""}, {Key: "GOAMD64", Value: "v3"},
		{Key: "vcs.revision", Value: "1234"},
	})
	require.Equal(t, []string{"-trimpath", "-buildvcs=false", "-cover=false", "-race=true", "-tags=one,two", "-gcflags=all=-N -l"}, r.flags)
	require.Equal(t, []string{"CGO_ENABLED=1", "GOAMD64=v3"}, r.env)
	r = recipeOf([]debug.BuildSetting{{Key: "-buildmode", Value: "pie"}, {Key: "-pgo", Value: "/somewhere/cpu.pprof"}})
	require.Equal(t, []string{"-buildmode=pie", "-pgo=/somewhere/cpu.pprof"}, r.flags[3:])
}

// What the recipe says is what is built, whatever GOFLAGS says of coverage and of writing go.mod.
func TestBuiltByTheRecipe(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.write("srv/tagged_test.go", "//go:build special\n\npackage srv\n\nfunc init() { println(`tagged ` + word) }\n\nvar word = `word`\n")
	c.write("go.mod", "module example.org/m\n") // go would add its version
	c.commit("Tags")
	where := c.place("srv", "HEAD", "GOFLAGS=-covermode=atomic -mod=mod -json")
	where.Settings = []debug.BuildSetting{{Key: "-tags", Value: "special"}, {Key: "-ldflags", Value: "-X=example.org/m/srv.word=linked"},
		{Key: "CGO_ENABLED", Value: "0"}, {Key: "-cover", Value: "true"}}
	where.Covered = true
	before := c.seen()
	r := c.prepare(where)
	require.Contains(t, r.Notes[len(r.Notes)-1], "coverage is counted in this process alone")
	for binary, dir := range map[string]string{r.BaseBinary: r.BaseDir, r.HeadBinary: r.HeadDir} {
		require.Contains(t, says(t, binary, dir), "tagged linked")
		require.NotContains(t, says(t, binary, dir), "coverage")
	}
	require.NoError(t, r.Close())
	require.Empty(t, cmp.Diff(before, c.seen()))

	where.Settings = where.Settings[:1]
	r = c.prepare(where)
	require.NotEqual(t, "from the cache", r.Base.Built, "of other flags")
}

func TestGOFLAGSWithoutLeaveToWrite(t *testing.T) {
	for flags, want := range map[string]string{
		"": "", "-mod=mod": "-mod=readonly", "-v --mod=mod -tags=a": "-v --mod=readonly -tags=a", "-mod=vendor": "-mod=vendor",
		"'-ldflags=-X a=b' -modfile=mod": "'-ldflags=-X a=b' -modfile=mod",
	} {
		require.Equal(t, want, readonly(flags))
	}
}

func TestVendoredModulesAreTheRevisions(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.withLibrary()
	c.write("vendor/modules.txt", "# example.org/lib v0.0.0\n## explicit; go 1.26\nexample.org/lib\n")
	c.write("vendor/example.org/lib/lib.go", library("base"))
	c.commit("Vendored")
	c.write("vendor/example.org/lib/lib.go", library("head"))
	r := c.prepare(c.place("srv", "HEAD"))
	require.Contains(t, says(t, r.BaseBinary, r.BaseDir), "library of base")
	require.Contains(t, says(t, r.HeadBinary, r.HeadDir), "library of head")
}

func TestBaseThatDoesNotBuild(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.write(".gitignore", "generated.go\n")
	c.write(".gitmodules", "")
	c.write("srv/srv_test.go", "package srv\n\nvar x = generated\n")
	c.commit("Generated")
	c.write("srv/generated.go", "package srv\n\nvar generated = 1\n")
	c.git("sparse-checkout", "set", "srv")
	text := c.refused(c.place("srv", "HEAD"))
	require.Contains(t, text, "\nnote: the work tree is sparse (git sparse-checkout), and so is the base's")
	c.git("sparse-checkout", "disable")
	require.Regexp(t, `^gate: the base HEAD \([0-9a-f]{12} Generated\) does not build, so that there is nothing to compare with: name one `+
		`that does \(HOLDFAST_BASE\)\. go test -c `, text)
	require.Contains(t, text, "srv_test.go:3:9: undefined: generated")
	require.Contains(t, text, "\nnote: the base has submodules, and they are not checked out for it")
	require.Contains(t, text, "\nnote: git ignores 1 Go file (srv/generated.go) of the work tree, which the base is without")

	c.write("go.mod", "module example.org/m\n\ngo 1.999\n")
	newer := c.commit("Newer")
	require.Contains(t, c.refused(c.place("srv", "HEAD^")), "the one of this test is too old for one of them: install the newer")
	c.write("go.mod", "module example.org/m\n\ngo 1.26\n\nrequire example.org/n v1.0.0\n\nreplace example.org/n => ../n\n")
	c.write("srv/srv_test.go", "package srv\n\nimport _ `example.org/n`\n")
	away := c.commit("Away")
	c.write("go.mod", "module example.org/m\n\ngo 1.26\n")
	c.write("srv/srv_test.go", testSource("head"))
	c.commit("Head")
	require.Contains(t, c.refused(c.place("srv", newer)), "the one of this test is too old for the base")
	require.Contains(t, c.refused(c.place("srv", away)), "\nnote: the base takes modules from 1 directory (../n), outside the repository")
}

func TestHeadThatDoesNotBuildAlike(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.write("srv/srv_test.go", "package srv\n\nvar x = y\n")
	text := c.refused(c.place("srv", "HEAD"))
	require.Contains(t, text, "gate: head does not build as the base does")
	require.Contains(t, text, "undefined: y")
}

func TestTestBinaryOfAnotherPlace(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	where := c.place("srv", "HEAD")
	where.Package = "example.org/m/other"
	require.Contains(t, c.refused(where), "this is the test binary of example.org/m/other, and it runs in the directory of example.org/m/srv")
	where = c.place("", "HEAD")
	require.Contains(t, c.refused(where), "the test binary has to run in its package's directory")
	where = c.place("srv", "HEAD")
	where.Go = "go1.20.1"
	require.Contains(t, c.refused(where), "this test binary was built by go1.20.1, and the go in PATH is "+runtime.Version())
	require.NoError(t, sameToolchain(map[string]string{"GOVERSION": "go1.26.8"}, "go1.26.8 X:nodwarf5"))
}

func TestGoIsNotInstalled(t *testing.T) {
	c := newClone(t)
	where := c.place("srv", "HEAD")
	git, err := exec.LookPath("git")
	require.NoError(t, err)
	bin := t.TempDir()
	require.NoError(t, os.Symlink(git, filepath.Join(bin, "git")))
	t.Setenv("PATH", bin)
	require.Equal(t, "gate: the base is built by go, which is not installed, or not in PATH", c.refused(where))
}

// The base's package may fail before its tests are listed.
func TestBaseThatDoesNotStart(t *testing.T) {
	t.Parallel()
	c := newClone(t)
	c.write("srv/main_test.go", "package srv\n\nfunc init() { panic(`no such thing`) }\n")
	c.commit("Fails")
	c.change()
	r := c.prepare(c.place("srv", "HEAD^"))
	_, err := r.hasTest(t.Context(), c.place("srv", ""))
	require.ErrorContains(t, err, "gate: the base's test binary does not list its tests: its package's init or TestMain fails")
	require.ErrorContains(t, err, "no such thing")
}
