package mcpserver

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// eras are how a raw request is made in each, to any method.
var eras = []string{legacy, modern}

// rpc makes a request in one era and returns its result, or its error.
func (r *rig) rpc(t testing.TB, era, method, params string) (result json.RawMessage, code int, text string) {
	t.Helper()
	params = strings.TrimSpace(params)
	hs := headers{}
	if era == modern {
		meta := modernMeta
		if params != "{}" {
			meta = "," + meta
		}
		params = strings.TrimSuffix(params, "}") + meta + "}"
		hs["Mcp-Protocol-Version"], hs["Mcp-Method"] = modern, method
		var named struct {
			URI  string `json:"uri"`
			Name string `json:"name"`
		}
		_ = json.Unmarshal([]byte(params), &named)
		switch method {
		case "resources/read":
			hs["Mcp-Name"] = headerValue(named.URI)
		case "prompts/get":
			hs["Mcp-Name"] = headerValue(named.Name)
		}
	} else {
		hs["Mcp-Session-Id"] = r.initialize(t, Unix, nil)
	}
	a := r.post(t, Unix, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params), hs)
	var m struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.body), &m); err != nil || m.Result == nil && m.Error == nil {
		t.Fatalf("%s %s(%s) = %d %s", era, method, params, a.status, a.body)
	}
	if m.Error == nil {
		return m.Result, 0, ""
	}
	if want := map[string]int{legacy: http.StatusOK, modern: http.StatusBadRequest}[era]; a.status != want && m.Error.Code == rpcInvalidParams {
		t.Errorf("%s %s(%s): error %d with status %d, want %d", era, method, params, m.Error.Code, a.status, want)
	}
	return nil, m.Error.Code, m.Error.Message
}

// headerValue writes a value so that a header can carry it.
func headerValue(s string) string {
	for _, c := range s {
		if c < ' ' || c > '~' {
			return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
		}
	}
	return s
}

// read reads a resource in one era.
func (r *rig) readText(t testing.TB, era, uri string) (content struct{ URI, MIMEType, Text, Blob string }) {
	t.Helper()
	result, code, text := r.rpc(t, era, "resources/read", fmt.Sprintf(`{"uri":%s}`, compactJSON(uri)))
	if code != 0 {
		t.Fatalf("%s: read %s = %d %s", era, uri, code, text)
	}
	var out struct {
		Contents []struct{ URI, MIMEType, Text, Blob string } `json:"contents"`
	}
	if err := json.Unmarshal(result, &out); err != nil || len(out.Contents) != 1 {
		t.Fatalf("%s: read %s = %s", era, uri, result)
	}
	if out.Contents[0].URI != uri {
		t.Errorf("%s: read %s gives %s", era, uri, out.Contents[0].URI)
	}
	return out.Contents[0]
}

// readObject reads a resource that is an object, which must be the same in both eras.
func readObject[T any](t testing.TB, r *rig, uri string) (object T) {
	t.Helper()
	old, now := r.readText(t, legacy, uri), r.readText(t, modern, uri)
	if old != now || old.MIMEType != jsonType {
		t.Errorf("%s is %v in the older era and %v in the newer one", uri, old, now)
	}
	if err := json.Unmarshal([]byte(now.Text), &object); err != nil {
		t.Fatalf("%s: %v in %s", uri, err, now.Text)
	}
	return object
}

func TestPoolIsTheNewestSnapshot(t *testing.T) {
	hub := &status.Hub{}
	r := startRig(t, rigSetup{options: Options{Status: hub}})
	if got := r.readText(t, modern, poolURI).Text; !strings.Contains(got, `"sessions":[]`) {
		t.Errorf("before anything is known: %s", got)
	}
	hub.Publish(status.Snapshot{
		Phase: status.Working, Backend: status.Backend{Name: "local"}, Pool: status.Pool{Warm: 2, Max: 8, Ready: 1},
		Sessions: []status.Session{{ID: 3, SandboxID: "box-3", State: "leased", Contexts: 2}}, Clients: []status.Client{{Name: "secret"}},
	})
	got := readObject[poolObject](t, r, poolURI)
	if got.Phase != "working" || got.Backend.Name != "local" || got.Pool.Ready != 1 || len(got.Sessions) != 1 || got.Sessions[0].SandboxID != "box-3" {
		t.Errorf("pool = %+v", got)
	}
	if text := r.readText(t, modern, poolURI).Text; strings.Contains(text, "secret") {
		t.Errorf("the pool tells who else is connected: %s", text)
	}
}

// tinyPNG is a picture of one pixel.
const tinyPNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

func TestContextShowsItsRuns(t *testing.T) {
	r := startRig(t, rigSetup{})
	id := r.makeContext(t, "one")
	run := func(code string) {
		r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":%s}`, id, compactJSON(code)))
	}
	run("print hello\nshow image/png " + tinyPNG + "\nshow image/gif R0lG")
	run("raise ValueError wrong")

	list := readObject[contextListObject](t, r, allURI)
	if list.Total != 1 || len(list.Contexts) != 1 || list.Contexts[0].URI != contextURI(id) || list.Contexts[0].Runs != 2 || list.Contexts[0].Client != "raw 8" {
		t.Errorf("contexts = %+v", list)
	}
	cc := readObject[wholeContext](t, r, contextURI(id))
	if cc.ContextID != id || cc.Name != "one" || cc.Status != "active" || len(cc.Kept) != 2 || cc.Files != contextURI(id)+"/files/{+path}" || cc.SandboxID == "" {
		t.Fatalf("context = %+v", cc)
	}
	first, second := cc.Kept[0], cc.Kept[1]
	if first.Number != 1 || first.Outcome != "ok" || first.Client != "raw 8" || first.URI != runURI(id, 1) || first.StdoutURI != outputURI(id, 1, "stdout") || first.StderrURI != "" {
		t.Errorf("first run = %+v", first)
	}
	if started, err := time.Parse(utc, first.StartedAt); err != nil || time.Since(started) > time.Minute || first.Duration < 0 {
		t.Errorf("first run began at %q and took %v", first.StartedAt, first.Duration)
	}
	if want := []string{imageURI(id, 1, 1), imageURI(id, 1, 2)}; !slices.Equal(first.Images, want) {
		t.Errorf("pictures of the first run = %q, want %q", first.Images, want)
	}
	if second.Outcome != "EXECUTION_FAILED" || len(second.Images) != 0 {
		t.Errorf("second run = %+v", second)
	}
	if strings.Contains(r.readText(t, modern, contextURI(id)).Text, "hello") {
		t.Error("the context holds the output of its runs")
	}

	whole := readObject[wholeRun](t, r, first.URI)
	if whole.ContextID != id || whole.Language != "python" || !strings.HasPrefix(whole.Code, "print hello\n") || whole.Stdout != "hello\n" || whole.Error != nil || len(whole.Outputs) != 2 {
		t.Errorf("first run whole = %+v", whole)
	}
	failed := readObject[wholeRun](t, r, second.URI)
	if failed.Error == nil || failed.Error.Name != "ValueError" || failed.Error.Message != "wrong" || !strings.Contains(failed.Error.Traceback, "wrong") {
		t.Errorf("second run whole = %+v", failed)
	}
	for _, uri := range first.Images {
		if got := r.readText(t, legacy, uri); got.Blob == "" || got.MIMEType != "image/"+map[bool]string{true: "png", false: "gif"}[uri == first.Images[0]] {
			t.Errorf("%s = %+v", uri, got)
		}
	}
	if got := r.readText(t, modern, first.Images[0]); got.Blob != tinyPNG {
		t.Errorf("picture = %s, want its own bytes", got.Blob)
	}
}

func TestLongRunIsShortenedAndSaysWhereTheWholeIs(t *testing.T) {
	r := startRig(t, rigSetup{fake: sandboxtest.FakeOptions{OutputLimit: 200 << 10}})
	id := r.makeContext(t, "one")
	code := "# " + strings.Repeat("long ", 20<<10) + "\nflood 300000"
	r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":%s}`, id, compactJSON(code)))
	got := r.readText(t, modern, runURI(id, 1)).Text
	whole := readObject[wholeRun](t, r, runURI(id, 1))
	if len(got) > maxRunText+8<<10 || !strings.Contains(whole.Code, "left out") {
		t.Errorf("a long run has %d bytes: %.300s", len(got), got)
	}
	if !strings.Contains(whole.Stdout, "left out; what was kept is at "+outputURI(id, 1, "stdout")) {
		t.Errorf("its output ends with %q", whole.Stdout[len(whole.Stdout)-200:])
	}
	if text := r.readText(t, modern, whole.StdoutURI).Text; len(text) < 200<<10 || !strings.HasSuffix(text, "not kept anywhere …]\n") {
		t.Errorf("the whole has %d bytes, want 200 KiB and a word on the rest", len(text))
	}
}

// TestPicturesAreNumberedAsInTheResult: a notice about the k-th picture of a result points to the k-th resource.
func TestPicturesAreNumberedAsInTheResult(t *testing.T) {
	r := startRig(t, rigSetup{})
	id := r.makeContext(t, "one")
	shown := r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":%s}`, id,
		compactJSON("show image/gif R0lG\nshow text/html PGI+\nshow image/png "+tinyPNG+"\nvalue image/jpeg /9j/")))
	want := []string{"image/gif R0lG", "image/png " + tinyPNG, "image/jpeg /9j/"}
	for k, w := range want {
		got := r.readText(t, modern, imageURI(id, 1, k+1))
		if got.MIMEType+" "+got.Blob != w {
			t.Errorf("picture %d is %s %s, want %s", k+1, got.MIMEType, got.Blob, w)
		}
		if block := shown.Content[k+1]; block.MIMEType+" "+block.Data != w {
			t.Errorf("block %d of the result is %s %s, want %s", k+1, block.MIMEType, block.Data, w)
		}
	}
}

func TestResourcesThatCannotBe(t *testing.T) {
	r := startRig(t, rigSetup{})
	id := r.makeContext(t, "one")
	r.act(t, "run_code", fmt.Sprintf(`{"context_id":%q,"code":"show image/png %s"}`, id, tinyPNG))
	gone := "ctx-00000000-0000-4000-8000-000000000000"
	for _, uri := range []string{
		"agentrun://contexts/", "agentrun://contexts/default", "agentrun://contexts/default/runs/1", contextURI(gone), runURI(gone, 1),
		runURI(id, 2), runURI(id, 0), runURI(id, -1), contextURI(id) + "/runs/01", contextURI(id) + "/runs/+1", contextURI(id) + "/runs/",
		imageURI(id, 1, 2), imageURI(id, 1, 0), runURI(id, 1) + "/images/x", runURI(id, 1) + "/images/", runURI(id, 1) + "/images/1/2",
		runURI(id, 1) + "/stdin", contextURI(id) + "/files/", contextURI(id) + "/", contextURI(id) + "?x", "AGENTRUN://pool", "agentrun://pool/", "agentrun:pool",
	} {
		for era, want := range map[string]int{legacy: -32002, modern: -32602} {
			if result, code, text := r.rpc(t, era, "resources/read", fmt.Sprintf(`{"uri":%q}`, uri)); code != want || text == "" {
				t.Errorf("%s: read %s = %s %d %q, want %d", era, uri, result, code, text, want)
			}
		}
	}
}

// varying are the parts of a list that differ from run to run.
var varying = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`ctx-[0-9a-f-]{36}`), "ctx-ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
}

// checkGolden holds what clients see to a file.
func checkGolden(t *testing.T, name string, data []byte) {
	t.Helper()
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	got := pretty.Bytes()
	for _, v := range varying {
		got = v.what.ReplaceAll(got, []byte(v.with))
	}
	golden := filepath.Join("testdata", "lists", name+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; if that is meant, run with -update and read the diff. Now:\n%s", golden, got)
	}
}

// TestLists holds what clients see of resources and prompts to golden files: URIs, names and arguments are a promise.
func TestLists(t *testing.T) {
	r := startRig(t, rigSetup{})
	r.makeContext(t, "first")
	r.act(t, "create_context", `{"name":"second","language":"javascript","description":"with a description"}`)
	chinesePrompts := startRig(t, rigSetup{options: Options{Language: "zh"}})
	for _, list := range []struct {
		name, method string
		r            *rig
	}{
		{"resources", "resources/list", r},
		{"templates", "resources/templates/list", r},
		{"prompts_en", "prompts/list", r},
		{"prompts_zh", "prompts/list", chinesePrompts},
	} {
		t.Run(list.name, func(t *testing.T) {
			old, _, _ := list.r.rpc(t, legacy, list.method, "{}")
			again, _, _ := list.r.rpc(t, modern, list.method, "{}")
			var a, b map[string]json.RawMessage
			if json.Unmarshal(old, &a) != nil || json.Unmarshal(again, &b) != nil {
				t.Fatalf("lists are %s and %s", old, again)
			}
			for key, value := range a {
				if !bytes.Equal(b[key], value) {
					t.Errorf("%s is %s in the older era and %s in the newer one", key, value, b[key])
				}
			}
			checkGolden(t, list.name, old)
		})
	}
}

func TestCapabilitiesAreTrue(t *testing.T) {
	r := startRig(t, rigSetup{})
	first := r.post(t, Unix, initializeBody, nil)
	var m struct {
		Result struct{ Capabilities json.RawMessage }
	}
	if err := json.Unmarshal([]byte(first.body), &m); err != nil {
		t.Fatal(err)
	}
	const want = `{"completions":{},"prompts":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"tools":{"listChanged":true}}`
	if !sameJSON(m.Result.Capabilities, []byte(want)) {
		t.Errorf("initialize offers %s, want %s", m.Result.Capabilities, want)
	}
	discovered, _, _ := r.rpc(t, modern, "server/discover", "{}")
	var d struct{ Capabilities json.RawMessage }
	if err := json.Unmarshal(discovered, &d); err != nil || !sameJSON(d.Capabilities, []byte(want)) {
		t.Errorf("server/discover offers %s, want %s", d.Capabilities, want)
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return bytes.Equal(compactJSON(x), compactJSON(y))
}

func TestListOfResourcesComesInPages(t *testing.T) {
	r := startRig(t, rigSetup{fake: sandboxtest.FakeOptions{Traits: func(tr *sandboxTraits) { tr.MaxContexts = 100 }}})
	for n := range 99 {
		r.makeContext(t, fmt.Sprint("c", n))
	}
	type page struct {
		Resources  []struct{ URI, Name, Title string } `json:"resources"`
		NextCursor string                              `json:"nextCursor"`
	}
	for _, era := range eras {
		var all []string
		params := "{}"
		for pages := 0; ; pages++ {
			var p page
			result, code, text := r.rpc(t, era, "resources/list", params)
			if err := json.Unmarshal(result, &p); err != nil {
				t.Fatalf("%s: page %d = %d %s %v", era, pages, code, text, err)
			}
			for _, one := range p.Resources {
				all = append(all, one.URI)
			}
			if pages == 0 {
				r.makeContext(t, "in-between") // must not shift what follows
			}
			if p.NextCursor == "" {
				break
			}
			params = fmt.Sprintf(`{"cursor":%q}`, p.NextCursor)
		}
		if len(all) != 101 || all[0] != allURI || all[1] != poolURI {
			t.Errorf("%s: %d resources, beginning with %q", era, len(all), all[:3])
		}
		if sorted := slices.Sorted(slices.Values(all)); len(slices.Compact(sorted)) != len(all) {
			t.Errorf("%s: something is listed twice", era)
		}
		for _, cursor := range []string{"x", "eA==", "%", base64.StdEncoding.EncodeToString([]byte("5 ctx-1"))} {
			if _, code, text := r.rpc(t, era, "resources/list", fmt.Sprintf(`{"cursor":%q}`, cursor)); code != rpcInvalidParams || !strings.Contains(text, "cursor") {
				t.Errorf("%s: cursor %q = %d %q, want -32602", era, cursor, code, text)
			}
		}
		r.act(t, "stop_context", fmt.Sprintf(`{"context_id":%q}`, r.interp.Contexts()[0].ID))
	}
}
