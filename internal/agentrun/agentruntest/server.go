package agentruntest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server is an emulator that listens, and that other programs can steer.
type Server struct {
	*Emulator
	// URL is the endpoint of both planes, such as http://127.0.0.1:41234.
	URL string

	http *http.Server
	done chan struct{} // closed when it listens no more
}

// Listen makes an emulator and lets it listen on an address of this computer, such as 127.0.0.1:0. Close it.
func Listen(ctx context.Context, address string, options Options) (*Server, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen as an emulator: %w", err)
	}
	if !isLoopback(host) {
		return nil, fmt.Errorf("listen as an emulator: %s is not an address of this computer alone; whoever reaches it can run code", host)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen as an emulator: %w", err)
	}
	emulator, err := New(options)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &Server{Emulator: emulator, URL: "http://" + listener.Addr().String(), done: make(chan struct{})}
	s.http = &http.Server{Handler: emulator.steered(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(emulator.log.Handler(), slog.LevelDebug)}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			emulator.log.Error("the emulator listens no more", "error", err)
		}
	}()
	return s, nil
}

// isLoopback reports whether a host is this computer alone.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close ends all requests, sandboxes and runs, and waits for them.
func (s *Server) Close(ctx context.Context) error {
	err := s.http.Close() // a rehearsal has nobody to be polite to
	<-s.done
	return errors.Join(err, s.Emulator.Close(ctx))
}

// Variable is a setting of the environment.
type Variable struct{ Name, Value string }

// Environment is what a program must find in its environment to use this emulator. The secrets are the emulator's own. A token is
// named even when there is none, as one that was set before would not belong to these.
func (s *Server) Environment() []Variable {
	keyID, secret, token := (&exchange{e: s.Emulator}).secretsNow()
	return []Variable{
		{"AGENTRUN_ACCESS_KEY_ID", keyID},
		{"AGENTRUN_ACCESS_KEY_SECRET", secret},
		{"AGENTRUN_SECURITY_TOKEN", token},
		{"AGENTRUN_ACCOUNT_ID", s.options.AccountID},
		{"AGENTRUN_REGION", s.options.Region},
		{"AGENTRUN_CONTROL_ENDPOINT", s.URL},
		{"AGENTRUN_DATA_ENDPOINT", s.URL},
	}
}

// TB is what Start needs of a test; every *testing.T has it. The package does not import testing, as a program imports it.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	TempDir() string
}

// Start lets an emulator listen until the test is over.
func Start(t TB, options Options) *Server {
	t.Helper()
	if options.ScratchDir == "" {
		options.ScratchDir = t.TempDir()
	}
	s, err := Listen(t.Context(), "127.0.0.1:0", options)
	if err != nil {
		t.Fatalf("start the emulator: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close the emulator: %v", err)
		}
	})
	return s
}
