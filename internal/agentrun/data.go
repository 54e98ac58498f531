package agentrun

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// inside is the path of a call into a sandbox.
func inside(sandboxID string, segments ...string) string {
	return path("sandboxes", sandboxID) + path(segments...)
}

// Health is what a sandbox says of itself.
type Health struct {
	Status    string `json:"status"`
	Service   string `json:"service,omitempty"`
	Version   string `json:"version,omitempty"`
	Timestamp Time   `json:"timestamp,omitzero"`
	Uptime    Int    `json:"uptime,omitempty"` // nanoseconds
}

// OK reports whether code can run in the sandbox.
func (h Health) OK() bool { return strings.EqualFold(h.Status, "ok") }

// Health asks a sandbox how it is. While it starts, it answers with another status than "ok", or the gateway in its place with
// [KindStarting], which is not repeated here: ask again after a second, at most 60 times, as the official client does
// (recorded). A request also keeps an idle sandbox alive (assumed).
func (c *Client) Health(ctx context.Context, sandboxID string) (Health, error) {
	var health Health
	err := c.do(ctx, call{op: "Health", plane: Data, method: http.MethodGet, path: inside(sandboxID, "health"), repeat: polling}, &health)
	return health, err
}

// Language is what a context speaks.
type Language string

// The languages (documented).
const (
	Python     Language = "python"
	JavaScript Language = "javascript"
)

// HomeFolder is where code inside a sandbox starts unless told otherwise (documented).
const HomeFolder = "/home/user"

// CodeContext is one interpreter in a sandbox.
type CodeContext struct {
	ID       string   `json:"id"`
	Language Language `json:"language,omitempty"`
	Cwd      string   `json:"cwd,omitempty"` // its working folder
}

// CreateContext starts an interpreter. An empty cwd means [HomeFolder]. Sent once.
func (c *Client) CreateContext(ctx context.Context, sandboxID string, language Language, cwd string) (CodeContext, error) {
	request := struct {
		Cwd      string   `json:"cwd"`
		Language Language `json:"language"`
	}{cmp.Or(cwd, HomeFolder), language}
	var made CodeContext
	err := c.do(ctx, call{op: "CreateContext", plane: Data, method: http.MethodPost, path: inside(sandboxID, "contexts"), body: request}, &made)
	return made, err
}

// GetContext looks at a context.
func (c *Client) GetContext(ctx context.Context, sandboxID, contextID string) (CodeContext, error) {
	var found CodeContext
	err := c.do(ctx, call{op: "GetContext", plane: Data, method: http.MethodGet, path: inside(sandboxID, "contexts", contextID), repeat: reading}, &found)
	return found, err
}

// contextList is a list of contexts in any of its shapes.
type contextList []CodeContext

// UnmarshalJSON implements [json.Unmarshaler].
func (l *contextList) UnmarshalJSON(b []byte) error {
	items, err := list[CodeContext](b, "data", "items", "contexts")
	*l = items
	return err
}

// ListContexts lists the contexts of a sandbox.
func (c *Client) ListContexts(ctx context.Context, sandboxID string) ([]CodeContext, error) {
	var found contextList
	err := c.do(ctx, call{op: "ListContexts", plane: Data, method: http.MethodGet, path: inside(sandboxID, "contexts"), repeat: reading}, &found)
	return found, err
}

// DeleteContext ends a context. One that is not there is [KindContextNotFound].
func (c *Client) DeleteContext(ctx context.Context, sandboxID, contextID string) error {
	return c.do(ctx, call{op: "DeleteContext", plane: Data, method: http.MethodDelete, path: inside(sandboxID, "contexts", contextID), repeat: repeating}, nil)
}

// MaxRunTime is the longest that code or a command may be given (documented): the service's gateway ends requests then. Longer
// work goes into the background of the sandbox.
const MaxRunTime = 30 * time.Second

// Execution is code to run. Name the context to run in, or a language for a run that keeps nothing.
type Execution struct {
	Code      string
	ContextID string
	Language  Language      // without a ContextID only
	Timeout   time.Duration // at most MaxRunTime, in whole seconds, rounded up; 0: MaxRunTime
}

// MarshalJSON implements [json.Marshaler].
func (e Execution) MarshalJSON() ([]byte, error) {
	return encode(struct {
		Code      string   `json:"code"`
		Timeout   Seconds  `json:"timeout"`
		ContextID string   `json:"contextId,omitempty"`
		Language  Language `json:"language,omitempty"`
	}{e.Code, secondsOf(cmp.Or(e.Timeout, MaxRunTime)), e.ContextID, e.Language})
}

// Execute runs code and waits for it. Code that fails or runs out of time is a result with another outcome, not an error. There
// is no way to stop it: ending ctx gives up the answer, and the code goes on. Sent once, whatever happens.
func (c *Client) Execute(ctx context.Context, sandboxID string, run Execution) (Result, error) {
	cl := call{op: "Execute", plane: Data, method: http.MethodPost, path: inside(sandboxID, "contexts", "execute"), body: run}
	if run.ContextID != "" && run.Language != "" {
		return Result{}, c.invalid(cl, "a context has its language; name one of the two")
	}
	limit, failed := c.runLimit(cl, run.Timeout)
	if failed != nil {
		return Result{}, failed
	}
	cl.limit = limit
	var result Result
	err := c.do(ctx, cl, &result)
	return result, err
}

// runLimit says how long to wait for something that may take timeout.
func (c *Client) runLimit(cl call, timeout time.Duration) (time.Duration, *APIError) {
	if timeout < 0 || timeout > MaxRunTime {
		return 0, c.invalid(cl, fmt.Sprintf("it cannot be given %s; the service's limit is %s", timeout, MaxRunTime))
	}
	return cmp.Or(timeout, MaxRunTime) + runMargin, nil
}

// invalid refuses a call before it is sent.
func (c *Client) invalid(cl call, message string) *APIError {
	return &APIError{Plane: cl.plane, Operation: cl.op, Kind: KindInvalid, Message: message}
}

// ItemType says what an item of a result is.
type ItemType string

// The types of items. Others may come and are kept.
const (
	ItemStdout  ItemType = "stdout"
	ItemStderr  ItemType = "stderr"
	ItemResult  ItemType = "result"
	ItemError   ItemType = "error"
	ItemEnd     ItemType = "endOfExecution"
	ItemTimeout ItemType = "timeout"
)

// Item is one piece of what a run gave. Which fields are filled depends on the type and on the service's version.
type Item struct {
	Type           ItemType
	Text           string   // of stdout, stderr and error; of a result in one of the two shapes
	Value          string   // of error, in place of Text
	Data           Forms    // of a result, in the other shape
	ExecutionCount Int      // of a result; always 1 where it was seen, so not the number of a cell
	Status         string   // of endOfExecution: "ok", "error" or "timeout"
	Name           string   // of error, perhaps
	Traceback      []string // of error, perhaps; lines or parts
	raw            json.RawMessage
}

type itemFields struct {
	Type           ItemType        `json:"type"`
	Text           string          `json:"text,omitempty"`
	Value          string          `json:"value,omitempty"`
	Data           Forms           `json:"data,omitempty"`
	ExecutionCount Int             `json:"executionCount,omitempty"`
	Status         string          `json:"status,omitempty"`
	Name           string          `json:"name,omitempty"`
	Traceback      json.RawMessage `json:"traceback,omitempty"`
}

// UnmarshalJSON implements [json.Unmarshaler]. What an item of an unknown type holds is kept, whatever it is.
func (i *Item) UnmarshalJSON(b []byte) error {
	var f itemFields
	if err := json.Unmarshal(b, &f); err != nil {
		var kind struct{ Type ItemType }
		if json.Unmarshal(b, &kind) != nil || kind.Type.known() {
			return err
		}
		f = itemFields{Type: kind.Type}
	}
	*i = Item{Type: f.Type, Text: f.Text, Value: f.Value, Data: f.Data, ExecutionCount: f.ExecutionCount, Status: f.Status, Name: f.Name}
	if len(f.Traceback) > 0 && !isNull(f.Traceback) {
		if json.Unmarshal(f.Traceback, &i.Traceback) != nil {
			i.Traceback = []string{formText(f.Traceback)}
		}
	}
	if !i.Type.known() {
		i.raw = append(json.RawMessage(nil), b...)
	}
	return nil
}

// MarshalJSON implements [json.Marshaler].
func (i Item) MarshalJSON() ([]byte, error) {
	if i.raw != nil {
		return i.raw, nil
	}
	f := itemFields{Type: i.Type, Text: i.Text, Value: i.Value, Data: i.Data, ExecutionCount: i.ExecutionCount, Status: i.Status, Name: i.Name}
	if i.Traceback != nil {
		traceback, err := encode(i.Traceback)
		if err != nil {
			return nil, err
		}
		f.Traceback = traceback
	}
	return encode(f)
}

// Raw is the item as it came, if its type is not one of those above; nil otherwise.
func (i Item) Raw() json.RawMessage { return i.raw }

func (t ItemType) known() bool {
	switch t {
	case ItemStdout, ItemStderr, ItemResult, ItemError, ItemEnd, ItemTimeout:
		return true
	default:
		return false
	}
}

// Forms gives the representations of a result in either shape.
func (i Item) forms() Forms {
	if len(i.Data) > 0 {
		return i.Data
	}
	return Forms{"text/plain": i.Text}
}

// placeholders stand where code had no value to show: the first is documented, the other was seen.
var placeholders = map[string]bool{"": true, "None": true, "Code executed successfully": true}

// isPlaceholder reports whether a result stands for no value.
func isPlaceholder(forms Forms) bool { return len(forms) == 1 && placeholders[forms["text/plain"]] }

// Result is what a run gave, in order.
type Result struct {
	Items     []Item `json:"results"`
	ContextID string `json:"contextId,omitempty"`
}

// UnmarshalJSON implements [json.Unmarshaler]. An object without results is none, however it is called.
func (r *Result) UnmarshalJSON(b []byte) error {
	var f struct {
		Items     *[]Item `json:"results"`
		ContextID string  `json:"contextId"`
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if f.Items == nil {
		return fmt.Errorf("the answer has no results")
	}
	*r = Result{Items: *f.Items, ContextID: f.ContextID}
	return nil
}

// Outcome says how a run ended.
type Outcome string

// The outcomes.
const (
	OutcomeOK      Outcome = "ok"
	OutcomeError   Outcome = "error"
	OutcomeTimeout Outcome = "timeout"
)

// Outcome goes by the items: the closing one, which says it, may be missing.
func (r Result) Outcome() Outcome {
	outcome := OutcomeOK
	for _, item := range r.Items {
		switch {
		case item.Type == ItemTimeout, item.Type == ItemEnd && strings.EqualFold(item.Status, "timeout"):
			return OutcomeTimeout
		case item.Type == ItemError, item.Type == ItemEnd && item.Status != "" && !strings.EqualFold(item.Status, "ok"):
			outcome = OutcomeError
		}
	}
	return outcome
}

// Stdout is what was printed. The service cuts the newline off the end of each piece (in all examples known).
func (r Result) Stdout() string { return r.printed(ItemStdout) }

// Stderr is what was printed there, which does not make a run a failure.
func (r Result) Stderr() string { return r.printed(ItemStderr) }

func (r Result) printed(stream ItemType) string {
	var b strings.Builder
	for _, item := range r.Items {
		if item.Type != stream || item.Text == "" {
			continue
		}
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(item.Text)
	}
	return b.String()
}

// Values are the results that show something, in order: not those that stand for no value.
func (r Result) Values() []Forms {
	var values []Forms
	for _, item := range r.Items {
		if forms := item.forms(); item.Type == ItemResult && !isPlaceholder(forms) {
			values = append(values, forms)
		}
	}
	return values
}

// CodeError is the error a run ended with, in the words of the language.
type CodeError struct {
	Name      string // such as ZeroDivisionError; may be empty
	Message   string
	Traceback string // may be empty
}

// Error finds the first error among the items; nil if there is none, which does not mean that the run went well: see Outcome.
func (r Result) Error() *CodeError {
	for _, item := range r.Items {
		if item.Type == ItemError {
			return item.codeError()
		}
	}
	return nil
}

// codeError takes name and message from the last line of a text, where an item has no fields for them.
func (i Item) codeError() *CodeError {
	whole := strings.TrimRight(cmp.Or(i.Text, i.Value), "\n")
	traceback := strings.Join(i.Traceback, "\n")
	if len(i.Traceback) > 1 && strings.HasSuffix(i.Traceback[0], "\n") {
		traceback = strings.Join(i.Traceback, "")
	}
	last := whole
	if cut := strings.LastIndexByte(whole, '\n'); cut >= 0 && strings.HasPrefix(whole, "Traceback") {
		traceback, last = cmp.Or(traceback, whole), whole[cut+1:]
	}
	e := &CodeError{Name: i.Name, Message: last, Traceback: traceback}
	if name, message, ok := strings.Cut(last, ": "); ok && isName(name) && (e.Name == "" || e.Name == name) {
		e.Name, e.Message = name, message
	} else if e.Name == "" && isName(last) && strings.HasPrefix(whole, "Traceback") {
		e.Name, e.Message = last, ""
	}
	return e
}

// isName reports whether a text is the name of a type, perhaps with that of its module.
func isName(s string) bool {
	for i, r := range s {
		letter := 'a' <= r|0x20 && r|0x20 <= 'z' || r == '_' || r > 127
		if !letter && (i == 0 || r != '.' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}
