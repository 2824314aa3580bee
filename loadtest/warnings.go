package loadtest

// A Warning is a doubt about what a report shows, as data.
type Warning struct {
	Kind      string  `json:"kind"` // one of the Warn constants
	Value     float64 `json:"value"`
	Threshold float64 `json:"threshold"` // beyond which Value is worth a warning
	Text      string  `json:"text"`      // for people: what was seen, and what it means
}

func warningsOf(r *Report) []Warning { return []Warning{} }
