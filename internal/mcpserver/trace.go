package mcpserver

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/agentrun-tray/agentrun-tray/internal/logging"
)

// requestNames makes the ids of ours that a request goes by in the log: short, unique among all hosts that write to one log.
type requestNames struct {
	prefix string
	count  atomic.Uint64
}

func newRequestNames() *requestNames {
	return &requestNames{prefix: strings.ToLower(rand.Text()[:6]) + "-"}
}

func (n *requestNames) next() string { return n.prefix + strconv.FormatUint(n.count.Add(1), 10) }

// keyRequestID is the log's name for the id that requestNames makes.
const keyRequestID = "request_id"

// named gives a request its id, which every line that is logged on its behalf will have, down to the engine.
func (s *Server) named(r *http.Request) *http.Request {
	return r.WithContext(logging.With(r.Context(), slog.String(keyRequestID, s.requests.next())))
}

// described adds what a message says of itself to what is logged on its behalf.
func described(ctx context.Context, header http.Header, m *message, client string, who entrant) context.Context {
	attrs := make([]slog.Attr, 0, 6)
	if m.ID != nil {
		attrs = append(attrs, slog.String("rpc_id", clean(strings.Trim(string(m.ID), `"`), 40)))
	}
	if client != "" {
		attrs = append(attrs, slog.String("client", client))
	}
	if who.token != "" {
		attrs = append(attrs, slog.String("token_name", who.token)) // what the client calls itself is only its word
	}
	if m.Method != "" {
		attrs = append(attrs, slog.String("method", clean(m.Method, 60)))
	}
	trace, parent, ok := traceContext(m.Params.Meta.Traceparent)
	if values := header["Traceparent"]; !ok && len(values) == 1 { // of two, nobody knows which is right
		trace, parent, ok = traceContext(values[0])
	}
	if ok {
		attrs = append(attrs, slog.String("trace_id", trace), slog.String("parent_span_id", parent))
	}
	return logging.With(ctx, attrs...)
}

// traceContext reads a traceparent of the W3C trace context. What is not one to the letter is ignored, as that specification has
// it: a trace that goes to somebody else is worse than none. Of its companions, tracestate and baggage, nothing is logged: they are
// meant for others, and baggage may be about people.
func traceContext(s string) (trace, parent string, ok bool) {
	const length = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(s) < length || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return "", "", false
	}
	version, flags := s[:2], s[53:length]
	trace, parent = s[3:35], s[36:52]
	switch {
	case !isHex(version) || !isHex(trace) || !isHex(parent) || !isHex(flags) || version == "ff":
		return "", "", false
	case len(s) > length && (version == "00" || s[length] != '-'): // later versions may say more
		return "", "", false
	case strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == "":
		return "", "", false
	}
	return trace, parent, true
}

// isHex reports whether a text is of hexadecimal digits as the trace context has them, which is in lower case.
func isHex(s string) bool {
	for n := range len(s) {
		if c := s[n]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// inLog says where to read more about a mistake of ours.
func inLog(ctx context.Context) string {
	if id, ok := logging.Value(ctx, keyRequestID); ok {
		return "which is in its log under request_id " + id.String()
	}
	return "which is in its log"
}
