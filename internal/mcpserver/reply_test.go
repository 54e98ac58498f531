package mcpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newTestReply() (*reply, *httptest.ResponseRecorder) {
	w := httptest.NewRecorder()
	return newReply(w, httptest.NewRequest(http.MethodPost, "/mcp", nil)), w
}

func requestOf(t *testing.T, body string) *message {
	t.Helper()
	m, refused := readMessage([]byte(body))
	if refused != nil {
		t.Fatal(refused.text)
	}
	return m
}

func TestPlainJSONAfterNotesBecomesTheLastEvent(t *testing.T) {
	p, w := newTestReply()
	if err := p.notify("notifications/progress", map[string]int{"progress": 1}); err != nil {
		t.Fatal(err)
	}
	p.Header().Set("Content-Type", jsonType)
	p.WriteHeader(http.StatusBadRequest) // comes too late to be sent
	_, _ = io.WriteString(p, `{"jsonrpc":"2.0","id":1,"result":{}}`+"\n")
	if err := p.notify("notifications/progress", map[string]int{"progress": 2}); err != nil {
		t.Fatal(err)
	}
	p.finish(t.Context(), requestOf(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`))
	want := "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progress\":1}}\n\n" +
		"event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != streamType || w.Header().Get("X-Accel-Buffering") != "no" || w.Body.String() != want {
		t.Errorf("answer = %d %v\n%s\nwant\n%s", w.Code, w.Header(), w.Body, want)
	}
}

func TestErrorOfAnUpgradedStreamIsReplacedToo(t *testing.T) {
	p, w := newTestReply()
	p.exactID = json.RawMessage("9007199254740993")
	p.Header().Set("Content-Type", streamType)
	p.WriteHeader(http.StatusOK)
	_, _ = p.Write(frame([]byte(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)))
	p.replace(override{http.StatusBadRequest, -32021, "missing", nil})
	_, _ = p.Write(frame([]byte(`{"jsonrpc":"2.0","id":9007199254740992,"error":{"code":-32603,"message":"x"}}`)))
	p.finish(t.Context(), requestOf(t, `{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call"}`))
	if got := w.Body.String(); !strings.HasSuffix(got, `data: {"jsonrpc":"2.0","id":9007199254740993,"error":{"code":-32021,"message":"missing"}}`+"\n\n") || !strings.HasPrefix(got, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\"") {
		t.Errorf("stream = %s", got)
	}
}

// TestRequestLeftUnansweredGetsAnError has every way in which mcp-go returns without writing a word.
func TestRequestLeftUnansweredGetsAnError(t *testing.T) {
	const call, list = `{"jsonrpc":"2.0","id":7,"method":"tools/call"}`, `{"jsonrpc":"2.0","id":7,"method":"tools/list"}`
	for _, tt := range []struct {
		name   string
		body   string
		cause  error
		noted  bool // a note has gone out already
		status int
		says   string // empty: the connection is broken off
	}{
		{"session ended", call, errSessionEnded, false, 404, `"id":7,"error":{"code":-32001`},
		{"session ended after a note", call, errSessionEnded, true, 200, `"id":7,"error":{"code":-32001`},
		{"call at shutdown", call, errShutdown, false, 200, `SESSION_LOST`},
		{"call at shutdown after a note", call, errShutdown, true, 200, `SESSION_LOST`},
		{"list at shutdown", list, errShutdown, false, 0, ""},
		{"client gone", call, context.Canceled, false, 0, ""},
		{"no reason at all", call, nil, false, 500, `"id":7,"error":{"code":-32603`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if tt.cause != nil {
				cancel(tt.cause)
			}
			p, w := newTestReply()
			if tt.noted {
				if err := p.notify("x", nil); err != nil {
					t.Fatal(err)
				}
			}
			func() {
				defer func() {
					if r := recover(); (r != nil) != (tt.says == "") || r != nil && fmt.Sprint(r) != http.ErrAbortHandler.Error() {
						t.Errorf("finish panicked with %v", r)
					}
				}()
				p.finish(ctx, requestOf(t, tt.body))
			}()
			if tt.says == "" {
				return
			}
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("answer = %d %s, want %d with %s", w.Code, w.Body, tt.status, tt.says)
			}
			if _, err := p.Write([]byte("late")); err == nil {
				t.Error("written to after the end")
			}
		})
	}
}

// TestStalledReaderIsGivenUp runs on a clock of its own, over connections that hold nothing.
func TestStalledReaderIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		failed := make(chan error, 1)
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p := newReply(w, r)
			started := time.Now()
			err := p.notify("x", nil)
			if took := time.Since(started); took != writeTimeout {
				t.Errorf("a write to nobody took %v, want %v", took, writeTimeout)
			}
			failed <- err
			<-r.Context().Done() // a broken connection ends the request
		})}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(l) }()
		conn := l.dial(t)
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; err == nil {
			t.Error("a write to nobody succeeded")
		}
		_ = conn.Close()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

// TestConnectionIsUsableLongAfterItsLastAnswer guards against the deadline of one answer ending the next.
func TestConnectionIsUsableLongAfterItsLastAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBareServer(t)
		l := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, l, Unix) }()
		conn := l.dial(t)
		read := bufio.NewReader(conn)
		for _, body := range []string{`[]`, `{"jsonrpc":"2.0","method":"x","params":{` + modernMeta + `}}`, initializeBody, `[]`} {
			go func() {
				_, _ = io.WriteString(conn, "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nMcp-Protocol-Version: "+legacy+"\r\nContent-Length: "+
					strconv.Itoa(len(body))+"\r\n\r\n"+body)
			}()
			resp, err := http.ReadResponse(read, nil)
			if err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			time.Sleep(2 * writeTimeout)
		}
		_ = conn.Close()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
}
