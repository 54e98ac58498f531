package interpreter_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// mute is a session of which one plane is dead: nothing that is asked of it gets an answer before its caller gives up.
type mute struct {
	sandbox.Session
	makes bool // contexts, still
}

func (m mute) CreateContext(ctx context.Context, language sandbox.Language) (sandbox.CodeContext, error) {
	if m.makes {
		return m.Session.CreateContext(ctx, language)
	}
	<-ctx.Done()
	return sandbox.CodeContext{}, ctx.Err()
}

func (m mute) ListFiles(ctx context.Context, _, _ string, _ int) ([]sandbox.File, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (m mute) ReadFile(ctx context.Context, _, _ string) (io.ReadCloser, sandbox.File, error) {
	<-ctx.Done()
	return nil, sandbox.File{}, ctx.Err()
}

func (m mute) WriteFile(ctx context.Context, _, _ string, _ io.Reader) (sandbox.File, error) {
	<-ctx.Done()
	return sandbox.File{}, ctx.Err()
}

func (m mute) RunCommand(ctx context.Context, _ string, _ sandbox.Command) (sandbox.CommandResult, error) {
	<-ctx.Done()
	return sandbox.CommandResult{}, ctx.Err()
}

func (m mute) StartProcess(ctx context.Context, cc string, command sandbox.Command) (sandbox.Process, error) {
	if command.Line == "sleep 1h" {
		return m.Session.(sandbox.Shell).StartProcess(ctx, cc, command)
	}
	<-ctx.Done()
	return sandbox.Process{}, ctx.Err()
}

func (m mute) LookAtProcess(ctx context.Context, _, _ string, _ time.Duration) (sandbox.Process, error) {
	<-ctx.Done()
	return sandbox.Process{}, ctx.Err()
}

func (m mute) ListProcesses(ctx context.Context, cc string) ([]sandbox.Process, error) {
	return m.Session.(sandbox.Shell).ListProcesses(ctx, cc)
}

func (m mute) StopProcess(ctx context.Context, _, _ string) (sandbox.Process, error) {
	<-ctx.Done()
	return sandbox.Process{}, ctx.Err()
}

func muted(makes bool) setup {
	s := withShell()
	s.wrap = func(inner sandbox.Session) sandbox.Session { return mute{inner, makes} }
	return s
}

func TestTheTimeOfACallIsTheTimeOfAllItAsksOfASandbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, muted(true))
		cc := b.create(t, "a")
		p := b.process(t, cc.ID, "sleep 1h")
		file := interpreter.FileRef{ContextID: cc.ID, Path: "f"}
		command := interpreter.CommandRequest{ContextID: cc.ID, Line: "print x"}
		for _, call := range []struct {
			name, words string
			do          func(ctx context.Context) error
		}{
			{"ListFiles", "nothing was changed", func(ctx context.Context) error {
				_, _, err := b.ListFiles(ctx, ann, file, 1)
				return err
			}},
			{"ReadFile", "nothing was changed", func(ctx context.Context) error {
				_, _, _, err := b.ReadFile(ctx, ann, file)
				return err
			}},
			{"WriteFile", "look with list_files", func(ctx context.Context) error {
				_, _, err := b.WriteFile(ctx, ann, file, nil)
				return err
			}},
			{"RunCommand", "was not sent again", func(ctx context.Context) error {
				_, err := b.RunCommand(ctx, ann, command)
				return err
			}},
			{"StartProcess", "was not sent again", func(ctx context.Context) error {
				_, err := b.StartProcess(ctx, ann, command)
				return err
			}},
			{"StopProcess", "whether the process has ended is not known", func(ctx context.Context) error {
				_, err := b.StopProcess(ctx, ann, p.ID)
				return err
			}},
			{"LookAtProcess", "the process is not concerned", func(ctx context.Context) error {
				_, err := b.LookAtProcess(ctx, ann, p.ID, 0)
				return err
			}},
		} {
			began := time.Now()
			ctx, done := context.WithTimeout(t.Context(), 20*time.Second)
			err := call.do(ctx)
			done()
			wantCode(t, err, sandbox.CodeTimeout, call.words, call.name)
			if took := time.Since(began); took != 20*time.Second {
				t.Errorf("%s took %s, want the 20s of the call", call.name, took)
			}
		}
	})
}

func TestACommandIsNotWaitedForMuchLongerThanItsOwnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, muted(true))
		cc := b.create(t, "a")
		began, five := time.Now(), 5*time.Second
		_, err := b.RunCommand(t.Context(), ann, interpreter.CommandRequest{ContextID: cc.ID, Line: "print x", Timeout: &five})
		wantCode(t, err, sandbox.CodeTimeout, "whether the command began is not known")
		if took := time.Since(began); took > 25*time.Second {
			t.Errorf("a command of 5 s took %s of its caller's time", took)
		}
	})
}

func TestAContextThatIsNotMadeInTimeIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, muted(false))
		began := time.Now()
		_, err := b.CreateContext(t.Context(), ann, interpreter.NewContext{Name: "c"})
		wantCode(t, err, sandbox.CodeServerNotReady, "did not make the context within 50 s")
		if took := time.Since(began); took != 50*time.Second {
			t.Errorf("CreateContext took %s, want 50s for the session and the context together", took)
		}
		ctx, done := context.WithTimeout(t.Context(), 30*time.Second)
		defer done()
		_, err = b.CreateContext(ctx, ann, interpreter.NewContext{Name: "c"})
		wantCode(t, err, sandbox.CodeServerNotReady, "the time that a call may take was up")
	})
}

func TestTheFallbackHasNoTimeOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, _ := newSite(t, sandboxtest.FakeOptions{Name: "slow", OpenDelay: func(int) time.Duration { return time.Hour }}, pool.Options[sandbox.Session]{})
		near, _ := newSite(t, sandboxtest.FakeOptions{Name: "near"}, pool.Options[sandbox.Session]{Warm: 1})
		b := start(t, muted(false))
		began := time.Now()
		b.Use(b.Site(), slow)
		_, err := b.CreateContext(t.Context(), ann, interpreter.NewContext{Name: "c"})
		wantCode(t, err, sandbox.CodeServerNotReady, "no sandbox was ready within 10 s")
		if took := time.Since(began); took != 50*time.Second {
			t.Errorf("CreateContext took %s on both sites together, want 50s", took)
		}
		began = time.Now()
		b.Use(b.Site(), near)
		if c := b.create(t, "c"); c.Backend != "near" || time.Since(began) > 41*time.Second {
			t.Errorf("after %s the context is on %s, want near within 40s", time.Since(began), c.Backend)
		}
	})
}

// faltering is a site that fails to make sessions, each time after a while, and may be right again the next time.
func faltering(t *testing.T, after time.Duration) *interpreter.Site {
	t.Helper()
	site, _ := newSite(t, sandboxtest.FakeOptions{
		Name: "far", OpenErr: func(int) error { return errAway }, OpenDelay: func(int) time.Duration { return after },
	}, pool.Options[sandbox.Session]{Warm: 1})
	return site
}

func TestNewContextsFallBackWhereASiteFailsSlowly(t *testing.T) {
	for _, test := range []struct {
		name   string
		fails  time.Duration // after what time each attempt fails
		before time.Duration // how long that has gone on
		atMost time.Duration
	}{
		{"it has failed before", 20 * time.Second, 30 * time.Second, 3 * time.Second},
		{"it fails while the call waits", 12 * time.Second, 0, 18 * time.Second},
		{"it fails when patience is about to end", 38 * time.Second, 0, 41 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				far := faltering(t, test.fails)
				near, _ := newSite(t, sandboxtest.FakeOptions{Name: "near"}, pool.Options[sandbox.Session]{Warm: 1})
				b := start(t, setup{})
				b.Use(far, near)
				time.Sleep(test.before)
				began := time.Now()
				if c := b.create(t, "c"); c.Backend != "near" {
					t.Errorf("the context is on %s, want near", c.Backend)
				} else {
					wantNotices(t, []string{c.Instead}, "(the network is away)")
				}
				if took := time.Since(began); took > test.atMost {
					t.Errorf("CreateContext took %s, want %s at most", took, test.atMost)
				}
			})
		})
	}
}

func TestASiteThatOnlyTakesItsTimeIsNotLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		far, _ := newSite(t, sandboxtest.FakeOptions{Name: "far", OpenDelay: func(int) time.Duration { return 50 * time.Second }}, pool.Options[sandbox.Session]{})
		near, _ := newSite(t, sandboxtest.FakeOptions{Name: "near"}, pool.Options[sandbox.Session]{Warm: 1})
		b := start(t, setup{})
		b.Use(far, near)
		_, err := b.CreateContext(t.Context(), ann, interpreter.NewContext{Name: "c"})
		wantCode(t, err, sandbox.CodeServerNotReady, "(1 being made); try again in a moment")
		if c := b.create(t, "c"); c.Backend != "far" {
			t.Errorf("the second call is on %s, want far, which was ready by then", c.Backend)
		}
	})
}
