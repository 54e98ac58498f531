package mcpserver

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

const (
	aTrace       = "0af7651916cd43dd8448eb211c80319c"
	aSpan        = "b7ad6b7169203331"
	aTraceparent = "00-" + aTrace + "-" + aSpan + "-01"
)

func TestTraceContextIsReadToTheLetter(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"one of the first version", aTraceparent, true},
		{"one that is not sampled", "00-" + aTrace + "-" + aSpan + "-00", true},
		{"one of a later version", "01-" + aTrace + "-" + aSpan + "-01", true},
		{"one of a later version that says more", "cc-" + aTrace + "-" + aSpan + "-01-what-the-future-brings", true},
		{"nothing", "", false},
		{"one of the first version that says more", aTraceparent + "-00", false},
		{"one of a later version that says more in a wrong way", "cc-" + aTrace + "-" + aSpan + "-01.what", false},
		{"the version that is none", "ff-" + aTrace + "-" + aSpan + "-01", false},
		{"capitals", strings.ToUpper(aTraceparent), false},
		{"a trace of zeros", "00-" + strings.Repeat("0", 32) + "-" + aSpan + "-01", false},
		{"a span of zeros", "00-" + aTrace + "-" + strings.Repeat("0", 16) + "-01", false},
		{"letters that are no digits", "00-" + strings.Replace(aTrace, "a", "g", 1) + "-" + aSpan + "-01", false},
		{"flags that are no digits", "00-" + aTrace + "-" + aSpan + "-0x", false},
		{"a version that is no number", "0x-" + aTrace + "-" + aSpan + "-01", false},
		{"other separators", strings.ReplaceAll(aTraceparent, "-", "_"), false},
		{"one cut short", aTraceparent[:54], false},
		{"a space before it", " " + aTraceparent, false},
	} {
		trace, parent, ok := traceContext(tt.text)
		if ok != tt.ok || ok && (trace != aTrace || parent != aSpan) || !ok && trace+parent != "" {
			t.Errorf("%s: traceContext(%q) = %q, %q, %v", tt.name, tt.text, trace, parent, ok)
		}
	}
}

func FuzzTraceContext(f *testing.F) {
	f.Add(aTraceparent)
	f.Add("cc-" + aTrace + "-" + aSpan + "-01-x")
	valid := regexp.MustCompile(`^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-(?s:.*))?)$`)
	f.Fuzz(func(t *testing.T, s string) {
		trace, parent, ok := traceContext(s)
		if !ok {
			return
		}
		if !valid.MatchString(s) || strings.HasPrefix(s, "ff") || strings.HasPrefix(s, "00") && len(s) != 55 || len(trace) != 32 || len(parent) != 16 {
			t.Errorf("traceContext(%q) = %q, %q", s, trace, parent)
		}
	})
}

// lineOf is the log's only line of a tool.
func lineOf(t *testing.T, logs, tool string) string {
	t.Helper()
	found := ""
	for line := range strings.Lines(logs) {
		if strings.Contains(line, `msg="tool call"`) && strings.Contains(line, "tool="+tool+" ") {
			if found != "" {
				t.Fatalf("two lines of %s:\n%s", tool, logs)
			}
			found = line
		}
	}
	if found == "" {
		t.Fatalf("no line of %s:\n%s", tool, logs)
	}
	return found
}

func TestALineSaysWhichRequestItBelongsTo(t *testing.T) {
	with := func(body, meta string) string { return strings.Replace(body, `"_meta":{`, `"_meta":{`+meta+`,`, 1) }
	traced := `"traceparent":"` + aTraceparent + `","tracestate":"vendor=opaque","baggage":"userId=alice"`
	const other = "00-11111111111111111111111111111111-2222222222222222-00"
	for _, tt := range []struct {
		name   string
		change func(body string) string
		header string
		want   []string
		not    []string
	}{
		{"a plain call", nil, "", []string{`rpc_id=7 `, `client="raw 8"`, "method=tools/call"}, []string{"trace_id", "parent_span_id"}},
		{"a traced call", func(b string) string { return with(b, traced) }, other, []string{"trace_id=" + aTrace, "parent_span_id=" + aSpan}, []string{"opaque", "alice", "1111"}},
		{"a trace in the header", nil, aTraceparent, []string{"trace_id=" + aTrace}, nil},
		{"a bad trace in the message, a good one in the header", func(b string) string { return with(b, `"traceparent":"nonsense"`) }, aTraceparent, []string{"trace_id=" + aTrace}, []string{"nonsense"}},
		{"a trace that is a number", func(b string) string { return with(b, `"traceparent":5`) }, "", []string{"outcome=ok"}, []string{"trace_id"}},
		{"a bad trace", func(b string) string { return with(b, `"traceparent":"00-`+strings.Repeat("0", 32)+`-`+aSpan+`-01"`) }, "", []string{"outcome=ok"}, []string{"trace_id"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := startRig(t, rigSetup{})
			body, hs := modernCall("7", "list_contexts", "{}")
			if tt.change != nil {
				body = tt.change(body)
			}
			if tt.header != "" {
				hs["Traceparent"] = tt.header
			}
			if a := r.post(t, Unix, body, hs); a.status != 200 || a.final(t).Error != nil {
				t.Fatalf("call = %d %s", a.status, a.body)
			}
			line := lineOf(t, r.logs.String(), "list_contexts")
			for _, want := range append(tt.want, "request_id="+r.requests.prefix) {
				if !strings.Contains(line, want) {
					t.Errorf("the line lacks %q: %s", want, line)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(line, not) {
					t.Errorf("the line has %q: %s", not, line)
				}
			}
		})
	}
}

func TestEveryRequestHasAnIDOfItsOwn(t *testing.T) {
	r := startRig(t, rigSetup{})
	hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	for range 20 {
		r.post(t, Unix, legacyCall("1", "list_contexts", "{}"), hs)
	}
	r.post(t, TCP, "{}", headers{"Authorization": "Bearer art_wrong"})
	seen := make(map[string]bool)
	for _, m := range regexp.MustCompile(`request_id=(\S+)`).FindAllStringSubmatch(r.logs.String(), -1) {
		if seen[m[1]] {
			t.Errorf("%s stands for two requests", m[1])
		}
		seen[m[1]] = true
	}
	if len(seen) != 21 {
		t.Errorf("%d requests are in the log, want 20 calls and a refusal:\n%s", len(seen), r.logs)
	}
	if other := newRequestNames(); other.prefix == r.requests.prefix {
		t.Error("two hosts name their requests alike")
	}
}

// TestAMistakeIsToldWithItsRequest lets people who report a mistake say which lines of the log are about it.
func TestAMistakeIsToldWithItsRequest(t *testing.T) {
	r := startRig(t, rigSetup{before: func(s *Server) {
		s.mcp.GetHooks().AddBeforeCallTool(func(context.Context, any, *mcp.CallToolRequest) { panic("boom in a hook") })
	}})
	hs := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	m := r.post(t, Unix, legacyCall("1", "list_contexts", "{}"), hs).final(t)
	if m.Error == nil {
		t.Fatalf("call = %+v, want an error", m.Result)
	}
	id := regexp.MustCompile(`request_id (\S+)$`).FindStringSubmatch(m.Error.Message)
	if id == nil || !strings.Contains(r.logs.String(), "request_id="+id[1]) {
		t.Errorf("the error is %q, want it to name a request that the log tells of:\n%s", m.Error.Message, r.logs)
	}
}
