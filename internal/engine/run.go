package engine

import "context"

// Run carries out the plan. It returns a lawful Result in every case; err is ctx's error if the run was cancelled, or
// says why the driver could not be set up (then nothing was opened).
func Run(ctx context.Context, p Plan) (*Result, error) { panic("not yet") }
