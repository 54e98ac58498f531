//go:build e2e && soak

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	soakFor  = flag.Duration("soak.for", 10*time.Minute, "how long the soak goes on")
	soakSeed = flag.Uint64("soak.seed", 0, "what the soak's chances begin with; 0: the time")
)

// soak is the state of one soak: what is in its books, and who works.
type soak struct {
	h     *home
	url   string
	token string
	tally *tally

	mu       sync.Mutex // guards below
	resting  bool
	atWork   int
	idle     chan struct{} // closed when resting and nobody works; replaced with each rest
	wakeUp   chan struct{} // closed at the end of a rest
	restarts []restart
}

// restart is the time in which calls may be lost, and contexts are.
type restart struct{ from, to time.Time }

// tally is what came of the calls.
type tally struct {
	mu     sync.Mutex
	took   map[string][]time.Duration
	codes  map[string]int // of calls that could not be carried out around restarts
	faults []string
}

func (y *tally) fault(format string, args ...any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if len(y.faults) < 100 {
		y.faults = append(y.faults, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

func (y *tally) done(kind string, took time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.took[kind] = append(y.took[kind], took)
}

func (y *tally) lost(code string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.codes[code]++
}

// begin lets a client work, or waits until the rest is over. It reports false when ctx has ended.
func (s *soak) begin(ctx context.Context) bool {
	for {
		s.mu.Lock()
		if !s.resting {
			s.atWork++
			s.mu.Unlock()
			return ctx.Err() == nil || s.end(false)
		}
		wake := s.wakeUp
		s.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return false
		}
	}
}

func (s *soak) end(result bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.atWork--
	if s.resting && s.atWork == 0 {
		close(s.idle)
	}
	return result
}

// rest stops the work, lets measure look at the stillness, and goes on.
func (s *soak) rest(t *testing.T, measure func()) {
	t.Helper()
	s.mu.Lock()
	s.resting, s.idle, s.wakeUp = true, make(chan struct{}), make(chan struct{})
	if s.atWork == 0 {
		close(s.idle)
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		measure()
	case <-time.After(2 * time.Minute):
		t.Error("calls are still in flight 2 min after no more were made")
	}
	s.mu.Lock()
	s.resting = false
	close(s.wakeUp)
	s.mu.Unlock()
}

// disturbed reports whether a host went away after a time, or shortly before.
func (s *soak) disturbed(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.restarts {
		if r.to.IsZero() || r.to.Add(3*time.Second).After(since) {
			return true
		}
	}
	return false
}

// line is a client's connection. request returns the result, or an error of the protocol; it fails with errDropped when the
// connection ended with the call in flight, which only restarts and the client itself may bring about.
type line interface {
	request(ctx context.Context, method string, params map[string]any) (json.RawMessage, error)
	drop()
}

var errDropped = errors.New("the connection ended")

// rpcError is an answer that is an error.
type rpcError struct {
	code int
	text string
}

func (e rpcError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// pipe is a line through a relay of its own.
type pipe struct {
	s    *soak
	name string
	era  string
	cmd  *exec.Cmd
	in   io.WriteCloser
	done chan struct{}

	writing sync.Mutex
	mu      sync.Mutex // guards below
	last    int
	open    map[string]chan message
	gone    map[string]bool // cancelled
	slow    time.Duration   // how long to wait before the next line is read
}

// openPipe starts a relay, as an editor does.
func openPipe(s *soak, name, era string) (*pipe, error) {
	p := &pipe{s: s, name: name, era: era, done: make(chan struct{}), open: map[string]chan message{}, gone: map[string]bool{}}
	p.cmd = exec.Command(relayProgram())
	p.cmd.Env, p.cmd.Dir = s.h.env, s.h.dir
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		p.read(out)
		_ = p.cmd.Wait() // it ends with its input, or the soak says so
	}()
	if era == legacy {
		_, err := p.request(context.Background(), "initialize", map[string]any{
			"protocolVersion": legacy, "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": name, "version": "1"},
		})
		if err != nil {
			p.drop()
			return nil, fmt.Errorf("initialize: %w", err)
		}
		_ = p.write([]byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`))
	}
	return p, nil
}

func (p *pipe) read(out io.Reader) {
	lines := bufio.NewReaderSize(out, 64<<10)
	for {
		p.mu.Lock()
		slow := p.slow
		p.slow = 0
		p.mu.Unlock()
		if slow > 0 {
			time.Sleep(slow) // a reader that is busy elsewhere
		}
		text, err := lines.ReadBytes('\n')
		if err != nil {
			if len(text) > 0 {
				p.s.tally.fault("%s: half a line on standard output: %s", p.name, clip(string(text), 200))
			}
			break
		}
		var m message
		if err := json.Unmarshal(text, &m); err != nil || m.Version != "2.0" {
			p.s.tally.fault("%s: no message on standard output: %s", p.name, clip(string(text), 200))
			continue
		}
		if m.Method != "" || string(m.ID) == "null" && m.Error != nil {
			continue
		}
		id := string(m.ID)
		p.mu.Lock()
		waits, cancelled := p.open[id], p.gone[id]
		delete(p.open, id)
		p.mu.Unlock()
		switch {
		case waits != nil:
			waits <- m
		case !cancelled:
			p.s.tally.fault("%s: answer to %s, which is not open: %s", p.name, id, clip(string(text), 200))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, waits := range p.open {
		close(waits)
	}
	p.open = nil
}

func (p *pipe) write(text []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, err := p.in.Write(append(text, '\n'))
	return err
}

func (p *pipe) request(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	params = inTheEra(p.era, p.name, params)
	answer := make(chan message, 1)
	p.mu.Lock()
	if p.open == nil {
		p.mu.Unlock()
		return nil, errDropped
	}
	p.last++
	id := strconv.Itoa(p.last)
	p.open[id] = answer
	p.mu.Unlock()
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": json.RawMessage(id), "method": method, "params": params})
	if err != nil {
		return nil, err
	}
	if err := p.write(text); err != nil {
		return nil, errDropped
	}
	select {
	case m, ok := <-answer:
		switch {
		case !ok:
			return nil, errDropped
		case m.Error != nil:
			return nil, rpcError{m.Error.Code, m.Error.Message}
		}
		return m.Result, nil
	case <-ctx.Done():
		p.mu.Lock()
		delete(p.open, id)
		p.gone[id] = true
		p.mu.Unlock()
		_ = p.write([]byte(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":` + id + `}}`))
		return nil, context.Cause(ctx)
	}
}

func (p *pipe) drop() {
	_ = p.in.Close()
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.s.tally.fault("%s: the relay runs on 20 s after its input was closed", p.name)
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// web is a line over HTTP with a token.
type web struct {
	s       *soak
	name    string
	era     string
	client  *http.Client
	session string
}

func openWeb(s *soak, name, era string) (*web, error) {
	w := &web{s: s, name: name, era: era, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}}
	if era == legacy {
		_, err := w.request(context.Background(), "initialize", map[string]any{
			"protocolVersion": legacy, "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": name, "version": "1"},
		})
		if err != nil {
			return nil, fmt.Errorf("initialize: %w", err)
		}
	}
	return w, nil
}

func (w *web) request(ctx context.Context, method string, params map[string]any) (json.RawMessage, error) {
	name, _ := params["name"].(string)
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": inTheEra(w.era, w.name, params)})
	if err != nil {
		return nil, err
	}
	if w.era == legacy { // in this era an id is of one call at a time
		text = bytes.Replace(text, []byte(`"id":1`), fmt.Appendf(nil, `"id":%d`, rand.Uint32()), 1)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.s.url, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("Authorization", "Bearer "+w.s.token)
	if w.era == modern {
		req.Header.Set("Mcp-Protocol-Version", modern)
		req.Header.Set("Mcp-Method", method)
		if name != "" {
			req.Header.Set("Mcp-Name", name)
		}
	} else if w.session != "" {
		req.Header.Set("Mcp-Session-Id", w.session)
	}
	resp, err := w.client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		if id := resp.Header.Get("Mcp-Session-Id"); id != "" {
			w.session = id
		}
		text, err = io.ReadAll(resp.Body)
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errDropped, err)
	case resp.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: %s", errDropped, clip(string(text), 200))
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		for event := range bytes.Lines(text) {
			if data, ok := bytes.CutPrefix(event, []byte("data: ")); ok {
				text = data // the answer is the last
			}
		}
	}
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("status %d: %s", resp.StatusCode, clip(string(text), 200))
	}
	if m.Error != nil {
		return nil, rpcError{m.Error.Code, m.Error.Message}
	}
	return m.Result, nil
}

func (w *web) drop() { w.client.CloseIdleConnections() }

func inTheEra(era, name string, params map[string]any) map[string]any {
	if era != modern {
		return params
	}
	params = maps.Clone(params)
	params["_meta"] = map[string]any{
		"io.modelcontextprotocol/protocolVersion":    modern,
		"io.modelcontextprotocol/clientInfo":         map[string]any{"name": name, "version": "1"},
		"io.modelcontextprotocol/clientCapabilities": map[string]any{},
	}
	return params
}

// worker is one client of the soak.
type worker struct {
	*soak
	name   string
	dial   func() (line, error)
	line   line
	chance *rand.Rand
	rude   bool // sends what is no message
	slow   bool // reads late
}

// result is a tool's result as far as the soak reads it.
type soakResult struct {
	IsError bool `json:"isError"`
	Content []struct {
		Type string `json:"type"`
	} `json:"content"`
	Object struct {
		Success   bool   `json:"success"`
		Stdout    string `json:"stdout"`
		ContextID string `json:"context_id"`
		Code      string `json:"code"`
		Truncated struct {
			Stdout struct {
				Length int `json:"length"`
			} `json:"stdout"`
		} `json:"truncated"`
		Contexts []struct {
			ID string `json:"context_id"`
		} `json:"contexts"`
	} `json:"structuredContent"`
	Raw json.RawMessage `json:"-"`
}

// errExcused is a call that came to nothing because of a restart.
var errExcused = errors.New("lost to a restart")

// tool calls a tool. What a restart may do to a call is excused, and nothing else.
func (w *worker) tool(began time.Time, name string, arguments map[string]any) (soakResult, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	raw, err := w.line.request(ctx, "tools/call", map[string]any{"name": name, "arguments": arguments})
	if err != nil {
		return soakResult{}, w.excuse(began, fmt.Sprintf("%s: %v", name, err), "connection")
	}
	r := soakResult{Raw: raw}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, fmt.Errorf("%s: %w: %s", name, err, clip(string(raw), 300))
	}
	if r.IsError {
		return r, w.excuse(began, fmt.Sprintf("%s: %s", name, clip(string(raw), 500)), r.Object.Code)
	}
	return r, nil
}

func (w *worker) excuse(began time.Time, what, code string) error {
	if !w.disturbed(began) {
		return errors.New(what)
	}
	w.tally.lost(code)
	return fmt.Errorf("%w: %s", errExcused, what)
}

// python runs code and wants this output.
func (w *worker) python(began time.Time, contextID, code, want string) error {
	arguments := map[string]any{"code": code, "timeout_seconds": 60}
	if contextID != "" {
		arguments["context_id"] = contextID
	}
	r, err := w.tool(began, "run_code", arguments)
	if err != nil {
		return err
	}
	if !r.Object.Success || r.Object.Stdout != want {
		if strings.Contains(string(r.Raw), "SESSION_LOST") || strings.Contains(string(r.Raw), "CANCELLED") || strings.Contains(string(r.Raw), "restarted") {
			return w.excuse(began, clip(string(r.Raw), 500), "run ended")
		}
		return fmt.Errorf("%s gave %s, want %q", code, clip(string(r.Raw), 500), want)
	}
	return nil
}

// tiny is a picture of one pixel.
var tiny = base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"))

// kinds are what a client does, each with its weight. Every result is computed from a number that nobody else has.
var kinds = []struct {
	name   string
	weight int
	do     func(w *worker, began time.Time, n int) error
}{
	{"short run", 8, func(w *worker, began time.Time, n int) error {
		return w.python(began, "", fmt.Sprintf("print(%d * 7919)", n), fmt.Sprintln(n*7919))
	}},
	{"JavaScript run", 4, func(w *worker, began time.Time, n int) error {
		r, err := w.tool(began, "run_code", map[string]any{"language": "javascript", "code": fmt.Sprintf("console.log(%d * 31)", n)})
		if err == nil && r.Object.Stdout != fmt.Sprintln(n*31) {
			err = w.judge(began, r, fmt.Sprint(n*31))
		}
		return err
	}},
	{"long run", 2, func(w *worker, began time.Time, n int) error {
		return w.python(began, "", fmt.Sprintf("import time\nfor i in range(4):\n    time.sleep(%f)\n    sum(range(200000))\nprint(%d + 1)", w.chance.Float64()/3, n), fmt.Sprintln(n+1))
	}},
	{"run that raises", 2, func(w *worker, began time.Time, n int) error {
		r, err := w.tool(began, "run_code", map[string]any{"code": fmt.Sprintf("raise ValueError(%d * 3)", n)})
		if err == nil && (r.Object.Success || !strings.Contains(string(r.Raw), strconv.Itoa(n*3))) {
			err = w.judge(began, r, "ValueError "+strconv.Itoa(n*3))
		}
		return err
	}},
	{"run with a picture", 1, func(w *worker, began time.Time, n int) error {
		r, err := w.tool(began, "run_code", map[string]any{"code": fmt.Sprintf("import base64\nclass P:\n    def _repr_png_(self): return base64.b64decode(%q)\nprint(%d)\nP()", tiny, n)})
		if err == nil && (r.Object.Stdout != fmt.Sprintln(n) || len(r.Content) < 2 || r.Content[1].Type != "image") {
			err = w.judge(began, r, "a picture")
		}
		return err
	}},
	{"200 kB of output", 1, func(w *worker, began time.Time, n int) error {
		r, err := w.tool(began, "run_code", map[string]any{"code": fmt.Sprintf("print(%d)\nfor i in range(2000): print('x' * 99)", n)})
		if err == nil && (!strings.HasPrefix(r.Object.Stdout, fmt.Sprintln(n)) || r.Object.Truncated.Stdout.Length != len(fmt.Sprintln(n))+200000 && len(r.Object.Stdout) < 200000) {
			err = w.judge(began, r, "200 kB")
		}
		return err
	}},
	{"context of its own", 2, func(w *worker, began time.Time, n int) error {
		made, err := w.tool(began, "create_context", map[string]any{"name": fmt.Sprintf("soak %d", n)})
		if err != nil {
			return err
		}
		id := made.Object.ContextID
		if err := w.python(began, id, fmt.Sprintf("kept = %d", n), ""); err != nil {
			return err
		}
		if err := w.python(began, id, "print(kept * 2)", fmt.Sprintln(n*2)); err != nil {
			return err
		}
		_, err = w.tool(began, "stop_context", map[string]any{"context_id": id})
		return err
	}},
	{"list_contexts", 4, func(w *worker, began time.Time, _ int) error {
		_, err := w.tool(began, "list_contexts", map[string]any{})
		return err
	}},
	{"file there and back", 2, func(w *worker, began time.Time, n int) error {
		made, err := w.tool(began, "create_context", map[string]any{"name": fmt.Sprintf("files %d", n)})
		if err != nil {
			return err
		}
		id := made.Object.ContextID
		if _, err := w.tool(began, "upload_file", map[string]any{"context_id": id, "path": "in.txt", "content": strconv.Itoa(n)}); err != nil {
			return err
		}
		if err := w.python(began, id, "open('out.txt', 'w').write(str(int(open('in.txt').read()) * 5)); None", ""); err != nil {
			return err
		}
		r, err := w.tool(began, "download_file", map[string]any{"context_id": id, "path": "out.txt"})
		if err != nil {
			return err
		}
		if !strings.Contains(string(r.Raw), strconv.Itoa(n*5)) {
			return fmt.Errorf("download_file = %s, want %d", clip(string(r.Raw), 300), n*5)
		}
		_, err = w.tool(began, "stop_context", map[string]any{"context_id": id, "force": true})
		return err
	}},
	{"resources/list", 1, func(w *worker, began time.Time, _ int) error {
		return w.list(began, "resources/list", `"resources":[`)
	}},
	{"resources/templates/list", 1, func(w *worker, began time.Time, _ int) error {
		return w.list(began, "resources/templates/list", "agentrun://")
	}},
	{"run out of time", 1, func(w *worker, began time.Time, n int) error {
		r, err := w.tool(began, "run_code", map[string]any{"code": fmt.Sprintf("print(%d, flush=True)\nwhile True: pass", n), "timeout_seconds": 1})
		if err == nil && (r.Object.Success || !strings.Contains(string(r.Raw), "TIMEOUT") || r.Object.Stdout != fmt.Sprintln(n)) {
			err = w.judge(began, r, "TIMEOUT")
		}
		return err
	}},
	{"cancelled run", 3, func(w *worker, began time.Time, n int) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(w.chance.IntN(400))*time.Millisecond)
		defer cancel()
		code := "while True: pass"
		if n%2 == 0 {
			code = "import time; time.sleep(100)"
		}
		raw, err := w.line.request(ctx, "tools/call", map[string]any{"name": "run_code", "arguments": map[string]any{"code": code, "timeout_seconds": 100}})
		if err == nil || !errors.Is(err, context.DeadlineExceeded) {
			return w.excuse(began, fmt.Sprintf("an endless run was answered: %v %s", err, clip(string(raw), 300)), "cancelled")
		}
		return nil
	}},
}

func (w *worker) judge(began time.Time, r soakResult, want string) error {
	what := fmt.Sprintf("run_code gave %s, want %s", clip(string(r.Raw), 500), want)
	if strings.Contains(string(r.Raw), "SESSION_LOST") || strings.Contains(string(r.Raw), "CANCELLED") {
		return w.excuse(began, what, "run ended")
	}
	return errors.New(what)
}

func (w *worker) list(began time.Time, method, want string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	raw, err := w.line.request(ctx, method, map[string]any{})
	if err != nil {
		return w.excuse(began, fmt.Sprintf("%s: %v", method, err), "connection")
	}
	if !bytes.Contains(raw, []byte(want)) {
		return fmt.Errorf("%s = %s, want %s in it", method, clip(string(raw), 300), want)
	}
	return nil
}

// work makes calls until ctx ends.
func (w *worker) work(ctx context.Context, number func() int) {
	whole := 0
	for _, k := range kinds {
		whole += k.weight
	}
	defer func() {
		if w.line != nil {
			w.line.drop()
		}
	}()
	for w.begin(ctx) {
		began := time.Now()
		if w.line == nil {
			l, err := w.dial()
			if err != nil && !w.disturbed(began) {
				w.tally.fault("%s: connect: %v", w.name, err)
			}
			if err != nil {
				time.Sleep(200 * time.Millisecond) // nobody may be there yet
				w.end(true)
				continue
			}
			w.line = l
			w.tally.done("connect", time.Since(began))
		}
		at := w.chance.IntN(whole)
		for _, k := range kinds {
			if at -= k.weight; at >= 0 {
				continue
			}
			began := time.Now()
			err := k.do(w, began, number())
			switch {
			case errors.Is(err, errExcused):
				if strings.Contains(err.Error(), errDropped.Error()) {
					w.line.drop()
					w.line = nil
					time.Sleep(200 * time.Millisecond) // nobody may be there yet
				}
			case err != nil:
				w.tally.fault("%s: %s: %v", w.name, k.name, err)
			default:
				w.tally.done(k.name, time.Since(began))
			}
			break
		}
		w.misbehave()
		w.end(true)
	}
}

// misbehave is what an editor may do to us between two calls.
func (w *worker) misbehave() {
	if w.line == nil {
		return
	}
	if w.chance.IntN(100) == 0 {
		w.line.drop()
		w.line = nil
		return
	}
	p, ok := w.line.(*pipe)
	if !ok {
		return
	}
	if w.slow && w.chance.IntN(10) == 0 {
		p.mu.Lock()
		p.slow = time.Duration(w.chance.IntN(2000)) * time.Millisecond
		p.mu.Unlock()
	}
	if w.rude && w.chance.IntN(3) == 0 {
		garbage := []string{"", "hello", "{", "[]", `[{"jsonrpc":"2.0","id":null,"method":"ping"}]`, `{"jsonrpc":"2.0","id":true,"method":"x"}`, "\xff\xfe", `{"jsonrpc":"2.0","method":5}`, strings.Repeat("[", 5000), `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":-1}}`, `{"jsonrpc":"2.0","id":"never asked","result":{}}`}
		_ = p.write([]byte(garbage[w.chance.IntN(len(garbage))]))
	}
}

// vitals are what must not grow.
type vitals struct {
	name              string
	pid, fds, threads int
	goroutines        int // of the host; -1 for relays, which do not tell
	memory            int64
}

func (v vitals) String() string {
	return fmt.Sprintf("%s (process %d): %d descriptors, %d threads, %d goroutines, %.1f MB", v.name, v.pid, v.fds, v.threads, v.goroutines, float64(v.memory)/1e6)
}

func lookAt(t *testing.T, name string, pid int) vitals {
	count := func(what string) int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, what))
		if err != nil {
			t.Fatalf("look at %s: %v", name, err)
		}
		return len(entries)
	}
	return vitals{name: name, pid: pid, fds: count("fd"), threads: count("task"), goroutines: -1, memory: memory(t, pid, "VmRSS")}
}

// lookAtHost also counts the goroutines, on the host's page for that.
func lookAtHost(t *testing.T, h *home) vitals {
	s, err := h.look()
	if err != nil {
		t.Fatal(err)
	}
	v := lookAt(t, "host", s.PID)
	resp, err := overHostSocket(h).Get("http://agentrun/debug/goroutines")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first, err := bufio.NewReader(resp.Body).ReadString('\n')
	if _, scanErr := fmt.Sscanf(first, "goroutine profile: total %d", &v.goroutines); scanErr != nil {
		t.Errorf("/debug/goroutines = %s that begins with %q (%v), want the number of goroutines", resp.Status, first, err)
	}
	return v
}

func overHostSocket(h *home) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", h.socket())
	}}}
}

// TestSoak lets twenty clients of every way and era work at once, misbehave, and lose their host again and again, and wants every
// call answered once and right, and nothing to grow.
func TestSoak(t *testing.T) {
	seed := *soakSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("for %v, with -soak.seed %d", *soakFor, seed)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h := newHome(t, fmt.Sprintf(`{"http": {"enabled": true, "port": %d}, "runs": {"max_contexts": 2000}, "pool": {"ceiling": 100}}`, port)) // relays that were killed leave theirs for two minutes
	s := &soak{h: h, url: fmt.Sprintf("http://127.0.0.1:%d/mcp", port), tally: &tally{took: map[string][]time.Duration{}, codes: map[string]int{}}}
	s.token = strings.TrimSpace(h.mustCtl(t, "token", "soak"))

	witness, err := openPipe(s, "witness", legacy) // stays from beginning to end; it also starts the first host
	if err != nil {
		t.Fatal(err)
	}
	var numbers struct {
		sync.Mutex
		last int
	}
	number := func() int {
		numbers.Lock()
		defer numbers.Unlock()
		numbers.last++
		return numbers.last
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var work sync.WaitGroup
	for n := range 20 {
		era := []string{legacy, modern}[n%2]
		w := &worker{soak: s, chance: rand.New(rand.NewPCG(seed, uint64(n)))}
		if n < 14 {
			w.name = fmt.Sprintf("relay-%d", n)
			w.dial = func() (line, error) { return openPipe(s, w.name, era) }
			w.rude, w.slow = n < 4, n >= 4 && n < 8
		} else {
			w.name = fmt.Sprintf("http-%d", n)
			w.dial = func() (line, error) { return openWeb(s, w.name, era) }
		}
		work.Go(func() { w.work(ctx, number) })
	}

	// settle ends every context and looks at who stays, when that has come down to what it was.
	settle := func(when string, before []vitals) (now []vitals) {
		s.rest(t, func() {
			boss := &worker{soak: s, name: "witness", line: witness, chance: rand.New(rand.NewPCG(1, 2))}
			began := time.Now()
			list, err := boss.tool(began, "list_contexts", map[string]any{})
			if err != nil {
				t.Errorf("%s: %v", when, err)
			}
			for _, cc := range list.Object.Contexts {
				if _, err := boss.tool(began, "stop_context", map[string]any{"context_id": cc.ID, "force": true}); err != nil {
					t.Errorf("%s: %v", when, err)
				}
			}
			grown := func() (names []string) {
				now = []vitals{lookAtHost(t, h), lookAt(t, "witness", witness.cmd.Process.Pid)}
				for i, v := range before {
					if now[i].fds > v.fds+10 || now[i].goroutines > v.goroutines+20 || now[i].threads > v.threads+20 {
						names = append(names, fmt.Sprintf("%v, was %v", now[i], v))
					}
				}
				return names
			}
			if !eventually(2*time.Minute, func() bool { return len(grown()) == 0 }) { // idle connections stay for a minute
				t.Errorf("%s there is more than at the beginning: %s", when, strings.Join(grown(), "; "))
			}
			for _, v := range now {
				t.Logf("%s: %v", when, v)
			}
		})
		return now
	}
	pause := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-t.Context().Done():
		}
	}
	pause(*soakFor / 10)
	baseline := settle("after the warm-up", nil)
	pause(*soakFor * 3 / 10)
	settle("after calm work", baseline)
	until := time.Now().Add(*soakFor * 6 / 10)
	killed := 0
	for time.Now().Before(until) {
		pause(min(time.Duration(8+rand.IntN(8))*time.Second, time.Until(until)))
		s.restartHost(t, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}[killed%2])
		killed++
	}
	pause(10 * time.Second) // all have come back
	settle("at the end", baseline)
	stop()
	work.Wait()
	witness.drop()
	if pids, err := h.hosts(); err != nil || len(pids) != 1 {
		t.Errorf("the hosts at the end are %v, %v, want one", pids, err)
	}
	s.report(t, killed)
}

// restartHost ends the host. Whoever calls next starts another one; all relays that do so at once must find the same.
func (s *soak) restartHost(t *testing.T, signal syscall.Signal) {
	t.Helper()
	pid := func() int {
		text, err := os.ReadFile(s.h.infoFile())
		var was struct{ PID int }
		if err != nil || json.Unmarshal(text, &was) != nil {
			return 0
		}
		return was.PID
	}
	old := pid()
	if old == 0 {
		t.Fatalf("no host is published in %s", filepath.Base(s.h.infoFile()))
	}
	s.mu.Lock()
	s.restarts = append(s.restarts, restart{from: time.Now()})
	s.mu.Unlock()
	t.Logf("%s: %v to host %d", time.Now().Format("15:04:05.000"), signal, old)
	if err := syscall.Kill(old, signal); err != nil {
		t.Errorf("%v to host %d: %v", signal, old, err)
	}
	if !eventually(30*time.Second, func() bool { return !alive(old) }) {
		t.Errorf("host %d lives 30 s after %v", old, signal)
	}
	if !eventually(30*time.Second, func() bool { now := pid(); return now != 0 && now != old && alive(now) }) {
		t.Errorf("no other host 30 s after %v to %d", signal, old)
	}
	s.mu.Lock()
	s.restarts[len(s.restarts)-1].to = time.Now()
	s.mu.Unlock()
}

func (s *soak) report(t *testing.T, killed int) {
	t.Helper()
	y := s.tally
	y.mu.Lock()
	defer y.mu.Unlock()
	calls := 0
	for _, kind := range slices.Sorted(maps.Keys(y.took)) {
		took := slices.Sorted(slices.Values(y.took[kind]))
		calls += len(took)
		t.Logf("%-25s %6d, p50 %9v, p99 %9v, max %9v", kind, len(took), took[len(took)/2].Round(10*time.Microsecond),
			took[len(took)*99/100].Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
	}
	t.Logf("%d done, %d hosts ended under them, which cost %v", calls, killed, y.codes)
	if len(y.faults) == 0 {
		return
	}
	for _, fault := range y.faults {
		t.Error(fault)
	}
	log, err := os.ReadFile(s.h.logFile())
	if err != nil {
		t.Fatal(err)
	}
	for entry := range strings.Lines(string(log)) { // what hosts say of themselves, to be laid beside the faults
		if !strings.Contains(entry, `"level":"INFO"`) || !strings.Contains(entry, `"rpc_id"`) && !strings.Contains(entry, `"context_id"`) {
			t.Log(clip(strings.TrimSpace(entry), 400))
		}
	}
}
