package bridge

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	maxLine = 16 << 20 // what the host accepts as a body
	maxName = 8 << 10  // of a tool, a prompt or a resource; it travels in a header
	// Of a line which is too long this much is kept, to find the id: Python writes it first,
	// TypeScript last.
	keptHead = 4 << 10
	keptTail = 512
)

// modern is the first protocol version without sessions. From it on each message says which
// version it speaks.
const modern = "2026-07-28"

// Codes of JSON-RPC.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeMethodNotFound = -32601
	codeInvalidParams  = -32602
	codeInternal       = -32603
	codeUnavailable    = -32000
)

// lineReader cuts the editor's stream into lines without ever holding more than one of them.
type lineReader struct {
	in  *bufio.Reader
	max int
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 64<<10), max: maxLine}
}

// line is one line without its end.
type line struct {
	data    []byte // the whole line; only its beginning if tooLong
	tail    []byte // the end of a line which is tooLong
	tooLong bool
	cut     bool // the stream ended before the line did
}

// next returns io.EOF after the last line.
func (r *lineReader) next() (line, error) {
	var ln line
	for {
		chunk, err := r.in.ReadSlice('\n')
		ln.add(chunk, r.max)
		switch {
		case err == nil:
			return ln, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(ln.data) > 0:
			ln.cut = true
			return ln, nil
		default:
			return line{}, err
		}
	}
}

func (ln *line) add(chunk []byte, limit int) {
	if ln.tooLong {
		ln.tail = last(append(ln.tail, last(chunk, keptTail)...), keptTail)
		return
	}
	ln.data = append(ln.data, chunk...)
	if len(ln.data) > limit {
		ln.tooLong = true
		// Copies, to let go of the megabytes.
		ln.tail = bytes.Clone(last(ln.data, keptTail))
		ln.data = bytes.Clone(ln.data[:min(keptHead, len(ln.data))])
	}
}

func last(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

type kind int

const (
	nothing kind = iota // a blank line
	request
	notification
	answer // to a question of the host
)

// frame is one message of the editor and the little the relay wants to know about it.
type frame struct {
	kind   kind
	raw    []byte // the message as it came
	id     []byte // raw JSON
	method string
	modern bool

	header  [][2]string // what the modern era wants to see beside the body
	cancels []byte      // raw id named by notifications/cancelled
	uri     string      // of resources/subscribe and unsubscribe
}

// refusal is an answer the relay gives itself.
type refusal struct {
	id   []byte // raw JSON, or nil if there is none to be found
	code int
	text string

	tool   string // code of the failed call, if it is to be the result of a tools/call instead of an error
	modern bool   // as far as that could be read
}

func refuse(id []byte, code int, text string) *refusal {
	return &refusal{id: id, code: code, text: text}
}

// parse looks at one line of the editor. It never judges the shape of a message beyond what it
// needs itself: that is the host's business.
func parse(ln line) (frame, *refusal) {
	if ln.tooLong {
		if no := ln.failedCall(toolTooLarge, "This call is larger than the 16 MiB that fit into one message, so it was not carried out. "+
			"Move larger data in several pieces, or with local_path from a folder in allowed_folders of the settings."); no != nil {
			return frame{}, no
		}
		return frame{}, refuse(ln.findID(), codeInvalidRequest, "the message is longer than 16 MiB; pass large data as a file, by its path")
	}
	raw := trimmed(ln.data)
	if len(raw) == 0 {
		return frame{}, nil
	}
	if !utf8.Valid(raw) {
		// Go's JSON reader would put replacement characters into somebody's source code.
		if no := ln.failedCall(toolInvalid, "This call contains bytes that are not valid UTF-8, so it was not carried out. "+
			"Write text as UTF-8, and pass other bytes as base64."); no != nil {
			return frame{}, no
		}
		return frame{}, refuse(ln.findID(), codeParse, "the message is not valid UTF-8")
	}
	if !json.Valid(raw) {
		if ln.cut {
			return frame{}, nil // the editor died while it wrote
		}
		return frame{}, refuse(ln.findID(), codeParse, "the message is not valid JSON")
	}
	switch raw[0] {
	case '{':
		return parseObject(raw)
	case '[':
		return frame{}, refuse(nil, codeInvalidRequest, "batches are not supported; send one message per line")
	default:
		return frame{}, refuse(nil, codeInvalidRequest, "a message must be a JSON object")
	}
}

func parseObject(raw []byte) (frame, *refusal) {
	f := frame{raw: raw}
	var id, method, params []byte
	answers := false
	eachField(raw, func(key string, from, to int) {
		switch key {
		case "id":
			id = raw[from:to]
		case "method":
			method = raw[from:to]
		case "params":
			params = raw[from:to]
		case "result", "error":
			answers = true
		}
	})
	if id != nil && !isID(id) {
		return frame{}, refuse(nil, codeInvalidRequest, "the id must be a string or a number")
	}
	f.id = id
	switch {
	case method == nil && id == nil:
		return frame{}, refuse(nil, codeInvalidRequest, "the message has neither a method nor an id")
	case method == nil && !answers:
		return frame{}, refuse(id, codeInvalidRequest, "the message has neither a method nor a result")
	case method == nil:
		f.kind = answer
		return f, nil
	case id == nil:
		f.kind = notification
	default:
		f.kind = request
	}
	var ok bool
	if f.method, ok = text(method); !ok {
		return frame{}, refuse(id, codeInvalidRequest, "the method must be a string")
	}
	return f, f.readParams(params)
}

func (f *frame) readParams(params []byte) *refusal {
	var name, uri, version string
	eachField(params, func(key string, from, to int) {
		value := params[from:to]
		switch key {
		case "name":
			name, _ = text(value)
		case "uri":
			uri, _ = text(value)
		case "requestId":
			f.cancels = value
		case "_meta":
			eachField(value, func(key string, from, to int) {
				if key == "io.modelcontextprotocol/protocolVersion" {
					version, _ = text(value[from:to])
				}
			})
		}
	})
	if len(name) > maxName || len(uri) > maxName {
		return refuse(f.id, codeInvalidParams, "the name or uri is longer than 8 KiB")
	}
	f.uri = uri
	f.modern = version >= modern
	if !f.modern {
		return nil
	}
	// Both go into headers as they are, and the host compares them with the body.
	if !plain(version) {
		return refuse(f.id, codeInvalidParams, "the protocol version in _meta is not one")
	}
	if !plain(f.method) {
		return refuse(f.id, codeMethodNotFound, "method not found")
	}
	f.header = append(f.header, [2]string{"Mcp-Protocol-Version", version}, [2]string{"Mcp-Method", f.method})
	switch f.method {
	case "tools/call", "prompts/get":
		f.header = append(f.header, [2]string{"Mcp-Name", headerValue(name)})
	case "resources/read":
		f.header = append(f.header, [2]string{"Mcp-Name", headerValue(uri)})
	}
	return nil
}

// plain reports whether s can be the value of a header as it is.
func plain(s string) bool {
	return s != "" && len(s) <= maxName && headerValue(s) == s
}

const (
	sentinelOpen  = "=?base64?"
	sentinelClose = "?="
)

// headerValue writes a name the way MCP wants it in a header: as it is if it is printable ASCII
// without spaces around and could not be mistaken for an encoded one, else in base64.
func headerValue(s string) string {
	asIs := strings.Trim(s, " \t") == s && (!strings.HasPrefix(s, sentinelOpen) || !strings.HasSuffix(s, sentinelClose))
	for i := 0; asIs && i < len(s); i++ {
		asIs = s[i] >= 0x20 && s[i] <= 0x7e
	}
	if asIs {
		return s
	}
	return sentinelOpen + base64.StdEncoding.EncodeToString([]byte(s)) + sentinelClose
}

// failedCall refuses a message which cannot be read as a whole in the form of a failed tool, or
// returns nil if it is not certain to be a tools/call with an id.
func (ln line) failedCall(code, sentence string) *refusal {
	id := ln.findID()
	method, _ := text(ln.readable("method", func([]byte) bool { return true }))
	if id == nil || method != "tools/call" {
		return nil
	}
	const version = `"io.modelcontextprotocol/protocolVersion"`
	return &refusal{
		id: id, text: sentence, tool: code,
		modern: bytes.Contains(ln.data, []byte(version)) || bytes.Contains(ln.tail, []byte(version)),
	}
}

// findID looks for the id of a message which cannot be read as a whole, because an editor waits
// for an answer by id. It returns nil rather than a doubtful one.
func (ln line) findID() []byte {
	if id := ln.readable("id", isID); id != nil || !ln.tooLong {
		return id
	}
	at := bytes.LastIndex(ln.tail, []byte(`"id"`))
	if at < 0 {
		return nil
	}
	// From the id on the rest must close the message exactly: with an id deeper inside, a brace
	// would be left over.
	rest := append([]byte{'{'}, trimmed(ln.tail[at:])...)
	if !utf8.Valid(rest) || !json.Valid(rest) {
		return nil
	}
	if id := field(rest, "id"); isID(id) {
		return id
	}
	return nil
}

// readable returns the first good value under a key of the message, reading its fields for as long
// as they make sense.
func (ln line) readable(key string, good func(value []byte) bool) []byte {
	dec := json.NewDecoder(bytes.NewReader(trimmed(ln.data)))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for {
		name, err := dec.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil
		}
		if name == key && good(value) && utf8.Valid(value) {
			return value
		}
	}
}

// isID reports whether a JSON value may be the id of a message.
func isID(value []byte) bool {
	return value[0] == '"' || value[0] == '-' || '0' <= value[0] && value[0] <= '9'
}

// text reads a JSON string.
func text(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	inside := value[1 : len(value)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside), true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil
}

// trimmed drops what may stand around a message: a byte order mark, spaces, the CR of Windows.
func trimmed(b []byte) []byte {
	return bytes.Trim(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
}
