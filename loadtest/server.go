package loadtest

// A Server is an in-process keep-alive server under test, with ground truth.
type Server struct{}

// FixtureCounts is the ground truth of a [Server]. A count that cannot be known is −1.
type FixtureCounts struct {
	Accepted, Open, Peak, Closed int64
	Idle, Active, Requests       int64 // −1 unless the http.Server is the fixture's own
}
