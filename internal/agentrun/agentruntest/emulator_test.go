package agentruntest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// engine is shared by all tests.
var engine *localengine.Engine

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "agentruntest-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	engine, err = localengine.New(localengine.Options{CacheDir: dir, Parallel: 2})
	if err == nil {
		err = engine.Load(context.Background()) // with the race detector on a busy machine longer than a client waits for an answer
	}
	if err != nil {
		panic(err)
	}
	code = m.Run()
	if left := len(engine.Stats().Instances); left != 0 {
		fmt.Fprintf(os.Stderr, "%d instances are left\n", left)
		code = 1
	}
	if err := engine.Close(context.Background()); err != nil {
		panic(err)
	}
	// net/http keeps a connection for half a second after it has refused the rest of a request.
	if err := goleak.Find(goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

func start(t *testing.T, options agentruntest.Options) *agentruntest.Server {
	t.Helper()
	options.Engine = engine
	return agentruntest.Start(t, options)
}

// clientOf makes a client of an emulator; change may spoil its configuration.
func clientOf(t *testing.T, s *agentruntest.Server, change func(*agentrun.Config)) *agentrun.Client {
	t.Helper()
	endpoint, err := agentrun.ParseEndpoint(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := agentrun.Config{
		ControlEndpoint: endpoint, DataEndpoint: endpoint, AccountID: agentruntest.AccountID, Region: agentruntest.Region,
		Credentials: agentrun.Static(agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: agentruntest.AccessKeySecret}),
	}
	if change != nil {
		change(&config)
	}
	c, err := agentrun.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var spec = agentrun.TemplateSpec{
	Name: "agentrun-tray", Type: agentrun.CodeInterpreter, CPU: 2, Memory: 2048, IdleTimeout: 3600,
	Network: &agentrun.Network{Mode: agentrun.NetworkPublic}, Environment: map[string]string{"TZ": "Asia/Shanghai"},
}

// open makes a template and a sandbox.
func open(t *testing.T, c *agentrun.Client) string {
	t.Helper()
	if _, err := c.CreateTemplate(t.Context(), spec); err != nil && agentrun.KindOf(err) != agentrun.KindExists {
		t.Fatal(err)
	}
	sandbox, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: spec.Name, IdleTimeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return sandbox.ID
}

func newContext(t *testing.T, c *agentrun.Client, sandbox string, language agentrun.Language, cwd string) string {
	t.Helper()
	cc, err := c.CreateContext(t.Context(), sandbox, language, cwd)
	if err != nil {
		t.Fatal(err)
	}
	return cc.ID
}

func execute(t *testing.T, c *agentrun.Client, sandbox, cc, code string) agentrun.Result {
	t.Helper()
	result, err := c.Execute(t.Context(), sandbox, agentrun.Execution{Code: code, ContextID: cc})
	if err != nil {
		t.Fatalf("Execute(%s): %v", code, err)
	}
	return result
}

func await(t *testing.T, s *agentruntest.Server, operation string, times int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Await(ctx, operation, times); err != nil {
		t.Fatal(err)
	}
}

// value is the text of a run's only value.
func value(r agentrun.Result) string {
	if values := r.Values(); len(values) == 1 {
		return values[0]["text/plain"]
	}
	return fmt.Sprint(r.Items)
}

func command(t *testing.T, c *agentrun.Client, sandbox, line string) agentrun.Command {
	t.Helper()
	done, err := c.RunCommand(t.Context(), sandbox, agentrun.CommandSpec{Command: line})
	if err != nil {
		t.Fatalf("RunCommand(%s): %v", line, err)
	}
	return done
}

// TestConversation goes the whole way in every shape and by both planes.
func TestConversation(t *testing.T) {
	for _, shape := range agentruntest.Shapes() {
		for _, plane := range []agentrun.Plane{agentrun.Control, agentrun.Data} {
			t.Run(shape.Name+" by the "+string(plane)+" plane", func(t *testing.T) {
				s := start(t, agentruntest.Options{Shape: shape.Shape, TemplateDelay: 10 * time.Second, SandboxDelay: 5 * time.Second, HealthDelay: 2 * time.Second})
				converse(t, s, clientOf(t, s, func(c *agentrun.Config) { c.Lifecycle = plane }))
			})
		}
	}
}

func converse(t *testing.T, s *agentruntest.Server, c *agentrun.Client) {
	ctx := t.Context()
	if _, err := c.GetTemplate(ctx, spec.Name); agentrun.KindOf(err) != agentrun.KindTemplateNotFound {
		t.Fatalf("GetTemplate before there is one = %v, want %s", err, agentrun.KindTemplateNotFound)
	}
	made, err := c.CreateTemplate(ctx, spec)
	if err != nil || !made.Status.Is(agentrun.StatusCreating) || made.CPU != 2 || made.Memory != 2048 || made.IdleTimeout != 3600 || made.Environment["TZ"] != "Asia/Shanghai" {
		t.Fatalf("CreateTemplate = %+v, %v", made, err)
	}
	if made.CreatedAt.IsZero() || time.Since(made.CreatedAt.Time).Abs() > time.Minute {
		t.Errorf("the template was made at %s", made.CreatedAt)
	}
	if _, err := c.CreateTemplate(ctx, spec); agentrun.KindOf(err) != agentrun.KindExists {
		t.Errorf("CreateTemplate once more = %v, want %s", err, agentrun.KindExists)
	}
	if _, err := c.CreateSandbox(ctx, agentrun.SandboxSpec{Template: spec.Name}); agentrun.KindOf(err) != agentrun.KindConflict {
		t.Errorf("CreateSandbox too early = %v, want %s", err, agentrun.KindConflict)
	}
	s.Advance(10 * time.Second)
	if found, err := c.GetTemplate(ctx, spec.Name); err != nil || !found.Status.Ready() {
		t.Fatalf("GetTemplate = %+v, %v, want it READY", found, err)
	}

	sandbox, err := c.CreateSandbox(ctx, agentrun.SandboxSpec{Template: spec.Name, IdleTimeout: 30 * time.Minute})
	if err != nil || sandbox.ID == "" || !sandbox.Status.Is(agentrun.StatusCreating) || sandbox.IdleTimeout() != 30*time.Minute {
		t.Fatalf("CreateSandbox = %+v, %v", sandbox, err)
	}
	id := sandbox.ID
	if _, err := c.Health(ctx, id); agentrun.KindOf(err) != agentrun.KindStarting {
		t.Errorf("Health while CREATING = %v, want %s", err, agentrun.KindStarting)
	}
	s.Advance(5 * time.Second)
	if health, err := c.Health(ctx, id); err != nil && agentrun.KindOf(err) != agentrun.KindFailed || health.OK() {
		t.Errorf("Health while starting = %+v, %v, want it not well yet", health, err)
	}
	s.Advance(2 * time.Second)
	if health, err := c.Health(ctx, id); err != nil || !health.OK() {
		t.Fatalf("Health = %+v, %v, want it well", health, err)
	}
	if found, err := c.GetSandbox(ctx, id); err != nil || !found.Status.Ready() || found.TemplateName != spec.Name {
		t.Errorf("GetSandbox = %+v, %v", found, err)
	}

	cc := newContext(t, c, id, agentrun.Python, "")
	execute(t, c, id, cc, "x = 41")
	if r := execute(t, c, id, cc, "print('a'); print('b'); x + 1"); r.Stdout() != "a\nb" || value(r) != "42" || r.Outcome() != agentrun.OutcomeOK || r.ContextID != cc {
		t.Errorf("the run gave %+v, want a, b and 42", r)
	}
	if r := execute(t, c, id, cc, "import sys; print('careful', file=sys.stderr)"); r.Stderr() != "careful" || len(r.Values()) != 0 || r.Outcome() != agentrun.OutcomeOK {
		t.Errorf("a warning gave %+v", r)
	}
	r := execute(t, c, id, cc, "print('before')\n1/0")
	if e := r.Error(); r.Outcome() != agentrun.OutcomeError || e == nil || e.Name != "ZeroDivisionError" || e.Message != "division by zero" || !strings.Contains(e.Traceback, "line 2") || r.Stdout() != "before" {
		t.Errorf("an error gave %+v, %+v", r, e)
	}
	js := newContext(t, c, id, agentrun.JavaScript, "")
	execute(t, c, id, js, "let y = 20")
	if r := execute(t, c, id, js, "console.log('hi'); y * 2 + 2"); r.Stdout() != "hi" || value(r) != "42" {
		t.Errorf("JavaScript gave %+v, want 42", r)
	}
	if r, err := c.Execute(ctx, id, agentrun.Execution{Code: "print(1 + 1)", Language: agentrun.Python}); err != nil || r.Stdout() != "2" || !strings.HasPrefix(r.ContextID, "kernel-") {
		t.Errorf("a run without a context gave %+v, %v", r, err)
	}
	listed, err := c.ListContexts(ctx, id)
	if err != nil || len(listed) != 2 || listed[0].ID != cc || listed[1].Language != agentrun.JavaScript || listed[0].Cwd != agentrun.HomeFolder {
		t.Errorf("ListContexts = %+v, %v, want the two", listed, err)
	}
	if found, err := c.GetContext(ctx, id, js); err != nil || found.ID != js {
		t.Errorf("GetContext = %+v, %v", found, err)
	}

	files(t, c, id, cc, js)

	if done := command(t, c, id, "cat notes.txt && ls"); !done.OK() || !strings.Contains(done.Result.Stdout, "notes.txt") {
		t.Errorf("the command gave %+v", done)
	}
	if found, err := c.ListProcesses(ctx, id); err != nil || len(found) != 0 {
		t.Errorf("ListProcesses = %+v, %v, want none", found, err)
	}

	if err := c.DeleteContext(ctx, id, js); err != nil {
		t.Errorf("DeleteContext = %v", err)
	}
	if err := c.DeleteContext(ctx, id, js); agentrun.KindOf(err) != agentrun.KindContextNotFound {
		t.Errorf("DeleteContext again = %v, want %s", err, agentrun.KindContextNotFound)
	}
	if _, err := c.Execute(ctx, id, agentrun.Execution{Code: "1", ContextID: js}); agentrun.KindOf(err) != agentrun.KindContextNotFound {
		t.Errorf("Execute in a context that is gone = %v, want %s", err, agentrun.KindContextNotFound)
	}
	if before, err := c.DeleteSandbox(ctx, id); err != nil || before.ID != id {
		t.Errorf("DeleteSandbox = %+v, %v", before, err)
	}
	if again, err := c.DeleteSandbox(ctx, id); err != nil || !again.Status.Ended() {
		t.Errorf("DeleteSandbox again = %+v, %v, want a success", again, err)
	}
	if _, err := c.Execute(ctx, id, agentrun.Execution{Code: "x", ContextID: cc}); agentrun.KindOf(err) != agentrun.KindSandboxGone {
		t.Errorf("Execute in a sandbox that is gone = %v, want %s", err, agentrun.KindSandboxGone)
	}
	if left := s.Sandboxes(); len(left) != 0 {
		t.Errorf("%q live on", left)
	}
	if deleted, err := c.DeleteTemplate(ctx, spec.Name); err != nil || !deleted.Status.Is(agentrun.StatusDeleting) {
		t.Errorf("DeleteTemplate = %+v, %v", deleted, err)
	}
	s.Advance(10 * time.Second)
	if _, err := c.GetTemplate(ctx, spec.Name); agentrun.KindOf(err) != agentrun.KindTemplateNotFound {
		t.Errorf("GetTemplate at the end = %v, want %s", err, agentrun.KindTemplateNotFound)
	}
}

// inner begins the paths of one of the shapes.
const inner = "/tmp/code-interpreter-sandbox"

// files moves files by the API, and between it and code.
func files(t *testing.T, c *agentrun.Client, id, cc, js string) {
	t.Helper()
	ctx := t.Context()
	if written, err := c.WriteFile(ctx, id, "/home/user/notes.txt", "Hello\n你好"); err != nil || written.Size != 12 {
		t.Fatalf("WriteFile = %+v, %v", written, err)
	}
	if file, err := c.ReadFile(ctx, id, "/home/user/notes.txt"); err != nil || file.Content != "Hello\n你好" || file.Size != 12 || file.Mode != 0o644 || file.Name != "notes.txt" {
		t.Errorf("ReadFile = %+v, %v", file, err)
	}
	if r := execute(t, c, id, cc, "open('notes.txt', encoding='utf-8').read()"); value(r) != `'Hello\n你好'` {
		t.Errorf("Python read %+v", r)
	}
	execute(t, c, id, cc, "import os\nos.makedirs('out/deep')\nwith open('out/deep/raw.bin', 'wb') as f: f.write(bytes(range(256)))\nos.remove('notes.txt')\nopen('notes.txt', 'w').write('new')\nNone")
	if r := execute(t, c, id, js, "require('fs').readFileSync('notes.txt', 'utf8')"); !strings.Contains(value(r), "new") {
		t.Errorf("JavaScript read %+v, want what Python wrote", r)
	}
	if file, err := c.ReadFile(ctx, id, "/home/user/out/deep/raw.bin"); err != nil || file.Encoding != "base64" {
		t.Errorf("ReadFile of bytes = %+v, %v", file, err)
	} else if b, err := file.Bytes(); err != nil || len(b) != 256 || b[255] != 255 {
		t.Errorf("the bytes are %v, %v", b, err)
	}
	folder, err := c.ListFolder(ctx, id, "/home/user", 3)
	var names []string
	for _, e := range folder.Entries {
		names = append(names, strings.TrimPrefix(e.Path, inner))
	}
	if want := []string{"/home/user/notes.txt", "/home/user/out", "/home/user/out/deep", "/home/user/out/deep/raw.bin"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("ListFolder = %q, %v, want %q", names, err, want)
	}
	if folder, err := c.ListFolder(ctx, id, "", 0); err != nil || len(folder.Entries) != 2 {
		t.Errorf("ListFolder without a depth = %+v, %v, want two entries", folder, err)
	}
	if _, err := c.MakeFolder(ctx, id, "/home/user/new/folder"); err != nil {
		t.Error(err)
	}
	if e, err := c.MakeFolder(ctx, id, "/home/user/new/folder"); err != nil || !e.IsFolder() {
		t.Errorf("MakeFolder again = %+v, %v", e, err)
	}
	for range 2 { // once more comes to the same
		if e, err := c.Move(ctx, id, "/home/user/out/deep/raw.bin", "/home/user/new/moved.bin"); err != nil || strings.TrimPrefix(e.Path, inner) != "/home/user/new/moved.bin" || e.Size != 256 {
			t.Errorf("Move = %+v, %v", e, err)
		}
		if _, err := c.Remove(ctx, id, "/home/user/out"); err != nil {
			t.Errorf("Remove = %v", err)
		}
	}
	if r := execute(t, c, id, cc, "os.path.exists('out'), os.path.getsize('new/moved.bin')"); value(r) != "(False, 256)" {
		t.Errorf("Python sees %+v", r)
	}
	if _, err := c.Stat(ctx, id, "/home/user/out"); agentrun.KindOf(err) != agentrun.KindFileNotFound {
		t.Errorf("Stat of nothing = %v, want %s", err, agentrun.KindFileNotFound)
	}
	content := bytes.Repeat([]byte("0123456789\xff"), 100000)
	if written, err := c.Upload(ctx, id, agentrun.UploadSpec{Path: "/home/user/data/big \"1\".bin", Content: bytes.NewReader(content), Size: int64(len(content))}); err != nil || int(written.Size) != len(content) {
		t.Fatalf("Upload = %+v, %v", written, err)
	}
	if r := execute(t, c, id, cc, `os.path.getsize('data/big "1".bin')`); value(r) != fmt.Sprint(len(content)) {
		t.Errorf("Python sees %+v of the upload", r)
	}
	file, err := c.Download(ctx, id, "/home/user/data/big \"1\".bin")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, content) || file.Size != int64(len(content)) || file.Name != `big "1".bin` {
		t.Errorf("the download of %q gave %d bytes and %v", file.Name, len(got), err)
	}
	if _, err := c.Upload(ctx, id, agentrun.UploadSpec{Path: "/home/user/unknown.bin", Content: strings.NewReader("abc"), Size: -1}); err != nil {
		t.Errorf("an upload of unknown size = %v", err)
	}
	for _, outside := range []string{"/etc/passwd", "/home/user/../other", "/"} {
		if _, err := c.ReadFile(ctx, id, outside); agentrun.KindOf(err) != agentrun.KindNoPermission {
			t.Errorf("ReadFile(%s) = %v, want %s", outside, err, agentrun.KindNoPermission)
		}
	}
	if _, err := c.WriteFile(ctx, id, "/home/user/.hidden.txt", ""); agentrun.KindOf(err) != agentrun.KindInvalid {
		t.Errorf("WriteFile of a hidden file = %v, want a refusal", err)
	}
}

func TestPicturesComeAsForms(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	cc := newContext(t, c, id, agentrun.Python, "")
	r := execute(t, c, id, cc, "class P:\n  def _repr_png_(self): return bytes([137, 80, 78, 71])\nP()")
	if values := r.Values(); len(values) != 1 || values[0]["image/png"] != "iVBORw==" || values[0]["text/plain"] == "" {
		t.Errorf("a picture gave %+v", r)
	}
}

func TestContextsWorkInTheirFolders(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	a, b := newContext(t, c, id, agentrun.Python, "/home/user/a"), newContext(t, c, id, agentrun.JavaScript, "/home/user/b")
	execute(t, c, id, a, "open('f.txt', 'w').write('from a')")
	execute(t, c, id, b, "require('fs').writeFileSync('f.txt', 'from b')")
	for _, name := range []string{"a", "b"} {
		if file, err := c.ReadFile(t.Context(), id, "/home/user/"+name+"/f.txt"); err != nil || file.Content != "from "+name {
			t.Errorf("%s wrote %+v, %v", name, file, err)
		}
	}
	if _, err := c.CreateContext(t.Context(), id, agentrun.Python, "/elsewhere"); agentrun.KindOf(err) != agentrun.KindNoPermission {
		t.Errorf("a context outside = %v, want %s", err, agentrun.KindNoPermission)
	}
	if _, err := c.CreateContext(t.Context(), id, "cobol", ""); agentrun.KindOf(err) != agentrun.KindInvalid {
		t.Errorf("a context in COBOL = %v, want %s", err, agentrun.KindInvalid)
	}
}

func TestTimeoutsAreResults(t *testing.T) {
	for _, shape := range agentruntest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			s := start(t, agentruntest.Options{Shape: shape.Shape})
			c := clientOf(t, s, nil)
			id := open(t, c)
			cc := newContext(t, c, id, agentrun.Python, "")
			r, err := c.Execute(t.Context(), id, agentrun.Execution{Code: "x = 1\nprint('on')\nwhile True: pass", ContextID: cc, Timeout: time.Second})
			if err != nil || r.Outcome() != agentrun.OutcomeTimeout || r.Stdout() != "on" {
				t.Fatalf("Execute = %+v, %v, want a timeout", r, err)
			}
			r, err = c.Execute(t.Context(), id, agentrun.Execution{Code: "x", ContextID: cc})
			if shape.Shape.TimeoutEndsContext {
				if agentrun.KindOf(err) != agentrun.KindContextNotFound {
					t.Errorf("the context after it = %+v, %v, want it gone", r, err)
				}
			} else if err != nil || value(r) != "1" {
				t.Errorf("the context after it = %+v, %v, want 1", r, err)
			}
		})
	}
}

func TestAnInterpreterThatDiesIsReplacedWithItsFiles(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	cc := newContext(t, c, id, agentrun.Python, "")
	execute(t, c, id, cc, "open('kept.txt', 'w').write('kept'); y = 1")
	if r := execute(t, c, id, cc, "import os\nos._exit(3)"); r.Outcome() != agentrun.OutcomeError || r.Error().Name != "KernelDied" {
		t.Errorf("the end of an interpreter gave %+v", r)
	}
	if r := execute(t, c, id, cc, "open('kept.txt').read(), 'y' in globals()"); value(r) != "('kept', False)" {
		t.Errorf("after it %+v, want the file and no variable", r)
	}
}

func TestCodeGoesOnWhenItsClientLeaves(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	cc := newContext(t, c, id, agentrun.Python, "")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := c.Execute(ctx, id, agentrun.Execution{Code: "import time\ntime.sleep(0.5)\nz = 'done'", ContextID: cc})
		ended <- err
	}()
	await(t, s, "Execute", 1)
	cancel()
	err := <-ended
	failed, ok := errors.AsType[*agentrun.APIError](err)
	if !ok || failed.Kind != agentrun.KindCanceled || !failed.Uncertain || !errors.Is(err, context.Canceled) {
		t.Fatalf("Execute = %#v, want it given up and uncertain", err)
	}
	// Each look waits for its turn. The first may have had it before the code that was given up: a request that is recorded is not in
	// the kernel's line yet.
	deadline := time.Now().Add(time.Minute)
	for r := execute(t, c, id, cc, "z"); value(r) != "'done'"; r = execute(t, c, id, cc, "z") {
		if time.Now().After(deadline) {
			t.Fatalf("z is %+v, want that the code went on", r)
		}
	}
}

func TestSandboxesEndByThemselves(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	cc := newContext(t, c, id, agentrun.Python, "")
	s.Advance(59 * time.Minute)
	execute(t, c, id, cc, "1") // begins the hour anew
	s.Advance(59 * time.Minute)
	if _, err := c.Health(t.Context(), id); err != nil {
		t.Fatalf("Health after 59 idle minutes = %v", err)
	}
	s.Advance(time.Hour)
	if _, err := c.Health(t.Context(), id); agentrun.KindOf(err) != agentrun.KindSandboxGone {
		t.Errorf("Health after an idle hour = %v, want %s", err, agentrun.KindSandboxGone)
	}
	if found, err := c.GetSandbox(t.Context(), id); err != nil || !found.Status.Ended() || found.EndedAt.IsZero() {
		t.Errorf("GetSandbox = %+v, %v, want it TERMINATED", found, err)
	}
	long := open(t, c)
	for range 11 {
		s.Advance(30 * time.Minute)
		if _, err := c.Health(t.Context(), long); err != nil {
			t.Fatal(err)
		}
	}
	s.Advance(30 * time.Minute)
	if _, err := c.Health(t.Context(), long); agentrun.KindOf(err) != agentrun.KindSandboxGone {
		t.Errorf("Health after six busy hours = %v, want %s", err, agentrun.KindSandboxGone)
	}
	paused := open(t, c)
	if p, err := c.PauseSandbox(t.Context(), paused); err != nil || !p.Status.Is(agentrun.StatusPaused) {
		t.Errorf("PauseSandbox = %+v, %v", p, err)
	}
	s.Advance(2 * time.Hour)
	if _, err := c.Health(t.Context(), paused); agentrun.KindOf(err) != agentrun.KindConflict {
		t.Errorf("Health while paused = %v, want %s", err, agentrun.KindConflict)
	}
	if p, err := c.ResumeSandbox(t.Context(), paused); err != nil || !p.Status.Ready() {
		t.Errorf("ResumeSandbox = %+v, %v", p, err)
	}
	if p, err := c.StopSandbox(t.Context(), paused); err != nil || !p.Status.Ended() {
		t.Errorf("StopSandbox = %+v, %v", p, err)
	}
	if p, err := c.StopSandbox(t.Context(), paused); err != nil || !p.Status.Ended() {
		t.Errorf("StopSandbox again = %+v, %v", p, err)
	}
	// What has ended is listed, and by the data plane not found.
	var listed []string
	for sandbox, err := range c.Sandboxes(t.Context(), agentrun.SandboxQuery{MaxResults: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, sandbox.ID)
	}
	if want := []string{id, long, paused}; !slices.Equal(listed, want) {
		t.Errorf("Sandboxes gives %q, want %q", listed, want)
	}
}

func TestASandboxThatEndsTakesItsRunsAlong(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	cc := newContext(t, c, id, agentrun.Python, "")
	running := make(chan error, 2)
	go func() {
		_, err := c.Execute(t.Context(), id, agentrun.Execution{Code: "import time\ntime.sleep(20)", ContextID: cc})
		running <- err
	}()
	go func() {
		_, err := c.RunCommand(t.Context(), id, agentrun.CommandSpec{Command: "sleep 20"})
		running <- err
	}()
	await(t, s, "Execute", 1)
	await(t, s, "RunCommand", 1)
	if !s.EndSandbox(id) || s.EndSandbox(id) {
		t.Error("EndSandbox does not say whether there was something to end")
	}
	for range 2 {
		if err := <-running; agentrun.KindOf(err) != agentrun.KindSandboxGone {
			t.Errorf("what ran ended with %v, want %s", err, agentrun.KindSandboxGone)
		}
	}
}

func TestTemplates(t *testing.T) {
	s := start(t, agentruntest.Options{TemplateDelay: time.Minute})
	c := clientOf(t, s, nil)
	s.FailNextTemplate("image pull failed")
	if _, err := c.CreateTemplate(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Minute)
	if found, err := c.GetTemplate(t.Context(), spec.Name); err != nil || !found.Status.Failed() || found.StatusReason != "image pull failed" {
		t.Errorf("GetTemplate = %+v, %v, want a failure with its reason", found, err)
	}
	other := spec
	other.Name, other.Type = "browser", agentrun.Browser
	if _, err := c.CreateTemplate(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	s.Advance(time.Minute)
	if changed, err := c.UpdateTemplate(t.Context(), "browser", "token", agentrun.TemplateSpec{CPU: 4, Memory: 8192}); err != nil || !changed.Status.Is(agentrun.StatusUpdating) || changed.CPU != 4 {
		t.Errorf("UpdateTemplate = %+v, %v", changed, err)
	}
	if _, err := c.UpdateTemplate(t.Context(), "browser", "", agentrun.TemplateSpec{CPU: 4}); agentrun.KindOf(err) != agentrun.KindConflict {
		t.Errorf("UpdateTemplate meanwhile = %v, want %s", err, agentrun.KindConflict)
	}
	if page, err := c.ListTemplates(t.Context(), agentrun.TemplateQuery{Type: agentrun.Browser}); err != nil || page.Total != 1 || page.Items[0].Name != "browser" {
		t.Errorf("ListTemplates = %+v, %v", page, err)
	}
	if page, err := c.ListTemplates(t.Context(), agentrun.TemplateQuery{PageNumber: 2, PageSize: 1}); err != nil || page.Total != 2 || len(page.Items) != 1 {
		t.Errorf("the second page = %+v, %v", page, err)
	}
	for name, spoil := range map[string]func(*agentrun.TemplateSpec){
		"too little memory": func(s *agentrun.TemplateSpec) { s.Memory = 1024 }, "too few cores": func(s *agentrun.TemplateSpec) { s.CPU = 1 },
		"no network": func(s *agentrun.TemplateSpec) { s.Network = nil }, "no name": func(s *agentrun.TemplateSpec) { s.Name = "" },
		"a type of its own": func(s *agentrun.TemplateSpec) { s.Type = "Toaster" },
	} {
		bad := spec
		bad.Name = "other"
		spoil(&bad)
		if _, err := c.CreateTemplate(t.Context(), bad); agentrun.KindOf(err) != agentrun.KindInvalid {
			t.Errorf("a template with %s = %v, want %s", name, err, agentrun.KindInvalid)
		}
	}
	if _, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: "nowhere"}); agentrun.KindOf(err) != agentrun.KindTemplateNotFound {
		t.Errorf("a sandbox of nothing = %v, want %s", err, agentrun.KindTemplateNotFound)
	}
}

func TestTheQuotaOfSandboxes(t *testing.T) {
	s := start(t, agentruntest.Options{MaxSandboxes: 2})
	c := clientOf(t, s, nil)
	first := open(t, c)
	open(t, c)
	if _, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: spec.Name}); agentrun.KindOf(err) != agentrun.KindQuota {
		t.Errorf("one too many = %v, want %s", err, agentrun.KindQuota)
	}
	if _, err := c.DeleteSandbox(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if made, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: spec.Name, ID: "my-own_id"}); err != nil || made.ID != "my-own_id" {
		t.Errorf("after one went %+v, %v", made, err)
	}
}

func TestLargeUploadsAreRefused(t *testing.T) {
	s := start(t, agentruntest.Options{Unverified: true})
	c := clientOf(t, s, nil)
	id := open(t, c)
	head := "--b\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/home/user/f\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
	for extra, want := range map[int64]int{0: http.StatusOK, 1: http.StatusRequestEntityTooLarge} {
		body := io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, agentrun.MaxUpload+extra), strings.NewReader("\r\n--b--\r\n"))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/sandboxes/"+id+"/filesystem/upload", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("an upload of 100 MB and %d bytes is answered %d, want %d", extra, resp.StatusCode, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRequestsAreRecordedWithoutSecrets(t *testing.T) {
	const secret, token, apiKey = "aSecretOfThisTest", "aTokenOfThisTest", "aKeyOfThisTest"
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	s := start(t, agentruntest.Options{AccessKeySecret: secret, SecurityToken: token, APIKey: apiKey, Logger: logger})
	signed := clientOf(t, s, func(c *agentrun.Config) {
		c.Credentials = agentrun.Static(agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: secret, SecurityToken: token})
	})
	id := open(t, signed)
	cc := newContext(t, signed, id, agentrun.Python, "")
	execute(t, signed, id, cc, "6 * 7")
	byKey := clientOf(t, s, func(c *agentrun.Config) { c.Credentials = agentrun.Static(agentrun.Credentials{APIKey: apiKey}) })
	if health, err := byKey.Health(t.Context(), id); err != nil || !health.OK() {
		t.Errorf("Health by API key = %+v, %v", health, err)
	}
	requests := s.Requests()
	if len(requests) != 5 || s.Count("Execute") != 1 {
		t.Fatalf("%d requests are recorded, want 5", len(requests))
	}
	run := requests[3]
	if run.Operation != "Execute" || run.Plane != "data" || run.Method != "POST" || run.URI != "/sandboxes/"+id+"/contexts/execute" || run.Status != 200 || !bytes.Contains(run.Body, []byte(`"6 * 7"`)) || run.Header.Get("X-Acs-Date") == "" {
		t.Errorf("the run is recorded as %+v", run)
	}
	if err := s.Close(t.Context()); err != nil { // then nobody writes into the log
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "emulated request"); n != len(requests) {
		t.Errorf("the log has %d lines, want one for each of %d requests", n, len(requests))
	}
	shown := fmt.Sprintf("%+v", requests) + log.String()
	for _, hidden := range []string{secret, token, apiKey, "Signature="} {
		if strings.Contains(shown, hidden) {
			t.Errorf("%q is in the records", hidden)
		}
	}
}

func TestAnEmulatorListensOnThisComputerOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "example.com:80", "127.0.0.1"} {
		if s, err := agentruntest.Listen(t.Context(), address, agentruntest.Options{Engine: engine, ScratchDir: t.TempDir()}); err == nil {
			t.Errorf("it listens on %s", address)
			_ = s.Close(t.Context())
		}
	}
	s := start(t, agentruntest.Options{SecurityToken: "t"})
	got := map[string]string{}
	for _, v := range s.Environment() {
		got[v.Name] = v.Value
	}
	if got["AGENTRUN_ACCESS_KEY_ID"] != agentruntest.AccessKeyID || got["AGENTRUN_DATA_ENDPOINT"] != s.URL || got["AGENTRUN_SECURITY_TOKEN"] != "t" || len(got) != 7 {
		t.Errorf("the environment is %v", got)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	s, err := agentruntest.Listen(t.Context(), "127.0.0.1:0", agentruntest.Options{Engine: engine, ScratchDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf(t, s, nil)
	id := open(t, c)
	cc := newContext(t, c, id, agentrun.Python, "")
	execute(t, c, id, cc, "open('f', 'w').write('x')")
	command(t, c, id, "sleep 20 & echo $!")
	ended := make(chan error, 1)
	go func() {
		_, err := c.Execute(context.Background(), id, agentrun.Execution{Code: "while True: pass", ContextID: cc})
		ended <- err
	}()
	await(t, s, "Execute", 2)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a run outlived the emulator")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 0 {
		t.Errorf("%q is left", left)
	}
}
