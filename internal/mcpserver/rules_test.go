package mcpserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// rulesByName are rules as the host keeps them.
func rulesByName(rules map[string]Rules) func(string) Rules {
	return func(name string) Rules { return rules[strings.ToLower(name)] }
}

// callAs calls a tool in the newer era with a token, under whatever name.
func (r *rig) callAs(t testing.TB, token, name, tool, args string) rpcMessage {
	t.Helper()
	body, hs := modernCall("1", tool, args)
	hs["Authorization"] = "Bearer " + token
	return r.post(t, TCP, strings.Replace(body, `"name":"raw"`, `"name":"`+name+`"`, 1), hs).final(t)
}

// outcomeOf is the code of a result that is an error, or "".
func outcomeOf(t testing.TB, m rpcMessage) (code, sentence string) {
	t.Helper()
	var o errorObject
	if m.Result == nil || json.Unmarshal(m.Result.Structured, &o) != nil {
		t.Fatalf("no result: %+v", m.Error)
	}
	if m.Result.IsError != (o.Code != "") {
		t.Errorf("result %s has isError %v", m.Result.Structured, m.Result.IsError)
	}
	return string(o.Code), o.Error
}

func TestTwoTokensHaveTheirOwnRulesAtOnce(t *testing.T) {
	r := startRig(t, rigSetup{options: Options{Rules: rulesByName(map[string]Rules{
		"tester": {Tools: []string{"list_contexts", "create_context"}},
		"other":  {Tools: []string{"run_code"}, ResultTokens: 5000},
		"peer":   {Tools: []string{}}, // a name that both claim and that their tokens overrule
	})}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if code, _ := outcomeOf(t, r.callAs(t, token, "peer", "list_contexts", "{}")); code != "" {
				t.Errorf("tester, list_contexts: %s", code)
			}
			code, sentence := outcomeOf(t, r.callAs(t, token, "other", "run_code", `{"code":"print 1"}`))
			if code != "NOT_ALLOWED" || !strings.Contains(sentence, "clients.tester.tools") || !strings.Contains(sentence, "list_contexts, create_context") {
				t.Errorf("tester, run_code: %s %q, want a refusal that names the setting and what is allowed", code, sentence)
			}
		})
		wg.Go(func() {
			if code, _ := outcomeOf(t, r.callAs(t, "art_other", "tester", "run_code", `{"code":"print 1"}`)); code != "" {
				t.Errorf("other, run_code: %s", code)
			}
			if code, _ := outcomeOf(t, r.callAs(t, "art_other", "peer", "list_contexts", "{}")); code != "NOT_ALLOWED" {
				t.Errorf("other, list_contexts: %q, want a refusal", code)
			}
		})
	}
	wg.Wait()

	uses := r.TokenUses()
	for _, name := range []string{"tester", "other"} {
		if u := uses[name]; u.Calls != 16 || u.Errors != 8 || u.LastSeen.IsZero() {
			t.Errorf("use of the token %s = %+v, want 16 calls of which 8 were refused", name, u)
		}
	}
	allowed := make(map[string]string)
	for _, c := range r.Clients() {
		allowed[c.Token] = strings.Join(c.Tools, " ")
	}
	if want := map[string]string{"tester": "list_contexts create_context", "other": "run_code"}; !reflect.DeepEqual(allowed, want) {
		t.Errorf("allowed tools = %q, want %q", allowed, want)
	}
	if n := strings.Count(r.logs.String(), "outcome=NOT_ALLOWED"); n != 16 {
		t.Errorf("%d refusals are in the log, want 16", n)
	}
	if n := strings.Count(r.logs.String(), "token_name=tester"); n != 16 {
		t.Errorf("%d lines name the token of tester, want 16", n)
	}
	if strings.Contains(r.logs.String(), "art_") {
		t.Error("the log holds a token")
	}
}

func TestTheListOfToolsIsTheSameForAll(t *testing.T) {
	r := startRig(t, rigSetup{options: Options{Rules: rulesByName(map[string]Rules{"other": {Tools: []string{"run_code"}}})}})
	list := func(token string) string {
		return r.post(t, TCP, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{`+modernMeta+`}}`,
			headers{"Mcp-Protocol-Version": modern, "Mcp-Method": "tools/list", "Authorization": "Bearer " + token}).body
	}
	if a, b := list(token), list("art_other"); a != b || !strings.Contains(a, "list_files") {
		t.Errorf("the lists differ:\n%s\n%s", a, b)
	}
}

func TestOnTheSocketTheNameDecides(t *testing.T) {
	r := startRig(t, rigSetup{options: Options{Rules: rulesByName(map[string]Rules{
		"raw": {Tools: []string{}}, "code helper": {Tools: []string{"list_contexts"}},
	})}})
	call := func(tool string, more headers, unnamed bool) string {
		body, hs := modernCall("1", tool, "{}")
		maps.Copy(hs, more)
		if unnamed {
			body = strings.Replace(body, `,"io.modelcontextprotocol/clientInfo":{"name":"raw","version":"8"}`, "", 1)
		}
		code, _ := outcomeOf(t, r.post(t, Unix, body, hs).final(t))
		return code
	}
	if code := call("list_contexts", headers{"Agentrun-Relay": "a", "Agentrun-Parent": "Code Helper"}, false); code != "NOT_ALLOWED" {
		t.Errorf("a client that names itself raw: %q, want the rules of that name", code)
	}
	if code := call("list_contexts", headers{"Agentrun-Relay": "b", "Agentrun-Parent": "Code Helper"}, true); code != "" {
		t.Errorf("a client without a name: %q, want the rules of the program that started it", code)
	}
	if code := call("run_code", headers{"Agentrun-Relay": "b", "Agentrun-Parent": "Code Helper"}, true); code != "NOT_ALLOWED" {
		t.Errorf("a client without a name: %q, want the rules of the program that started it", code)
	}
	hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	code, sentence := outcomeOf(t, r.post(t, Unix, legacyCall("1", "run_code", `{"code":"print 1"}`), hs).final(t))
	if code != "NOT_ALLOWED" || !strings.Contains(sentence, "allows none") {
		t.Errorf("a client of the older era: %q %q, want the rules of the name in initialize", code, sentence)
	}
}

func TestWhatToolsMayNotShowResourcesDoNotShow(t *testing.T) {
	r := startRig(t, rigSetup{options: Options{Rules: rulesByName(map[string]Rules{"other": {Tools: []string{"list_contexts"}}})}})
	var out runCodeOutput
	if err := json.Unmarshal(r.callAs(t, token, "x", "run_code", `{"code":"print secret"}`).Result.Structured, &out); err != nil {
		t.Fatal(err)
	}
	r.callAs(t, token, "x", "upload_file", `{"path":"a.txt","content":"secret","context_id":"`+out.ContextID+`"}`)
	base := "agentrun://contexts/" + out.ContextID
	read := func(token, uri string) answerTo {
		return r.post(t, TCP, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"`+uri+`",`+modernMeta+`}}`,
			headers{"Mcp-Protocol-Version": modern, "Mcp-Method": "resources/read", "Mcp-Name": uri, "Authorization": "Bearer " + token})
	}
	for _, uri := range []string{base + "/files/a.txt", base + "/runs/1/stdout"} {
		if a := read(token, uri); a.status != http.StatusOK || !strings.Contains(a.body, "secret") {
			t.Errorf("%s for a client without limits = %d %s", uri, a.status, a.body)
		}
		a := read("art_other", uri)
		m := a.final(t)
		if a.status != http.StatusBadRequest || m.Error == nil || m.Error.Code != rpcInvalidParams || !strings.Contains(string(m.Error.Data), "NOT_ALLOWED") ||
			!strings.Contains(m.Error.Message, "clients.other.tools") || strings.Contains(a.body, "secret") {
			t.Errorf("%s for a client that may only list contexts = %d %s, want a refusal", uri, a.status, a.body)
		}
	}
	if n := strings.Count(r.logs.String(), `msg="resource refused"`); n != 2 {
		t.Errorf("%d refusals are in the log, want 2", n)
	}
	if n := strings.Count(r.logs.String(), `msg="resource read"`); n != 2 {
		t.Errorf("%d resources read are in the log, want 2, as the tools would leave them there", n)
	}
}

// TestWhatMayNotBeReadIsNotTold: lists, completion, prompts and notices would tell it otherwise.
func TestWhatMayNotBeReadIsNotTold(t *testing.T) {
	r := startRig(t, rigSetup{options: Options{Rules: rulesByName(map[string]Rules{"other": {Tools: []string{}}})}})
	var out runCodeOutput
	if err := json.Unmarshal(r.callAs(t, token, "x", "run_code", `{"code":"raise secret"}`).Result.Structured, &out); err != nil {
		t.Fatal(err)
	}
	id := out.ContextID
	ask := func(token, method, name, params string) answerTo {
		hs := headers{"Mcp-Protocol-Version": modern, "Mcp-Method": method, "Authorization": "Bearer " + token}
		if name != "" {
			hs["Mcp-Name"] = name
		}
		return r.post(t, TCP, `{"jsonrpc":"2.0","id":1,"method":"`+method+`","params":{`+params+modernMeta+`}}`, hs)
	}
	for _, q := range []struct{ name, method, of, params, tells string }{
		{"the list of resources", "resources/list", "", "", id},
		{"completion of contexts", "completion/complete", "", `"ref":{"type":"ref/resource","uri":"agentrun://contexts/{id}"},"argument":{"name":"id","value":""},`, id},
		{"completion of contexts in a prompt", "completion/complete", "", `"ref":{"type":"ref/prompt","name":"explain_error"},"argument":{"name":"context_id","value":""},`, id},
		{"completion of runs", "completion/complete", "", `"ref":{"type":"ref/resource","uri":"agentrun://contexts/{id}/runs/{n}"},"argument":{"name":"n","value":""},"context":{"arguments":{"id":"` + id + `"}},`, `"1"`},
		{"a prompt about a run", "prompts/get", "explain_error", `"name":"explain_error","arguments":{"context_id":"` + id + `"},`, "secret"},
	} {
		t.Run(q.name, func(t *testing.T) {
			if a := ask(token, q.method, q.of, q.params); !strings.Contains(a.body, q.tells) {
				t.Errorf("a client without limits: %d %s, want %s in it", a.status, a.body, q.tells)
			}
			a := ask("art_other", q.method, q.of, q.params)
			if strings.Contains(strings.ReplaceAll(a.body, "explain_error", ""), q.tells) && a.final(t).Error == nil {
				t.Errorf("a client that may use no tool: %d %s, want no %s in it", a.status, a.body, q.tells)
			}
		})
	}
	a := ask("art_other", "subscriptions/listen", "", `"notifications":{"resourceSubscriptions":["agentrun://contexts/`+id+`"]},`)
	if m := a.final(t); m.Error == nil || !strings.Contains(m.Error.Message, "may not read") {
		t.Errorf("listening to a context = %d %s, want a refusal", a.status, a.body)
	}
}

// TestWhoSeesNoContextsInTheListIsNotToldThatItChanges, in either era: the list that such a client gets never does.
func TestWhoSeesNoContextsInTheListIsNotToldThatItChanges(t *testing.T) {
	hub := &status.Hub{}
	r := startRig(t, rigSetup{options: Options{Status: hub, Rules: func(string) Rules { return Rules{Tools: []string{"run_code"}} }}})
	session := r.initialize(t, Unix, nil)
	if m := r.subscribe(t, "subscribe", session, poolURI); m.Error != nil {
		t.Fatalf("subscribe to the pool = %+v", m.Error)
	}
	for era, l := range map[string]*listener{
		legacy: r.get(t, session), modern: r.hear(t, "1", `{"resourcesListChanged":true,"resourceSubscriptions":["agentrun://pool"]}`),
	} {
		hub.Publish(status.Snapshot{Phase: status.Ready, Contexts: []status.Context{{ID: "ctx-of-" + era}}})
		l.until(t, "updated "+poolURI)
		hub.Publish(status.Snapshot{Phase: status.Working})
		l.until(t, "updated "+poolURI)
		if slices.Contains(l.seen, "list") {
			t.Errorf("%s: it heard %q", era, l.seen)
		}
	}
}

func TestRefusedSubscriptionSaysWhy(t *testing.T) {
	r := startRig(t, rigSetup{options: Options{Rules: func(string) Rules { return Rules{Tools: []string{}} }}})
	m := r.subscribe(t, "subscribe", r.initialize(t, Unix, nil), allURI)
	if m.Error == nil || m.Error.Code != rpcInvalidParams || !strings.Contains(string(m.Error.Data), "NOT_ALLOWED") {
		t.Errorf("resources/subscribe = %+v, want -32602 with NOT_ALLOWED, as reading is answered", m.Error)
	}
}

func TestWhichToolsShowAResource(t *testing.T) {
	for _, tt := range []struct {
		tools, readable []string
	}{
		{nil, []string{"pool", "contexts", "contexts/c", "contexts/c/files/a/b", "contexts/c/files", "contexts/c/runs/1", "contexts/c/runs/1/stdout", "contexts/c/new"}},
		{[]string{}, []string{"pool"}},
		{[]string{"list_contexts"}, []string{"pool", "contexts", "contexts/c"}},
		{[]string{"list_files"}, []string{"pool", "contexts/c/files"}},
		{[]string{"download_file"}, []string{"pool", "contexts/c/files/a/b"}},
		{[]string{"get_result"}, []string{"pool", "contexts/c/runs/1/stdout"}},
		{[]string{"run_code"}, []string{"pool", "contexts/c/files/a/b", "contexts/c/files", "contexts/c/runs/1", "contexts/c/runs/1/stdout", "contexts/c/new"}},
	} {
		t.Run(fmt.Sprint(tt.tools), func(t *testing.T) {
			x := &exchange{rules: Rules{Tools: tt.tools}}
			for _, uri := range []string{"pool", "contexts", "contexts/", "contexts/c", "contexts/c/files/a/b", "contexts/c/files", "contexts/c/runs/1", "contexts/c/runs/1/stdout", "contexts/c/new"} {
				want := slices.Contains(tt.readable, strings.TrimSuffix(uri, "/"))
				if err := x.mayRead("agentrun://" + uri); (err == nil) != want {
					t.Errorf("%s: %v, want readable %v", uri, err, want)
				}
			}
			if err := x.mayRead("agentrun://contexts/c/%66iles/a"); (err == nil) != slices.Contains(tt.readable, "contexts/c/files/a/b") {
				t.Errorf("an escaped way to write files: %v", err)
			}
		})
	}
}

func TestHowMuchAClientIsTold(t *testing.T) {
	if got := (&exchange{}).resultTokens(); got != defaultResultTokens {
		t.Errorf("without a rule: %d", got)
	}
	if got := (&exchange{rules: Rules{ResultTokens: 5000}}).resultTokens(); got != 5000 {
		t.Errorf("with a rule: %d", got)
	}
}
