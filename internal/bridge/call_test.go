package bridge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAnAnswerGetsTheEditorsID(t *testing.T) {
	answers := map[string]string{
		`9007199254740993`: `{"jsonrpc":"2.0","id":9007199254740992,"result":{"a":1}}`,
		`"null"`:           `{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"edge"}}`,
		`1.50`:             `{"jsonrpc":"2.0","result":{"id":7},"id":1.5}`,
		`"none"`:           `{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}`,
	}
	want := map[string]string{
		`9007199254740993`: `{"jsonrpc":"2.0","id":9007199254740993,"result":{"a":1}}`,
		`"null"`:           `{"jsonrpc":"2.0","id":"null","error":{"code":-32000,"message":"edge"}}`,
		`1.50`:             `{"jsonrpc":"2.0","result":{"id":7},"id":1.50}`,
		`"none"`:           `{"id":"none","jsonrpc":"2.0","error":{"code":1,"message":"x"}}`,
	}
	for _, stream := range []bool{false, true} {
		h := startHost(t, home(t), hook("custom", func(w http.ResponseWriter, _ *http.Request, m message) bool {
			if stream {
				sendEvent(w, answers[string(m.ID)])
			} else {
				fmt.Fprint(w, answers[string(m.ID)])
			}
			return true
		}))
		e := connect(t, h.dirs)
		e.initialize(h)
		for id := range answers {
			e.write(`{"jsonrpc":"2.0","id":` + id + `,"method":"custom"}`)
		}
		for id, line := range want {
			e.answer(id)
			if got := e.answers()[id][0]; got != line {
				t.Errorf("stream %v: answer to %s is %s, want %s", stream, id, got, line)
			}
		}
	}
}

func TestHTTPErrorsBecomeErrors(t *testing.T) {
	h := startHost(t, home(t), hook("custom", func(w http.ResponseWriter, _ *http.Request, m message) bool {
		switch string(m.ID) {
		case "1":
			http.Error(w, "body\n  too \x80large", http.StatusRequestEntityTooLarge)
		case "2":
			w.WriteHeader(http.StatusInternalServerError)
		case "3":
			fmt.Fprint(w, `[1,2]`)
		case "4":
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":4,"method":"surprise"}`)
		}
		return true
	}))
	e := connect(t, h.dirs)
	e.initialize(h)
	for id, want := range map[string]string{"1": "HTTP 413 Request Entity Too Large: body too ?large", "2": "HTTP 500", "3": "[1,2]", "4": "surprise"} {
		e.write(`{"jsonrpc":"2.0","id":` + id + `,"method":"custom"}`)
		if m := e.answer(id); m.Error == nil || !strings.Contains(m.Error.Message, want) {
			t.Errorf("answer %s = %+v, want an error with %q", id, m.Error, want)
		}
	}
}

func TestProgressComesBeforeTheResult(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.write(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"progress","_meta":{"progressToken":"tok"}}}`)
	e.answer("1")
	e.mu.Lock()
	defer e.mu.Unlock()
	var order []string
	for _, m := range e.all[1:] {
		order = append(order, m.Method+string(m.Params.ProgressToken)+string(m.Result))
	}
	want := `notifications/progress"tok" notifications/progress"tok" notifications/progress"tok" {"done":true}`
	if got := strings.Join(order, " "); got != want {
		t.Errorf("the editor saw %s, want %s", got, want)
	}
}

func TestAStreamThatGoesOnAfterTheAnswerIsLeft(t *testing.T) {
	left := make(chan struct{})
	h := startHost(t, home(t), hook("custom", func(w http.ResponseWriter, req *http.Request, m message) bool {
		sendEvent(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID))
		sendEvent(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"second":true}}`, m.ID))
		<-req.Context().Done()
		close(left)
		return true
	}))
	e := connect(t, h.dirs, func(r *Relay) { r.times.afterAnswer = 50 * time.Millisecond })
	e.initialize(h)
	e.write(`{"jsonrpc":"2.0","id":1,"method":"custom"}`)
	e.answer("1")
	select {
	case <-left:
	case <-time.After(patienceOfTests):
		t.Error("the relay still reads the stream")
	}
	if n := len(e.answers()["1"]); n != 1 {
		t.Errorf("%d answers, want 1", n)
	}
}

func TestAnEventCutShortIsNoEvent(t *testing.T) {
	h := startHost(t, home(t), hook("cut", func(w http.ResponseWriter, _ *http.Request, m message) bool {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"half\":true}}\n", m.ID)
		http.NewResponseController(w).Flush()
		return true
	}))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.call(1, "cut", `{}`)
	if m := e.answer("1"); !strings.Contains(string(m.Result), "SESSION_LOST") {
		t.Errorf("answer = %s, want SESSION_LOST", m.Result)
	}
}
