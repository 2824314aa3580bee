package loadtest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// plainDuration is for what a person has written: exact, without the zeros that Duration.String adds.
func plainDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// threeDigits is for what was measured: three significant digits, 1.23ms, 12.3ms, 123ms.
func threeDigits(d time.Duration) string {
	switch abs := max(d, -d); {
	case d == 0:
		return "0s"
	case abs < time.Microsecond:
		return strconv.FormatInt(int64(d), 10) + "ns"
	case abs < 999500*time.Nanosecond:
		return significant(float64(d)/1e3) + "µs"
	case abs < 999500*time.Microsecond:
		return significant(float64(d)/1e6) + "ms"
	}
	return significant(float64(d)/1e9) + "s"
}

// size is in binary units, as memory comes; negative is unknown.
func size(bytes int64) string {
	switch b := float64(bytes); {
	case bytes < 0:
		return "unknown"
	case bytes < 1<<10:
		return strconv.FormatInt(bytes, 10) + "B"
	case b < 999.5*(1<<10):
		return significant(b/(1<<10)) + "KiB"
	case b < 999.5*(1<<20):
		return significant(b/(1<<20)) + "MiB"
	default:
		return significant(b/(1<<30)) + "GiB"
	}
}

// significant rounds to three digits where those after the point allow it.
func significant(v float64) string {
	switch abs := math.Abs(v); {
	case abs < 9.995:
		return fmt.Sprintf("%.2f", v)
	case abs < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// perSecond is a rate: four significant digits below a thousand, whole from there on.
func perSecond(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%.4g", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// known is a count; negative is unknown.
func known(n int64) string {
	if n < 0 {
		return "unknown"
	}
	return strconv.FormatInt(n, 10)
}
