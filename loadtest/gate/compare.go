package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// canCompare says why two servers cannot be compared; nil: they can.
func canCompare(base, head *server) error {
	b, h := base.served(), head.served()
	if b.Address == h.Address {
		return fmt.Errorf("both tests say that their server is at %s, so that it is one and the same: a test is to start the "+
			"server that a gate compares, on a port or path of its own", h.Address)
	}
	if differ := differences(b.Says, h.Says); len(differ) > 0 {
		return &newError{"the two tests ask for different loads, of which one is no measure for the other: " + strings.Join(differ, ", ")}
	}
	return nil
}

// differences lists what two configs ask for differently.
func differences(base, head map[string]string) (differ []string) {
	fields := map[string]bool{}
	for _, m := range []map[string]string{base, head} {
		for f := range m {
			fields[f] = true
		}
	}
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if base[f] != head[f] {
			differ = append(differ, fmt.Sprintf("%s %s at base, %s at head", f, orNone(base[f]), orNone(head[f])))
		}
	}
	return differ
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
