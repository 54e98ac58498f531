package cloud_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

// engine runs the code of all emulators: loading it takes seconds.
var engine *localengine.Engine

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "cloud-backend-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	engine, err = localengine.New(localengine.Options{CacheDir: dir, Parallel: 4})
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

var credentials = agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: agentruntest.AccessKeySecret}

// clientOf makes a client of an emulator, changed if change is not nil.
func clientOf(t *testing.T, s *agentruntest.Server, change func(*agentrun.Config)) *agentrun.Client {
	t.Helper()
	endpoint, err := agentrun.ParseEndpoint(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := agentrun.Config{
		Credentials: agentrun.Static(credentials), AccountID: agentruntest.AccountID, Region: agentruntest.Region,
		ControlEndpoint: endpoint, DataEndpoint: endpoint,
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

// start lets an emulator listen whose engine is loaded: the time that takes is not the service's.
func start(t *testing.T, options agentruntest.Options) *agentruntest.Server {
	t.Helper()
	options.Engine = engine
	s := agentruntest.Start(t, options)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// newBackend makes a backend, which is closed when the test ends.
func newBackend(t *testing.T, options cloud.Options) *cloud.Backend {
	t.Helper()
	b, err := cloud.New(options)
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

func TestConformance(t *testing.T) {
	for _, shape := range agentruntest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			t.Parallel() // most of it waits
			s := start(t, agentruntest.Options{Shape: shape.Shape})
			client := clientOf(t, s, nil)
			sandboxtest.Run(t, func(t *testing.T) sandboxtest.Harness {
				return sandboxtest.Harness{
					Backend:  newBackend(t, cloud.Options{Client: client, MaxContexts: 6}),
					Live:     func() int { return len(s.Sandboxes()) },
					Lose:     func(id string) { s.EndSandbox(id) },
					Programs: sandboxtest.RealPrograms(),
					Commands: sandboxtest.ShellCommands(),
					Brief:    time.Second, // the least that the wire can say
					Patience: time.Minute,
				}
			})
		})
	}
}

var _ sandbox.Backend = (*cloud.Backend)(nil)
