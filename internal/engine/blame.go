package engine

// A Blame says who can have brought a loss or a failure about.
type Blame uint8

const (
	BlameServer    Blame = iota // the server, or its configuration: no busy machine and no late request does such a thing
	BlameEither                 // the server, or a machine that was too busy for it, or a request that left late
	BlameWait                   // the same, at any time of a timeout that ended now
	BlameGenerator              // the generator or its machine, never the server
	numBlames
)

// Blames counts by blame.
type Blames [numBlames]int64

func (b *Blames) add(o Blames) {
	for i, n := range o {
		b[i] += n
	}
}

// Sum returns the count of all.
func (b Blames) Sum() (n int64) {
	for _, of := range b {
		n += of
	}
	return n
}

// Faults counts what went wrong in a second, by who can have brought it about.
type Faults struct {
	Losses      Blames // conns lost and attempts failed
	Spoiled     Blames // of Losses, those of a slot's first conn: it is not held
	Unconnected Blames // of Losses, the attempts that failed
	Failures    Blames // requests failed
	Cohort      Blames // of Failures, requests due in hold that were sent and not answered
}

func (f *Faults) add(o Faults) {
	f.Losses.add(o.Losses)
	f.Spoiled.add(o.Spoiled)
	f.Unconnected.add(o.Unconnected)
	f.Failures.add(o.Failures)
	f.Cohort.add(o.Cohort)
}

// lost counts the loss of a conn, or an attempt that failed.
func (f *Faults) lost(c *conn, cause Cause) {
	blame := cause.Blame()
	f.Losses[blame]++
	if !c.has(reopened) {
		f.Spoiled[blame]++
	}
	if cause.Fate() == ConnectFailed {
		f.Unconnected[blame]++
	}
}

// failed counts the request on the wire of a conn that is lost.
func (f *Faults) failed(c *conn, cause Cause) {
	f.Failures[cause.Blame()]++
	if c.has(ofHold) {
		f.Cohort[cause.Blame()]++
	}
}

// blameOfStatus returns who can have brought an unwanted status about. A server says that it, or who is behind it, took too
// long or has too much to do by 408, 429 and 5xx: a busy machine can make it so, at any time since the request was sent.
func blameOfStatus(status int) Blame {
	const tooManyRequests = 429
	if status == statusRequestTimeout || status == tooManyRequests || status/100 == 5 {
		return BlameWait
	}
	return BlameServer
}

// blameOfRefused returns who can have brought a refused connect about. On Linux it is that nobody listens. Elsewhere a full
// accept queue refuses too (TCP of Windows, unix sockets of BSD), which a busy machine may keep the server from emptying.
func blameOfRefused(goos string) Blame {
	if goos == "linux" {
		return BlameServer
	}
	return BlameEither
}
