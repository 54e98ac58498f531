package mcpserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// getPrompt gets a prompt in one era and returns its text, and what is beside it.
func (r *rig) askPrompt(t testing.TB, era, name, args string) (text string, beside []json.RawMessage, code int, said string) {
	t.Helper()
	result, code, said := r.rpc(t, era, "prompts/get", fmt.Sprintf(`{"name":%s,"arguments":%s}`, compactJSON(name), args))
	if code != 0 {
		return "", nil, code, said
	}
	var out struct {
		Description string
		Messages    []struct {
			Role    string
			Content json.RawMessage
		}
	}
	if err := json.Unmarshal(result, &out); err != nil || len(out.Messages) == 0 || out.Description == "" {
		t.Fatalf("prompt %s = %s", name, result)
	}
	for n, m := range out.Messages {
		if m.Role != "user" {
			t.Errorf("prompt %s speaks as %q", name, m.Role)
		}
		if n > 0 {
			beside = append(beside, m.Content)
		}
	}
	var first struct{ Type, Text string }
	if err := json.Unmarshal(out.Messages[0].Content, &first); err != nil || first.Type != "text" {
		t.Fatalf("prompt %s begins with %s", name, out.Messages[0].Content)
	}
	return first.Text, beside, 0, ""
}

// placeholders are the names that a text takes values from, and where it decides on them.
func placeholders(nodes *parse.ListNode, into map[string]int) {
	if nodes == nil {
		return
	}
	for _, n := range nodes.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			for _, c := range n.Pipe.Cmds {
				into[c.String()]++
			}
		case *parse.IfNode:
			into["if "+n.Pipe.String()]++
			placeholders(n.List, into)
			placeholders(n.ElseList, into)
		}
	}
}

func TestPromptsSayTheSameInBothLanguages(t *testing.T) {
	r := startRig(t, rigSetup{})
	for _, language := range []string{english, chinese} {
		files, err := promptFiles.ReadDir(path.Join("prompts", language))
		if err != nil || len(files) != len(promptSpecs) {
			t.Errorf("%s has %d texts, %v, want one for each of %d prompts", language, len(files), err, len(promptSpecs))
		}
	}
	for name, p := range r.prompts {
		t.Run(name, func(t *testing.T) {
			names := make([]string, 0, len(p.arguments))
			for _, a := range p.arguments {
				names = append(names, a.name)
			}
			slices.Sort(names)
			uses := make(map[string]map[string]int)
			for language, text := range p.texts {
				if got := slices.Sorted(maps.Keys(text.arguments)); !slices.Equal(got, names) {
					t.Errorf("%s describes the arguments %q, want %q", language, got, names)
				}
				all := []string{text.title, text.description, text.body.Root.String()}
				for _, a := range text.arguments {
					all = append(all, a.title, a.description)
				}
				for _, s := range all {
					han := strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
					if s == "" || han != (language == chinese) {
						t.Errorf("%s has the text %.60q", language, s)
					}
				}
				uses[language] = make(map[string]int)
				placeholders(text.body.Root, uses[language])
			}
			if !maps.Equal(uses[english], uses[chinese]) {
				t.Errorf("the texts use\n%v and\n%v", uses[english], uses[chinese])
			}
			for _, a := range p.arguments {
				if a.name != promptLanguage && !slices.ContainsFunc(slices.Collect(maps.Keys(uses[english])), func(u string) bool { return strings.Contains(u, "."+a.name) }) {
					t.Errorf("the argument %s is not used", a.name)
				}
			}
		})
	}
}

func TestPromptsWithTheirArguments(t *testing.T) {
	r := startRig(t, rigSetup{})
	tests := []struct {
		name, prompt, args string
		want, not          []string
	}{
		{"a file", "analyse_data", `{"file":"sales.csv"}`, []string{"sales.csv", "upload_file", "run_code", "Then find what matters"}, []string{"I want to know"}},
		{"a file and a question", "analyse_data", `{"file":"sales.csv","question":"Which month was best?"}`, []string{"I want to know: Which month was best?", "answer the question"}, []string{"find what matters"}},
		{"in Chinese", "analyse_data", `{"file":"销售.csv","question":"哪个月最好？","prompt_language":"zh"}`, []string{"请分析这个文件中的数据：销售.csv", "我想知道：哪个月最好？", "upload_file"}, []string{"Analyse"}},
		{"a chart", "plot_data", `{"file":"a.csv","what":"by month"}`, []string{"The chart is to show: by month"}, []string{"Choose what"}},
		{"any chart", "plot_data", `{"file":"a.csv"}`, []string{"Choose what is most telling"}, nil},
		{"a traceback", "explain_error", `{"traceback":"  File \"x\"\nKeyError: 1"}`, []string{"Explain this error:\n\n```\n  File \"x\"\nKeyError: 1\n```"}, []string{"This is the code"}},
		{"a traceback with fences in it", "explain_error", "{\"traceback\":\"a ``` b ```` c\"}", []string{"`````\na ``` b ```` c\n`````"}, nil},
		{"code", "port_code", `{"code":"\n    x = 1\n"}`, []string{"to the other of the two languages", "```\n    x = 1\n```", "Say which language"}, []string{" from python"}},
		{"code from one language", "port_code", `{"code":"x = 1","from":"Python"}`, []string{"Port this code from python to javascript:", "```python\nx = 1\n```"}, []string{"Say which"}},
		{"code to one language", "port_code", `{"code":"x = 1","to":"python","prompt_language":"ZH"}`, []string{"请把下面这段代码从 javascript 移植到 python：", "```javascript"}, nil},
		{"values that look like templates", "analyse_data", `{"file":"{{.question}} <b>&"}`, []string{"{{.question}} <b>&"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			old, _, code, said := r.askPrompt(t, legacy, tt.prompt, tt.args)
			now, beside, _, _ := r.askPrompt(t, modern, tt.prompt, tt.args)
			if code != 0 || old != now || len(beside) != 0 {
				t.Fatalf("prompt = %d %s %q in the older era, %q in the newer one", code, said, old, now)
			}
			for _, want := range tt.want {
				if !strings.Contains(now, want) {
					t.Errorf("%q is not in %s", want, now)
				}
			}
			for _, not := range append(tt.not, "<no value>", "\n\n\n") {
				if strings.Contains(now, not) {
					t.Errorf("%q is in %s", not, now)
				}
			}
		})
	}
}

func TestExplainErrorFindsTheLastFailedRun(t *testing.T) {
	r := startRig(t, rigSetup{})
	id := r.makeContext(t, "one")
	run := func(code string) {
		r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":%s}`, id, compactJSON(code)))
	}
	if _, _, code, said := r.askPrompt(t, modern, "explain_error", fmt.Sprintf(`{"context_id":%q}`, id)); code != rpcInvalidParams || !strings.Contains(said, "has failed") {
		t.Errorf("a context without runs = %d %q", code, said)
	}
	run("raise ValueError first")
	run("print between\nraise KeyError second")
	run("print 1")
	for _, era := range eras {
		text, beside, code, said := r.askPrompt(t, era, "explain_error", fmt.Sprintf(`{"context_id":%q,"traceback":"seen in the log"}`, id))
		if code != 0 || !strings.Contains(text, "run 2 in the context "+id+" failed (python)") || !strings.Contains(text, "KeyError") || strings.Contains(text, "first") ||
			!strings.Contains(text, "```python\nprint between") || !strings.Contains(text, "I was also given this:\n\n```\nseen in the log") {
			t.Errorf("%s: prompt = %d %s %s", era, code, said, text)
		}
		if len(beside) != 1 || !strings.Contains(string(beside[0]), `"uri":"`+runURI(id, 2)+`"`) || !strings.Contains(string(beside[0]), `"type":"resource"`) || !strings.Contains(string(beside[0]), "KeyError") {
			t.Errorf("%s: beside it is %s, want the run", era, beside)
		}
	}
	text, _, _, _ := r.askPrompt(t, modern, "explain_error", fmt.Sprintf(`{"context_id":%q,"prompt_language":"zh"}`, id))
	if !strings.Contains(text, "中第 2 次运行") || !strings.Contains(text, "KeyError") {
		t.Errorf("in Chinese: %s", text)
	}
}

func TestPromptsThatCannotBe(t *testing.T) {
	r := startRig(t, rigSetup{})
	for _, tt := range []struct{ prompt, args, want string }{
		{"analyse_data", `{}`, "needs the argument file"},
		{"analyse_data", `{"file":"  "}`, "needs the argument file"},
		{"plot_data", `{"what":"x"}`, "needs the argument file"},
		{"port_code", `{}`, "needs the argument code"},
		{"port_code", `{"code":"x","from":"cobol"}`, "must be one of python, javascript"},
		{"port_code", `{"code":"x","from":"python","to":"python"}`, "are both python"},
		{"explain_error", `{}`, "needs the argument context_id or traceback"},
		{"explain_error", `{"context_id":"ctx-nope"}`, `there is no context "ctx-nope"`},
		{"analyse_data", `{"file":"a","prompt_language":"fr"}`, "must be en or zh"},
		{"analyse_data", `{"file":"a","language":"zh"}`, `has no argument "language"`},
		{"analyse_data", `{"file":` + string(compactJSON(strings.Repeat("a", maxArgument+1))) + `}`, "may have at most"},
		{"analyse_data", `{"file":7}`, "arguments as strings"},
		{"nope", `{}`, "not found"},
	} {
		for _, era := range eras {
			if text, _, code, said := r.askPrompt(t, era, tt.prompt, tt.args); code != rpcInvalidParams || !strings.Contains(said, tt.want) {
				t.Errorf("%s: %s(%.60s) = %q %d %q, want -32602 and %q", era, tt.prompt, tt.args, text, code, said, tt.want)
			}
		}
	}
}

func TestHostSpeaksOneLanguage(t *testing.T) {
	interp, err := newInterpreter()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Interpreter: interp, Version: "1.2.3", Language: "fr"}); err == nil {
		t.Error("a host that speaks French is made")
	}
	r := startRig(t, rigSetup{options: Options{Language: "zh"}})
	if text, _, _, _ := r.askPrompt(t, modern, "plot_data", `{"file":"a.csv"}`); !strings.HasPrefix(text, "请把") {
		t.Errorf("a Chinese host says %s", text)
	}
	if text, _, _, _ := r.askPrompt(t, modern, "plot_data", `{"file":"a.csv","prompt_language":"en"}`); !strings.HasPrefix(text, "Plot the data") {
		t.Errorf("asked for English, it says %s", text)
	}
}

func TestPromptsReachAnIndependentClient(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		list, err := cs.ListPrompts(t.Context(), nil)
		if err != nil || len(list.Prompts) != len(promptSpecs) {
			t.Fatalf("prompts = %v, %v", list, err)
		}
		res, err := cs.GetPrompt(t.Context(), &sdk.GetPromptParams{Name: "port_code", Arguments: map[string]string{"code": "x = 1", "from": "python"}})
		if err != nil || len(res.Messages) != 1 || !strings.Contains(res.Messages[0].Content.(*sdk.TextContent).Text, "to javascript") {
			t.Errorf("port_code = %v, %v", res, err)
		}
		done, err := cs.Complete(t.Context(), &sdk.CompleteParams{
			Ref: &sdk.CompleteReference{Type: "ref/prompt", Name: "port_code"}, Argument: sdk.CompleteParamsArgument{Name: "from", Value: "p"},
		})
		if err != nil || !slices.Equal(done.Completion.Values, []string{"python"}) {
			t.Errorf("completion = %v, %v", done, err)
		}
	})
}
