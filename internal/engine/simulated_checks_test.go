package engine

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fingerprint writes a result out, to the last count of its histograms.
func fingerprint(r *Result) string {
	var all []byte
	v := reflect.ValueOf(*r)
	for i := range v.NumField() {
		value := v.Field(i).Interface()
		switch of := value.(type) {
		case *Hist:
			value = histOf(of)
		case Cohort:
			value = []any{histOf(of.Latency), histOf(of.ServiceTime)}
		}
		all = fmt.Appendf(all, "%s: %+v\n", v.Type().Field(i).Name, value)
	}
	return string(all)
}

func histOf(h *Hist) any {
	if h == nil {
		return nil
	}
	exported := h.HDR.Export()
	return []any{h.Sum, h.Min, h.Max, h.Censored, h.Clamped, exported.LowestTrackableValue,
		exported.HighestTrackableValue, trimmed(exported.Counts)}
}

// trimmed returns what is not 0, with its place.
func trimmed(counts []int64) (all [][2]int64) {
	for i, n := range counts {
		if n != 0 {
			all = append(all, [2]int64{int64(i), n})
		}
	}
	return all
}

// requireNoneForgotten checks that no deadline that has passed still lies somewhere, that only conns in the middle of a
// request or a response have something in the side table, and that what was lost waits to be opened again.
func (s *simulation) requireNoneForgotten(w *simWorker) {
	again := 0
	for j := range w.machine.conns {
		x, c := &w.wires[j], &w.machine.conns[j]
		if c.wake <= w.turn-s.tick {
			s.failf("slot %d, in state %d, was to be woken at %v, and it is %v", x.slotNumber(), c.state, c.wake, w.turn)
		}
		v := &x.truth
		partly := v.taken > 0 && v.taken < len(s.plan.Request) || v.of != nil
		if aside := c.side != 0; !v.fallen && aside != partly {
			s.failf("slot %d is in the side table: %v, and should be: %v", x.slotNumber(), aside, partly)
		}
		if v.fallen {
			again++
		}
	}
	for _, e := range w.heap {
		if slot := &w.wires[e.j].slot; e.at < slot.retry || e.at > slot.retryBy {
			s.failf("slot %d is to be opened again at %v, and should be from %v to %v", w.slot(e.j), e.at, slot.retry, slot.retryBy)
		}
	}
	if w.phase < PhaseDrain && s.plan.Reopen.Rate > 0 && again != len(w.heap) {
		s.failf("%d slots of worker %d are to be opened again, and should be: %d", len(w.heap), w.worker, again)
	}
}

// requireNoneKeptBack checks that of the slots to be opened again those are that may be.
func (s *simulation) requireNoneKeptBack(w *simWorker) {
	if w.unchecked > 0 || time.Duration(s.phases.nextReopen.Load()) > w.turn {
		return
	}
	for _, e := range w.heap {
		if e.at <= w.turn {
			s.failf("slot %d was to be opened again at %v, and it is %v", w.slot(e.j), e.at, w.turn)
		}
	}
}

// requireNothingLeft checks what a run must leave behind: nothing that is not accounted for.
func (s *simulation) requireNothingLeft(t *testing.T) {
	for _, w := range s.workers {
		var up, outstanding, unproven, sides, linked int
		for j := range w.wires {
			x, c := &w.wires[j], &w.machine.conns[j]
			v := &x.truth
			require.False(t, x.open, "the socket of slot %d", x.slotNumber())
			if c.side != 0 {
				sides++
			}
			if c.links.tick != 0 {
				linked++
			}
			if c.state == closed {
				require.Zero(t, c.side, "side of slot %d, which is lost", x.slotNumber())
				require.Zero(t, c.links.tick, "deadline of slot %d, which is lost", x.slotNumber())
			}
			if !v.up || v.fallen {
				continue
			}
			require.False(t, v.owed && !w.abandoned, "a request of slot %d was due, and never sent", x.slotNumber())
			up++
			if v.due {
				outstanding++
				if v.served == 0 {
					unproven++
				}
			}
		}
		require.Equal(t, []int{up, outstanding, unproven}, []int{int(w.machine.tally.open), w.outstanding, w.unproven},
			"up, outstanding, unproven")
		require.Equal(t, len(w.sides.table)-len(w.sides.free), sides, "sides that nobody has")
		if !w.abandoned {
			require.Zero(t, outstanding+w.connecting, "in flight when a run was over that was not cancelled")
			require.Zero(t, sides, "sides in use")
			require.Empty(t, w.heap, "slots to open again")
		}
		n := 0
		for j, ok := w.pop(never - w.tick); ok; j, ok = w.pop(never - w.tick) {
			require.NotEqual(t, closed, w.machine.conns[j].state, "a deadline of slot %d", w.slot(j))
			n++
		}

	}
}
