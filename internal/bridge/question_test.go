package bridge

import (
	"fmt"
	"net/http"
	"testing"
)

// asking makes the tool "asks" ask the editor something and return what it said.
func asking(h *testHost) {
	h.hooks["asks"] = func(w http.ResponseWriter, req *http.Request, m message) bool {
		sendEvent(w, `{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"really?"}}`)
		select {
		case a := <-h.answers:
			sendEvent(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"id":%s,"was":%s}}`, m.ID, a.ID, a.Result))
		case <-req.Context().Done():
		}
		return true
	}
}

func TestHostsQuestionsGetIDsOfOurs(t *testing.T) {
	h := startHost(t, home(t), asking)
	e := connect(t, h.dirs)
	e.initialize(h)
	e.call(1, "asks", `{}`)
	q := e.note("elicitation/create")
	if string(q.ID) != `"h1.1"` {
		t.Errorf("the question has id %s, want \"h1.1\"", q.ID)
	}
	e.write(`{"jsonrpc":"2.0","id":"h1.99","result":{"action":"to nobody"}}`)
	e.write(`{"jsonrpc":"2.0","id":"h1.1","result":{"action":"accept"}}`)
	if m := e.answer("1"); string(m.Result) != `{"id":1,"was":{"action":"accept"}}` {
		t.Errorf("the host got %s, want the answer under its own id", m.Result)
	}
	e.write(`{"jsonrpc":"2.0","id":"h1.1","result":{"action":"twice"}}`)
	e.call(2, "echo", `{}`)
	e.answer("2")
	if n := e.count("notifications/cancelled"); n != 0 {
		t.Errorf("%d answered questions were taken back", n)
	}
	select {
	case a := <-h.answers:
		t.Errorf("the host got another answer: %+v", a)
	default:
	}
}

func TestAQuestionEndsWithItsCall(t *testing.T) {
	h := startHost(t, home(t), hook("asks", func(w http.ResponseWriter, _ *http.Request, m message) bool {
		sendEvent(w, `{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{}}`)
		sendEvent(w, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{}}`, m.ID))
		return true
	}))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.call(1, "asks", `{}`)
	if m := e.note("notifications/cancelled"); string(m.Params.RequestID) != `"h1.1"` {
		t.Errorf("taken back was %s, want \"h1.1\"", m.Params.RequestID)
	}
}
