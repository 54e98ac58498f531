package mcpserver

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// complete asks for completions.
func (r *rig) complete(t testing.TB, era, ref, name, value, known string) (values []string, total int, more bool, code int) {
	t.Helper()
	params := fmt.Sprintf(`{"ref":%s,"argument":{"name":%s,"value":%s}`, ref, compactJSON(name), compactJSON(value))
	if known != "" {
		params += `,"context":{"arguments":` + known + `}`
	}
	result, code, text := r.rpc(t, era, "completion/complete", params+"}")
	if code != 0 {
		if text == "" {
			t.Errorf("%s: an error without a sentence", params)
		}
		return nil, 0, false, code
	}
	var out struct {
		Completion struct {
			Values  []string
			Total   int
			HasMore bool
		}
	}
	if err := json.Unmarshal(result, &out); err != nil || out.Completion.Values == nil {
		t.Fatalf("completion of %s = %s, want a list", params, result)
	}
	return out.Completion.Values, out.Completion.Total, out.Completion.HasMore, 0
}

func TestCompletion(t *testing.T) {
	r := startRig(t, rigSetup{})
	one, two := r.makeContext(t, "Sales"), r.makeContext(t, "scratch")
	run := func(code string) {
		r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":%s}`, one, compactJSON(code)))
	}
	run("print 1")
	run("show image/png " + tinyPNG + "\nshow image/png " + tinyPNG)
	for n := range 10 {
		run(fmt.Sprint("print ", n))
	}
	for _, file := range []string{"data/sales.csv", "data/returns.csv", "data/raw/a.bin", "notes.txt", "größe.txt"} {
		r.act(t, "upload_file", fmt.Sprintf(`{"context_id":%q,"path":%q,"content":"x"}`, one, file))
	}
	resource := func(uri string) string { return fmt.Sprintf(`{"type":"ref/resource","uri":%q}`, uri) }
	prompt := func(name string) string { return fmt.Sprintf(`{"type":"ref/prompt","name":%q}`, name) }
	known := fmt.Sprintf(`{"id":%q}`, one)
	tests := []struct {
		name                      string
		ref, argument, value, ctx string
		want                      string
		code                      int
	}{
		{name: "all contexts, newest first", ref: resource(contextTemplate), argument: "id", want: two + " " + one},
		{name: "by the beginning of the id", ref: resource(runTemplate), argument: "id", value: one[:20], want: one},
		{name: "by the beginning of the name, in any case", ref: resource(fileTemplate), argument: "id", value: "sAl", want: one},
		{name: "by nothing there is", ref: resource(streamTemplate), argument: "id", value: "zzz"},
		{name: "runs, newest first", ref: resource(runTemplate), argument: "n", ctx: known, want: "12 11 10 9 8 7 6 5 4 3 2 1"},
		{name: "runs by their beginning", ref: resource(streamTemplate), argument: "n", value: "1", ctx: known, want: "12 11 10 1"},
		{name: "runs with pictures", ref: resource(imageTemplate), argument: "n", ctx: known, want: "2"},
		{name: "runs of nothing named", ref: resource(runTemplate), argument: "n"},
		{name: "runs of nothing there is", ref: resource(runTemplate), argument: "n", ctx: `{"id":"ctx-nope"}`},
		{name: "streams", ref: resource(streamTemplate), argument: "stream", want: "stdout stderr result"},
		{name: "streams by their beginning", ref: resource(streamTemplate), argument: "stream", value: "st", want: "stdout stderr"},
		{name: "pictures", ref: resource(imageTemplate), argument: "k", ctx: fmt.Sprintf(`{"id":%q,"n":"2"}`, one), want: "1 2"},
		{name: "pictures of a run without", ref: resource(imageTemplate), argument: "k", ctx: fmt.Sprintf(`{"id":%q,"n":"1"}`, one)},
		{name: "files", ref: resource(fileTemplate), argument: "path", ctx: known, want: "data/ größe.txt notes.txt"},
		{name: "files by their beginning", ref: resource(fileTemplate), argument: "path", value: "no", ctx: known, want: "notes.txt"},
		{name: "files of a folder", ref: resource(fileTemplate), argument: "path", value: "data/r", ctx: known, want: "data/raw/ data/returns.csv"},
		{name: "files of a folder there is not", ref: resource(fileTemplate), argument: "path", value: "nope/", ctx: known},
		{name: "files outside", ref: resource(fileTemplate), argument: "path", value: "../", ctx: known},
		{name: "files of the default context, which would be made", ref: resource(fileTemplate), argument: "path", ctx: `{"id":"default"}`},
		{name: "files of nothing named", ref: resource(fileTemplate), argument: "path"},
		{name: "a resource without variables", ref: resource(poolURI), argument: "x"},
		{name: "the language of a prompt", ref: prompt("plot_data"), argument: promptLanguage, want: "en zh"},
		{name: "the language of a prompt by its beginning", ref: prompt("port_code"), argument: promptLanguage, value: "z", want: "zh"},
		{name: "programming languages", ref: prompt("port_code"), argument: "from", want: "python javascript"},
		{name: "the other programming language", ref: prompt("port_code"), argument: "to", ctx: `{"from":"Python"}`, want: "javascript"},
		{name: "a programming language by its beginning", ref: prompt("port_code"), argument: "to", value: "Py", want: "python"},
		{name: "contexts for a prompt", ref: prompt("explain_error"), argument: "context_id", value: "scr", want: two},
		{name: "free text", ref: prompt("analyse_data"), argument: "question", value: "wh"},

		{name: "an unknown template", ref: resource("agentrun://nope/{id}"), argument: "id", code: rpcInvalidParams},
		{name: "an unknown variable", ref: resource(contextTemplate), argument: "nope", code: rpcInvalidParams},
		{name: "an unknown prompt", ref: prompt("nope"), argument: "file", code: rpcInvalidParams},
		{name: "an unknown argument", ref: prompt("plot_data"), argument: "language", code: rpcInvalidParams},
		{name: "an unknown kind of reference", ref: `{"type":"ref/tool","name":"run_code"}`, argument: "code", code: rpcInvalidParams},
		{name: "no reference", ref: `null`, argument: "code", code: rpcInvalidParams},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, era := range eras {
				values, total, more, code := r.complete(t, era, tt.ref, tt.argument, tt.value, tt.ctx)
				if got := strings.Join(values, " "); got != tt.want || code != tt.code || total != len(values) || more {
					t.Errorf("%s: %q, total %d, more %v, error %d, want %q, error %d", era, got, total, more, code, tt.want, tt.code)
				}
			}
		})
	}
	if n := len(r.interp.Contexts()); n != 2 {
		t.Errorf("%d contexts after completing, want the 2 from before", n)
	}
}

func TestCompletionStopsAtTheProtocolsLimit(t *testing.T) {
	r := startRig(t, rigSetup{})
	id := r.makeContext(t, "one")
	for range 101 {
		r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":"print 1"}`, id))
	}
	values, total, more, _ := r.complete(t, modern, fmt.Sprintf(`{"type":"ref/resource","uri":%q}`, runTemplate), "n", "", fmt.Sprintf(`{"id":%q}`, id))
	if len(values) != 100 || values[0] != "101" || total != 101 || !more {
		t.Errorf("%d values from %s, total %d, more %v, want 100 of 101", len(values), values[0], total, more)
	}
}

// TestCompletionOfFilesDoesNotWaitForTheCode has code run that never ends by itself, and a sandbox that is gone.
func TestCompletionOfFilesDoesNotWaitForTheCode(t *testing.T) {
	r := startRig(t, rigSetup{fake: sandboxtest.FakeOptions{}})
	id := r.makeContext(t, "busy")
	r.act(t, "upload_file", fmt.Sprintf(`{"context_id":%q,"path":"a.txt","content":"x"}`, id))
	body, hs := modernCall("1", "run_code", fmt.Sprintf(`{"context_id":%q,"code":"await go"}`, id))
	done := make(chan answerTo, 1)
	go func() { done <- r.post(t, Unix, body, hs) }()
	eventually(t, "the code runs", func() bool { return r.interp.Contexts()[0].Status == "running" })
	values, _, _, _ := r.complete(t, modern, fmt.Sprintf(`{"type":"ref/resource","uri":%q}`, fileTemplate), "path", "", fmt.Sprintf(`{"id":%q}`, id))
	if !slices.Equal(values, []string{"a.txt"}) {
		t.Errorf("completion while code runs = %q", values)
	}
	r.act(t, "upload_file", fmt.Sprintf(`{"context_id":%q,"path":"go","content":"x"}`, id))
	<-done
	body, hs = modernCall("1", "run_code", fmt.Sprintf(`{"context_id":%q,"code":"lose"}`, id))
	r.post(t, Unix, body, hs)
	if values, _, _, _ := r.complete(t, modern, fmt.Sprintf(`{"type":"ref/resource","uri":%q}`, fileTemplate), "path", "", fmt.Sprintf(`{"id":%q}`, id)); len(values) != 0 || r.interp.Contexts()[0].Status != "lost" {
		t.Errorf("completion in a lost context = %q, and it is %s, want it left alone", values, r.interp.Contexts()[0].Status)
	}
}
