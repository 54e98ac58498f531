package mcpserver

import (
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
)

func TestEveryAnsweredCallIsAmongTheActivity(t *testing.T) {
	log := activity.New()
	r := startRig(t, rigSetup{options: Options{Activity: log}})
	cs := r.connect(t, Unix, legacy, nil)
	before := time.Now()
	do(t, cs, "create_context", map[string]any{"name": "数据 1"})
	id := r.interp.Contexts()[0].ID
	do(t, cs, "run_code", map[string]any{"code": "print xyzzy", "context_id": id})
	do(t, cs, "run_code", map[string]any{"code": "raise E xyzzy", "context_id": id})
	refused(t, cs, "run_code", map[string]any{"code": "print xyzzy", "context_id": "ctx-nope"})
	refused(t, cs, "run_code", map[string]any{"code": "print xyzzy", "timeout_seconds": -5})
	do(t, cs, "list_contexts", map[string]any{})
	do(t, cs, "stop_context", map[string]any{"context_id": id})
	want := []activity.Call{
		{Tool: "create_context", ContextID: id, Context: "数据 1", Outcome: "ok"},
		{Tool: "run_code", ContextID: id, Context: "数据 1", Outcome: "ok"},
		{Tool: "run_code", ContextID: id, Context: "数据 1", Outcome: "EXECUTION_FAILED", Raised: "E"},
		{Tool: "run_code", ContextID: "ctx-nope", Outcome: "CONTEXT_NOT_FOUND"},
		{Tool: "run_code", Outcome: "INVALID_PARAMS"},
		{Tool: "list_contexts", Outcome: "ok"},
		{Tool: "stop_context", ContextID: id, Context: "数据 1", Outcome: "ok"},
	}
	got := log.Calls()
	if len(got) != len(want) {
		t.Fatalf("%d calls are remembered, want %d: %+v", len(got), len(want), got)
	}
	for n, c := range got {
		if !strings.Contains(r.logs.String(), "request_id="+c.ID+" ") || c.Client != "peer 1.8.0" || c.At.Before(before) || c.Took < 0 || c.Took > time.Since(before) {
			t.Errorf("call %d is %+v, want the client, a time and a request that is in the log", n, c)
		}
		if strings.Contains(c.Detail, "xyzzy") || !strings.Contains(c.Detail, "request_id: "+c.ID+"\n") || !strings.Contains(c.Detail, "client: peer 1.8.0") {
			t.Errorf("the detail of call %d is %q, want request and client, and no code", n, c.Detail)
		}
		c.ID, c.At, c.Client, c.Took, c.Detail = "", time.Time{}, "", 0, ""
		if c != want[n] {
			t.Errorf("call %d is %+v, want %+v", n, c, want[n])
		}
	}
	if detail := got[3].Detail; !strings.HasSuffix(detail, `error: there is no context "ctx-nope"; list_contexts shows those there are, create_context makes one`) {
		t.Errorf("the detail of a refused call is %q, want the sentence of the refusal at its end", detail)
	}
}

func TestACallWhoseCodeGoesOnIsRunning(t *testing.T) {
	log := activity.New()
	r := startRig(t, rigSetup{options: Options{Activity: log, AnswerWithin: time.Second}})
	hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	r.post(t, Unix, legacyCall("1", "run_code", `{"code":"loop"}`), hs)
	calls := log.Calls()
	if len(calls) != 1 || calls[0].Outcome != activity.Running || calls[0].Context != "default-python" {
		t.Errorf("activity is %+v, want a call of run_code in default-python that is running", calls)
	}
}
