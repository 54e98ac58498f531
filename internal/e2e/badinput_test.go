//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestBadInputIsExplained: each mistake has its code and a sentence that a person understands.
func TestBadInputIsExplained(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		id := c.create(t, "good", "python")
		for _, test := range []struct {
			name string
			tool string
			args args
			want string
		}{
			{"unknown context", "run_code", args{"code": "1", "context_id": "ctx-unknown"}, "CONTEXT_NOT_FOUND"},
			{"unknown context to stop", "stop_context", args{"context_id": "ctx-unknown"}, "CONTEXT_NOT_FOUND"},
			{"unknown context for a file", "upload_file", args{"context_id": "ctx-unknown", "path": "x", "content": ""}, "CONTEXT_NOT_FOUND"},
			{"context named by nothing", "stop_context", args{"context_id": ""}, "CONTEXT_NOT_FOUND"},
			{"name with a slash", "create_context", args{"name": "a/b"}, "INVALID_CONTEXT_NAME"},
			{"empty name", "create_context", args{"name": ""}, "INVALID_CONTEXT_NAME"},
			{"name of spaces", "create_context", args{"name": "   "}, "INVALID_CONTEXT_NAME"},
			{"name of 65 characters", "create_context", args{"name": strings.Repeat("ü", 65)}, "INVALID_CONTEXT_NAME"},
			{"no name", "create_context", args{}, "INVALID_PARAMS"},
			{"description of 501 characters", "create_context", args{"name": "x", "description": strings.Repeat("d", 501)}, "INVALID_PARAMS"},
			{"language to create", "create_context", args{"name": "x", "language": "cobol"}, "INVALID_LANGUAGE"},
			{"language to run", "run_code", args{"code": "1", "language": "cobol"}, "INVALID_LANGUAGE"},
			{"empty code", "run_code", args{"code": "", "context_id": id}, "INVALID_PARAMS"},
			{"code of spaces", "run_code", args{"code": " \n\t ", "context_id": id}, "INVALID_PARAMS"},
			{"no code", "run_code", args{"context_id": id}, "INVALID_PARAMS"},
			{"code of 5 MB", "run_code", args{"code": strings.Repeat("x = 1\n", 5<<20/6), "context_id": id}, "TOO_LARGE"},
			{"NUL in code", "run_code", args{"code": "print('a\x00b')", "context_id": id}, "INVALID_PARAMS"},
			{"negative timeout", "run_code", args{"code": "1", "context_id": id, "timeout_seconds": -1}, "INVALID_PARAMS"},
			{"timeout of zero", "run_code", args{"code": "1", "context_id": id, "timeout_seconds": 0}, "INVALID_PARAMS"},
			{"endless timeout", "run_code", args{"code": "1", "context_id": id, "timeout_seconds": 1e300}, "INVALID_PARAMS"},
			{"code that is a number", "run_code", args{"code": 5, "context_id": id}, "INVALID_PARAMS"},
			{"code that is a list", "run_code", args{"code": []string{"1"}, "context_id": id}, "INVALID_PARAMS"},
			{"timeout that is text", "run_code", args{"code": "1", "timeout_seconds": "5"}, "INVALID_PARAMS"},
			{"force that is text", "stop_context", args{"context_id": id, "force": "yes"}, "INVALID_PARAMS"},
			{"depth that is text", "list_files", args{"context_id": id, "depth": "deep"}, "INVALID_PARAMS"},
			{"depth that is a fraction", "list_files", args{"context_id": id, "depth": 1.5}, "INVALID_PARAMS"},
			{"depth of 33", "list_files", args{"context_id": id, "depth": 33}, "INVALID_PARAMS"},
			{"misspelt argument", "run_code", args{"code": "1", "contextid": id}, "INVALID_PARAMS"},
			{"path outside", "upload_file", args{"context_id": id, "path": "../x", "content": "x"}, "INVALID_PARAMS"},
			{"unknown encoding", "upload_file", args{"context_id": id, "path": "x", "content": "x", "encoding": "rot13"}, "INVALID_PARAMS"},
			{"broken base64", "upload_file", args{"context_id": id, "path": "x", "content": "%%%", "encoding": "base64"}, "INVALID_PARAMS"},
			{"file without content", "upload_file", args{"context_id": id, "path": "x"}, "INVALID_PARAMS"},
			{"file that is not there", "download_file", args{"context_id": id, "path": "nothing"}, "FILE_NOT_FOUND"},
		} {
			t.Run(test.name, func(t *testing.T) {
				r := c.call(t, test.tool, test.args)
				if !r.isError || r.code() != test.want {
					t.Fatalf("%s(%s) = %v, want isError with %s", test.tool, brief(test.args), r, test.want)
				}
				// a sentence: words, not a Go error or a dump of what was sent
				if text := r.text("error"); len(strings.Fields(text)) < 4 || len(text) > 600 || strings.Contains(text, "json:") || strings.Contains(text, "%!") {
					t.Errorf("%s(%s) explains itself with %q, want a sentence", test.tool, brief(test.args), text)
				}
			})
		}
		c.wants(t, id, "'still' + ' good'", "'still good'")
	})
}

// TestBytesThatAreNotText: no client library would send them, so they go by hand.
func TestBytesThatAreNotText(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		r := h.relay(t)
		if era == legacy {
			r.hello(t, "by-hand")
		}
		line := strings.Replace(toolCall(era, `"bad"`, "run_code", args{"code": "print('ab')"}), "ab", "a\xff\xfeb", 1)
		r.send(t, line)
		if f := failed(t, r.answer(t, `"bad"`), era); f.code != "INVALID_PARAMS" || !strings.Contains(f.sentence, "UTF-8") {
			t.Errorf("run_code with bytes that are not UTF-8 = %+v, want INVALID_PARAMS that says so", f)
		}
		// half of a surrogate pair is legal JSON and still not text
		line = strings.Replace(toolCall(era, `"half"`, "run_code", args{"code": "len('X')"}), "X", `\ud800`, 1)
		r.send(t, line)
		if f := failed(t, r.answer(t, `"half"`), era); f.code != "INVALID_PARAMS" || !strings.Contains(f.sentence, "surrogate") {
			t.Errorf("run_code with half a surrogate pair = %+v, want INVALID_PARAMS that says so", f)
		}
		r.send(t, toolCall(era, `"good"`, "run_code", args{"code": "len('añ数😀')"}))
		m := r.answer(t, `"good"`)
		var res struct {
			StructuredContent struct {
				Result struct {
					Text string `json:"text"`
				} `json:"result"`
			} `json:"structuredContent"`
		}
		if err := json.Unmarshal(m.Result, &res); err != nil || res.StructuredContent.Result.Text != "4" {
			t.Errorf("run_code with four characters of four scripts = %s, want 4", m.Result)
		}
	})
}

// TestACallThatIsTooLargeIsExplained: a model sees results, and errors of the protocol not always.
func TestACallThatIsTooLargeIsExplained(t *testing.T) {
	t.Parallel()
	h := coldHome(t, mocked)
	inBothEras(t, func(t *testing.T, era string) {
		r := h.relay(t)
		if era == legacy {
			r.hello(t, "by-hand")
		}
		r.send(t, toolCall(era, `"big"`, "run_code", args{"code": strings.Repeat("x", 17<<20)}))
		if f := failed(t, r.answer(t, `"big"`), era); f.code != "TOO_LARGE" || !strings.Contains(f.sentence, "16 MiB") || !strings.Contains(f.sentence, "allowed_folders") {
			t.Errorf("run_code of 17 MiB = %+v, want TOO_LARGE that says how much and what to do", f)
		}
		r.send(t, toolCall(era, `"good"`, "list_contexts", args{}))
		if m := r.answer(t, `"good"`); m.Error != nil || strings.Contains(string(m.Result), `"isError":true`) {
			t.Errorf("list_contexts afterwards = %s %+v, want a result", m.Result, m.Error)
		}
	})
}

// failure is what a call that could not be carried out says.
type failure struct{ code, sentence string }

// failed reads the result of a call that could not be carried out: the same object twice, and the era's own mark.
func failed(t *testing.T, m message, era string) failure {
	t.Helper()
	type object struct {
		Error string `json:"error"`
		Code  string `json:"code"`
	}
	var res struct {
		ResultType        string `json:"resultType"`
		IsError           bool   `json:"isError"`
		StructuredContent object `json:"structuredContent"`
		Content           []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"content"`
	}
	if m.Error != nil || json.Unmarshal(m.Result, &res) != nil || !res.IsError {
		t.Errorf("the answer to %s is %s %+v, want a result with isError", m.ID, m.Result, m.Error)
		return failure{}
	}
	var again object
	if len(res.Content) != 1 || json.Unmarshal([]byte(res.Content[0].Text), &again) != nil || again != res.StructuredContent {
		t.Errorf("the answer to %s is %s, want a text block with the JSON of structuredContent", m.ID, m.Result)
	}
	if (res.ResultType == "complete") != (era == modern) {
		t.Errorf("the answer to %s of %s has the resultType %q", m.ID, era, res.ResultType)
	}
	return failure{again.Code, again.Error}
}
