package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// GobEncode encodes h losslessly: its range, its exact figures, and of its counts those that are not zero, which are
// few. Histograms travel between processes once a second.
func (h *Hist) GobEncode() ([]byte, error) {
	snapshot := h.HDR.Export()
	b := binary.AppendVarint(nil, snapshot.LowestTrackableValue)
	for _, v := range []int64{snapshot.HighestTrackableValue, snapshot.SignificantFigures,
		int64(h.Sum), int64(h.Min), int64(h.Max), h.Censored, h.Clamped} {
		b = binary.AppendVarint(b, v)
	}
	last := 0
	for i, n := range snapshot.Counts {
		if n != 0 {
			b = binary.AppendUvarint(b, uint64(i-last))
			b = binary.AppendUvarint(b, uint64(n))
			last = i
		}
	}
	return b, nil
}

var errCutShort = errors.New("decoding a histogram: it is cut short")

// GobDecode decodes what GobEncode encoded.
func (h *Hist) GobDecode(b []byte) error {
	var head [8]int64
	for i := range head {
		v, n := binary.Varint(b)
		if n <= 0 {
			return errCutShort
		}
		head[i], b = v, b[n:]
	}
	lowest, highest, figures := head[0], head[1], head[2]
	if lowest < 1 || highest < 2*lowest || highest > int64(maxHist) || figures < 1 || figures > 5 {
		return fmt.Errorf("decoding a histogram: it goes from %d to %d with %d digits", lowest, highest, figures)
	}
	snapshot := hdrhistogram.Snapshot{
		LowestTrackableValue: lowest, HighestTrackableValue: highest, SignificantFigures: figures,
		IntegerToDoubleConversionRatio: 1,
	}
	var total int64
	for i := uint64(0); len(b) > 0; {
		gap, n := binary.Uvarint(b)
		count, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 {
			return errCutShort
		}
		if i += gap; gap > mostBuckets || i > mostBuckets {
			return fmt.Errorf("decoding a histogram: it has a bucket %d", i)
		}
		snapshot.Counts = append(snapshot.Counts, make([]int64, int(i)+1-len(snapshot.Counts))...)
		snapshot.Counts[i], b = int64(count), b[n+m:]
		total += int64(count)
	}
	hdr := hdrhistogram.Import(&snapshot) // it drops what is beyond its last bucket
	if hdr.TotalCount() != total {
		return fmt.Errorf("decoding a histogram: of %d values, %d are within its range", total, hdr.TotalCount())
	}
	*h = Hist{
		HDR: hdr, Sum: time.Duration(head[3]), Min: time.Duration(head[4]),
		Max: time.Duration(head[5]), Censored: head[6], Clamped: head[7],
	}
	return nil
}

// maxHist bounds what a decoded histogram may span, and mostBuckets how many it may have, and so its memory.
const (
	maxHist     = 1000 * time.Hour
	mostBuckets = 1 << 23
)
