package loadtest

import (
	"encoding/json"
	"fmt"
	"io"

	"example.com/holdfast/internal/artifact"
)

// keep writes the report, and of a test that failed what was seen in it. It returns a line that says where they are.
func (c *check) keep(r *Report, s *scene) string {
	files := []artifact.File{
		{Suffix: ".html", Write: r.WriteHTML},
		{Suffix: ".json", Write: func(w io.Writer) error { return json.NewEncoder(w).Encode(r) }},
	}
	if s != nil && s.seen {
		files = append(files, artifact.Bytes(".goroutines.txt", s.goroutines), artifact.Bytes(".heap.pprof", s.heap),
			artifact.Bytes(".scene.txt", []byte(s.String())))
	}
	switch where, err := c.files.Keep(files...); {
	case err != nil:
		return fmt.Sprintf("\n  artifacts: not all could be written: %v", err)
	case where != "":
		return "\n  artifacts: " + where
	}
	return ""
}
