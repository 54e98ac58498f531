package bridge

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/instance"
)

// lost checks that an answer is the product's error object for a lost call.
func lost(t *testing.T, m message, modern bool) {
	t.Helper()
	var result struct {
		ResultType        string `json:"resultType"`
		IsError           bool   `json:"isError"`
		StructuredContent struct{ Error, Code string }
		Content           []struct{ Type, Text string }
	}
	if err := json.Unmarshal(m.Result, &result); err != nil {
		t.Fatalf("answer %+v has no result: %v", m, err)
	}
	var inText struct{ Error, Code string }
	if len(result.Content) != 1 || result.Content[0].Type != "text" || json.Unmarshal([]byte(result.Content[0].Text), &inText) != nil {
		t.Fatalf("content is %+v, want one text block of JSON", result.Content)
	}
	if !result.IsError || inText != result.StructuredContent || inText.Code != "SESSION_LOST" || !strings.Contains(inText.Error, "may or may not have taken effect") {
		t.Errorf("result is %s", m.Result)
	}
	if want := map[bool]string{true: "complete"}[modern]; result.ResultType != want {
		t.Errorf("resultType is %q, want %q", result.ResultType, want)
	}
}

func TestALostToolCallIsNotRepeated(t *testing.T) {
	for _, modern := range []bool{false, true} {
		t.Run(fmt.Sprintf("modern=%v", modern), func(t *testing.T) {
			dirs := home(t)
			h := startHost(t, dirs)
			e := connect(t, dirs)
			e.initialize(h)
			e.write(callLine(1, "sleep", `{"ms":60000}`, modern))
			eventually(t, "the run", func() bool { return h.runningNow("sleep") == 1 })
			h.kill()
			lost(t, e.answer("1"), modern)
			h = startHost(t, dirs)
			e.write(callLine(2, "echo", `{"text":"back"}`, modern))
			if m := e.answer("2"); !strings.Contains(string(m.Result), "back") {
				t.Errorf("the next call = %+v", m)
			}
			for _, s := range h.requests("tools/call") {
				if string(s.m.ID) == "1" {
					t.Error("the new host was given the lost call")
				}
			}
		})
	}
}

// A host that dies before it has read the call has not carried it out.
func TestAToolCallNobodyReadIsRepeated(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // only Linux tells
	}
	for _, accepted := range []bool{false, true} {
		dirs := home(t)
		inst, err := instance.Acquire(t.Context(), dirs)
		if err != nil {
			t.Fatal(err)
		}
		ln, err := inst.Listen(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e := connect(t, dirs)
		e.write(callLine(1, "sleep", key(1), true))
		if accepted {
			conn, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Read(make([]byte, 10)) // the beginning has been read, the rest has not
			conn.Close()
		} else {
			time.Sleep(50 * time.Millisecond)
		}
		ln.Close()
		inst.Close()
		h := startHost(t, dirs)
		if m := e.answer("1"); strings.Contains(string(m.Result), "SESSION_LOST") || h.runs("1") != 1 {
			t.Errorf("accepted %v: the call ran %d times and was answered %s", accepted, h.runs("1"), m.Result)
		}
	}
}

func TestAnEmptyAnswerIsALostOne(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.call(1, "empty", `{}`)
	lost(t, e.answer("1"), false)
}

func TestEverythingElseIsRepeatedWhenLost(t *testing.T) {
	var first atomic.Bool
	dies := func(w http.ResponseWriter, _ *http.Request, _ message) bool {
		if first.CompareAndSwap(false, true) {
			cut(w)
			return true
		}
		return false
	}
	for _, modern := range []bool{false, true} {
		for _, method := range []string{"tools/list", "resources/read", "prompts/get"} {
			first.Store(false)
			h := startHost(t, home(t), hook(method, dies))
			e := connect(t, h.dirs)
			e.initialize(h)
			if modern {
				e.write(modernLine("1", method, `"name":"x","uri":"x"`))
			} else {
				e.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{"name":"x","uri":"x"}}`, method))
			}
			if m := e.answer("1"); m.Error != nil || len(h.requests(method)) != 2 {
				t.Errorf("%s = %+v after %d requests, want a result after 2", method, m.Error, len(h.requests(method)))
			}
		}
	}
}

// A host that answers "session unknown" has done nothing, so even a tools/call is sent again.
func TestAnUnknownSessionIsRevivedAndTheCallRepeated(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	h.mu.Lock()
	clear(h.sessions)
	h.mu.Unlock()
	var wg sync.WaitGroup
	for n := range 30 {
		wg.Go(func() { e.write(callLine(n+1, "sleep", key(n+1), false)) })
	}
	wg.Wait()
	for n := range 30 {
		if m := e.answer(fmt.Sprint(n + 1)); m.Error != nil || !strings.Contains(string(m.Result), "echo") {
			t.Errorf("call %d = %+v", n+1, m)
		}
	}
	if n := len(h.requests("initialize")); n != 2 {
		t.Errorf("%d handshakes, want 2: the revival is shared", n)
	}
	if n := len(h.requests("notifications/initialized")); n != 2 {
		t.Errorf("%d greetings, want 2", n)
	}
	for _, s := range h.requests("tools/call") {
		if s.header.Get("Agentrun-Reconnected") != "" {
			t.Error("the same host was told that it is another one")
		}
	}
	for n := range 30 {
		if got := h.runs(fmt.Sprint(n + 1)); got != 1 {
			t.Errorf("call %d ran %d times", n+1, got)
		}
	}
}

func TestARevivedSessionIsToldWhatTheOldOneWas(t *testing.T) {
	dirs := home(t)
	h := startHost(t, dirs)
	e := connect(t, dirs)
	e.initialize(h)
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"debug"}}`,
		`{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"agentrun://pool"}}`,
		`{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"agentrun://contexts"}}`,
		`{"jsonrpc":"2.0","id":4,"method":"resources/unsubscribe","params":{"uri":"agentrun://contexts"}}`,
		`{"jsonrpc":"2.0","id":5,"method":"logging/setLevel","params":{"level":"info"}}`,
	} {
		e.write(line)
		var m message
		json.Unmarshal([]byte(line), &m)
		e.answer(string(m.ID))
	}
	h.kill()
	h = startHost(t, dirs)
	e.call(6, "echo", `{}`)
	e.answer("6")
	eventually(t, "the new stream", func() bool { return len(h.requests(http.MethodGet)) == 1 })
	var told []string
	h.mu.Lock()
	for _, s := range h.seen {
		if s.method == http.MethodPost && s.m.Method != "tools/call" {
			told = append(told, s.m.Method+" "+string(s.m.ID)+" "+s.m.Params.URI)
		}
	}
	h.mu.Unlock()
	want := []string{`initialize "relay-2" `, `notifications/initialized  `, `logging/setLevel "relay-2.1" `, `resources/subscribe "relay-2.2" agentrun://pool`}
	if !slices.Equal(told, want) {
		t.Errorf("the new host was told %q, want %q", told, want)
	}
	if !strings.Contains(h.requests("logging/setLevel")[0].body, "info") {
		t.Error("the new host was told an old log level")
	}
	h.push(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
	e.note("notifications/message")
	// None of the relay's own answers reached the editor.
	for id := range e.answers() {
		if strings.Contains(id, "relay") {
			t.Errorf("the editor got an answer to %s", id)
		}
	}
}

// Also after calls in whose answers the model could not be told.
func TestEveryCallAfterARestartSaysSo(t *testing.T) {
	for _, modern := range []bool{false, true} {
		t.Run(fmt.Sprintf("modern=%v", modern), func(t *testing.T) {
			dirs := home(t)
			h := startHost(t, dirs)
			e := connect(t, dirs)
			if modern {
				e.write(modernLine("0", "server/discover", ""))
				e.answer("0")
			} else {
				e.initialize(h)
			}
			says := func() (all []string) {
				for _, s := range h.requests("tools/call") {
					all = append(all, s.header.Get("Agentrun-Reconnected"))
				}
				return all
			}
			e.write(callLine(1, "echo", `{}`, modern))
			e.answer("1")
			if got := says(); !slices.Equal(got, []string{""}) {
				t.Errorf("before the restart calls said %q", got)
			}
			h.kill()
			h = startHost(t, dirs)
			if modern {
				e.write(modernLine(`"list"`, "tools/list", ""))
			} else {
				e.write(`{"jsonrpc":"2.0","id":"list","method":"tools/list"}`)
			}
			e.answer(`"list"`)
			for id := 2; id < 5; id++ {
				e.write(callLine(id, "echo", `{}`, modern))
				e.answer(fmt.Sprint(id))
			}
			got := says()
			if !modern {
				// Calls refused as unknown are seen by this host but not taken.
				got = got[len(got)-3:]
			}
			if !slices.Equal(got, []string{"1", "1", "1"}) {
				t.Errorf("after the restart calls said %q, want each to say 1", got)
			}
			for _, s := range slices.Concat(h.requests("tools/list"), h.requests("initialize")) {
				if s.header.Get("Agentrun-Reconnected") != "" {
					t.Errorf("%s said so, want only calls to", s.m.Method)
				}
			}
		})
	}
}

func TestANewVersionMeansNewLists(t *testing.T) {
	for _, tt := range []struct {
		version string
		want    int
	}{{"1.0.0", 0}, {"1.0.1", 1}} {
		dirs := home(t)
		h := startHost(t, dirs)
		e := connect(t, dirs)
		e.initialize(h)
		e.write(modernLine("50", "subscriptions/listen", `"notifications":{"toolsListChanged":true,"promptsListChanged":false}`))
		e.note("notifications/subscriptions/acknowledged")
		h.kill()
		h = startHost(t, dirs, versioned(tt.version))
		e.call(1, "echo", `{}`)
		e.answer("1")
		eventually(t, "the new subscription", func() bool { return len(h.requests("subscriptions/listen")) == 1 })
		h.push(`{"jsonrpc":"2.0","method":"notifications/message","params":{}}`)
		e.note("notifications/message") // what came before it has arrived
		e.until("the lists", func() bool {
			n := map[string]int{}
			for _, m := range e.all {
				id, _ := m.Params.Meta["io.modelcontextprotocol/subscriptionId"].(float64)
				n[fmt.Sprint(m.Method, id)]++
			}
			return n["notifications/tools/list_changed0"] == tt.want && n["notifications/resources/list_changed0"] == tt.want &&
				n["notifications/tools/list_changed50"] == tt.want && n["notifications/prompts/list_changed0"]+n["notifications/prompts/list_changed50"] == 0
		})
		if n := e.count("notifications/subscriptions/acknowledged"); n != 1 {
			t.Errorf("the editor saw %d acknowledgements, want 1", n)
		}
	}
}

func TestSubscriptionsSurviveAKilledHost(t *testing.T) {
	dirs := home(t)
	h := startHost(t, dirs)
	e := connect(t, dirs)
	e.write(modernLine(`"sub"`, "subscriptions/listen", `"notifications":{"resourceSubscriptions":["agentrun://pool"]}`))
	e.note("notifications/subscriptions/acknowledged")
	for round := range 2 {
		h.kill()
		h = startHost(t, dirs)
		eventually(t, "the subscription at the new host", func() bool { return len(h.requests("subscriptions/listen")) == 1 && h.sessionCount() == 1 })
		h.push(`{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{}}`)
		e.until("the update", func() bool {
			n := 0
			for _, m := range e.all {
				if m.Method == "notifications/resources/updated" {
					n++
				}
			}
			return n == round+1
		})
	}
	e.write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"sub"}}`)
	eventually(t, "the end of the subscription", func() bool {
		e.relay.mu.Lock()
		defer e.relay.mu.Unlock()
		return len(e.relay.calls) == 0
	})
}

// The user quits the program: streams which only listen must not bring it back, and when it is
// back by other means they must find it.
func TestListenersStartNoHost(t *testing.T) {
	dirs := home(t)
	starter := playing(t, dirs, "host")
	h := startHost(t, dirs)
	e := connect(t, dirs, func(r *Relay) { r.opt.Starter, r.times.patience = starter, 300*time.Millisecond })
	e.initialize(h)
	e.write(modernLine("50", "subscriptions/listen", `"notifications":{"toolsListChanged":true}`))
	e.note("notifications/subscriptions/acknowledged")
	h.kill()
	time.Sleep(700 * time.Millisecond) // their patience is over
	if _, err := os.Stat(starter.logName()); err == nil {
		t.Fatal("a listener has started a host")
	}
	h = startHost(t, dirs)
	e.call(1, "echo", `{}`)
	e.answer("1")
	eventually(t, "both streams", func() bool {
		return len(h.requests("subscriptions/listen")) == 1 && len(h.requests(http.MethodGet)) >= 1
	})
}

func TestALateAnswerNeverReachesTheNextHost(t *testing.T) {
	dirs := home(t)
	h := startHost(t, dirs, asking)
	e := connect(t, dirs)
	e.initialize(h)
	h.push(`{"jsonrpc":"2.0","id":1,"method":"roots/list"}`)
	first := e.note("roots/list")
	e.call(1, "asks", `{}`)
	second := e.note("elicitation/create")
	h.kill()
	lost(t, e.answer("1"), false)
	startHost(t, dirs, asking)
	e.call(2, "asks", `{}`)
	e.until("both questions to be taken back and a third asked", func() bool {
		var back []string
		asked := 0
		for _, m := range e.all {
			switch m.Method {
			case "notifications/cancelled":
				back = append(back, string(m.Params.RequestID))
			case "elicitation/create":
				asked++
			}
		}
		return asked == 2 && slices.Contains(back, string(first.ID)) && slices.Contains(back, string(second.ID))
	})
	// Late answers, then the right one.
	e.write(`{"jsonrpc":"2.0","id":` + string(first.ID) + `,"result":{"late":1}}`)
	e.write(`{"jsonrpc":"2.0","id":` + string(second.ID) + `,"result":{"late":2}}`)
	e.mu.Lock()
	third := e.all[len(e.all)-1]
	e.mu.Unlock()
	if !strings.HasPrefix(string(third.ID), `"h2.`) {
		t.Errorf("the question of the second session has id %s, want h2.…", third.ID)
	}
	e.write(`{"jsonrpc":"2.0","id":` + string(third.ID) + `,"result":{"now":true}}`)
	if m := e.answer("2"); string(m.Result) != `{"id":1,"was":{"now":true}}` {
		t.Errorf("the host got %s, want the third answer", m.Result)
	}
}

func TestARefusedRevivalIsExplained(t *testing.T) {
	dirs := home(t)
	h := startHost(t, dirs)
	e := connect(t, dirs)
	e.initialize(h)
	h.kill()
	startHost(t, dirs, func(h *testHost) { h.refuse = 100 })
	e.call(1, "echo", `{}`)
	if m := e.answer("1"); m.Error == nil || m.Error.Code != -32000 || !strings.Contains(m.Error.Message, "not like this") || !strings.Contains(string(m.Error.Data), "SERVER_NOT_READY") {
		t.Errorf("answer = %+v, want an error which quotes the host", m.Error)
	}
}

func TestWithoutAHostEveryRequestGetsAClearError(t *testing.T) {
	e := connect(t, home(t), func(r *Relay) { r.times.start = 300 * time.Millisecond })
	e.write(hello)
	e.call(1, "echo", `{}`)
	e.write(modernLine("2", "server/discover", ""))
	e.write(modernLine("3", "subscriptions/listen", `"notifications":{}`))
	for _, id := range []string{"0", "1", "2", "3"} {
		m := e.answer(id)
		if m.Error == nil || m.Error.Code != -32000 || !strings.Contains(m.Error.Message, "no host was there within 300ms") {
			t.Errorf("answer %s = %+v", id, m.Error)
		}
	}
	for line := range strings.Lines(e.log.String()) {
		if !strings.HasPrefix(line, "agentrun-mcp: ") {
			t.Errorf("the log has a line %q", line)
		}
	}
}

func TestAHostThatComesLateIsFound(t *testing.T) {
	dirs := home(t)
	e := connect(t, dirs)
	e.write(hello)
	time.Sleep(50 * time.Millisecond)
	startHost(t, dirs)
	if m := e.answer("0"); m.Error != nil {
		t.Errorf("initialize = %+v", m.Error)
	}
}

func TestSomebodyElsesFolderIsNotTrusted(t *testing.T) {
	dirs := home(t)
	startHost(t, dirs)
	if err := os.Chmod(dirs.Runtime, 0o777); err != nil {
		t.Fatal(err)
	}
	e := connect(t, dirs)
	start := time.Now()
	e.write(hello)
	if m := e.answer("0"); m.Error == nil || !strings.Contains(m.Error.Message, "others may enter it") {
		t.Errorf("initialize = %+v, want a refusal", m)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v to say so", took)
	}
}

// However often and whenever hosts are killed, each request is answered exactly once, and no
// tools/call runs twice.
func TestRandomKills(t *testing.T) {
	for _, modern := range []bool{false, true} {
		t.Run(fmt.Sprintf("modern=%v", modern), func(t *testing.T) {
			dirs := home(t)
			var mu sync.Mutex
			ran := map[string]int{}
			counting := hook("sleep", func(_ http.ResponseWriter, req *http.Request, m message) bool {
				mu.Lock()
				ran[m.Params.Arguments.Key]++
				mu.Unlock()
				select {
				case <-time.After(time.Duration(m.Params.Arguments.MS) * time.Millisecond):
				case <-req.Context().Done():
				}
				return false
			})
			h := startHost(t, dirs, counting)
			e := connect(t, dirs)
			e.initialize(h)
			stop := make(chan struct{})
			var killer sync.WaitGroup
			kills := 0
			killer.Go(func() {
				for kills < 15 {
					select {
					case <-stop:
						return
					case <-time.After(time.Duration(20+rand.IntN(80)) * time.Millisecond):
					}
					h.kill()
					kills++
					if rand.IntN(2) == 0 {
						time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
					}
					h = startHost(t, dirs, counting)
				}
			})
			const calls = 600
			for n := range calls {
				switch n % 3 {
				case 0:
					e.write(callLine(n+1, "sleep", fmt.Sprintf(`{"ms":%d,"key":"%d"}`, rand.IntN(60), n+1), modern))
				case 1:
					e.write(callLine(n+1, "sleep", fmt.Sprintf(`{"ms":0,"key":"%d"}`, n+1), modern))
				default:
					if modern {
						e.write(modernLine(fmt.Sprint(n+1), "tools/list", ""))
					} else {
						e.write(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/list"}`, n+1))
					}
				}
				if n%10 == 0 {
					time.Sleep(5 * time.Millisecond)
				}
			}
			lostOnes := 0
			runs := func(n int) int {
				mu.Lock()
				defer mu.Unlock()
				return ran[fmt.Sprint(n)]
			}
			for n := range calls {
				m := e.answer(fmt.Sprint(n + 1))
				if m.Error != nil {
					t.Errorf("call %d = %+v", n+1, m.Error)
				}
				if strings.Contains(string(m.Result), "SESSION_LOST") {
					lostOnes++
					if n%3 == 2 {
						t.Errorf("tools/list was answered %s", m.Result)
					}
				} else if n%3 < 2 && runs(n+1) != 1 {
					t.Errorf("call %d was answered and ran %d times", n+1, runs(n+1))
				}
			}
			close(stop)
			killer.Wait()
			for id, all := range e.answers() {
				if len(all) != 1 {
					t.Errorf("%d answers to %s", len(all), id)
				}
			}
			for n := range calls {
				if runs(n+1) > 1 {
					t.Errorf("call %d ran %d times", n+1, runs(n+1))
				}
			}
			t.Logf("%d kills, %d of %d calls lost", kills, lostOnes, calls)
		})
	}
}

func TestManyRelaysShareAHost(t *testing.T) {
	h := startHost(t, home(t))
	var all []*editor
	for range 10 {
		all = append(all, connect(t, h.dirs))
	}
	for n, e := range all {
		e.initialize(h)
		e.call(1, "echo", fmt.Sprintf(`{"text":"relay %d"}`, n))
	}
	for n, e := range all {
		if m := e.answer("1"); !strings.Contains(string(m.Result), fmt.Sprintf("relay %d\"", n)) {
			t.Errorf("relay %d got %s", n, m.Result)
		}
	}
	if n := h.sessionCount(); n != 10 {
		t.Errorf("%d sessions, want 10", n)
	}
}
