package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A workspace says with which go.work the base is built.
type workspace struct {
	path    string // what GOWORK is set to: "off" or a file
	key     string // the same for the same, wherever the work tree is
	outside bool   // modules outside the repository are built in: what they are today, for both
}

// workspaceOf decides it. Head's own go.work is what go found there; "" if there is none.
//
//   - One inside the repository belongs to a revision: the base has its own, at the same place or above, or none.
//   - One outside is about more than this repository. The base gets a copy that uses the base's work tree in place of the author's,
//     and all other modules as head does: the comparison is of this repository's change alone.
//
// GOWORK is always set, so that a stray go.work above the temporary directory counts for nothing.
func workspaceOf(ctx context.Context, r *repository, h *home, headWork string) (workspace, error) {
	switch {
	case headWork == "off":
		return workspace{path: "off", key: "off"}, nil
	case headWork == "":
		return r.nearest(h.tree(), ""), nil
	}
	rel, err := r.inside(headWork)
	if err == nil {
		return r.nearest(h.tree(), rel), nil
	}
	path := filepath.Join(h.dir, "go.work")
	if err := r.transplant(ctx, headWork, path, h.tree()); err != nil {
		return workspace{}, fmt.Errorf("gate: making a go.work like %s with the base in place of head: %w", headWork, err)
	}
	return workspace{path: path, key: headWork, outside: true}, nil
}

// inside returns where in the author's work tree a path is; an error if it is elsewhere.
func (r *repository) inside(path string) (string, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	top := r.top
	if real, err := filepath.EvalSymlinks(top); err == nil {
		top = real
	}
	rel, err := filepath.Rel(top, path)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s is outside %s", path, r.top)
	}
	return rel, nil
}

// nearest finds the base's go.work: where head has it, else from the package's directory upwards, within the work tree.
func (r *repository) nearest(tree, head string) workspace {
	places := []string{}
	if head != "" {
		places = append(places, head)
	}
	for dir := filepath.FromSlash(r.prefix); ; dir = filepath.Dir(dir) {
		places = append(places, filepath.Join(dir, "go.work"))
		if dir == "." || dir == "" {
			break
		}
	}
	for _, rel := range places {
		path := filepath.Join(tree, rel)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return workspace{path: path, key: rel}
		}
	}
	return workspace{path: "off", key: "off"}
}

// A workFile is what go work edit -json says of one.
type workFile struct {
	Use     []struct{ DiskPath string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

// transplant copies a go.work to another directory, with paths that are right there.
func (r *repository) transplant(ctx context.Context, from, to, tree string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	out, err := r.goTool(ctx, filepath.Dir(from), "work", "edit", "-json", from)
	if err != nil {
		return err
	}
	var w workFile
	if err := json.Unmarshal([]byte(out), &w); err != nil {
		return err
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		return err
	}
	there := func(path string) string {
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(from), path)
		}
		if rel, err := r.inside(path); err == nil {
			return filepath.Join(tree, rel)
		}
		return path
	}
	args := []string{"work", "edit"}
	for _, u := range w.Use {
		args = append(args, "-dropuse="+u.DiskPath)
	}
	for _, u := range w.Use {
		// A module that the base lacks is not used there.
		if path := there(u.DiskPath); fileExists(filepath.Join(path, "go.mod")) {
			args = append(args, "-use="+path)
		}
	}
	for _, p := range w.Replace {
		if p.New.Version != "" {
			continue
		}
		old := p.Old.Path
		if p.Old.Version != "" {
			old += "@" + p.Old.Version
		}
		args = append(args, "-replace="+old+"="+there(p.New.Path))
	}
	if _, err := r.goTool(ctx, filepath.Dir(to), append(args, to)...); err != nil {
		return err
	}
	if sums, err := os.ReadFile(from + ".sum"); err == nil {
		return os.WriteFile(to+".sum", sums, 0o600)
	}
	return nil
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// replacedOutside lists the directories that a go.mod or go.work of the base has modules in which are no part of its work tree: by an
// absolute path, or by one that leads out of it, and so to nowhere.
func (r *repository) replacedOutside(ctx context.Context, tree, file string) []string {
	kind := "mod"
	if filepath.Ext(file) == ".work" {
		kind = "work"
	}
	out, err := r.goTool(ctx, filepath.Dir(file), kind, "edit", "-json", file)
	var w workFile
	if err != nil || json.Unmarshal([]byte(out), &w) != nil {
		return nil // go says so when it builds
	}
	var found []string
	look := func(path string) {
		abs := path
		if !filepath.IsAbs(path) {
			abs = filepath.Join(filepath.Dir(file), path)
		}
		if rel, err := filepath.Rel(tree, abs); err != nil || !filepath.IsLocal(rel) {
			found = append(found, path)
		}
	}
	for _, p := range w.Replace {
		if p.New.Version == "" && (filepath.IsAbs(p.New.Path) || strings.HasPrefix(p.New.Path, ".")) {
			look(p.New.Path)
		}
	}
	for _, u := range w.Use {
		look(u.DiskPath)
	}
	return found
}
