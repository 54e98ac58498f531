package mcpserver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// startWatched starts a rig whose state is folded into snapshots, as the host does it.
func startWatched(t testing.TB, setup rigSetup) *rig {
	t.Helper()
	hub := &status.Hub{}
	setup.options.Status = hub
	r := startRig(t, setup)
	ctx, cancel := context.WithCancel(t.Context())
	var folding sync.WaitGroup
	folding.Go(func() {
		for {
			s := status.Snapshot{Phase: status.Ready}
			for _, cc := range r.interp.Contexts() {
				s.Contexts = append(s.Contexts, status.Context{ID: cc.ID, Name: cc.Name, Status: string(cc.Status), LastUsed: cc.LastUsed, Runs: cc.Runs})
				if cc.Status == "running" {
					s.Phase = status.Working
				}
			}
			hub.Publish(s)
			select {
			case <-r.interp.Changed():
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		folding.Wait()
	})
	return r
}

// listener is a client that reads a stream of ours.
type listener struct {
	status int
	events chan rpcMessage // closed with the stream
	close  func()          // ends the stream and waits
	seen   []string        // what next has returned
}

// listen opens a stream and reads it on and on.
func (r *rig) listen(t *testing.T, face Face, method, body string, hs headers) *listener {
	t.Helper()
	c, url := r.client(t, face)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("Accept", "application/json, text/event-stream")
	if face == TCP {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range hs {
		req.Header.Set(name, value)
	}
	resp, err := c.Do(req)
	if err != nil {
		cancel()
		t.Fatalf("%s: %v", method, err)
	}
	l := &listener{status: resp.StatusCode, events: make(chan rpcMessage, 1000)}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(l.events)
		scan := bufio.NewScanner(resp.Body)
		for scan.Scan() {
			var m rpcMessage
			if text, ok := strings.CutPrefix(scan.Text(), "data: "); ok && json.Unmarshal([]byte(text), &m) == nil {
				l.events <- m
			}
		}
	})
	l.close = sync.OnceFunc(func() {
		cancel()
		reading.Wait()
		_ = resp.Body.Close()
	})
	t.Cleanup(l.close)
	return l
}

// words says what a message is in short: the resource that changed, or the list.
func words(m rpcMessage) string {
	var p struct {
		URI string `json:"uri"`
	}
	_ = json.Unmarshal(m.Params, &p)
	switch m.Method {
	case "notifications/resources/updated":
		return "updated " + p.URI
	case "notifications/resources/list_changed":
		return "list"
	}
	return m.Method + string(m.Params)
}

// next waits for the next message.
func (l *listener) next(t *testing.T) rpcMessage {
	t.Helper()
	select {
	case m, open := <-l.events:
		if !open {
			t.Fatalf("the stream has ended; it said %q", l.seen)
		}
		l.seen = append(l.seen, words(m))
		return m
	case <-time.After(time.Minute):
		t.Fatalf("nothing more came; the stream said %q", l.seen)
	}
	return rpcMessage{}
}

// until reads until all of these were said, in any order, since the last call.
func (l *listener) until(t *testing.T, want ...string) {
	t.Helper()
	from := len(l.seen)
	for !slices.ContainsFunc([][]string{want}, func(w []string) bool {
		return !slices.ContainsFunc(w, func(one string) bool { return !slices.Contains(l.seen[from:], one) })
	}) {
		l.next(t)
	}
}

// get opens the standing stream of an MCP session.
func (r *rig) get(t *testing.T, session string) *listener {
	t.Helper()
	l := r.listen(t, Unix, http.MethodGet, "", headers{"Mcp-Session-Id": session})
	if l.status != http.StatusOK {
		t.Fatalf("GET = %d", l.status)
	}
	return l
}

// subscribe subscribes an MCP session to a resource, or takes that back.
func (r *rig) subscribe(t *testing.T, method, session, uri string) rpcMessage {
	t.Helper()
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"resources/%s","params":{"uri":%q}}`, method, uri)
	return r.post(t, Unix, body, headers{"Mcp-Session-Id": session}).final(t)
}

// listenBody is a subscriptions/listen request and its headers.
func listenBody(id, filter string) (string, headers) {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"subscriptions/listen","params":{"notifications":%s,%s}}`, id, filter, modernMeta),
		headers{"Mcp-Protocol-Version": modern, "Mcp-Method": "subscriptions/listen"}
}

// hear opens a stream of the newer era and reads the acknowledgement.
func (r *rig) hear(t *testing.T, id, filter string) *listener {
	t.Helper()
	body, hs := listenBody(id, filter)
	l := r.listen(t, Unix, http.MethodPost, body, hs)
	if ack := l.next(t); ack.Method != "notifications/subscriptions/acknowledged" {
		t.Fatalf("the first message is %s %s, want the acknowledgement", ack.Method, ack.Params)
	}
	return l
}

// act makes a context by a client that listens to nothing.
func (r *rig) act(t *testing.T, tool, args string) toolResult {
	t.Helper()
	body, hs := modernCall("1", tool, args)
	m := r.post(t, Unix, body, hs).final(t)
	if m.Result == nil || m.Result.IsError {
		t.Fatalf("%s(%.200s) = %+v", tool, args, m)
	}
	return *m.Result
}

func (r *rig) makeContext(t *testing.T, name string) (id string) {
	t.Helper()
	var out struct {
		ID string `json:"context_id"`
	}
	if err := json.Unmarshal(r.act(t, "create_context", fmt.Sprintf(`{"name":%q}`, name)).Structured, &out); err != nil {
		t.Fatal(err)
	}
	return out.ID
}

func TestOnlyWhoSubscribedHearsOfChanges(t *testing.T) {
	r := startWatched(t, rigSetup{})
	id := r.makeContext(t, "one")
	uri := contextURI(id)
	a, b := r.initialize(t, Unix, nil), r.initialize(t, Unix, nil)
	hearsA, hearsB := r.get(t, a), r.get(t, b)
	if m := r.subscribe(t, "subscribe", a, uri); m.Error != nil {
		t.Fatalf("subscribe = %+v", m.Error)
	}
	r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":"print 1"}`, id))
	hearsA.until(t, "updated "+uri)
	r.makeContext(t, "two")
	hearsA.until(t, "list")
	hearsB.until(t, "list")

	if m := r.subscribe(t, "unsubscribe", a, uri); m.Error != nil {
		t.Fatalf("unsubscribe = %+v", m.Error)
	}
	from := len(hearsA.seen)
	r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":"print 1"}`, id))
	r.makeContext(t, "three")
	hearsA.until(t, "list")
	hearsB.until(t, "list")
	if slices.Contains(hearsA.seen[from+1:], "updated "+uri) { // one may have been under way
		t.Errorf("after unsubscribing it heard %q", hearsA.seen[from:])
	}
	for _, said := range hearsB.seen {
		if said != "list" {
			t.Errorf("the MCP session that has subscribed to nothing heard %q", hearsB.seen)
		}
	}
}

func TestListenersHearWhatTheyAskedForAfterTheAcknowledgement(t *testing.T) {
	r := startWatched(t, rigSetup{})
	id := r.makeContext(t, "one")
	all := r.hear(t, "7", fmt.Sprintf(`{"resourcesListChanged":true,"resourceSubscriptions":["agentrun://pool","agentrun://contexts",%q]}`, contextURI(id)))
	lists := r.hear(t, `"eight"`, `{"resourcesListChanged":true}`)
	large := r.hear(t, "9007199254740993", fmt.Sprintf(`{"resourceSubscriptions":[%q]}`, contextURI(id)))

	r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":"sleep 50ms"}`, id))
	all.until(t, "updated agentrun://pool", "updated agentrun://contexts", "updated "+contextURI(id))
	large.until(t, "updated "+contextURI(id))
	r.act(t, "stop_context", fmt.Sprintf(`{"context_id":%q}`, id))
	all.until(t, "list", "updated agentrun://contexts", "updated "+contextURI(id))
	large.until(t, "updated "+contextURI(id))
	lists.until(t, "list")
	for name, l := range map[string]*listener{"lists": lists, "large": large} {
		for _, said := range l.seen[1:] {
			if (said == "list") != (name == "lists") {
				t.Errorf("%s heard %q", name, l.seen)
			}
		}
	}
}

func TestEachNoticeCarriesItsSubscription(t *testing.T) {
	r := startWatched(t, rigSetup{})
	for _, id := range []string{"7", `"eight"`, "9007199254740993"} {
		body, hs := listenBody(id, `{"resourcesListChanged":true}`)
		l := r.listen(t, Unix, http.MethodPost, body, hs)
		ack := l.next(t)
		r.makeContext(t, "c")
		for _, m := range []rpcMessage{ack, l.next(t)} {
			var p struct {
				Meta map[string]json.RawMessage `json:"_meta"`
			}
			if err := json.Unmarshal(m.Params, &p); err != nil || string(p.Meta["io.modelcontextprotocol/subscriptionId"]) != id {
				t.Errorf("%s for subscription %s has %s", m.Method, id, m.Params)
			}
		}
	}
}

func TestSubscriptionsThatCannotBe(t *testing.T) {
	r := startWatched(t, rigSetup{})
	session := r.initialize(t, Unix, nil)
	const gone = "ctx-00000000-0000-4000-8000-000000000000"
	tests := []struct {
		name, uri string
		wrong     bool
	}{
		{"the pool", "agentrun://pool", false},
		{"the contexts", "agentrun://contexts", false},
		{"a context that has ended", contextURI(gone), false},
		{"a file of it", fileURI(gone, "a b.txt"), false},
		{"a run of it", runURI(gone, 3), false},
		{"a stream of it", outputURI(gone, 3, "stdout"), false},
		{"a picture of it", imageURI(gone, 3, 1), false},
		{"nothing", "", true},
		{"another scheme", "file:///etc/passwd", true},
		{"an unknown resource", "agentrun://nope", true},
		{"an id that no context can have", contextURI("ctx-nope"), true},
		{"an id in capitals", contextURI(strings.ToUpper(gone)), true},
		{"a kind there is not", contextURI(gone) + "/nope/x", true},
		{"run zero", runURI(gone, 0), true},
		{"a run that is no number", contextURI(gone) + "/runs/x", true},
		{"an unknown stream", outputURI(gone, 1, "nope"), true},
		{"another one's default context", fileURI("", "a.txt"), true},
		{"a very long one", fileURI(gone, strings.Repeat("a", 9000)), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := r.subscribe(t, "subscribe", session, tt.uri)
			if (m.Error != nil) != tt.wrong || tt.wrong && m.Error.Code != -32002 {
				t.Errorf("resources/subscribe = %+v, want an error %v", m.Error, tt.wrong)
			}
			body, hs := listenBody("1", fmt.Sprintf(`{"resourceSubscriptions":[%q]}`, tt.uri))
			l := r.listen(t, Unix, http.MethodPost, body, hs)
			defer l.close()
			if want := map[bool]int{false: http.StatusOK, true: http.StatusBadRequest}[tt.wrong]; l.status != want {
				t.Errorf("subscriptions/listen = %d, want %d", l.status, want)
			}
		})
	}
	r.post(t, Unix, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, headers{"Mcp-Session-Id": session})
	body, hs := listenBody("1", `{"resourceSubscriptions":["agentrun://nope"]}`)
	if m := r.post(t, Unix, body, hs).final(t); m.Error == nil || m.Error.Code != rpcInvalidParams || string(m.ID) != "1" {
		t.Errorf("listen to nothing there can be = %+v, want -32602", m)
	}
}

// TestListeningNeedsAStream: a client that reads none was not answered at all.
func TestListeningNeedsAStream(t *testing.T) {
	r := startRig(t, rigSetup{})
	body, hs := listenBody("1", `{"resourcesListChanged":true}`)
	hs["Accept"] = jsonType
	if a := r.post(t, Unix, body, hs); a.status != http.StatusNotAcceptable || a.final(t).Error == nil {
		t.Errorf("subscriptions/listen without a stream = %d %s, want 406", a.status, a.body)
	}
}

func TestContextThatEndsIsToldOnceMoreAndExplained(t *testing.T) {
	r := startWatched(t, rigSetup{})
	id := r.makeContext(t, "one")
	session := r.initialize(t, Unix, nil)
	l := r.get(t, session)
	r.subscribe(t, "subscribe", session, contextURI(id))
	r.act(t, "stop_context", fmt.Sprintf(`{"context_id":%q}`, id))
	l.until(t, "list", "updated "+contextURI(id))
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":%q}}`, contextURI(id))
	m := r.post(t, Unix, body, headers{"Mcp-Session-Id": session}).final(t)
	if m.Error == nil || m.Error.Code != -32002 || !strings.Contains(m.Error.Message, "is gone: ") {
		t.Errorf("read = %+v, want -32002 and why it is gone", m.Error)
	}
	// and who asks for it only now is told that the state it knows is old
	again := r.hear(t, "1", fmt.Sprintf(`{"resourceSubscriptions":[%q]}`, contextURI(id)))
	again.until(t, "updated "+contextURI(id))
}

// TestChangeBeforeTheStreamIsOpenedIsTold: a client subscribes first and opens its stream after that.
func TestChangeBeforeTheStreamIsOpenedIsTold(t *testing.T) {
	r := startWatched(t, rigSetup{})
	session := r.initialize(t, Unix, nil)
	r.subscribe(t, "subscribe", session, allURI)
	r.makeContext(t, "one")
	eventually(t, "the change was noticed", func() bool {
		r.notices.mu.Lock()
		defer r.notices.mu.Unlock()
		return r.notices.sessions[session].list
	})
	l := r.get(t, session)
	l.until(t, "list", "updated agentrun://contexts")
	l.close()
	r.makeContext(t, "two")
	r.get(t, session).until(t, "list", "updated agentrun://contexts")
}

// TestClientThatComesFromAnotherHostIsToldThatAllHasChanged: a relay subscribes again in the name of its editor, who read what it
// knows from the host before.
func TestClientThatComesFromAnotherHostIsToldThatAllHasChanged(t *testing.T) {
	r := startWatched(t, rigSetup{})
	relay := headers{"Agentrun-Relay": "relay-1", "Agentrun-Reconnected": "1"}
	session := r.initialize(t, Unix, relay)
	hs := maps.Clone(relay)
	hs["Mcp-Session-Id"] = session
	r.post(t, Unix, `{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"agentrun://contexts"}}`, hs)
	r.listen(t, Unix, http.MethodGet, "", hs).until(t, "list", "updated agentrun://contexts")

	body, hs := listenBody("1", `{"resourcesListChanged":true,"resourceSubscriptions":["agentrun://pool"]}`)
	maps.Copy(hs, relay)
	r.listen(t, Unix, http.MethodPost, body, hs).until(t, "list", "updated agentrun://pool")
}

// TestNoticesStayOutOfOtherAnswers: mcp-go would put them on whichever answer of the MCP session is open, and make it a stream.
func TestNoticesStayOutOfOtherAnswers(t *testing.T) {
	r := startWatched(t, rigSetup{})
	session := r.initialize(t, Unix, nil)
	hs := headers{"Mcp-Session-Id": session}
	r.subscribe(t, "subscribe", session, allURI)
	for n := range 20 {
		a := r.post(t, Unix, legacyCall(fmt.Sprint(n), "create_context", `{"name":"c"}`), hs)
		if got := a.header.Get("Content-Type"); got != jsonType || len(a.messages(t)) != 1 {
			t.Fatalf("call %d is answered with %s: %s", n, got, a.body)
		}
		if a := r.post(t, Unix, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, hs); a.status != http.StatusAccepted || a.body != "" {
			t.Fatalf("a notification is answered with %d %q", a.status, a.body)
		}
	}
}

func TestNothingIsKeptForListenersThatHaveLeft(t *testing.T) {
	r := startWatched(t, rigSetup{})
	left := func() (boxes, sessions int) {
		r.notices.mu.Lock()
		defer r.notices.mu.Unlock()
		return len(r.notices.boxes), len(r.notices.sessions)
	}
	ended, stays := r.initialize(t, Unix, nil), r.initialize(t, Unix, nil)
	streams := []*listener{r.get(t, ended), r.get(t, stays), r.get(t, stays), r.hear(t, "1", `{"resourcesListChanged":true}`), r.hear(t, "1", `{"resourcesListChanged":true}`)}
	r.subscribe(t, "subscribe", ended, poolURI)
	if boxes, sessions := left(); boxes != 4 || sessions != 2 {
		t.Errorf("%d mailboxes, %d of MCP sessions, want 4 and 2", boxes, sessions)
	}
	r.send(t, Unix, http.MethodDelete, "/mcp", nil, headers{"Mcp-Session-Id": ended})
	for range streams[0].events { // ends with the MCP session
	}
	for _, l := range streams {
		l.close()
	}
	eventually(t, "only the MCP session that goes on has a mailbox", func() bool {
		boxes, sessions := left()
		return boxes == 1 && sessions == 1
	})
	// one that ends while its subscription is being noted
	r.notices.ofSession("no such session", true, false)
	if boxes, sessions := left(); boxes != 1 || sessions != 1 {
		t.Errorf("%d mailboxes, %d of MCP sessions after one that has ended, want 1 and 1", boxes, sessions)
	}
	r.stop() // and goleak finds whatever runs on
	if boxes, sessions := left(); boxes != 0 || sessions != 0 {
		t.Errorf("%d mailboxes, %d of MCP sessions after the end, want none", boxes, sessions)
	}
}

func TestStalledListenerHoldsUpNobody(t *testing.T) {
	l := newPipes()
	r := startWatched(t, rigSetup{listen: l})
	conn := l.dial(t)
	body, hs := listenBody("1", `{"resourcesListChanged":true,"resourceSubscriptions":["agentrun://contexts"]}`)
	var req strings.Builder
	fmt.Fprintf(&req, "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	for name, value := range hs {
		fmt.Fprintf(&req, "%s: %s\r\n", name, value)
	}
	if _, err := io.WriteString(conn, req.String()+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(conn)
	for line := ""; !strings.Contains(line, "acknowledged"); {
		var err error
		if line, err = reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	// from now on it does not read, and a pipe holds nothing
	body, hs = listenBody("2", `{"resourceSubscriptions":["agentrun://contexts"]}`)
	other := r.listen(t, TCP, http.MethodPost, body, hs)
	other.next(t)
	for n := range 10 {
		args := fmt.Sprintf(`{"name":"c%d"}`, n)
		call, hs := modernCall("1", "create_context", args)
		if m := r.post(t, TCP, call, hs).final(t); m.Result == nil || m.Result.IsError {
			t.Fatalf("create_context = %+v", m)
		}
		other.until(t, "updated agentrun://contexts")
	}
	_ = conn.Close()
}

// TestNoticesAreFewAndTheLastStateIsTold runs on a clock of its own.
func TestNoticesAreFewAndTheLastStateIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNotices(func(string) bool { return true })
		w := httptest.NewRecorder()
		rep := newReply(w, httptest.NewRequest(http.MethodGet, "/mcp", nil))
		box := n.open(true, false, []watched{{uri: poolURI, source: poolURI}}, false)
		end := n.tell(t.Context(), rep, box, nil)
		n.mark(map[string]struct{}{poolURI: {}}, false)
		time.Sleep(time.Second)
		synctest.Wait()
		if w.Body.Len() != 0 {
			t.Fatalf("said before the stream began: %s", w.Body)
		}
		rep.Header().Set("Content-Type", streamType)
		rep.WriteHeader(http.StatusOK)
		rep.Flush()
		synctest.Wait()
		said := func() int {
			synctest.Wait() // for the writer to rest
			return strings.Count(w.Body.String(), poolURI)
		}
		if said() != 1 {
			t.Fatalf("said %q as the stream began, want one notice", w.Body)
		}
		for range 10_000 { // 10 s
			n.mark(map[string]struct{}{poolURI: {}, allURI: {}}, false)
			time.Sleep(time.Millisecond)
		}
		before := said()
		if before < 35 || before > 42 {
			t.Errorf("%d notices in 10 s of changes, want about 40", before)
		}
		time.Sleep(time.Second)
		settled := said()
		n.mark(map[string]struct{}{poolURI: {}}, true)
		time.Sleep(time.Millisecond)
		if got := said(); got != settled+1 || !strings.Contains(w.Body.String(), "list_changed") {
			t.Errorf("%d notices after one more change, want %d at once, and that of the list", got, settled+1)
		}
		if strings.Contains(w.Body.String(), `"`+allURI+`"`) {
			t.Errorf("said what nobody asked for: %s", w.Body)
		}
		end()
		n.mark(map[string]struct{}{poolURI: {}}, true)
		time.Sleep(time.Second)
		if got := said(); got != settled+1 {
			t.Error("said something after the end")
		}
	})
}

// TestChangeBeforeTheWatchBeganIsTold: a client may be served before the watch has had its first turn.
// TestContextThatCameAndWentBetweenSnapshotsIsTold: who subscribed to it meanwhile never heard of its end.
func TestContextThatCameAndWentBetweenSnapshotsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNotices(func(string) bool { return true })
		hub, there := &status.Hub{}, true
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() {
			n.watch(ctx, hub, func() *offer { return n.offered }, func(string) bool { return there })
		})
		synctest.Wait()
		uri := contextURI("one")
		box := n.open(true, false, []watched{{uri: uri, source: uri}}, false)
		hub.Publish(status.Snapshot{}) // painted before it came
		synctest.Wait()
		if told := n.take(box); told.any() {
			t.Errorf("told is %+v while the context is there, want nothing", told)
		}
		there = false
		hub.Publish(status.Snapshot{})
		synctest.Wait()
		if told := n.take(box); !told.list || !slices.Equal(told.uris, []string{uri}) {
			t.Errorf("told is %+v, want the list and the context", told)
		}
		hub.Publish(status.Snapshot{})
		synctest.Wait()
		if told := n.take(box); told.any() {
			t.Errorf("told again is %+v, want nothing", told)
		}
		cancel()
		watching.Wait()
	})
}

func TestChangeBeforeTheWatchBeganIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNotices(func(string) bool { return true })
		box := n.open(true, false, []watched{{uri: allURI, source: allURI}}, false)
		hub := &status.Hub{}
		hub.Publish(status.Snapshot{Contexts: []status.Context{{ID: "one"}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.watch(ctx, hub, func() *offer { return n.offered }, func(string) bool { return false })
		}()
		synctest.Wait()
		if told := n.take(box); !told.list || !slices.Equal(told.uris, []string{allURI}) {
			t.Errorf("told is %+v, want the list and the contexts", told)
		}
		cancel()
		<-done
	})
}

// brokenWriter fails from a certain write on.
type brokenWriter struct {
	*httptest.ResponseRecorder
	good int
}

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.good--; b.good < 0 {
		return 0, errors.New("broken pipe")
	}
	return b.ResponseRecorder.Write(p)
}

func TestWhatABrokenStreamCouldNotTellIsToldByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNotices(func(string) bool { return true })
		for _, uri := range []string{"a", "b", "c"} {
			if err := n.subscribe("s", watched{uri: uri, source: uri}, true, false); err != nil {
				t.Fatal(err)
			}
		}
		box := n.ofSession("s", true, false)
		open := func(good int) (*httptest.ResponseRecorder, func()) {
			w := &brokenWriter{httptest.NewRecorder(), good}
			rep := newReply(w, httptest.NewRequest(http.MethodGet, "/mcp", nil))
			end := n.tell(t.Context(), rep, box, nil)
			rep.Header().Set("Content-Type", streamType)
			rep.WriteHeader(http.StatusOK)
			rep.Flush()
			return w.ResponseRecorder, end
		}
		first, endFirst := open(2)
		n.mark(map[string]struct{}{"a": {}, "b": {}, "c": {}}, true)
		synctest.Wait()
		n.unsubscribe("s", "c")
		second, endSecond := open(100)
		synctest.Wait()
		endFirst()
		endSecond()
		if got := first.Body.String(); !strings.Contains(got, "list_changed") || !strings.Contains(got, `"a"`) || strings.Contains(got, `"b"`) {
			t.Errorf("the first stream said %s", got)
		}
		if got := second.Body.String(); strings.Count(got, "data:") != 1 || !strings.Contains(got, `"uri":"b"`) {
			t.Errorf("the second stream said %s, want b alone: c is not asked for any more", got)
		}
	})
}

func TestTooManySubscriptionsAreRefused(t *testing.T) {
	n := newNotices(func(string) bool { return true })
	for k := range maxWatched {
		if err := n.subscribe("s", watched{uri: fmt.Sprint(k)}, true, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.subscribe("s", watched{uri: "one more"}, true, false); err == nil {
		t.Error("one subscription too many is taken")
	} else if o := resourceError(t.Context(), "agentrun://pool", err); o.code != rpcInvalidParams {
		t.Errorf("it is refused with %d, want -32602: the resource is there", o.code)
	}
	if err := n.subscribe("s", watched{uri: "7"}, true, false); err != nil {
		t.Errorf("the same subscription again: %v", err)
	}
}

func TestDifferencesBetweenSnapshots(t *testing.T) {
	now := time.Now()
	one := status.Context{ID: "one", Status: "active", LastUsed: now}
	two := status.Context{ID: "two", Status: "active", LastUsed: now}
	busy := one
	busy.Status = "running"
	retry := now.Add(time.Second)
	tests := []struct {
		name        string
		before, now status.Snapshot
		want        string
		list        bool
	}{
		{name: "nothing"},
		{name: "a client that connects", now: status.Snapshot{Clients: []status.Client{{Name: "x"}}}},
		{name: "the phase", now: status.Snapshot{Phase: status.Ready}, want: "agentrun://pool"},
		{name: "a session", now: status.Snapshot{Sessions: []status.Session{{ID: 1}}}, want: "agentrun://pool"},
		{name: "the next attempt", now: status.Snapshot{Pool: status.Pool{NextAttempt: &retry}}, want: "agentrun://pool"},
		{name: "a new context", now: status.Snapshot{Contexts: []status.Context{one}}, want: "agentrun://contexts agentrun://contexts/one", list: true},
		{name: "a context gone", before: status.Snapshot{Contexts: []status.Context{one, two}}, now: status.Snapshot{Contexts: []status.Context{two}}, want: "agentrun://contexts agentrun://contexts/one", list: true},
		{name: "a run", before: status.Snapshot{Contexts: []status.Context{one, two}}, now: status.Snapshot{Contexts: []status.Context{busy, two}}, want: "agentrun://contexts agentrun://contexts/one"},
		{name: "another order", before: status.Snapshot{Contexts: []status.Context{one, two}}, now: status.Snapshot{Contexts: []status.Context{two, one}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changed, list := paint(tt.now).differences(paint(tt.before))
			if got := strings.Join(slices.Sorted(maps.Keys(changed)), " "); got != tt.want || list != tt.list {
				t.Errorf("differences = %q, %v, want %q, %v", got, list, tt.want, tt.list)
			}
		})
	}
}

func TestNoticesReachAnIndependentClient(t *testing.T) {
	for _, face := range []Face{Unix, TCP} {
		for _, era := range []string{legacy, modern} {
			t.Run(fmt.Sprintf("%s %s", face, era), func(t *testing.T) {
				r := startWatched(t, rigSetup{})
				said := make(chan string, 1000)
				cs := r.connect(t, face, era, &sdk.ClientOptions{
					ResourceUpdatedHandler: func(_ context.Context, req *sdk.ResourceUpdatedNotificationRequest) {
						said <- "updated " + req.Params.URI
					},
					ResourceListChangedHandler: func(context.Context, *sdk.ResourceListChangedRequest) { said <- "list" },
				})
				// A client of the newer era does not wait until its subscription holds, so that what it does next may come before it, and is
				// done again.
				until := func(does func(), want ...string) {
					t.Helper()
					does()
					deadline := time.After(time.Minute)
					again := time.NewTicker(time.Second)
					defer again.Stop()
					for len(want) > 0 {
						select {
						case s := <-said:
							want = slices.DeleteFunc(want, func(w string) bool { return w == s })
						case <-again.C:
							if era == modern {
								does()
							}
						case <-deadline:
							t.Fatalf("not told: %q", want)
						}
					}
				}
				if err := cs.Subscribe(t.Context(), &sdk.SubscribeParams{URI: allURI}); err != nil {
					t.Fatal(err)
				}
				var id string
				until(func() { id = do(t, cs, "create_context", map[string]any{"name": "c"})["context_id"].(string) }, "list", "updated "+allURI)
				if err := cs.Subscribe(t.Context(), &sdk.SubscribeParams{URI: contextURI(id)}); err != nil {
					t.Fatal(err)
				}
				until(func() { do(t, cs, "run_code", map[string]any{"context_id": id, "code": "print 1"}) }, "updated "+contextURI(id))
				do(t, cs, "stop_context", map[string]any{"context_id": id})
				until(func() {}, "list", "updated "+contextURI(id), "updated "+allURI)
				if err := cs.Unsubscribe(t.Context(), &sdk.UnsubscribeParams{URI: allURI}); err != nil {
					t.Fatal(err)
				}
				if era == modern {
					return // this client does not wait for the answer of a stream
				}
				err := cs.Subscribe(t.Context(), &sdk.SubscribeParams{URI: "agentrun://nope"})
				if wire, is := errors.AsType[*jsonrpc.Error](err); !is || wire.Code != -32002 {
					t.Errorf("subscribe to nothing there can be = %v, want -32002", err)
				}
			})
		}
	}
}
