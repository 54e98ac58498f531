package agentrun

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// resultOf decodes an answer to Execute.
func resultOf(t *testing.T, items string) Result {
	t.Helper()
	var r Result
	if err := json.Unmarshal([]byte(`{"results":[`+items+`],"contextId":"c"}`), &r); err != nil {
		t.Fatalf("%s: %v", items, err)
	}
	return r
}

func TestResultsInEveryShape(t *testing.T) {
	tests := []struct {
		name           string
		items          string
		outcome        Outcome
		stdout, stderr string
		values         []Forms
		failure        *CodeError
	}{
		{"as it was seen in the service", `{"type":"stdout","text":"a\nb"},{"type":"result","data":{"text/plain":"Code executed successfully"},"executionCount":1}`, OutcomeOK, "a\nb", "", nil, nil},
		{"as it is documented", `{"type":"stdout","text":"hello"},{"type":"result","text":"None"},{"type":"endOfExecution","status":"ok"}`, OutcomeOK, "hello", "", nil, nil},
		{"nothing", ``, OutcomeOK, "", "", nil, nil},
		{"a value as text", `{"type":"result","text":"42"},{"type":"endOfExecution","status":"ok"}`, OutcomeOK, "", "", []Forms{{"text/plain": "42"}}, nil},
		{"a value as forms", `{"type":"result","data":{"text/plain":"<Figure>","image/png":"aGk="}}`, OutcomeOK, "", "", []Forms{{"text/plain": "<Figure>", "image/png": "aGk="}}, nil},
		{"a placeholder with a picture", `{"type":"result","data":{"text/plain":"None","image/png":"aGk="}}`, OutcomeOK, "", "", []Forms{{"text/plain": "None", "image/png": "aGk="}}, nil},
		{"forms of a notebook", `{"type":"result","data":{"text/html":["<b>","x</b>"],"application/json":{"a": [1]}}}`, OutcomeOK, "", "", []Forms{{"text/html": "<b>x</b>", "application/json": `{"a":[1]}`}}, nil},
		{"data that is text", `{"type":"result","data":"42"}`, OutcomeOK, "", "", []Forms{{"text/plain": "42"}}, nil},
		{"two values", `{"type":"result","text":"1"},{"type":"result","text":"2"}`, OutcomeOK, "", "", []Forms{{"text/plain": "1"}, {"text/plain": "2"}}, nil},
		{"pieces of output", `{"type":"stdout","text":"a"},{"type":"stderr","text":"e"},{"type":"stdout","text":"b\n"},{"type":"stdout","text":""},{"type":"stdout","text":"c"}`, OutcomeOK, "a\nb\nc", "e", nil, nil},
		{"a warning is no failure", `{"type":"stderr","text":"warn"},{"type":"endOfExecution","status":"ok"}`, OutcomeOK, "", "warn", nil, nil},
		{"an error as text", `{"type":"error","text":"ZeroDivisionError: division by zero"},{"type":"endOfExecution","status":"error"}`, OutcomeError, "", "", nil, &CodeError{"ZeroDivisionError", "division by zero", ""}},
		{"an error as value", `{"type":"error","value":"Traceback (most recent call last):\n  File \"x\"\nZeroDivisionError: division by zero"}`, OutcomeError, "", "", nil, &CodeError{"ZeroDivisionError", "division by zero", "Traceback (most recent call last):\n  File \"x\"\nZeroDivisionError: division by zero"}},
		{"an error in fields", `{"type":"error","name":"TypeError","value":"x is: not a function","traceback":["at a","at b"]}`, OutcomeError, "", "", nil, &CodeError{"TypeError", "x is: not a function", "at a\nat b"}},
		{"an error without a message", `{"type":"error","text":"Traceback (most recent call last):\n  File\nKeyboardInterrupt\n"}`, OutcomeError, "", "", nil, &CodeError{"KeyboardInterrupt", "", "Traceback (most recent call last):\n  File\nKeyboardInterrupt"}},
		{"an error that is prose", `{"type":"error","text":"it did not work: sorry"}`, OutcomeError, "", "", nil, &CodeError{"", "it did not work: sorry", ""}},
		{"an error with a traceback in one piece", `{"type":"error","name":"E","text":"m","traceback":"lines"}`, OutcomeError, "", "", nil, &CodeError{"E", "m", "lines"}},
		{"only the end says so", `{"type":"endOfExecution","status":"error"}`, OutcomeError, "", "", nil, nil},
		{"an end of its own kind", `{"type":"endOfExecution","status":"killed"}`, OutcomeError, "", "", nil, nil},
		{"out of time", `{"type":"stdout","text":"x"},{"type":"endOfExecution","status":"timeout"}`, OutcomeTimeout, "x", "", nil, nil},
		{"out of time, of old", `{"type":"error","text":"e"},{"type":"timeout"}`, OutcomeTimeout, "", "", nil, &CodeError{"", "e", ""}},
		{"something new", `{"type":"hologram","text":{"x":1},"depth":3}`, OutcomeOK, "", "", nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := resultOf(t, test.items)
			if r.Outcome() != test.outcome || r.Stdout() != test.stdout || r.Stderr() != test.stderr {
				t.Errorf("the result is %s, %q, %q, want %s, %q, %q", r.Outcome(), r.Stdout(), r.Stderr(), test.outcome, test.stdout, test.stderr)
			}
			if got := r.Values(); !reflect.DeepEqual(got, test.values) {
				t.Errorf("the values are %v, want %v", got, test.values)
			}
			if got := r.Error(); !reflect.DeepEqual(got, test.failure) {
				t.Errorf("the error is %+v, want %+v", got, test.failure)
			}
		})
	}
	item := resultOf(t, `{"type":"hologram","text":{"x":1},"depth":3}`).Items[0]
	if again, err := json.Marshal(item); err != nil || string(again) != string(item.Raw()) || !strings.Contains(string(again), `"depth":3`) {
		t.Errorf("something new is kept as %s, %v", again, err)
	}
	for _, body := range []string{`{}`, `{"results":null}`, `{"result":[]}`} {
		if err := json.Unmarshal([]byte(body), &Result{}); err == nil {
			t.Errorf("%s was taken for a result", body)
		}
	}
}

func TestAnswersInAndOutOfAnEnvelope(t *testing.T) {
	answers := map[string]string{
		"CreateContext": `{"id":"c","language":"python","cwd":"/home/user"}`,
		"Execute":       `{"results":[{"type":"stdout","text":"x"}],"contextId":"c"}`,
		"GetSandbox":    `{"sandboxId":"s","status":"READY"}`,
		"Health":        `{"status":"ok"}`,
		"Stat":          `{"entry":{"name":"f"}}`,
		"ListContexts":  `[{"id":"c"}]`,
		"ListProcesses": `{"items":[{"processId":"12"}],"total":1}`,
		"DeleteContext": `{}`,
	}
	for op, bare := range answers {
		for _, body := range []string{bare, `{"code":"SUCCESS","requestId":"r","data":` + bare + `}`, `{"data":` + bare + `,"code":"success"}`, `{"code":"","data":` + bare + `}`} {
			c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) { return reply(200, body), nil })
			if err := operations[op].call(t.Context(), c); err != nil {
				t.Errorf("%s of %s: %v", op, body, err)
			}
		}
	}
	for op := range answers {
		for _, body := range []string{``, ` `, `null`, `{"code":"SUCCESS","requestId":"r","data":null}`, `{"code":"SUCCESS","requestId":"r"}`} {
			synctest.Test(t, func(t *testing.T) {
				c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) { return reply(200, body), nil })
				err := operations[op].call(t.Context(), c)
				if op == "DeleteContext" {
					if err != nil {
						t.Errorf("%s of %q: %v", op, body, err)
					}
					return
				}
				if KindOf(err) != KindBadAnswer {
					t.Errorf("%s of %q gave %v, want %s", op, body, err, KindBadAnswer)
				}
			})
		}
	}
}

func TestListsOfContextsInEveryShape(t *testing.T) {
	for _, body := range []string{`[{"id":"c"}]`, `{"data":[{"id":"c"}]}`, `{"items":[{"id":"c"}]}`, `{"contexts":[{"id":"c"}]}`, `{"code":"SUCCESS","data":{"items":[{"id":"c"}]}}`} {
		c := testClient(t, Config{}, func(*http.Request) (*http.Response, error) { return reply(200, body), nil })
		if found, err := c.ListContexts(t.Context(), "s"); err != nil || len(found) != 1 || found[0].ID != "c" {
			t.Errorf("%s is %v, %v, want one context", body, found, err)
		}
	}
}

func TestFilesInBothShapes(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":"f","path":"/f","content":"aGk=","encoding":"base64"}`:           "hi",
		`{"entry":{"name":"f","path":"/f"},"content":"hi","encoding":"utf-8"}`:    "hi",
		`{"entry":{"name":"f","path":"/f"},"content":"aGk=","encoding":"BASE64"}`: "hi",
		`{"name":"f","path":"/f","content":""}`:                                   "",
	} {
		var f File
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			t.Fatal(err)
		}
		if b, err := f.Bytes(); err != nil || string(b) != want || f.Path != "/f" {
			t.Errorf("%s holds %q, %v in %q, want %q in /f", body, b, err, f.Path, want)
		}
	}
	if _, err := (File{Content: "?", Encoding: "base64"}).Bytes(); err == nil {
		t.Error("what is not base64 was decoded")
	}
}

func TestNumbersAndMomentsInEveryShape(t *testing.T) {
	for text, want := range map[string]int64{
		`3600`: 3600, `"3600"`: 3600, `3600.0`: 3600, `" 42 "`: 42, `1e3`: 1000, `null`: 0, `"soon"`: 0, `""`: 0, `{}`: 0, `[1]`: 0, `true`: 0,
		`1e300`: math.MaxInt64, `-1e300`: math.MinInt64, `"NaN"`: 0, `"Inf"`: math.MaxInt64, `-5`: -5,
	} {
		var i Int
		var s Seconds
		if err := json.Unmarshal([]byte(text), &i); err != nil || int64(i) != want {
			t.Errorf("%s reads as %d, %v, want %d", text, i, err, want)
		}
		if err := json.Unmarshal([]byte(text), &s); err != nil || int64(s) != want {
			t.Errorf("%s reads as %d, %v, want %d", text, s, err, want)
		}
	}
	if d := Seconds(math.MaxInt64).Duration(); d < 290*365*24*time.Hour {
		t.Errorf("more seconds than a duration holds are %s", d)
	}
	moment := time.Date(2026, 1, 2, 3, 5, 0, 123456000, time.UTC)
	for text, want := range map[string]time.Time{
		`"2026-01-02T03:05:00.123456Z"`: moment, `"2026-01-02T11:05:00.123456+08:00"`: moment, `"2026-01-02T03:05:00Z"`: moment.Truncate(time.Second),
		`"yesterday"`: {}, `""`: {}, `null`: {}, `5`: {}, `{}`: {},
	} {
		var at Time
		if err := json.Unmarshal([]byte(text), &at); err != nil || !at.Equal(want) {
			t.Errorf("%s reads as %s, %v, want %s", text, at, err, want)
		}
	}
	for text, want := range map[string]ProcessID{`12`: "12", `"12"`: "12", `"p-1"`: "p-1", `"012"`: "012", `null`: ""} {
		var id ProcessID
		if err := json.Unmarshal([]byte(text), &id); err != nil || id != want {
			t.Errorf("%s reads as %q, %v, want %q", text, id, err, want)
		}
	}
}

func TestTimeoutsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]Seconds{0: 0, 1: 1, time.Second: 1, 1001 * time.Millisecond: 2, 30 * time.Second: 30} {
		if got := secondsOf(d); got != want {
			t.Errorf("secondsOf(%s) = %d, want %d", d, got, want)
		}
	}
}

func TestExtraFieldsAreSentAsTheyAre(t *testing.T) {
	b, err := json.Marshal(SandboxSpec{Template: "t", Extra: map[string]any{"nasConfig": map[string]int{"userId": 1}}})
	if want := `{"nasConfig":{"userId":1},"templateName":"t"}`; err != nil || string(b) != want {
		t.Errorf("the request is %s, %v, want %s", b, err, want)
	}
	if b, err := json.Marshal(TemplateSpec{Name: "t", Extra: map[string]any{"templateName": "u"}}); err == nil {
		t.Errorf("a field was given twice and sent as %s", b)
	}
}

func TestStates(t *testing.T) {
	for status, want := range map[Status][3]bool{ // ready, failed, ended
		"READY": {true, false, false}, "ready": {true, false, false}, "Running": {true, false, false}, "CREATING": {}, "PAUSED": {}, "never heard of": {},
		"TERMINATED": {false, false, true}, "Stopped": {false, false, true}, "DELETING": {false, false, true}, "Failed": {false, true, true}, "CREATE_FAILED": {false, true, false},
	} {
		if got := [3]bool{status.Ready(), status.Failed(), status.Ended()}; got != want {
			t.Errorf("%s is ready, failed, ended: %v, want %v", status, got, want)
		}
	}
	if s := (Sandbox{IdleTimeoutSeconds: 5}); s.IdleTimeout() != 5*time.Second {
		t.Errorf("the idle timeout is %s, want 5s", s.IdleTimeout())
	}
	if (Command{Status: "killed"}).OK() || !(Command{Status: "completed"}).OK() || (Command{Status: "completed", Result: CommandResult{ExitCode: 1}}).OK() {
		t.Error("a command is fine that is not, or the other way round")
	}
}

// FuzzAnswer reads foreign bytes as the answer to every operation: nothing panics, every error has a kind, a message and no more
// text than a person reads, and what was decoded can be written and decoded again to the same.
func FuzzAnswer(f *testing.F) {
	for _, e := range readJSON[exchange](f, "exchanges.json") {
		f.Add(e.Status, []byte(e.answerBody()))
	}
	for _, s := range []string{"", "{", `{"code":1,"data":{}}`, `{"error":"x"}`, `{"error":{"code":1}}`, `{"results":[{"type":"error","traceback":{"a":1}}]}`, `{"results":[{"type":1}]}`, "<script>x</script><b>y", "\xff\xfe"} {
		f.Add(200, []byte(s))
		f.Add(500, []byte(s))
	}
	targets := []func() any{
		func() any { return new(Template) }, func() any { return new(TemplatePage) }, func() any { return new(Sandbox) }, func() any { return new(SandboxPage) },
		func() any { return new(Health) }, func() any { return new(CodeContext) }, func() any { return new(contextList) }, func() any { return new(Result) },
		func() any { return new(File) }, func() any { return new(Written) }, func() any { return new(Folder) }, func() any { return new(entryOf) },
		func() any { return new(Command) }, func() any { return new(Process) }, func() any { return new(processList) }, func() any { return new(Killed) },
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		attempt := &try{cl: call{op: "Execute", plane: Data}, secrets: []string{"exampleSecret"}, began: time.Now()}
		resp := &http.Response{StatusCode: 100 + int(uint(status)%500), Header: http.Header{}}
		for _, target := range targets {
			into := target()
			if failed := attempt.take(resp, body, into); failed != nil {
				if failed.Kind == "" || failed.Message == "" || utf8.RuneCountInString(failed.Message) > 301 || !utf8.ValidString(failed.Error()) || strings.Contains(failed.Error(), "exampleSecret") {
					t.Fatalf("the error is %#v", failed)
				}
				continue
			}
			again, err := json.Marshal(into)
			if err != nil {
				t.Fatalf("%#v cannot be written: %v", into, err)
			}
			if _, isList := into.(*processList); isList {
				continue // has no form of its own
			}
			second := target()
			if err := json.Unmarshal(again, second); err != nil {
				t.Fatalf("%s, written from %#v, cannot be read: %v", again, into, err)
			}
			third, err := json.Marshal(second)
			if err != nil || string(third) != string(again) {
				t.Fatalf("%s became %s, %v", again, third, err)
			}
			if r, ok := into.(*Result); ok {
				r.Outcome()
				r.Values()
				r.Error()
				if !utf8.ValidString(r.Stdout() + r.Stderr()) {
					t.Fatalf("the output %q is no text", r.Stdout())
				}
			}
			if file, ok := into.(*File); ok {
				_, _ = file.Bytes()
			}
		}
	})
}

func FuzzCanonicalQuery(f *testing.F) {
	for _, s := range []string{"", "a=b", "b=1&B=2&a=3&_=4&%E4%B8%AD=5", "flag&foo=bar", "k=1&k=2", "a=%zz&b=+", "a;b=c", "=", "&&=&", "%=%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		once := canonicalQuery(raw)
		if twice := canonicalQuery(once); twice != once {
			t.Fatalf("%q is %q in its canonical form, and that %q", raw, once, twice)
		}
		if strings.Trim(once, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%=&") != "" {
			t.Fatalf("%q holds characters that must be encoded", once)
		}
		values, err := url.ParseQuery(once)
		if err != nil {
			t.Fatal(err)
		}
		keys := strings.Split(once, "&")
		for i, pair := range keys {
			keys[i], _, _ = strings.Cut(pair, "=")
			keys[i], _ = url.QueryUnescape(keys[i])
		}
		if once != "" && (!slices.IsSorted(keys) || len(values) != len(keys)) {
			t.Fatalf("the keys %q are not sorted or not single", keys)
		}
	})
}

func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"host", "https://a.b/c", "http://127.0.0.1:1", "http://[::1%25x]", "//", "https://a@b", "http://localhost.:1", "https://h/%2f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseEndpoint(text)
		if err != nil {
			return
		}
		u, err := url.Parse(e.String())
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
			t.Fatalf("ParseEndpoint(%q) = %s, %v", text, e, err)
		}
		if again, err := ParseEndpoint(e.String()); err != nil || again != e {
			t.Fatalf("%s is %s, %v when parsed again", e, again, err)
		}
		if signed := e.signed(); signed.signed() != signed {
			t.Fatalf("%s gets its mark twice: %s", e, signed.signed())
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "5", "-1", "99999999999", "Sat, 01 Jan 2000 00:00:05 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d := retryAfter(http.Header{"Retry-After": {text}}, time.Unix(1<<30, 0)); d < 0 {
			t.Fatalf("retryAfter(%q) = %s", text, d)
		}
	})
}
