package engine

import "example.com/holdfast/internal/http1"

// A side is what a conn needs only while a request is partly written or a response partly read.
type side struct {
	parser http1.Parser
	begun  bool  // the parser holds the beginning of a response
	seen   int64 // bytes of it
	offset int   // bytes of the request that the kernel took
}

// sides is the side table: sides by index, reused, so that the record of a conn that waits stays small.
type sides struct {
	table []*side
	free  []uint32
}

// take returns the index, plus one, of a fresh side.
func (s *sides) take() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	s.table = append(s.table, &side{})
	return uint32(len(s.table))
}

func (s *sides) at(i uint32) *side { return s.table[i-1] }

func (s *sides) give(i uint32) {
	sd := s.at(i)
	sd.begun, sd.seen, sd.offset = false, 0, 0
	s.free = append(s.free, i)
}
