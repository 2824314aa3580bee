package loadtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// managed are the fields that decide where a message or a conn ends. A wrong one would make every figure a fiction, so
// holdfast writes them itself, with the reason it gives a person.
var managed = map[string]string{
	"Content-Length":    "it is the length of Request.Body",
	"Expect":            "it would have the body wait for an interim response",
	"Trailer":           "requests have no trailers",
	"Transfer-Encoding": "Request.Body is framed by its length",
	"Upgrade":           "an upgraded conn no longer speaks HTTP/1.1",
}

func (p *problems) request(r Request) {
	p.method(r)
	spelled := map[string]string{} // by canonical name
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		canonical := http.CanonicalHeaderKey(name)
		if other, twice := spelled[canonical]; twice {
			p.add("Request.Header has %s and %s, which are one field: which comes first, or counts, would be chance; "+
				"keep one of them, with all values", other, name)
			continue
		}
		spelled[canonical] = name
		p.field(name, r.Header[name])
	}
	p.want(r.Want)
}

func (p *problems) method(r Request) {
	method := r.effectiveMethod()
	switch upper := strings.ToUpper(method); {
	case !httpguts.ValidHeaderFieldName(method): // both are tokens: RFC 9110 §5.6.2
		p.add("Request.Method is %q, no token: write a method such as HEAD, GET or POST", method)
	case upper != method && isStandard(upper):
		p.add("Request.Method is %q: methods are case-sensitive; write %s", method, upper)
	case method == http.MethodConnect:
		p.add("Request.Method is CONNECT: it would turn the conn into a tunnel; write another method")
	case method == http.MethodTrace && len(r.Body) > 0: // RFC 9110 §9.3.8
		p.add("Request.Method is TRACE and Request.Body has %d bytes: a TRACE has no body; remove it", len(r.Body))
	case method == http.MethodHead && len(r.Body) > 0:
		p.add("Request.Method is HEAD and Request.Body has %d bytes: write a method that has a body, such as POST", len(r.Body))
	}
}

func isStandard(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

func (p *problems) field(name string, values []string) {
	canonical := http.CanonicalHeaderKey(name)
	reason, refused := managed[canonical]
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		p.add("Request.Header has a field named %q, no token: use letters, digits and hyphens", name)
		return
	case refused:
		p.add("Request.Header sets %s: holdfast manages it (%s); remove it", canonical, reason)
		return
	case canonical == "Host":
		p.host(values)
		return
	case canonical == "Connection" && !onlyKeepAlive(values):
		p.add("Request.Header sets Connection to %q: holdfast manages it; remove it, or write keep-alive", values)
		return
	}
	for _, v := range values {
		if !httpguts.ValidHeaderFieldValue(v) {
			p.add("Request.Header sets %s to %q: a control character would end or break the field; remove it", canonical, v)
		}
	}
}

// host allows another Host than the URL's, for servers that choose what to do by it; there must be one (RFC 9112 §3.2).
func (p *problems) host(values []string) {
	if len(values) != 1 {
		p.add("Request.Header sets Host %d times: a request has exactly one", len(values))
	} else if v := values[0]; v == "" || !httpguts.ValidHostHeader(v) {
		p.add("Request.Header sets Host to %q: write host[:port]", v)
	}
}

// onlyKeepAlive allows what HTTP/1.1 means anyway and some clients say.
func onlyKeepAlive(values []string) bool {
	return len(values) == 1 && strings.EqualFold(values[0], "keep-alive")
}

func (p *problems) want(w StatusRange) {
	w = w.effective()
	switch {
	case w.Lowest < 200 || w.Highest > 999: // 1xx are interim responses: they never end a request (RFC 9110 §15.2)
		p.add("Request.Want is %d–%d: final statuses lie in 200–999", w.Lowest, w.Highest)
	case w.Lowest > w.Highest:
		p.add("Request.Want is %d–%d: the lowest is above the highest; for a single status write it twice", w.Lowest, w.Highest)
	}
}
