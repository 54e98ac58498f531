package carry_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/local"
	"github.com/agentrun-tray/agentrun-tray/internal/carry"
	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// What all tests share, because loading an engine takes seconds.
var (
	onThisComputer *local.Backend
	engine         *localengine.Engine // of the emulators
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "carry-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cache := filepath.Join(dir, "cache")
	if onThisComputer, err = local.New(local.Options{CacheDir: cache, ScratchRoot: filepath.Join(dir, "scratch")}); err != nil {
		panic(err)
	}
	if engine, err = localengine.New(localengine.Options{CacheDir: cache}); err != nil {
		panic(err)
	}
	code := m.Run()
	if left := len(onThisComputer.Stats().Instances) + len(engine.Stats().Instances); left != 0 {
		fmt.Fprintf(os.Stderr, "%d instances are left\n", left)
		code = 1
	}
	for _, c := range []interface{ Close(context.Context) error }{onThisComputer, engine} {
		if err := c.Close(context.Background()); err != nil {
			panic(err)
		}
	}
	return code
}

// inTheCloud makes a backend whose service is an emulator that answers in a shape.
func inTheCloud(t *testing.T, shape agentruntest.Shape) *cloud.Backend {
	t.Helper()
	s := agentruntest.Start(t, agentruntest.Options{Engine: engine, Shape: shape})
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	endpoint, err := agentrun.ParseEndpoint(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := agentrun.New(agentrun.Config{
		Credentials: agentrun.Static(agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: agentruntest.AccessKeySecret}),
		AccountID:   agentruntest.AccountID, Region: agentruntest.Region, ControlEndpoint: endpoint, DataEndpoint: endpoint,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	b, err := cloud.New(cloud.Options{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return b
}

// onEach runs a test on every backend that runs code.
func onEach(t *testing.T, test func(t *testing.T, b sandbox.Backend)) {
	t.Helper()
	t.Run("local", func(t *testing.T) { test(t, onThisComputer) })
	t.Run("cloud", func(t *testing.T) { test(t, inTheCloud(t, agentruntest.Shape{})) })
}

// rig is two contexts in two sandboxes, one of which takes over from the other.
type rig struct {
	from, to carry.Place
	names    carry.Names
	limits   carry.Limits
	report   carry.Report
}

func newRig(t *testing.T, b sandbox.Backend, language sandbox.Language) *rig {
	t.Helper()
	return &rig{from: newPlace(t, b, language), to: newPlace(t, b, language)}
}

// newPlace makes a context in a sandbox of its own.
func newPlace(t *testing.T, b sandbox.Backend, language sandbox.Language) carry.Place {
	t.Helper()
	s, err := b.Open(t.Context())
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	cc, err := s.CreateContext(t.Context(), language)
	if err != nil {
		t.Fatalf("CreateContext = %v", err)
	}
	return carry.Place{Session: s, Context: cc}
}

// do runs cells in the first context.
func (r *rig) do(t *testing.T, cells ...string) {
	t.Helper()
	for _, cell := range cells {
		r.names.Add(r.from.Context.Language, cell)
		succeed(t, r.from, cell)
	}
}

func succeed(t *testing.T, at carry.Place, cell string) sandbox.Result {
	t.Helper()
	result, err := at.Session.Run(t.Context(), at.Context.ID, sandbox.Run{Code: cell})
	if err != nil || result.Failure != nil {
		t.Fatalf("Run(%s) = %+v, %v", cell, result.Failure, err)
	}
	return result
}

// move carries over and keeps the report.
func (r *rig) move(t *testing.T) {
	t.Helper()
	report, err := carry.Move(t.Context(), r.from, r.to, r.names.All(), r.limits)
	if err != nil {
		t.Fatalf("Move = %v", err)
	}
	r.report = report
	for name, at := range map[string]carry.Place{"old": r.from, "new": r.to} {
		files, err := at.Session.ListFiles(t.Context(), at.Context.ID, ".", 1)
		if err != nil {
			t.Fatalf("ListFiles = %v", err)
		}
		for _, file := range files {
			if strings.HasPrefix(file.Path, ".carry") {
				t.Errorf("the %s context still has %s", name, file.Path)
			}
		}
	}
}

// gives checks the value of an expression in the second context.
func (r *rig) gives(t *testing.T, expression, want string) {
	t.Helper()
	gives(t, r.to, expression, want)
}

func gives(t *testing.T, at carry.Place, expression, want string) {
	t.Helper()
	result, err := at.Session.Run(t.Context(), at.Context.ID, sandbox.Run{Code: expression})
	switch {
	case err != nil:
		t.Errorf("Run(%s) = %v", expression, err)
	case result.Failure != nil:
		t.Errorf("%s failed: %s", expression, result.Failure.Traceback)
	case result.Value == nil || result.Value.Text != want:
		t.Errorf("%s is %+v, want %s", expression, result.Value, want)
	}
}

// wantLost checks what did not survive, as "name (type): reason", where a reason may be cut short.
func (r *rig) wantLost(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, l := range r.report.Lost {
		got = append(got, fmt.Sprintf("%s (%s): %s", l.Name, l.Type, l.Reason))
	}
	ok := len(got) == len(want)
	for n := 0; ok && n < len(got); n++ {
		ok = strings.HasPrefix(got[n], want[n])
	}
	if !ok {
		t.Errorf("lost\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
