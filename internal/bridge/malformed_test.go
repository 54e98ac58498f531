package bridge

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// Each line is answered as it deserves, once, and the relay lives on.
func TestGarbage(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	lines := []struct{ line, id, code string }{
		{``, "", ""},
		{`   `, "", ""},
		{"\r", "", ""},
		{`{`, "null", "-32700"},
		{`}`, "null", "-32700"},
		{`hello`, "null", "-32700"},
		{`{"jsonrpc":"2.0","id":101,"method":"tools/call","params":{"name":`, "101", "-32700"},
		{`{"jsonrpc":"2.0","id":"102","method":"x",}`, `"102"`, "-32700"},
		{`{"id":103}}`, "103", "-32700"},
		{`[]`, "null", "-32600"},
		{`[{"jsonrpc":"2.0","id":104,"method":"ping"}]`, "null", "-32600"},
		{`[`, "null", "-32700"},
		{`1`, "null", "-32600"},
		{`"text"`, "null", "-32600"},
		{`null`, "null", "-32600"},
		{`true`, "null", "-32600"},
		{`{}`, "null", "-32600"},
		{`{"jsonrpc":"2.0"}`, "null", "-32600"},
		{`{"params":{}}`, "null", "-32600"},
		{`{"id":null,"method":"ping"}`, "null", "-32600"},
		{`{"id":true,"method":"ping"}`, "null", "-32600"},
		{`{"id":{},"method":"ping"}`, "null", "-32600"},
		{`{"id":[1],"method":"ping"}`, "null", "-32600"},
		{`{"id":105,"method":5}`, "105", "-32600"},
		{`{"id":115,"params":{}}`, "115", "-32600"},
		{`{"id":106,"method":null}`, "106", "-32600"},
		{`{"id":107,"method":{"a":1}}`, "107", "-32600"},
		{"{\"id\":108,\"method\":\"tools/call\",\"params\":{\"name\":\"\xff\xfe\"}}", "108", "INVALID_PARAMS"},
		{"{\"id\":114,\"method\":\"prompts/get\",\"params\":{\"name\":\"\xff\xfe\"}}", "114", "-32700"},
		{"{\"id\":\"\xff\",\"method\":\"ping\"}", "null", "-32700"},
		{`{"id":109,"method":"tools/call","params":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "109", "-32700"},
		{`{"method":"notifications/cancelled"}`, "", ""},
		{`{"method":"notifications/cancelled","params":{"requestId":{}}}`, "", ""},
		{`{"method":""}`, "", ""},
		{`{"id":110,"result":{}}`, "", ""},
		{`{"id":"h1.7","error":{"code":1,"message":"x"}}`, "", ""},
		{`{"id":111,"method":"resources/subscribe","params":null}`, "111", "0"},
		{`{"id":112,"method":"a","method":"tools/list"}`, "112", "0"},
		{"\xef\xbb\xbf" + `{"id":113,"method":"tools/list"}` + "\r", "113", "0"},
		{`{"id":-1.5e3,"method":"tools/list"}`, "-1.5e3", "0"},
		{`{"id":"a\"b\\","method":"tools/list"}`, `"a\"b\\"`, "0"},
	}
	want := map[string][]string{}
	for _, l := range lines {
		e.write(l.line)
		if l.id != "" {
			want[l.id] = append(want[l.id], l.code)
		}
	}
	e.write(`{"jsonrpc":"2.0","id":"end","method":"tools/list"}`)
	e.answer(`"end"`)
	for id, codes := range want {
		e.until(fmt.Sprintf("%d answers to %s", len(codes), id), func() bool { return len(e.byID[id]) >= len(codes) })
		got := e.answers()[id]
		if len(got) != len(codes) {
			t.Errorf("%d answers to %s, want %d: %q", len(got), id, len(codes), got)
		}
		for n, text := range got {
			var m message
			json.Unmarshal([]byte(text), &m)
			code := "0"
			if m.Error != nil {
				code = fmt.Sprint(m.Error.Code)
			} else if f := failureOf(t, m); f.code != "" {
				code = f.code
			}
			if code != codes[n] {
				t.Errorf("answer to %s is %s, want code %s", id, text, codes[n])
			}
		}
	}
	if n := len(e.answers()); n != len(want)+2 { // and "0" and "end"
		t.Errorf("answers to %d ids, want %d", n, len(want)+2)
	}
}

// failure is the result of a call that could not be carried out.
type failure struct {
	code, sentence string
	modern         bool
}

// failureOf reads the result of a failed tools/call, and nothing from any other.
func failureOf(t *testing.T, m message) failure {
	t.Helper()
	var result struct {
		ResultType        string `json:"resultType"`
		IsError           bool   `json:"isError"`
		StructuredContent struct{ Error, Code string }
		Content           []struct{ Type, Text string }
	}
	if json.Unmarshal(m.Result, &result) != nil || !result.IsError {
		return failure{}
	}
	var inText struct{ Error, Code string }
	if len(result.Content) != 1 || json.Unmarshal([]byte(result.Content[0].Text), &inText) != nil || inText != result.StructuredContent {
		t.Errorf("result is %s, want one text block with the JSON of structuredContent", m.Result)
	}
	return failure{inText.Code, inText.Error, result.ResultType == "complete"}
}

func TestAFailedCallOfTheModernEraSaysThatItIsComplete(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.write(strings.Replace(callLine(1, "echo", `{"text":"X"}`, true), "X", "\xff", 1))
	e.write(callLine(2, "echo", `{"text":"`+strings.Repeat("x", 17<<20)+`"}`, true))
	e.write("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"name\":\"\xff\"}}") // only that nobody shook hands tells
	for id, code := range map[string]string{"1": "INVALID_PARAMS", "2": "TOO_LARGE", "3": "INVALID_PARAMS"} {
		if f := failureOf(t, e.answer(id)); f.code != code || !f.modern || len(strings.Fields(f.sentence)) < 6 {
			t.Errorf("answer %s = %+v, want %s, modern, with a sentence", id, f, code)
		}
	}
	e.initialize(h)
	e.write("{\"id\":4,\"method\":\"tools/call\",\"params\":{\"name\":\"\xff\"}}")
	if f := failureOf(t, e.answer("4")); f.code != "INVALID_PARAMS" || f.modern {
		t.Errorf("answer 4 = %+v, want INVALID_PARAMS in the older form", f)
	}
}

func TestAnIDInFlightIsRefused(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.call(1, "hang", `{}`)
	e.call(1, "echo", `{}`)
	if m := e.answer("1"); m.Error == nil || m.Error.Code != -32600 {
		t.Errorf("the second call with an id in flight = %+v, want -32600", m)
	}
	e.write(`{"jsonrpc":"2.0","id":"1","method":"tools/list"}`) // another id: text, not a number
	if m := e.answer(`"1"`); m.Error != nil {
		t.Errorf("id \"1\" beside 1 = %+v", m.Error)
	}
}

func TestALineOver16MiBIsRefusedUnderItsID(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	big := strings.Repeat("x", 20<<20)
	e.write(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"` + big + `"}}}`)
	e.write(`{"method":"tools/call","params":{"name":"echo","arguments":{"text":"` + big + `","id":5}},"jsonrpc":"2.0","id":2}`)
	// A model sees results only.
	for _, id := range []string{"1", "2"} {
		if f := failureOf(t, e.answer(id)); f.code != "TOO_LARGE" || f.modern || !strings.Contains(f.sentence, "16 MiB") || !strings.Contains(f.sentence, "local_path") {
			t.Errorf("answer %s = %+v, want TOO_LARGE about 16 MiB and local_path", id, f)
		}
	}
	e.write(`{"jsonrpc":"2.0","id":4,"method":"prompts/get","params":{"name":"x","arguments":{"text":"` + big + `"}}}`)
	e.write(`{"params":{"name":"echo","arguments":{"text":"` + big + `"}},"method":"tools/call","jsonrpc":"2.0","id":5}`)
	for _, id := range []string{"4", "5"} { // another method, and one that is not in the beginning
		if m := e.answer(id); m.Error == nil || m.Error.Code != -32600 || !strings.Contains(m.Error.Message, "16 MiB") {
			t.Errorf("answer %s = %+v, want -32600 about 16 MiB", id, m)
		}
	}
	e.call(3, "echo", `{"text":"`+big[:8<<20]+`"}`)
	if m := e.answer("3"); len(m.Result) < 8<<20 {
		t.Errorf("the echo of 8 MiB has %d bytes", len(m.Result))
	}
}

func TestATooLongAnswerIsRefusedToTheHost(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	h.push(`{"jsonrpc":"2.0","id":4,"method":"roots/list"}`)
	q := e.note("roots/list")
	e.write(`{"jsonrpc":"2.0","id":` + string(q.ID) + `,"result":{"roots":"` + strings.Repeat("x", 17<<20) + `"}}`)
	select {
	case a := <-h.answers:
		if string(a.ID) != "4" || a.Error == nil || a.Error.Code != -32600 {
			t.Errorf("the host got %+v, want an error for its question 4", a)
		}
	case <-time.After(patienceOfTests):
		t.Error("the host got no answer")
	}
}

func TestALargeResultArrivesWhole(t *testing.T) {
	h := startHost(t, home(t))
	e := connect(t, h.dirs)
	e.initialize(h)
	e.call(1, "big", fmt.Sprintf(`{"size":%d}`, 16<<20))
	if m := e.answer("1"); len(m.Result) < 16<<20 {
		t.Errorf("the result has %d bytes, want 16 MiB", len(m.Result))
	}
}

func TestALastLineWithoutItsEnd(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		answers    int
	}{
		{"is taken when it is whole", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 1},
		{"is ignored when it is not", `{"jsonrpc":"2.0","id":1,"method":"tools/li`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := startHost(t, home(t))
			e := connect(t, h.dirs)
			e.initialize(h)
			io.WriteString(e.in, tt.line)
			e.in.Close()
			if err := e.wait(); err != nil {
				t.Errorf("Run = %v", err)
			}
			<-e.finished
			if n := len(e.answers()["1"]); n != tt.answers || len(e.answers()["null"]) != 0 {
				t.Errorf("%d answers, want %d", n, tt.answers)
			}
		})
	}
}
