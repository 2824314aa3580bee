package engine

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
)

// A fault is something that a simulated server, or what lies between, does to a conn, once; it ends it.
type fault uint8

const (
	noFault fault = iota

	refuses
	isUnreachable
	resetsConnect
	kernelGivesUp
	neverAccepts
	isExhausted
	failsOddly
	sendsAlert
	hasBadCertificate
	speaksNoTLS
	closesHandshake
	breaksHandshake

	closesUnused
	resetsUnused
	closesAtRest
	resetsAtRest
	halfClosesAtRest
	sendsIdleBytes
	sends408

	closesAsRequestLeaves
	resetsAsRequestLeaves

	closesWaiting
	resetsWaiting
	halfClosesWaiting
	staysSilent
	answersEarly
	closesInHead
	closesInBody
	resetsInResponse
	drips
	announces
	breaksHTTP
	sendsEndlessHead
	sendsInterims
	switches
	sendsMore
	breaksTLS
	breaksTransport
	exhaustsHost

	numFaults
)

// A trigger is what a fault waits for.
type trigger uint8

const (
	onConnect trigger = iota
	onAccept          // a while after
	onIdle            // a while after an answer
	onLeaving         // a request leaves the client
	onPart            // the first part of a request arrives at the server
	onRequest         // a whole request has arrived
)

// faults says what each fault is to be reported as. The first cause is the usual one; the others come about when the
// client was about to send, or had just sent, a request, when it read in one go what had come in two, or when a write
// failed before it had read all.
var faults = [numFaults]struct {
	name   string
	when   trigger
	causes []Cause
	err    error // what a driver is told of it
}{
	refuses:           {"refuses", onConnect, []Cause{ConnectRefused}, syscall.ECONNREFUSED},
	isUnreachable:     {"is unreachable", onConnect, []Cause{ConnectUnreachable}, syscall.EHOSTUNREACH},
	resetsConnect:     {"resets the connect", onConnect, []Cause{ConnectReset}, syscall.ECONNRESET},
	kernelGivesUp:     {"lets the kernel give up", onConnect, []Cause{ConnectTimedOut}, syscall.ETIMEDOUT},
	neverAccepts:      {"never accepts", onConnect, []Cause{ConnectTimedOut}, nil},
	isExhausted:       {"this host is exhausted", onConnect, []Cause{LocalExhaustion}, syscall.EMFILE},
	failsOddly:        {"fails oddly", onConnect, []Cause{ConnectError}, errors.New("odd")},
	sendsAlert:        {"sends an alert", onConnect, []Cause{TLSAlert}, &HandshakeError{&net.OpError{Op: "remote error", Err: tls.AlertError(40)}}},
	hasBadCertificate: {"has a bad certificate", onConnect, []Cause{TLSCertificate}, &HandshakeError{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}},
	speaksNoTLS:       {"speaks no TLS", onConnect, []Cause{NotTLS}, &HandshakeError{tls.RecordHeaderError{Msg: "odd"}}},
	closesHandshake:   {"closes in the handshake", onConnect, []Cause{ConnectClosed}, &HandshakeError{io.EOF}},
	breaksHandshake:   {"breaks the handshake", onConnect, []Cause{TLSFailed}, &HandshakeError{errors.New("odd")}},

	closesUnused: {"closes unused", onAccept, []Cause{ClosedUnused, ClosedBeforeFirst}, nil},
	resetsUnused: {"resets unused", onAccept, []Cause{ResetBeforeFirst}, syscall.ECONNRESET},
	closesAtRest: {"closes idle", onIdle,
		[]Cause{ClosedIdle, ClosedWaiting, ResetWriting, ResetWritingLate}, nil},
	resetsAtRest: {"resets idle", onIdle,
		[]Cause{ResetIdle, ResetWaiting, ResetWriting, ResetWritingLate}, syscall.ECONNRESET},
	halfClosesAtRest: {"half-closes idle", onIdle, []Cause{HalfClosed, ClosedIdle, ClosedWaiting}, nil},
	sendsIdleBytes:   {"sends idle bytes", onIdle, []Cause{IdleBytes, BodyAfterHead, Malformed}, nil},
	sends408:         {"sends 408 idle", onIdle, []Cause{RequestTimeout, BodyAfterHead, IdleBytes, ClosedWaiting, ClosedInHead}, nil},

	closesAsRequestLeaves: {"closes as a request leaves", onLeaving,
		[]Cause{ResetWriting, ResetWritingLate, ClosedUnused, ClosedWaiting, ClosedBeforeFirst}, nil},
	resetsAsRequestLeaves: {"resets as a request leaves", onLeaving,
		[]Cause{ResetWaiting, ResetBeforeFirst, ResetWriting, ResetWritingLate}, syscall.ECONNRESET},

	closesWaiting:     {"closes without an answer", onRequest, []Cause{ClosedWaiting, ClosedBeforeFirst}, nil},
	resetsWaiting:     {"resets without an answer", onRequest, []Cause{ResetWaiting, ResetBeforeFirst}, syscall.ECONNRESET},
	halfClosesWaiting: {"half-closes without an answer", onRequest, []Cause{HalfClosed, ClosedWaiting, ClosedBeforeFirst}, nil},
	staysSilent:       {"stays silent", onRequest, []Cause{ResponseTimedOut}, nil},
	answersEarly: {"answers half a request", onPart,
		[]Cause{ClosedAnnounced, RequestTimeout, ClosedIdle, ClosedWaiting, ResetWriting, ResetWritingLate, ClosedInHead,
			ClosedInBody}, nil},
	closesInHead:     {"closes in the head", onRequest, []Cause{ClosedInHead}, nil},
	closesInBody:     {"closes in the body", onRequest, []Cause{ClosedInBody}, nil},
	resetsInResponse: {"resets in the response", onRequest, []Cause{ResetInResponse}, syscall.ECONNRESET},
	drips:            {"drips", onRequest, []Cause{ResponseUnfinished}, nil},
	announces:        {"announces its close", onRequest, []Cause{ClosedAnnounced, RequestTimeout}, nil},
	breaksHTTP:       {"breaks HTTP", onRequest, []Cause{Malformed}, nil},
	sendsEndlessHead: {"sends an endless head", onRequest, []Cause{HeadTooLarge}, nil},
	sendsInterims:    {"sends too many interim responses", onRequest, []Cause{TooManyInterim}, nil},
	switches:         {"switches protocols", onRequest, []Cause{Unexpected101}, nil},
	sendsMore:        {"sends more than the response", onRequest, []Cause{IdleBytes, BodyAfterHead, Malformed}, nil},
	breaksTLS:        {"breaks TLS", onRequest, []Cause{TLSBroken}, &net.OpError{Op: "remote error", Err: tls.AlertError(80)}},
	breaksTransport:  {"breaks the transport", onRequest, []Cause{TransportError}, syscall.EIO},
	exhaustsHost:     {"exhausts this host", onRequest, []Cause{OpenExhaustion}, syscall.ENOBUFS},
}

// A place is where a conn was when it ended, as the two kernels saw it.
type place uint8

const (
	atUnused  place = iota // nothing of a first request was taken by the client's kernel
	atRest                 // nothing is outstanding
	atDue                  // a request is due, and nothing of it was taken
	atFirst                // some of the first request was taken, and no byte of its response has come
	atWaiting              // the same of a later request
	inHead
	inBody
	numPlaces
)

// An endHow is how a conn ended, as its driver was told.
type endHow uint8

const (
	byClose     endHow = iota
	byHalfClose        // and the driver could tell
	byRace             // closed before any of the request had come, and the driver could tell
	byReset
	byPipe // a write failed, because the server had closed
	byTLS
	byError
	byExhaustion
	byTimeout
	numEnds
)

// causeOf is what the engine must make of it. ResetWriting stands for ResetWritingLate too.
var causeOf = [numEnds][numPlaces]Cause{
	byClose:      {ClosedUnused, ClosedIdle, ClosedIdle, ClosedBeforeFirst, ClosedWaiting, ClosedInHead, ClosedInBody},
	byHalfClose:  {HalfClosed, HalfClosed, HalfClosed, HalfClosed, HalfClosed, ClosedInHead, ClosedInBody},
	byRace:       {ClosedUnused, ClosedIdle, ClosedIdle, ClosedUnused, ResetWriting, ClosedInHead, ClosedInBody},
	byReset:      {ResetBeforeFirst, ResetIdle, ResetWriting, ResetBeforeFirst, ResetWaiting, ResetInResponse, ResetInResponse},
	byPipe:       {ClosedUnused, ClosedIdle, ResetWriting, ClosedBeforeFirst, ClosedWaiting, ClosedInHead, ClosedInBody},
	byTLS:        {TLSBroken, TLSBroken, TLSBroken, TLSBroken, TLSBroken, TLSBroken, TLSBroken},
	byError:      {TransportError, TransportError, TransportError, TransportError, TransportError, TransportError, TransportError},
	byExhaustion: {OpenExhaustion, OpenExhaustion, OpenExhaustion, OpenExhaustion, OpenExhaustion, OpenExhaustion, OpenExhaustion},
	byTimeout: {ResponseTimedOut, ResponseTimedOut, ResponseTimedOut, ResponseTimedOut, ResponseTimedOut, ResponseUnfinished,
		ResponseUnfinished},
}
