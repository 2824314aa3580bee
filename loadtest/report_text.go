package loadtest

import "time"

func plainDuration(d time.Duration) string { return d.String() }

// String is the report as a table for a test log.
func (r *Report) String() string { return "" }
