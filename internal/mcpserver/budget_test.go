package mcpserver

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// mute is a session that gives no answer any more once it was told to be silent, until its caller gives up.
type mute struct {
	sandbox.Session
	silent *atomic.Bool
}

// wait reports whether nothing is answered, which takes as long as the caller has patience.
func (m mute) wait(ctx context.Context) bool {
	if !m.silent.Load() {
		return false
	}
	<-ctx.Done()
	return true
}

func (m mute) CreateContext(ctx context.Context, language sandbox.Language) (sandbox.CodeContext, error) {
	if m.wait(ctx) {
		return sandbox.CodeContext{}, ctx.Err()
	}
	return m.Session.CreateContext(ctx, language)
}

func (m mute) StopContext(ctx context.Context, cc string) error {
	if m.wait(ctx) {
		return ctx.Err()
	}
	return m.Session.StopContext(ctx, cc)
}

func (m mute) ListFiles(ctx context.Context, cc, folder string, depth int) ([]sandbox.File, error) {
	if m.wait(ctx) {
		return nil, ctx.Err()
	}
	return m.Session.ListFiles(ctx, cc, folder, depth)
}

func (m mute) ReadFile(ctx context.Context, cc, path string) (io.ReadCloser, sandbox.File, error) {
	if path == "slow.bin" {
		return io.NopCloser(until{ctx}), sandbox.File{Path: path, Size: 100}, nil
	}
	if m.wait(ctx) {
		return nil, sandbox.File{}, ctx.Err()
	}
	return m.Session.ReadFile(ctx, cc, path)
}

// until is a file of which nothing comes.
type until struct{ ctx context.Context }

func (u until) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, u.ctx.Err()
}

func (m mute) WriteFile(ctx context.Context, cc, path string, content io.Reader) (sandbox.File, error) {
	if m.wait(ctx) {
		return sandbox.File{}, ctx.Err()
	}
	return m.Session.WriteFile(ctx, cc, path, content)
}

func (m mute) shell() sandbox.Shell { return m.Session.(sandbox.Shell) }

func (m mute) RunCommand(ctx context.Context, cc string, command sandbox.Command) (sandbox.CommandResult, error) {
	if m.wait(ctx) {
		return sandbox.CommandResult{}, ctx.Err()
	}
	return m.shell().RunCommand(ctx, cc, command)
}

func (m mute) StartProcess(ctx context.Context, cc string, command sandbox.Command) (sandbox.Process, error) {
	if m.wait(ctx) {
		return sandbox.Process{}, ctx.Err()
	}
	return m.shell().StartProcess(ctx, cc, command)
}

func (m mute) LookAtProcess(ctx context.Context, cc, id string, patience time.Duration) (sandbox.Process, error) {
	if m.wait(ctx) {
		return sandbox.Process{}, ctx.Err()
	}
	return m.shell().LookAtProcess(ctx, cc, id, patience)
}

func (m mute) ListProcesses(ctx context.Context, cc string) ([]sandbox.Process, error) {
	return m.shell().ListProcesses(ctx, cc)
}

func (m mute) StopProcess(ctx context.Context, cc, id string) (sandbox.Process, error) {
	if m.wait(ctx) {
		return sandbox.Process{}, ctx.Err()
	}
	return m.shell().StopProcess(ctx, cc, id)
}

// TestNoCallOutlastsThePatienceOfEditors has the sandboxes give no answer any more. Every call is answered with a sentence before the
// minute is over after which editors give up.
func TestNoCallOutlastsThePatienceOfEditors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent atomic.Bool
		b := startBubbleOver(t, shellFake, Options{}, func(s sandbox.Session) sandbox.Session { return mute{s, &silent} })
		cc := b.do(t, "run_code", `{"code":"set x 1"}`).ContextID
		body, hs := b.call(modern, "run_command", `{"command":"sleep 1h","background":true}`)
		_, after, _ := strings.Cut(b.post(t.Context(), body, hs).body, `"process_id":"`)
		process, _, _ := strings.Cut(after, `"`)
		silent.Store(true)
		for _, call := range []struct{ tool, args, code, words string }{
			{"create_context", `{"name":"a"}`, "SERVER_NOT_READY", "did not make the context within 50 s"},
			{"list_files", `{}`, "TIMEOUT", "nothing was changed"},
			{"upload_file", `{"path":"f","content":"x"}`, "TIMEOUT", "look with list_files"},
			{"download_file", `{"path":"f"}`, "TIMEOUT", "nothing was changed"},
			{"download_file", `{"path":"slow.bin"}`, "TIMEOUT", "fetch the parts"},
			{"run_command", `{"command":"print x"}`, "TIMEOUT", "was not sent again"},
			{"run_command", `{"command":"print x","background":true}`, "TIMEOUT", "was not sent again"},
			{"get_process", fmt.Sprintf(`{"process_id":%q}`, process), "TIMEOUT", "the process is not concerned"},
			{"stop_process", fmt.Sprintf(`{"process_id":%q}`, process), "TIMEOUT", "get_process tells"},
			{"stop_context", fmt.Sprintf(`{"context_id":%q}`, cc), "STOP_FAILED", "did not confirm"},
		} {
			began := time.Now()
			r := b.do(t, call.tool, call.args)
			if r.failed == nil || string(r.failed.Code) != call.code || !strings.Contains(r.failed.Error, call.words) {
				t.Errorf("%s(%s) = %+v, want %s and %q", call.tool, call.args, r.failed, call.code, call.words)
			}
			if took := time.Since(began); took > 55*time.Second {
				t.Errorf("%s took %s", call.tool, took)
			}
		}
		silent.Store(false)
	})
}
