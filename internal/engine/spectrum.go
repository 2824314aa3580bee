package engine

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"time"
)

// A Spectrum is a histogram of the durations of one second, in so few bytes that each second of a run can keep its own:
// for each bucket that is not empty, how many buckets it lies beyond the one before, and its count, both as uvarints. Two
// significant digits; a duration is read as its bucket's lower edge, so never as more than it was. Nil is empty.
type Spectrum []byte

// A bucket spans a 128th of its values' power of two.
const (
	spectrumBits = 7
	spectrumTop  = 48 // longer than 2⁴⁸ ns, 78 h, is counted as that
	spectrumSize = (spectrumTop-spectrumBits+1)<<spectrumBits + 1
)

func bucketOf(d time.Duration) int {
	switch {
	case d < 1<<spectrumBits:
		return int(max(0, d))
	case d >= 1<<spectrumTop:
		return spectrumSize - 1
	}
	shift := bits.Len64(uint64(d)) - spectrumBits - 1
	return shift<<spectrumBits + int(d>>shift)
}

// edgeOf returns the least duration of a bucket.
func edgeOf(bucket int) time.Duration {
	shift := max(0, bucket>>spectrumBits-1)
	return time.Duration(bucket-shift<<spectrumBits) << shift
}

// buckets yields each bucket that is not empty, with its count.
func (s Spectrum) buckets() iter.Seq2[int, int64] {
	return func(yield func(int, int64) bool) {
		bucket := 0
		for rest := s; len(rest) > 0; {
			gap, n := binary.Uvarint(rest)
			count, m := binary.Uvarint(rest[max(0, n):])
			if n <= 0 || m <= 0 {
				return // not ours: it came from elsewhere, cut short
			}
			rest = rest[n+m:]
			if bucket += int(gap); bucket < 0 || bucket >= spectrumSize || !yield(bucket, int64(count)) {
				return
			}
		}
	}
}

// All yields the durations, ascending, each with how many there were.
func (s Spectrum) All() iter.Seq2[time.Duration, int64] {
	return func(yield func(time.Duration, int64) bool) {
		for bucket, n := range s.buckets() {
			if !yield(edgeOf(bucket), n) {
				return
			}
		}
	}
}

// Merge returns the durations of both.
func (s Spectrum) Merge(o Spectrum) Spectrum {
	switch {
	case len(o) == 0:
		return s
	case len(s) == 0:
		return o
	}
	var all Spectrometer
	for _, part := range []Spectrum{s, o} {
		for bucket, n := range part.buckets() {
			all.add(bucket, n)
		}
	}
	return all.Take()
}

// A Spectrometer collects a spectrum. Its zero value is ready.
type Spectrometer struct {
	counts          []int64
	lowest, highest int // buckets that are not empty lie within
}

// Record adds d.
func (m *Spectrometer) Record(d time.Duration) { m.add(bucketOf(d), 1) }

func (m *Spectrometer) add(bucket int, n int64) {
	if m.counts == nil {
		m.counts, m.lowest, m.highest = make([]int64, spectrumSize), spectrumSize, 0
	}
	m.counts[bucket] += n
	m.lowest, m.highest = min(m.lowest, bucket), max(m.highest, bucket)
}

// Take returns what was collected, and begins anew.
func (m *Spectrometer) Take() (s Spectrum) {
	if m.counts == nil {
		return nil
	}
	last := 0
	for bucket := m.lowest; bucket <= m.highest; bucket++ {
		if n := m.counts[bucket]; n > 0 {
			s = binary.AppendUvarint(s, uint64(bucket-last))
			s = binary.AppendUvarint(s, uint64(n))
			m.counts[bucket], last = 0, bucket
		}
	}
	m.lowest, m.highest = spectrumSize, 0
	return s
}
