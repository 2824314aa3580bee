package loadtest

import "context"

// Run opens cfg.Connections conns, holds them, and reports.
func Run(ctx context.Context, cfg Config) (*Report, error) { panic("not yet") }
