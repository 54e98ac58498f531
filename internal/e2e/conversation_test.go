//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestTheConversationOfThePythonServer is the test its users have run against it, in its seven steps.
func TestTheConversationOfThePythonServer(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) { h.converse(t, era, "local") })
}

// converse goes through the seven steps with a host that runs code on the backend.
func (h *home) converse(t *testing.T, era, backend string) {
	t.Helper()
	c := h.connect(t, era) // step 1: initialize
	if info := c.InitializeResult().ServerInfo; info == nil || info.Name != "agentrun" {
		t.Errorf("the server calls itself %+v, want agentrun", info)
	}

	tools, err := c.ListTools(t.Context(), nil) // step 2: the tools
	if err != nil {
		t.Fatalf("tools/list: %v", err)
	}
	byName := map[string]*mcp.Tool{}
	for _, tool := range tools.Tools {
		byName[tool.Name] = tool
	}
	for _, name := range []string{"run_code", "create_context", "stop_context", "list_contexts"} {
		tool := byName[name]
		if tool == nil {
			t.Fatalf("tools/list = %v, want %s among them", tools.Tools, name)
		}
		if tool.Description == "" || tool.InputSchema == nil || tool.OutputSchema == nil || tool.Annotations == nil {
			t.Errorf("the tool %s is %+v, want a description, both schemas and annotations", name, tool)
		}
	}

	python := c.create(t, "py-"+era, "python") // step 3: contexts
	javascript := c.create(t, "js-"+era, "javascript")

	list := c.contexts(t) // step 4: both are shown
	for id, language := range map[string]string{python: "python", javascript: "javascript"} {
		if cc := list[id]; cc["language"] != language || cc["status"] != "active" || cc["backend"] != backend {
			t.Errorf("list_contexts shows %s as %v, want an active %s context of the %s backend", id, cc, language, backend)
		}
	}

	r := c.run(t, python, "import math\nprint('hello from', 'python')\nmath.factorial(20)") // step 5: code runs
	if !r.success() || r.text("stdout") != "hello from python\n" || r.text("stderr") != "" || r.text("result", "text") != "2432902008176640000" ||
		r.text("context_id") != python || r.text("backend") != backend {
		t.Errorf("run_code in Python = %v, want hello from python and 20!", r)
	}
	if took, _ := r.object["execution_time"].(float64); took <= 0 || took > r.took.Seconds() {
		t.Errorf("execution_time is %v in a call of %v, want a part of it", r.object["execution_time"], r.took)
	}
	r = c.run(t, javascript, "console.log('hello from', 'javascript'); [3, 1, 2].sort().map(x => x * x)")
	if !r.success() || r.text("stdout") != "hello from javascript\n" || !strings.Contains(r.text("result", "text"), "9") || r.text("context_id") != javascript {
		t.Errorf("run_code in JavaScript = %v, want hello from javascript and [1, 4, 9]", r)
	}
	r = c.run(t, python, "1 / 0")
	if r.success() || r.text("error", "name") != "ZeroDivisionError" || r.code() != "EXECUTION_FAILED" || !strings.Contains(r.text("stderr"), "ZeroDivisionError") {
		t.Errorf("run_code(1 / 0) = %v, want success false with the ZeroDivisionError in error and in stderr", r)
	}

	for _, id := range []string{python, javascript} { // step 6: stop
		if r := c.do(t, "stop_context", args{"context_id": id}); r.text("status") != "stopped" || r.text("context_id") != id {
			t.Errorf("stop_context(%s) = %v, want status stopped", id, r)
		}
	}

	list = c.contexts(t) // step 7: they are gone
	if list[python] != nil || list[javascript] != nil {
		t.Errorf("list_contexts = %v, want neither %s nor %s", list, python, javascript)
	}
	for tool, arguments := range map[string]args{
		"stop_context": {"context_id": python},
		"run_code":     {"context_id": python, "code": "1"},
	} {
		if r := c.call(t, tool, arguments); !r.isError || r.code() != "CONTEXT_NOT_FOUND" {
			t.Errorf("%s of a stopped context = %v, want isError with CONTEXT_NOT_FOUND", tool, r)
		}
	}
}

func TestStateIsKeptInAContextAndHiddenFromOthers(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		one, two := h.connect(t, era), h.connect(t, era)
		a, b := one.create(t, "a", "python"), one.create(t, "b", "python")
		one.value(t, a, "import json\nx = 41\ndef bump():\n    global x\n    x += 1\n    return x")
		one.wants(t, a, "bump()", "42")
		one.wants(t, a, "json.dumps([x])", "'[42]'")
		for _, code := range []string{"x", "json", "bump"} {
			if r := one.run(t, b, code); r.success() || r.text("error", "name") != "NameError" {
				t.Errorf("%s in another context = %v, want a NameError", code, r)
			}
		}
		// a context belongs to the host, not to the client that has made it
		two.wants(t, a, "x", "42")

		js := one.create(t, "js", "javascript")
		one.value(t, js, "let n = 1; const f = () => ++n;")
		one.wants(t, js, "f(); f()", "3")
		one.value(t, js, "let n = 10")
		one.wants(t, js, "n", "10")

		// each client has default contexts of its own
		one.value(t, "", "who = 'one'")
		two.value(t, "", "who = 'two'")
		one.wants(t, "", "who", "'one'")
		two.wants(t, "", "who", "'two'")
		r := one.do(t, "run_code", args{"code": "typeof who", "language": "javascript"})
		if got := r.text("result", "text"); !strings.Contains(got, "undefined") {
			t.Errorf("typeof who in the JavaScript default context = %v, want undefined", r)
		}
		mine := one.run(t, "", "who").text("context_id")
		if theirs := two.run(t, "", "who").text("context_id"); mine == theirs || mine == "" {
			t.Errorf("the default contexts of two clients are %q and %q, want two", mine, theirs)
		}
		if r := one.call(t, "run_code", args{"code": "1", "context_id": a, "language": "javascript"}); !r.isError || r.code() != "INVALID_PARAMS" {
			t.Errorf("run_code with a context and another language = %v, want INVALID_PARAMS", r)
		}
	})
}

// TestRunsOfOneContextGoInOrder: a client that does not wait for answers gets each in its turn.
func TestRunsOfOneContextGoInOrder(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, legacy)
	id, other := c.create(t, "queue", "python"), c.create(t, "other", "python")
	c.value(t, id, "import time\nseen = []")
	first := c.begin(t, "run_code", args{"context_id": id, "code": "time.sleep(1.5); seen.append('first'); seen"}, "")
	c.awaitRunning(t, id)
	second := c.begin(t, "run_code", args{"context_id": id, "code": "seen.append('second'); seen"}, "")
	began := time.Now()
	c.wants(t, other, "1 + 1", "2")
	if r, err := first.wait(t); err != nil || r.text("result", "text") != "['first']" {
		t.Errorf("the first run = %v, %v, want ['first']", r, err)
	}
	if r, err := second.wait(t); err != nil || r.text("result", "text") != "['first', 'second']" {
		t.Errorf("the second run = %v, %v, want ['first', 'second']", r, err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("three runs took %v", took)
	}
}

// TestAColdStart is the first minute of a newcomer: nothing is there, not even a settings file, and the editor asks at once.
func TestAColdStart(t *testing.T) {
	h := coldHome(t, "")
	began := time.Now()
	c := h.connect(t, legacy)
	connected := time.Since(began)
	if r := c.do(t, "list_contexts", nil); r.took > 5*time.Second {
		t.Errorf("list_contexts took %v while the engine was being prepared, want an answer at once", r.took)
	}
	r := c.run(t, "", "print('hi'); 6 * 7")
	if !r.success() || r.text("stdout") != "hi\n" || r.text("result", "text") != "42" {
		t.Errorf("the first run on a new computer = %v, want hi and 42", r)
	}
	if r.get("warm") != false {
		t.Errorf("warm is %v in the first run, which had to wait; want false", r.get("warm"))
	}
	t.Logf("cold: connected after %v, first result after %v", connected.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	s, err := h.look()
	if err != nil {
		t.Fatal(err)
	}
	if s.Addresses.HTTP != "http://127.0.0.1:7411/mcp" && (len(s.Problems) != 1 || s.Problems[0].Code != "port-taken") {
		t.Errorf("without settings the address is %s with the problems %+v, want port 7411 or the word that it is taken", s.Addresses.HTTP, s.Problems)
	}
	if r := c.run(t, "", "7 * 6"); r.get("warm") != true {
		t.Errorf("warm is %v in the second run, want true", r.get("warm"))
	}
}
