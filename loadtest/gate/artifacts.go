package gate

import (
	"fmt"
	"io"

	"example.com/holdfast/internal/artifact"
)

// An extra is a file that is kept as it is, such as a CPU profile of a server process.
type extra struct {
	suffix string // such as ".base.cpu.pprof"
	data   []byte
}

// keep writes the files of a gate beside those of loadtest.Check, and returns a line for the test log that says where they
// are, or how to have them.
func (r *result) keep(place artifact.Place, extras ...extra) string {
	files := []artifact.File{
		{Suffix: ".json", Write: r.writeJSON},
		artifact.Bytes(".md", []byte(r.markdown())),
	}
	if len(r.First)+len(r.Costs) > 0 {
		files = append(files,
			artifact.File{Suffix: ".base.txt", Write: func(w io.Writer) error { return r.writeBench(w, false) }},
			artifact.File{Suffix: ".head.txt", Write: func(w io.Writer) error { return r.writeBench(w, true) }})
	}
	if text := r.worstPair(); text != "" {
		files = append(files, artifact.Bytes(".worst.txt", []byte(text)))
	}
	for _, e := range extras {
		files = append(files, artifact.Bytes(e.suffix, e.data))
	}
	text := "none are kept: go test -artifacts does, and benchstat reads what is in them"
	switch where, err := place.Keep(files...); {
	case err != nil:
		text = fmt.Sprintf("not all could be written: %v", err)
	case where != "":
		text = where
	}
	return fmt.Sprintf("%-*s%s\n", labelWidth, "artifacts", text)
}
