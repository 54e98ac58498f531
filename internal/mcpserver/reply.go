package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// writeTimeout bounds each write to a client. A reader that has stalled for so long is gone.
const writeTimeout = 30 * time.Second

const (
	jsonType   = "application/json"
	streamType = "text/event-stream"
)

// Why a request's context was ended by us.
var (
	errSessionEnded = errors.New("the MCP session was ended")
	errRevoked      = errors.New("the token was revoked")
	errShutdown     = errors.New("AgentRun Tray is shutting down")
)

// reply owns the response of one HTTP request: what mcp-go writes goes through it, and so does progress, which mcp-go would
// hand to whichever request of the client reads first. It turns the response into a stream when the first note is sent; what
// mcp-go then writes as plain JSON becomes the stream's last event. Methods are safe for concurrent use.
type reply struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	conn    context.Context     // ends with the connection, and no sooner than the request
	canRead bool                // the client reads streams
	exactID json.RawMessage     // the request's id where mcp-go's copy of it differs
	opened  func(h http.Header) // called once before the headers go out; may be nil
	header  http.Header         // mcp-go's; touched by its calls only, which never overlap

	mu       sync.Mutex // guards below; held for one write at a time
	status   int        // what mcp-go wants; 0: nothing yet
	begun    bool       // the headers are out
	stream   bool       // they said event stream
	answered bool       // the answer, not only notes, has been written
	ended    bool       // nothing may be written any more
	over     *override  // replaces mcp-go's error
	careful  bool       // the answer is not written to a connection that is known to be gone, and not left in a buffer
	arrived  bool       // the answer went out to an open connection
}

// override is the error that a request is answered with in place of the one mcp-go would make.
type override struct {
	status int
	code   int
	text   string
	data   any
}

func newReply(w http.ResponseWriter, r *http.Request) *reply {
	return &reply{w: w, rc: http.NewResponseController(w), conn: r.Context(), canRead: readsStreams(r), header: make(http.Header, 4)}
}

// readsStreams reports whether the Accept header leaves room for an event stream. None at all does.
func readsStreams(r *http.Request) bool {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	return accept == "" || strings.Contains(accept, streamType) || strings.Contains(accept, "*/*") || strings.Contains(accept, "text/*")
}

// Header returns the headers that mcp-go sets. They count until the first write.
func (p *reply) Header() http.Header { return p.header }

// CanStream reports whether events can be sent to the client.
func (p *reply) CanStream() bool { return p.canRead }

// WriteHeader notes the status, which goes out with the first bytes.
func (p *reply) WriteHeader(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status == 0 {
		p.status = status
	}
}

// Write sends a whole message, which is how mcp-go writes: plain JSON or one event.
func (p *reply) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return 0, context.Canceled
	}
	kind := p.header.Get("Content-Type")
	event := kind == streamType
	if kind == jsonType || event {
		text := data
		if event {
			text = unframe(data)
		}
		final := !event || !isNote(text)
		if final {
			if p.careful && p.conn.Err() != nil {
				return 0, context.Cause(p.conn)
			}
			p.answered = true
			text = p.amend(text)
		} else if p.exactID != nil {
			text = retag(text, p.exactID)
		}
		var err error
		switch {
		case event || p.stream:
			err = p.send(frame(text), true)
		default:
			if p.over != nil {
				p.status = p.over.status
			}
			p.header.Set("Content-Length", strconv.Itoa(len(text)))
			err = p.send(text, p.careful)
		}
		p.arrived = p.arrived || final && err == nil
		return len(data), err
	}
	p.answered = true
	return len(data), p.send(data, false)
}

// Flush sends the headers of a stream that has nothing to say yet; a stream's events are flushed as they are written.
func (p *reply) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status == 0 || p.begun || p.ended {
		return
	}
	p.begin(p.status, p.header)
	_ = p.rc.Flush() // a broken connection shows at the next write, and ends the request's context
}

// notify sends a notification on this response's own stream. It does nothing once the answer is under way, and for a client
// that reads no streams.
func (p *reply) notify(method string, params any) error {
	data, err := json.Marshal(struct {
		JSONRPC string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{mcp.JSONRPC_VERSION, method, params})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.answered || !p.canRead || p.begun && !p.stream {
		return nil
	}
	if !p.begun {
		p.begin(http.StatusOK, http.Header{"Content-Type": {streamType}}) // mcp-go may be at its own headers just now
	}
	return p.send(frame(data), true)
}

// replace sets the error that this request is answered with, whatever mcp-go makes of it.
func (p *reply) replace(o override) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = &o
}

// insist makes sure that it is known whether the answer went out.
func (p *reply) insist() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.careful = true
}

// hasArrived reports whether the answer went out to an open connection, as far as that can be known at this end.
func (p *reply) hasArrived() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.arrived
}

// finish ends the response after mcp-go is done with it. A request that mcp-go left without an answer, because its context was
// ended by us, gets one that says why: to net/http an empty response is a good one.
func (p *reply) finish(ctx context.Context, m *message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.ended = true }()
	if p.answered || p.status != 0 && !p.stream {
		if !p.begun {
			p.begin(p.status, p.header)
		}
		return
	}
	if m == nil || !m.isRequest() {
		if !p.begun {
			allowWriting(p.rc)
			p.w.WriteHeader(http.StatusServiceUnavailable)
		}
		return
	}
	status, text := p.lastWord(ctx, m)
	if text == nil {
		panic(http.ErrAbortHandler)
	}
	if p.stream {
		_ = p.send(frame(text), true) // nobody is left to tell
		return
	}
	p.header.Set("Content-Type", jsonType)
	p.header.Set("Content-Length", strconv.Itoa(len(text)))
	p.status = status
	_ = p.send(text, false) // as above
}

// lastWord is the answer to a request that has none. Nil means that the connection should break off, which tells the relay
// that it may ask the next host: reading again is harmless, and only tool calls are more than reading.
func (p *reply) lastWord(ctx context.Context, m *message) (int, []byte) {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errSessionEnded):
		return http.StatusNotFound, rpcError(m.ID, rpcNoSession, "the MCP session was ended while this request was being served", nil)
	case errors.Is(cause, errRevoked):
		return http.StatusUnauthorized, rpcError(m.ID, rpcBadRequest, "the token of this client was revoked while this request was being served", nil)
	case errors.Is(cause, errShutdown) && m.isCall():
		return http.StatusOK, lostCall(m)
	case errors.Is(cause, errShutdown), ctx.Err() != nil:
		return 0, nil
	}
	return http.StatusInternalServerError, rpcError(m.ID, rpcInternalError, "the server gave no answer; this is a mistake in AgentRun Tray", nil)
}

// lostCall answers a tool call that was cut short by the end of the host.
func lostCall(m *message) []byte {
	object := compactJSON(errorObject{
		Error: "AgentRun Tray was shut down while this call was running. It may or may not have taken effect; it was not repeated.",
		Code:  sandbox.CodeSessionLost,
	})
	result := map[string]any{
		"content":           []any{map[string]any{"type": "text", "text": string(object)}},
		"structuredContent": json.RawMessage(object),
		"isError":           true,
	}
	if mcp.IsModernProtocol(m.Params.Meta.ProtocolVersion) {
		result["resultType"] = mcp.ResultTypeComplete
	}
	return compactJSON(map[string]any{"jsonrpc": mcp.JSONRPC_VERSION, "id": m.ID, "result": result})
}

// begin sends the headers. The caller holds mu.
func (p *reply) begin(status int, header http.Header) {
	p.begun = true
	p.stream = header.Get("Content-Type") == streamType
	if p.opened != nil {
		p.opened(header)
	}
	h := p.w.Header()
	maps.Copy(h, header)
	if p.stream {
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no")
	}
	allowWriting(p.rc)
	p.w.WriteHeader(status)
}

// send writes bytes, with the headers before them if they are not out yet. The caller holds mu.
func (p *reply) send(data []byte, flush bool) error {
	if p.begun {
		allowWriting(p.rc)
	} else {
		p.begin(p.status, p.header)
	}
	if _, err := p.w.Write(data); err != nil {
		return err
	}
	if flush {
		return p.rc.Flush()
	}
	return nil
}

// amend puts right what mcp-go gets wrong in an answer: the code of an error, its length where it repeats what it was given, and an
// id it could not hold. The caller holds mu.
func (p *reply) amend(text []byte) []byte {
	longError := len(text) > 2*maxErrorText && bytes.Contains(text[:2*maxErrorText], []byte(`"error":{`))
	if p.over == nil && p.exactID == nil && !longError {
		return text
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(text, &m) != nil {
		return text
	}
	id := m["id"]
	if p.exactID != nil {
		id = p.exactID
	}
	if m["error"] != nil && p.over != nil {
		return rpcError(id, p.over.code, p.over.text, p.over.data)
	}
	var e struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if longError && m["error"] != nil && json.Unmarshal(m["error"], &e) == nil {
		return rpcError(id, e.Code, phrase.Clip(e.Message, maxErrorText), nil)
	}
	m["id"] = id
	return compactJSON(m)
}

var (
	eventStart = []byte("event: message\ndata: ")
	eventEnd   = []byte("\n\n")
)

// frame makes one event of a message.
func frame(text []byte) []byte {
	text = bytes.TrimSpace(text)
	b := make([]byte, 0, len(eventStart)+len(text)+len(eventEnd))
	b = append(b, eventStart...)
	b = append(b, text...)
	return append(b, eventEnd...)
}

// unframe takes the message out of an event that mcp-go made.
func unframe(event []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimPrefix(event, eventStart), eventEnd)
}

// isNote reports whether a message is a notification or a request of ours, not the answer.
func isNote(text []byte) bool {
	var m struct {
		Method string `json:"method"`
	}
	return json.Unmarshal(text, &m) == nil && m.Method != ""
}
