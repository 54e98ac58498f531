package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/figures"
	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// see returns the first desk that fulfils the condition.
func (h *host) see(t *testing.T, what string, ok func(app.Desk) bool) app.Desk {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last app.Desk
	for d := range h.Desk().Watch(ctx) {
		if last = d; ok(d) {
			return d
		}
	}
	t.Fatalf("waited for %s; the last desk is %+v", what, last)
	return last
}

func TestCodeByHandIsSeenInNotebookFiguresAndActivity(t *testing.T) {
	opt := options(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	id, err := h.RunCode(t.Context(), "", "python", "print('secret-of-code')")
	if err != nil || id == "" {
		t.Fatalf("RunCode = %q, %v", id, err)
	}
	h.WatchContext(id)
	d := h.see(t, "the result", func(d app.Desk) bool {
		return d.Notebook != nil && len(d.Notebook.Cells) == 1 && d.Notebook.Cells[0].State == notebook.CellDone && len(d.Calls) == 2 &&
			len(d.Contexts) == 1 && d.Figures.RunsToday == 1 && len(d.Figures.AcquireTimes) == 1
	})
	if c := d.Notebook.Cells[0]; c.Code != "print('secret-of-code')" || c.Client != "AgentRun Tray" || c.Number != 1 || !strings.Contains(c.Result.Stdout, "[MOCK]") {
		t.Errorf("the cell is %+v", c)
	}
	if n := d.Notebook; n.ContextID != id || n.Name != "Try it" || len(d.Contexts) != 1 || d.Contexts[0].Client != "AgentRun Tray" {
		t.Errorf("the notebook is of %q %q, the contexts are %+v", n.ContextID, n.Name, d.Contexts)
	}
	f := d.Figures
	if f.RunsToday != 1 || f.FailedToday != 0 || len(f.RunTimes) != 1 || len(f.AcquireTimes) != 1 || f.UsualStart < 0 || len(f.LastRun) != 1 {
		t.Errorf("the figures are %+v", f)
	}
	if _, ok := f.LastRun[d.Contexts[0].SandboxID]; !ok {
		t.Errorf("the last runs are of %v, want of %s", f.LastRun, d.Contexts[0].SandboxID)
	}
	want := []activity.Call{{Client: "AgentRun Tray", Tool: "create_context", ContextID: id, Context: "Try it", Outcome: "ok"}, {Client: "AgentRun Tray", Tool: "run_code", ContextID: id, Context: "Try it", Outcome: "ok"}}
	for n, c := range d.Calls {
		if c.ID == "" || c.At.IsZero() || strings.Contains(c.Detail, "secret-of-code") || !strings.Contains(c.Detail, c.ID) {
			t.Errorf("call %d is %+v", n, c)
		}
		c.ID, c.At, c.Took, c.Detail = "", time.Time{}, 0, ""
		if c != want[n] {
			t.Errorf("call %d is %+v, want %+v", n, c, want[n])
		}
	}

	var book, lines bytes.Buffer
	if err := h.SaveNotebook(id, &book); err != nil || !strings.Contains(book.String(), `"nbformat": 4`) || !strings.Contains(book.String(), "print('secret-of-code')") {
		t.Errorf("SaveNotebook = %v:\n%s", err, book.String())
	}
	if err := h.ExportCalls(&lines); err != nil || strings.Count(lines.String(), "\n") != 2 {
		t.Errorf("ExportCalls = %v:\n%s", err, lines.String())
	}

	if err := h.StopContext(t.Context(), id); err != nil {
		t.Errorf("StopContext = %v", err)
	}
	d = h.see(t, "the end of the context", func(d app.Desk) bool { return d.Notebook == nil && len(d.Contexts) == 0 && len(d.Calls) == 3 })
	if c := d.Calls[2]; c.Tool != "stop_context" || c.Context != "Try it" || c.Outcome != "ok" {
		t.Errorf("the stop is %+v", c)
	}
	if again, err := h.RunCode(t.Context(), id, "", "1"); err == nil || again != id || !strings.Contains(err.Error(), "it was stopped") {
		t.Errorf("RunCode in a context that has ended = %q, %v", again, err)
	}
	if err := h.SaveNotebook(id, &book); err == nil || !strings.Contains(err.Error(), "it was stopped") {
		t.Errorf("SaveNotebook of a context that has ended = %v", err)
	}
	if _, err := h.NewContext(t.Context(), "latin"); err == nil || !strings.Contains(err.Error(), "latin") {
		t.Errorf("NewContext in Latin = %v", err)
	}
	h.see(t, "what was refused", func(d app.Desk) bool {
		return len(d.Calls) == 5 && d.Calls[3].Outcome == "CONTEXT_NOT_FOUND" && d.Calls[4].Outcome == "INVALID_LANGUAGE"
	})
}

func TestCallsOfClientsAreAmongTheActivity(t *testing.T) {
	opt := options(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	send(t, opt.Dirs, http.MethodPost, "/mcp", "", call("run_code", `{"code":"1"}`))
	d := h.see(t, "the call", func(d app.Desk) bool { return len(d.Calls) == 1 && d.Figures.RunsToday == 1 })
	if c := d.Calls[0]; c.Client != "tester 1" || c.Tool != "run_code" || c.Context != "default-python" || c.Outcome != "ok" || d.Figures.RunsToday != 1 {
		t.Errorf("the call is %+v with %d runs", c, d.Figures.RunsToday)
	}
	if d.Notebook != nil {
		t.Error("there is a notebook that nobody asked for")
	}
}

func TestWhatIsUsualOutlivesAHost(t *testing.T) {
	opt := options(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(opt.Dirs.Data, figures.FileName))
	if err != nil || !strings.Contains(string(text), `"mock": [`) {
		t.Errorf("kept is %s, %v, want how long a session of the mock took", text, err)
	}
}

func TestASettingHoldsAtOnceOrSaysThatItDoesNot(t *testing.T) {
	opt := options(t)
	opt.LogLevel = new(slog.LevelVar)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	file := func(name string) any {
		t.Helper()
		c, faults, err := config.Load(opt.Dirs.Config)
		if err != nil || len(faults) > 0 {
			t.Fatalf("the settings: %v, %v", faults, err)
		}
		return c.Values()[name]
	}
	for _, tc := range []struct {
		name    string
		value   any
		restart bool
		holds   func(app.Desk) bool // nil: nothing to be seen
	}{
		{"pool.warm", 5, false, func(d app.Desk) bool { return d.Pool.Warm == 5 && d.Pool.Ready == 5 }},
		{"pool.ceiling", 4.0, false, func(d app.Desk) bool { return d.Pool.Max == 4 && d.Pool.Warm == 4 && len(d.Sessions) == 4 }},
		{"log_level", "debug", false, func(app.Desk) bool { return opt.LogLevel.Level() == slog.LevelDebug }},
		{"fallback", "off", false, nil},
		{"carry_over", "off", false, nil},
		{"agentrun.daily_cap", 2.5, false, nil},
		{"pool.idle_pause_minutes", 5, false, nil},
		{"pool.keep_on_quit", true, false, nil},
		{"allowed_folders", []string{"/srv/a", "/srv/b"}, false, nil},
		{"clients", map[string]any{"ci": map[string]any{"tools": []string{"run_code"}}}, false, nil},
		{"theme", "dark", false, nil},
		{"runs.result_tokens", 9000, false, nil},
		{"runs.timeout_seconds", 60, true, nil},
		{"runs.max_contexts", 7, true, nil},
		{"http.port", 7500, true, nil},
		{"pool.isolation", "dedicated", true, nil},
		{"language", "zh", true, nil},
		{"backend", "agentrun", false, func(d app.Desk) bool { return d.Backend.Name == "agentrun" && d.Backend.Setting == "agentrun" }},
		{"backend", "mock", false, func(d app.Desk) bool { return d.Backend.Name == "mock" && d.Pool.Ready == 4 }},
	} {
		restart, err := h.Change(t.Context(), tc.name, tc.value)
		if err != nil || restart != tc.restart {
			t.Errorf("Change(%s, %v) = %v, %v; want restart %v", tc.name, tc.value, restart, err, tc.restart)
			continue
		}
		want, _ := json.Marshal(tc.value)
		if got, _ := json.Marshal(file(tc.name)); string(got) != string(want) {
			t.Errorf("the file has %s for %s, want %s", got, tc.name, want)
		}
		d := h.see(t, tc.name, func(d app.Desk) bool {
			got, _ := json.Marshal(d.Settings.Values[tc.name])
			return string(got) == string(want) && (tc.holds == nil || tc.holds(d))
		})
		if slices.Contains(d.Settings.Restart, tc.name) != tc.restart {
			t.Errorf("after %s what waits for a restart is %q", tc.name, d.Settings.Restart)
		}
	}
	if file("pool.warm") != 4.0 {
		t.Errorf("with a ceiling of 4 the file keeps %v warm", file("pool.warm"))
	}
	if restart, err := h.Change(t.Context(), "http.port", 7411); restart || err != nil {
		t.Errorf("back to the port of the start: restart %v, %v; want that nothing waits", restart, err)
	}
	s := h.see(t, "the port", func(d app.Desk) bool { return d.Settings.Values["http.port"] == 7411.0 }).Settings
	if want := []string{"language", "pool.isolation", "runs.max_contexts", "runs.timeout_seconds"}; !slices.Equal(s.Restart, want) || s.File != filepath.Join(opt.Dirs.Config, config.FileName) || s.LogFolder != opt.Dirs.Log {
		t.Errorf("settings wait %q, want %q; file %s, log %s", s.Restart, want, s.File, s.LogFolder)
	}
	for name, bad := range map[string]any{
		"pool.warm": 9, "backend": "moon", "http.port": "x", "clients": map[string]any{"ci": map[string]any{"tools": []string{"fly"}}}, "clients.ci.tools": []string{"fly"}, "moon": 1,
	} {
		before := file(name)
		if _, err := h.Change(t.Context(), name, bad); err == nil || !strings.HasPrefix(err.Error(), "change the setting ") {
			t.Errorf("Change(%s, %v) = %v, want a sentence", name, bad, err)
		}
		if got, _ := json.Marshal(file(name)); before != nil && name != "clients" && string(got) != string(must(json.Marshal(before))) {
			t.Errorf("a refused %s left %s in the file", name, got)
		}
	}
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

func TestAllowedFoldersAndRulesFollowTheSettings(t *testing.T) {
	opt := options(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "in.txt"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	args, _ := json.Marshal(map[string]string{"path": "in.txt", "local_path": filepath.Join(folder, "in.txt")})
	upload := func() string {
		return send(t, opt.Dirs, http.MethodPost, "/mcp", "", call("upload_file", string(args))).body
	}
	if got := upload(); !strings.Contains(got, "no folder of this computer is allowed") {
		t.Errorf("upload from anywhere = %s", got)
	}
	if _, err := h.Change(t.Context(), "allowed_folders", []string{folder}); err != nil {
		t.Fatal(err)
	}
	if got := upload(); strings.Contains(got, `"isError":true`) {
		t.Errorf("upload from an allowed folder = %s", got)
	}
	if _, err := h.Change(t.Context(), "clients.tester.tools", []string{"list_contexts"}); err != nil {
		t.Fatal(err)
	}
	if got := upload(); !strings.Contains(got, "clients.tester.tools") {
		t.Errorf("upload by a client that may not = %s", got)
	}
	h.see(t, "the rules of the client", func(d app.Desk) bool {
		return slices.ContainsFunc(d.Clients, func(c status.Client) bool { return slices.Equal(c.AllowedTools, []string{"list_contexts"}) })
	})
}

func TestSessionsAreReplacedAndEndedByTheirNumbers(t *testing.T) {
	h := start(t, options(t))
	first := h.wait(t, "the pool", ready).Sessions
	if err := h.ReplaceSession("mock", first[0].ID); err != nil {
		t.Errorf("ReplaceSession = %v", err)
	}
	if err := h.EndSession("mock", first[1].ID); err != nil {
		t.Errorf("EndSession = %v", err)
	}
	h.wait(t, "two other sessions", func(s status.Snapshot) bool {
		has := func(id uint64) bool {
			return slices.ContainsFunc(s.Sessions, func(x status.Session) bool { return x.ID == id })
		}
		return ready(s) && !has(first[0].ID) && !has(first[1].ID) && has(first[2].ID)
	})
	for name, err := range map[string]error{"replace": h.ReplaceSession("mock", first[0].ID), "end": h.EndSession("agentrun", first[2].ID)} {
		if err == nil || !strings.Contains(err.Error(), "any more") {
			t.Errorf("%s what is not there = %v", name, err)
		}
	}
}

func TestTokensAreMadeAndRevokedByHand(t *testing.T) {
	opt := options(t)
	opt.Listen = "127.0.0.1:0"
	h := start(t, opt)
	url := h.wait(t, "the pool", ready).Addresses.HTTP
	secret, err := h.MakeToken(t.Context(), "n8n")
	if err != nil || !strings.HasPrefix(secret, "art_") {
		t.Fatalf("MakeToken = %q, %v", secret, err)
	}
	list := call("list_contexts", "{}")
	if got := send(t, opt.Dirs, http.MethodPost, url, secret, list); got.code != http.StatusOK {
		t.Errorf("a call with the token = %d %s", got.code, got.body)
	}
	d := h.see(t, "the token", func(d app.Desk) bool { return len(d.Tokens) == 1 && d.Tokens[0].Calls == 1 })
	if text, _ := json.Marshal(d); strings.Contains(string(text), secret) {
		t.Error("the desk has the token in it")
	}
	if err := h.RevokeToken(t.Context(), "n8n"); err != nil {
		t.Errorf("RevokeToken = %v", err)
	}
	if got := send(t, opt.Dirs, http.MethodPost, url, secret, list); got.code != http.StatusUnauthorized {
		t.Errorf("a call with a revoked token = %d", got.code)
	}
	h.see(t, "the end of the token", func(d app.Desk) bool { return len(d.Tokens) == 0 })
	if err := h.RevokeToken(t.Context(), "n8n"); err == nil || !strings.Contains(err.Error(), "no token") {
		t.Errorf("RevokeToken again = %v", err)
	}
	if _, err := h.MakeToken(t.Context(), "a b"); err == nil || !strings.Contains(err.Error(), "cannot name a client") {
		t.Errorf("MakeToken for a bad name = %v", err)
	}
}

func TestASecondStartShowsTheWindowOfTheFirst(t *testing.T) {
	opt := options(t)
	headless := start(t, opt)
	headless.wait(t, "the pool", ready)
	got := send(t, opt.Dirs, http.MethodPost, "/window/show", "", "")
	var answer app.ChangeAnswer
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil || got.code != http.StatusConflict || !strings.Contains(answer.Error, "without a window") {
		t.Errorf("a headless host answers %d %s", got.code, got.body)
	}
	if err := headless.stop(); err != nil {
		t.Fatal(err)
	}
	shown := make(chan struct{}, 1)
	opt.ShowWindow = func() { shown <- struct{}{} }
	start(t, opt).wait(t, "the pool", ready)
	if got := send(t, opt.Dirs, http.MethodPost, "/window/show", "", ""); got.code != http.StatusNoContent || got.body != "" {
		t.Errorf("a host with a window answers %d %q", got.code, got.body)
	}
	select {
	case <-shown:
	default:
		t.Error("the window was not shown")
	}
}

func TestTheFirstStepsAreDoneOnce(t *testing.T) {
	opt := options(t)
	h := start(t, opt)
	h.wait(t, "the pool", ready) // a host that is ended before it is one says that
	if h.SetupFinished() {
		t.Error("a new installation has its first steps done")
	}
	for range 2 {
		if err := h.FinishSetup(); err != nil {
			t.Errorf("FinishSetup = %v", err)
		}
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if !start(t, opt).SetupFinished() {
		t.Error("the next host begins the first steps anew")
	}
}

// TestStoppingAContextIsNotTheRunThatItEnds: both are among the activity, each under an id of its own.
func TestStoppingAContextIsNotTheRunThatItEnds(t *testing.T) {
	opt := options(t)
	opt.Config.Backend, opt.Config.Pool.Warm = "local", 1
	h := start(t, opt)
	h.waitWithin(t, 3*time.Minute, "the engine", ready)
	id, err := h.RunCode(t.Context(), "", "python", "import time\nwhile True: time.sleep(0.01)")
	if err != nil {
		t.Fatal(err)
	}
	h.wait(t, "the run", func(s status.Snapshot) bool { return len(s.Contexts) == 1 && s.Contexts[0].RunID != "" })
	if err := h.StopContext(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	d := h.see(t, "both", func(d app.Desk) bool { return len(d.Calls) == 3 })
	if run, stop := d.Calls[1], d.Calls[2]; run.ID == stop.ID || run.ContextID != id || stop.ContextID != id {
		t.Errorf("the calls are %+v and %+v, want two of one context", run, stop)
	}
}

func TestASettingThatIsPutRightIsNoProblemAnyMore(t *testing.T) {
	opt := options(t)
	opt.Faults = []config.Fault{{Field: "pool.warm", Text: "1000 is too many"}, {Field: "theme", Text: "there is no theme pink"}}
	h := start(t, opt)
	h.wait(t, "the pool", ready)
	if _, err := h.Change(t.Context(), "pool.warm", 1); err != nil {
		t.Fatal(err)
	}
	if s := h.Snapshot(); len(s.Problems) != 1 || !strings.Contains(s.Problems[0].What, "theme") {
		t.Errorf("problems = %+v, want that with the theme alone", s.Problems)
	}
}

// TestTheEngineIsLoadedWhenTheProgramIsSeen, and the window says until then that it is about to be.
func TestTheEngineIsLoadedWhenTheProgramIsSeen(t *testing.T) {
	opt := options(t)
	opt.Config.Backend, opt.Config.Pool.Warm, opt.AwaitSight = "local", 1, true
	h := start(t, opt)
	s := h.wait(t, "the socket", func(s status.Snapshot) bool { return s.Addresses.Socket != "" })
	if s.Phase != status.Starting || s.Pool.Warm != 1 || len(s.Sessions) != 0 || s.Backend.Loading != nil {
		t.Errorf("before the program is seen the snapshot is %+v, want one that is starting, of which nothing is loaded yet", s)
	}
	h.Seen()
	h.wait(t, "the engine being loaded", func(s status.Snapshot) bool { return s.Pool.Starting == 1 && s.Backend.Loading != nil })
}

func TestAContextMadeByHandIsCalledAsTheButton(t *testing.T) {
	for _, language := range []string{"en", "zh"} {
		text, err := os.ReadFile(filepath.Join("../../assets/translations", language+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var words struct {
			Try string `json:"try"`
		}
		if err := json.Unmarshal(text, &words); err != nil || words.Try == "" {
			t.Fatalf("the button is called %q in %s, %v", words.Try, language, err)
		}
		opt := options(t)
		opt.Config.Language = language
		h := start(t, opt)
		h.wait(t, "the pool", ready)
		if _, err := h.NewContext(t.Context(), "python"); err != nil {
			t.Fatal(err)
		}
		d := h.see(t, "the context", func(d app.Desk) bool { return len(d.Contexts) == 1 })
		if got := d.Contexts[0].Name; got != words.Try {
			t.Errorf("in %s it is called %q, want %q", language, got, words.Try)
		}
	}
}
