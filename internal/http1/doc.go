// Package http1 is HTTP/1.1 as a client on one connection sees it: a [Request] becomes bytes, once; a [Parser] finds
// out where each response ends, which status it has and whether the conn may be used again. It does no I/O, reads no clock
// and keeps nothing of a body.
//
// # What decides the length of a response
//
// The rules of RFC 9112 §6.3, in their order:
//
//	1  response to HEAD; 1xx, 204, 304   ends at the blank line, whatever Content-Length or Transfer-Encoding say
//	   1xx except 101                    is discarded, at most 16 of them; the final response follows
//	   101                               is an error: no request of ours asks for an upgrade
//	2  2xx to CONNECT                    cannot happen: Request.Bytes refuses CONNECT
//	3  Transfer-Encoding                 overrides Content-Length, even a broken one
//	4  … ending in chunked               ends with the trailer section
//	   … ending in anything else         ends when the peer closes; not reusable
//	5  Content-Length                    broken or contradictory: an error
//	6  Content-Length                    ends after so many octets
//	8  neither                           ends when the peer closes; not reusable
//
// # What is accepted
//
// A response that RFC 9112 forbids its sender is an error wherever reading on could hide that client and server no
// longer agree on where messages end; leniency is granted only where the RFC lets a recipient grant it.
//
//	what                                     decision  why
//	bare LF ends a status, field or trailer  accepted  RFC 9112 §2.2: MAY; a line ends there for both sides either way
//	bare LF ends a chunk-size or chunk       error     §7.1 has no such MAY (erratum 7633); splits responses
//	CR without LF                            error     §2.2: MUST be invalid, or replaced
//	NUL, other controls except HTAB          error     RFC 9110 §5.5: rejected, or replaced
//	blank line before the status line        error     §2.2 grants it to servers alone; here, a rest of the last body
//	no reason phrase                         accepted  §4: the grammar allows an empty one
//	neither reason nor the space before it   accepted  §4: MAY split at white space; nothing follows that could be meant
//	two spaces, HTAB in the status line      error     §4: MAY be accepted, "can result in response splitting"
//	status that is not three digits          error     §4
//	status outside 100 … 599                 accepted  RFC 9110 §15: SHOULD be processed as a 5xx, hence final
//	HTTP/1.0                                 accepted  not reusable without keep-alive
//	HTTP/1.2 … 1.9                           accepted  RFC 9110 §2.5: like 1.1
//	any other version, HTTP/0.9              error     another message syntax; 0.9 has no head at all
//	space before the colon                   error     §5.1: no SP is allowed; servers must reject it, so do we
//	line without colon, name not a token     error     RFC 9110 §5.1
//	obs-fold                                 accepted  §5.2: a user agent MUST; the folded lines are skipped
//	obs-fold of a field that frames          error     Content-Length, Transfer-Encoding, Connection: read differently
//	obs-fold with no field before it         error     §2.2: MUST be rejected, or skipped
//	Content-Length: 5, 5 (or two fields)     accepted  RFC 9110 §8.6: MAY, if all values are the same
//	Content-Length: "", +5, -5, 0x5, 5 5     error     decimal digits only
//	Content-Length beyond int64              error     §6.3: MUST anticipate overflow
//	Transfer-Encoding in HTTP/1.0            accepted  §6.1: processed, then the conn MUST be closed
//	Transfer-Encoding: gzip, chunked         accepted  §6.3: the framing is chunked; codings inside do not matter here
//	chunked twice, or with parameters        error     §6.1: MUST NOT; §7.1: SHOULD be treated as an error
//	space after a chunk-size, no extension   error     §7.1: not in the grammar
//	chunk extensions, trailer fields         skipped   §7.1.1: MUST be ignored; trailers never frame (RFC 9110 §6.5.1)
//
// A broken Content-Length next to a Transfer-Encoding, or in a response that has no body, is not looked at: §6.3 asks
// for it only in rule 5.
//
// # Bounds
//
// A head and a trailer section may have 64 KiB each, a chunk-size line 4 KiB with its extensions, interim responses may
// be 16. Of a message nothing is stored except a line that arrived in part.
package http1
