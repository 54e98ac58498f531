package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

type progressNote struct {
	Token    json.RawMessage `json:"progressToken"`
	Progress float64         `json:"progress"`
	Message  string          `json:"message"`
}

// quick makes notes come fast.
func quick(s *Server) { s.progressEvery = 5 * time.Millisecond }

// withToken puts a progress token into the body of a tool call.
func withProgress(body, token string) string {
	if strings.Contains(body, `"_meta":{`) {
		return strings.Replace(body, `"_meta":{`, `"_meta":{"progressToken":`+token+`,`, 1)
	}
	return strings.Replace(body, `"params":{`, `"params":{"_meta":{"progressToken":`+token+`},`, 1)
}

// checkNotes makes sure that a stream holds notes of its own call, in order, and then the result.
func checkNotes(t *testing.T, a answerTo, token, says string) (notes []progressNote, last rpcMessage) {
	t.Helper()
	return checkNotesSaying(t, a, token, func(text string) bool {
		return strings.Contains(text, says) || strings.Contains(text, "no output yet") || strings.HasPrefix(text, "waiting for ")
	})
}

func checkNotesSaying(t *testing.T, a answerTo, token string, fits func(text string) bool) (notes []progressNote, last rpcMessage) {
	t.Helper()
	all := a.messages(t)
	for n, m := range all[:len(all)-1] {
		var p progressNote
		if m.Method != "notifications/progress" || json.Unmarshal(m.Params, &p) != nil {
			t.Fatalf("message %d is %q %s, want progress", n, m.Method, m.Params)
		}
		if string(p.Token) != token || !fits(p.Message) {
			t.Errorf("note for %s on the stream of %s: %q", p.Token, token, p.Message)
		}
		if n > 0 && p.Progress <= notes[n-1].Progress {
			t.Errorf("progress went from %v to %v", notes[n-1].Progress, p.Progress)
		}
		notes = append(notes, p)
	}
	last = all[len(all)-1]
	if last.Result == nil {
		t.Errorf("last message of the stream of %s is %+v, want the result", token, last)
	}
	return notes, last
}

func TestProgressGoesToItsOwnCall(t *testing.T) {
	const calls = 8
	for _, era := range []string{legacy, modern} {
		t.Run(era, func(t *testing.T) {
			r := startRig(t, rigSetup{before: quick})
			hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
			stream := make(chan answerTo, 1)
			ids := make([]string, calls)
			cs := r.connect(t, Unix, era, nil)
			for n := range calls {
				ids[n], _ = do(t, cs, "create_context", map[string]any{"name": fmt.Sprint("c", n)})["context_id"].(string)
			}
			if era == legacy {
				go func() { stream <- r.send(t, Unix, http.MethodGet, "/mcp", nil, hs) }()
			}
			var wg sync.WaitGroup
			for n := range calls {
				wg.Go(func() {
					var code strings.Builder
					for line := range 20 {
						fmt.Fprintf(&code, `print call-%d line %d\nsleep 10ms\n`, n, line)
					}
					args := fmt.Sprintf(`{"context_id":%q,"code":"%s"}`, ids[n], code.String())
					body, with := legacyCall(fmt.Sprint(n), "run_code", args), hs
					if era == modern {
						body, with = modernCall(fmt.Sprint(n), "run_code", args)
					}
					token := fmt.Sprintf(`"t%d"`, n)
					if n%2 == 0 {
						token = fmt.Sprint(9007199254740993 + n) // more than a float64 holds
					}
					notes, _ := checkNotes(t, r.post(t, Unix, withProgress(body, token), with), token, fmt.Sprintf("call-%d ", n))
					if len(notes) < 3 {
						t.Errorf("call %d got %d notes", n, len(notes))
					}
				})
			}
			wg.Wait()
			if era == legacy {
				r.send(t, Unix, http.MethodDelete, "/mcp", nil, hs)
				if a := <-stream; a.body != "" {
					t.Errorf("the standing stream got %q", a.body)
				}
			}
		})
	}
}

func TestProgressReachesAnIndependentClient(t *testing.T) {
	for _, era := range []string{legacy, modern} {
		t.Run(era, func(t *testing.T) {
			r := startRig(t, rigSetup{before: quick})
			var mu sync.Mutex
			var said []string
			cs := r.connect(t, TCP, era, &sdk.ClientOptions{ProgressNotificationHandler: func(_ context.Context, req *sdk.ProgressNotificationClientRequest) {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, req.Params.Message)
			}})
			params := &sdk.CallToolParams{Name: "run_code", Arguments: map[string]any{"code": "print one\nsleep 400ms\nprint two\nsleep 400ms"}}
			params.SetProgressToken("token")
			if _, err := cs.CallTool(t.Context(), params); err != nil {
				t.Fatal(err)
			}
			eventually(t, "notes say one and at last two", func() bool {
				mu.Lock()
				defer mu.Unlock()
				got := strings.Join(said, ",")
				return strings.Contains(got, "one") && strings.HasSuffix(got, "two")
			})
		})
	}
}

func TestClientThatReadsNoStreamsGetsPlainJSON(t *testing.T) {
	r := startRig(t, rigSetup{before: quick})
	body, hs := modernCall("1", "run_code", `{"code":"print one\nsleep 30ms"}`)
	hs["Accept"] = "application/json"
	a := r.post(t, Unix, withProgress(body, "1"), hs)
	if got := a.header.Get("Content-Type"); got != jsonType || a.final(t).Result == nil {
		t.Errorf("answer is %s: %s", got, a.body)
	}
}

func TestErrorAfterProgressEndsTheStream(t *testing.T) {
	r := startRig(t, rigSetup{before: quick})
	made := do(t, r.connect(t, Unix, modern, nil), "run_code", map[string]any{"code": "print 1"})
	body, hs := modernCall("1", "run_code", fmt.Sprintf(`{"context_id":%q,"code":"print one\nsleep 300ms\nlose"}`, made["context_id"]))
	_, last := checkNotes(t, r.post(t, Unix, withProgress(body, "1"), hs), "1", "one")
	if !last.Result.IsError || !strings.Contains(string(last.Result.Structured), "SESSION_LOST") {
		t.Errorf("result = %s, want SESSION_LOST", last.Result.Structured)
	}
}

// TestProgressIsNeverSilentForLong runs on a clock of its own.
func TestProgressIsNeverSilentForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		x := &exchange{message: &message{}, reply: newReply(w, httptest.NewRequest(http.MethodPost, "/mcp", nil))}
		x.message.Params.Meta.ProgressToken = json.RawMessage(`"t"`)
		p := startProgress(t.Context(), x, progressEvery, says("waiting"))
		time.Sleep(11 * time.Second)
		p.emit(sandbox.Chunk{Text: "reading\n"})
		p.emit(sandbox.Chunk{Text: "half a li"})
		time.Sleep(time.Second)
		for n := range 10_000 {
			p.emit(sandbox.Chunk{Text: fmt.Sprintf("\rrow %d", n)})
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Second)
		p.end()
		notes := answerTo{header: w.Header(), body: w.Body.String()}.messages(t)
		var before float64
		var says []string
		for _, m := range notes {
			var note progressNote
			if err := json.Unmarshal(m.Params, &note); err != nil {
				t.Fatal(err)
			}
			if gap := note.Progress - before; gap > 5 {
				t.Errorf("silent from %v s to %v s", before, note.Progress)
			}
			before = note.Progress
			says = append(says, note.Message)
		}
		if before < 40 {
			t.Errorf("last note after %v s of 42", before)
		}
		if says[0] != "waiting" || says[1] != "waiting" || says[2] != "half a li" || says[len(says)-1] != "row 9999" {
			t.Errorf("notes say %q … %q", says[:4], says[len(says)-1])
		}
		if len(notes) > 60 {
			t.Errorf("%d notes, want no flood", len(notes))
		}
	})
}

func TestNoTokenNoProgress(t *testing.T) {
	x := &exchange{message: &message{}, reply: newReply(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/mcp", nil))}
	p := startProgress(t.Context(), x, time.Millisecond, says("waiting"))
	if p != nil {
		t.Errorf("progress without a token = %v", p)
	}
	p.end()
}

func TestProgressSaysWhatACallWaitsFor(t *testing.T) {
	opened := make(chan struct{})
	r := startRig(t, rigSetup{before: quick, fake: sandboxtest.FakeOptions{OpenDelay: func(n int) time.Duration {
		if n == 1 {
			close(opened)
		}
		return 2 * time.Second
	}}})
	<-opened
	first := func(body string, hs headers) string {
		t.Helper()
		notes, _ := checkNotesSaying(t, r.post(t, Unix, withProgress(body, "1"), hs), "1", func(string) bool { return true })
		if len(notes) == 0 {
			t.Fatal("no notes")
		}
		return notes[0].Message
	}
	body, hs := modernCall("1", "create_context", `{"name":"slow"}`)
	if got, want := first(body, hs), "waiting for a sandbox"; got != want {
		t.Errorf("create_context says %q, want %q", got, want)
	}
	made := do(t, r.connect(t, Unix, modern, nil), "create_context", map[string]any{"name": "busy"})
	body, hs = modernCall("1", "run_code", fmt.Sprintf(`{"context_id":%q,"code":"sleep 2s"}`, made["context_id"]))
	busy := make(chan answerTo, 1)
	go func() { busy <- r.post(t, Unix, body, hs) }()
	eventually(t, "the code runs", func() bool {
		cc, ok := r.interp.Context(made["context_id"].(string))
		return ok && cc.Status == "running"
	})
	queued, hs := modernCall("2", "run_code", fmt.Sprintf(`{"context_id":%q,"code":"sleep 300ms"}`, made["context_id"]))
	notes, _ := checkNotesSaying(t, r.post(t, Unix, withProgress(queued, "1"), hs), "1", func(string) bool { return true })
	if len(notes) < 2 || notes[0].Message != "waiting for the run before it in this context" || !strings.HasPrefix(notes[len(notes)-1].Message, "running for ") || !strings.HasSuffix(notes[len(notes)-1].Message, " s, no output yet") {
		t.Errorf("the run that waits says %+v", notes)
	}
	<-busy
}

func TestNewestLine(t *testing.T) {
	for _, tt := range []struct {
		name   string
		chunks []string
		want   string
	}{
		{"nothing", nil, ""},
		{"blank lines", []string{"\n\n \n"}, ""},
		{"the last of several", []string{"a\nb\n"}, "b"},
		{"an unfinished one", []string{"a\nb"}, "b"},
		{"one that came in pieces", []string{"a\nfir", "st\n"}, "first"},
		{"one before blank ones", []string{"a\n\n\n"}, "a"},
		{"a progress bar", []string{"\r10%", "\r20%"}, "20%"},
		{"colours", []string{"\x1b[31mred\x1b[0m\n"}, "red"},
		{"tabs and bells", []string{"a\tb\a\n"}, "a b"},
		{"a long one", []string{strings.Repeat("é", 500)}, strings.Repeat("é", progressWidth)},
		{"the end of a flood", []string{strings.Repeat("x", 100_000) + "\nend"}, "end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l lastLine
			for _, c := range tt.chunks {
				l.add(c)
			}
			if got := l.text(); got != tt.want {
				t.Errorf("newest line of %q = %q, want %q", tt.chunks, got, tt.want)
			}
		})
	}
}

// pipes is a listener whose connections hold nothing between writer and reader: a client that does not read stalls the very
// next write.
type pipes struct {
	made chan net.Conn
	once sync.Once
	done chan struct{}
}

func newPipes() *pipes { return &pipes{made: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial(t *testing.T) net.Conn {
	t.Helper()
	mine, theirs := net.Pipe()
	p.made <- theirs
	t.Cleanup(func() { _ = mine.Close() })
	return mine
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func TestStalledReaderDoesNotStallTheRun(t *testing.T) {
	l := newPipes()
	r := startRig(t, rigSetup{before: quick, listen: l})
	conn := l.dial(t)
	var code strings.Builder
	for range 50 {
		code.WriteString(`print line\nsleep 2ms\n`)
	}
	body, hs := modernCall("1", "run_code", `{"code":"`+code.String()+`write done yes"}`)
	body = withProgress(body, "1")
	var req strings.Builder
	fmt.Fprintf(&req, "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	for name, value := range hs {
		fmt.Fprintf(&req, "%s: %s\r\n", name, value)
	}
	if _, err := io.WriteString(conn, req.String()+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	// nobody reads from now on
	started := time.Now()
	eventually(t, "the run has ended although its client does not read", func() bool {
		all := r.interp.Contexts()
		return len(all) == 1 && all[0].Runs == 1 && all[0].Status == "active"
	})
	if took := time.Since(started); took > writeTimeout*2/3 {
		t.Errorf("the run took %v", took)
	}
	_ = conn.Close()
}
