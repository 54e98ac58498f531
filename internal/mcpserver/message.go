package mcpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
)

// JSON-RPC error codes the edge answers with. The last two are those the reference servers use for session trouble.
const (
	rpcParseError     = mcp.PARSE_ERROR
	rpcInvalidRequest = mcp.INVALID_REQUEST
	rpcInvalidParams  = mcp.INVALID_PARAMS
	rpcInternalError  = mcp.INTERNAL_ERROR
	rpcBadRequest     = -32000
	rpcNoSession      = -32001
)

// message is what the edge needs to know of one JSON-RPC message. The rest is mcp-go's to judge.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		ClientInfo    *software              `json:"clientInfo"`    // of initialize
		Notifications mcp.SubscriptionFilter `json:"notifications"` // of subscriptions/listen
		Meta          struct {
			ProgressToken   json.RawMessage `json:"progressToken"`
			ProtocolVersion string          `json:"io.modelcontextprotocol/protocolVersion"`
			ClientInfo      *software       `json:"io.modelcontextprotocol/clientInfo"`
			Traceparent     string          `json:"traceparent"` // see traceContext
		} `json:"_meta"`
	} `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  json.RawMessage `json:"error"`

	garbled bool // the body is not text throughout; what was wrong in its strings has been replaced by now
}

// software is how a client introduces itself.
type software struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// refusal is an HTTP error that carries a JSON-RPC one.
type refusal struct {
	status int
	id     json.RawMessage // nil: null
	code   int
	text   string
}

// readMessage looks into a body. A refusal means that mcp-go must not see it.
func readMessage(body []byte) (*message, *refusal) {
	m := &message{}
	err := json.Unmarshal(body, m)
	mistyped, isMistyped := errors.AsType[*json.UnmarshalTypeError](err)
	if err != nil && !isMistyped {
		return nil, &refusal{http.StatusBadRequest, nil, rpcParseError, "the body is not JSON: " + err.Error()}
	}
	switch first := bytes.TrimLeft(body, " \t\r\n")[0]; first {
	case '{':
	case '[':
		return nil, &refusal{http.StatusBadRequest, nil, rpcInvalidRequest, "batches are not part of this protocol: send one message per request"}
	default:
		return nil, &refusal{http.StatusBadRequest, nil, rpcInvalidRequest, "a message must be a JSON object"}
	}
	if m.ID != nil && m.ID[0] != '"' && m.ID[0] != '-' && (m.ID[0] < '0' || m.ID[0] > '9') {
		return nil, &refusal{http.StatusBadRequest, nil, rpcInvalidRequest, "the id must be a string or a number"}
	}
	if m.ID != nil && m.ID[0] != '"' {
		if _, err := strconv.ParseFloat(string(m.ID), 64); err != nil { // mcp-go could not read it, and would call the message no JSON
			return nil, &refusal{http.StatusBadRequest, m.ID, rpcInvalidRequest, "the id is a number beyond what clients and servers can hold; use a smaller one or a string"}
		}
	}
	if isMistyped && mistyped.Field == "method" {
		return nil, &refusal{http.StatusBadRequest, m.ID, rpcInvalidRequest, "the method must be a string"}
	}
	if m.Method == "" && (m.ID == nil || m.Result == nil && m.Error == nil) {
		return nil, &refusal{http.StatusBadRequest, m.ID, rpcInvalidRequest, "this is neither a request nor a notification nor an answer: the method is missing"}
	}
	if token := m.Params.Meta.ProgressToken; len(token) > 0 && !strings.ContainsRune(`"-0123456789`, rune(token[0])) {
		m.Params.Meta.ProgressToken = nil
	}
	m.garbled = !utf8.Valid(body) || m.isCall() && hasHalfSurrogate(body)
	if m.garbled && !m.isCall() {
		return nil, &refusal{http.StatusBadRequest, m.ID, rpcParseError, "the body is not valid UTF-8"}
	}
	return m, nil
}

// hasHalfSurrogate reports whether JSON escapes half of a surrogate pair, which stands for no character. Code with another one in
// its place would not be the code that was sent.
func hasHalfSurrogate(body []byte) bool {
	for {
		at := bytes.IndexByte(body, '\\')
		if at < 0 {
			return false
		}
		unit, ok := escapedUnit(body[at:])
		if !ok {
			body = body[min(at+2, len(body)):]
			continue
		}
		body = body[at+6:]
		if !utf16.IsSurrogate(unit) {
			continue
		}
		second, ok := escapedUnit(body)
		if !ok || utf16.DecodeRune(unit, second) == utf8.RuneError {
			return true
		}
		body = body[6:]
	}
}

// escapedUnit reads a \uXXXX at the beginning of text.
func escapedUnit(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

// isRequest reports whether the message wants an answer of its own.
func (m *message) isRequest() bool { return m.ID != nil && m.Method != "" }

// isCall reports whether the message is a tool call, whose failures are best told in a result, where the model sees them.
func (m *message) isCall() bool { return m.isRequest() && m.Method == string(mcp.MethodToolsCall) }

// isModern reports whether the message belongs to the era without MCP sessions. Either of the two places decides, as it does
// for mcp-go, which refuses messages where they disagree.
func (m *message) isModern(header http.Header) bool {
	return mcp.IsModernProtocol(m.Params.Meta.ProtocolVersion) || modernHeader(header)
}

func modernHeader(header http.Header) bool {
	return mcp.IsModernProtocol(header.Get(mcp.HeaderProtocolVersion))
}

// client is how the sender introduces itself in this message; nil if it does not.
func (m *message) client() *software {
	if m.Params.Meta.ClientInfo != nil {
		return m.Params.Meta.ClientInfo
	}
	if m.Method == string(mcp.MethodInitialize) {
		return m.Params.ClientInfo
	}
	return nil
}

// exactID is the id if mcp-go, which reads numbers as float64, would give back a different one; nil otherwise.
func (m *message) exactID() json.RawMessage {
	if len(m.ID) == 0 || m.ID[0] == '"' || len(m.ID) < 16 && !bytes.ContainsAny(m.ID, ".eE-") {
		return nil
	}
	f, err := strconv.ParseFloat(string(m.ID), 64)
	if err == nil {
		if again, err := json.Marshal(f); err == nil && bytes.Equal(again, m.ID) {
			return nil
		}
	}
	return m.ID
}

// write answers a request with the refusal.
func (f *refusal) write(w http.ResponseWriter) {
	allowWriting(http.NewResponseController(w))
	body := rpcError(f.id, f.code, f.text, nil)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(f.status)
	_, _ = w.Write(body) // the client may be gone; there is nobody else to tell
}

// rpcError makes a JSON-RPC error response.
func rpcError(id json.RawMessage, code int, text string, data any) []byte {
	type details struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}
	if id == nil {
		id = json.RawMessage("null")
	}
	return compactJSON(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   details         `json:"error"`
	}{mcp.JSONRPC_VERSION, id, details{code, text, data}})
}

// encode writes a value as JSON, leaving <, > and & as they are: models read this.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// compactJSON is encode for values that JSON can hold.
func compactJSON(v any) json.RawMessage {
	data, err := encode(v)
	if err != nil {
		panic("mcpserver: " + err.Error())
	}
	return data
}
