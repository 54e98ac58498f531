package agentrun

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// answer is what an envelope or an error says, in any of their shapes.
type answer struct {
	code, message, requestID, authAction string
	nested                               bool // the error was made inside the sandbox
}

// open judges an answer and gives what is in it: the data of the envelope, if it came in one, else the body.
func (t *try) open(resp *http.Response, body []byte) (json.RawMessage, *APIError) {
	if resp.StatusCode >= 300 || resp.StatusCode < 200 {
		if resp.StatusCode < 400 {
			return nil, t.failure(resp, KindBadAnswer, "the service sends on to elsewhere, which is not followed", nil)
		}
		return nil, t.refused(resp, readError(body))
	}
	payload, said, ok := unwrap(body)
	if !ok {
		return nil, t.refused(resp, said)
	}
	return payload, nil
}

// unwrap opens the envelope {code, requestId, data}, which some answers come in and some do not. An answer of success may
// still be one of failure, by its code or by the error in it; ok is false then.
func unwrap(body []byte) (payload json.RawMessage, said answer, ok bool) {
	body = bytes.TrimSpace(body)
	var envelope map[string]json.RawMessage
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &envelope) != nil {
		return body, answer{}, true
	}
	var nested struct{ Code, Message json.RawMessage }
	if e, has := envelope["error"]; has && json.Unmarshal(e, &nested) == nil && (text(nested.Code) != "" || text(nested.Message) != "") {
		return nil, readError(body), false
	}
	code, has := envelope["code"]
	if _, upper := envelope["Code"]; !has && upper {
		return nil, readError(body), false
	}
	if !has {
		return body, answer{}, true
	}
	if word := text(code); word != "" && !strings.EqualFold(word, "SUCCESS") {
		return nil, readError(body), false
	}
	data, wrapped := envelope["data"]
	switch {
	case !wrapped && len(envelope) <= 3: // code, requestId, message
		return nil, answer{}, true
	case !wrapped:
		return body, answer{}, true
	case isNull(data):
		return nil, answer{}, true
	}
	return data, answer{}, true
}

// readError reads the body of an error, which is JSON in one of three shapes, HTML, text or nothing.
func readError(body []byte) answer {
	body = bytes.TrimSpace(body)
	// Keys of the application and capitalised keys of the gateway are the same to encoding/json.
	var shape struct {
		Code, Message, RequestID json.RawMessage
		AccessDeniedDetail       struct{ AuthAction string }
		Error                    json.RawMessage
	}
	if len(body) == 0 || body[0] != '{' {
		return answer{message: plainText(body)}
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return answer{message: plainText(body)}
	}
	if err := json.Unmarshal(body, &shape); err != nil {
		shape.AccessDeniedDetail.AuthAction = "" // of some other type than is known
	}
	said := answer{code: text(shape.Code), message: text(shape.Message), requestID: text(shape.RequestID), authAction: shape.AccessDeniedDetail.AuthAction}
	var inner struct{ Code, Message json.RawMessage }
	switch {
	case len(shape.Error) == 0:
	case json.Unmarshal(shape.Error, &inner) == nil:
		if text(inner.Code) != "" || text(inner.Message) != "" {
			said.code, said.message, said.nested = text(inner.Code), text(inner.Message), true
		}
	case said.message == "":
		said.message = text(shape.Error)
	}
	if said.code == "" && said.message == "" {
		said.message = plainText(body)
	}
	return said
}

var tags = regexp.MustCompile(`(?is)<(script|style)\b.*?</(script|style)\s*>|<[^>]*>`)

// plainText makes a line of a text or a page. It is shortened only after secrets were taken out, of which a part could stay.
func plainText(body []byte) string {
	if len(body) > 64<<10 {
		body = body[:64<<10]
	}
	plain := strings.ToValidUTF8(string(body), "\uFFFD")
	if strings.HasPrefix(plain, "<") {
		plain = html.UnescapeString(tags.ReplaceAllString(plain, " "))
	}
	return strings.Join(strings.Fields(plain), " ")
}

// cut shortens a text to what a person reads.
func cut(s string) string {
	const most = 300
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// text gives a JSON string, or the digits of a number.
func text(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || isNull(raw) {
		return ""
	}
	var s string
	if raw[0] == '"' {
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

func isNull(raw []byte) bool { return string(bytes.TrimSpace(raw)) == "null" }

// decode reads a payload. The errors of encoding/json name offsets and Go types, of which only the first helps.
func decode(payload []byte, into any) error {
	err := json.Unmarshal(payload, into)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("a JSON %s stands where %q should have another type", e.Value, e.Field)
	}
	return err
}

// Int is a whole number, which some answers hold as a number and some as text. Anything else reads as 0.
type Int int64

// UnmarshalJSON implements [json.Unmarshaler].
func (i *Int) UnmarshalJSON(b []byte) error {
	*i = Int(wholeNumber(b))
	return nil
}

// Seconds is a number of seconds. It reads like [Int].
type Seconds int64

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Seconds) UnmarshalJSON(b []byte) error {
	*s = Seconds(wholeNumber(b))
	return nil
}

// Duration gives the seconds as a duration; what is too long for one is the longest.
func (s Seconds) Duration() time.Duration {
	const most = math.MaxInt64 / int64(time.Second)
	return time.Duration(max(-most, min(int64(s), most))) * time.Second
}

// secondsOf rounds up, so that nothing gets less time than it was given.
func secondsOf(d time.Duration) Seconds { return Seconds((d + time.Second - 1) / time.Second) }

func wholeNumber(b []byte) int64 {
	s := strings.TrimSpace(text(b))
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil, math.IsNaN(f):
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

// Time is a moment, which answers hold as RFC 3339 with or without a fraction, in UTC or at +08:00. Anything else reads as no time.
type Time struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Time) UnmarshalJSON(b []byte) error {
	parsed, err := time.Parse(time.RFC3339, text(b))
	if err != nil || parsed.Year() < 0 || parsed.Year() > 9999 {
		parsed = time.Time{}
	}
	t.Time = parsed
	return nil
}

// MarshalJSON implements [json.Marshaler].
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + t.Format(time.RFC3339Nano) + `"`), nil
}

// ProcessID names a process in a sandbox: a number in the documentation, text in the clients.
type ProcessID string

// UnmarshalJSON implements [json.Unmarshaler].
func (p *ProcessID) UnmarshalJSON(b []byte) error {
	*p = ProcessID(text(b))
	return nil
}

// MarshalJSON writes a number as a number.
func (p ProcessID) MarshalJSON() ([]byte, error) {
	if n, err := strconv.ParseInt(string(p), 10, 64); err == nil && strconv.FormatInt(n, 10) == string(p) {
		return []byte(p), nil
	}
	return json.Marshal(string(p))
}

// Forms holds the representations of one value by their MIME type: text as text, binary ones in base64.
type Forms map[string]string

// UnmarshalJSON takes text alone as "text/plain", and as the value of a form what notebooks have there: a string, a list of
// strings that belong together, or any JSON.
func (f *Forms) UnmarshalJSON(b []byte) error {
	*f = nil
	if isNull(b) {
		return nil
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal(b, &raw) != nil {
		*f = Forms{"text/plain": formText(b)}
		return nil
	}
	if len(raw) == 0 {
		return nil
	}
	*f = make(Forms, len(raw))
	for kind, value := range raw {
		(*f)[kind] = formText(value)
	}
	return nil
}

func formText(raw json.RawMessage) string {
	var whole string
	if json.Unmarshal(raw, &whole) == nil {
		return whole
	}
	var pieces []string
	if json.Unmarshal(raw, &pieces) == nil {
		return strings.Join(pieces, "")
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return string(raw)
	}
	return compact.String()
}

// list reads a list that stands alone or, in some answers, under one of the given names.
func list[T any](payload json.RawMessage, names ...string) ([]T, error) {
	var items []T
	if b := bytes.TrimSpace(payload); len(b) > 0 && b[0] == '{' {
		var fields map[string]json.RawMessage
		if err := decode(b, &fields); err != nil {
			return nil, err
		}
		for _, name := range names {
			if raw, ok := fields[name]; ok {
				err := decode(raw, &items)
				return items, err
			}
		}
		return nil, fmt.Errorf("an object with none of %q stands where a list should", names)
	}
	err := decode(payload, &items)
	return items, err
}

// withExtra writes a request with fields that this client has no name for.
func withExtra(request any, extra map[string]any) ([]byte, error) {
	known, err := encode(request)
	if err != nil || len(extra) == 0 {
		return known, err
	}
	var fields map[string]any
	if err := json.Unmarshal(known, &fields); err != nil {
		return nil, err
	}
	for name, value := range extra {
		if _, taken := fields[name]; taken {
			return nil, fmt.Errorf("the extra field %q has a name of its own", name)
		}
		fields[name] = value
	}
	return encode(fields)
}
