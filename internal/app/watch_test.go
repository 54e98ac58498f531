package app_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// logged keeps a log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// events waits until there is a line with the message, and returns the lines of those that the start is reported with.
func (l *logged) events(t *testing.T, message string) (lines []string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		if found := strings.Contains(text, "msg="+message); found || time.Now().After(deadline) {
			if !found {
				t.Errorf("the log does not say %s", message)
			}
			for line := range strings.Lines(text) {
				for _, name := range []string{`"pool not ready"`, `"pool ready"`, "tools", "serving"} {
					if strings.Contains(line, "msg="+name+" ") {
						lines = append(lines, line)
					}
				}
			}
			return lines
		}
	}
}

func TestAStartWithoutTheCloudIsReportedAndSoIsItsComing(t *testing.T) {
	for _, tc := range []struct{ fallback, mode string }{{"local", "local"}, {"off", "agentrun"}} {
		t.Run("fallback "+tc.fallback, func(t *testing.T) {
			service, opt := cloud(t)
			opt.Config.Fallback = tc.fallback
			var log logged
			opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
			service.Inject(agentruntest.Fault{Failure: agentruntest.Forbidden(), Operation: "CreateSandbox", Times: -1})
			h := start(t, opt)
			want := []string{"pool not ready", "tools", "mode=" + tc.mode + " "}
			said := log.events(t, "serving")
			if len(said) != 3 || !strings.Contains(said[0], want[0]) || !strings.Contains(said[0], "agentrun:CreateSandbox") || !strings.Contains(said[1], want[1]) || !strings.Contains(said[2], want[2]) {
				t.Errorf("the log says %q, want %q", said, want)
			}
			service.ClearFaults()
			if err := h.ResumePool(); err != nil {
				t.Error(err)
			}
			h.wait(t, "the pool", func(s status.Snapshot) bool { return ready(s) && len(s.Problems) == 0 })
			if said := log.events(t, `"pool ready"`); len(said) != 4 || !strings.Contains(said[3], `"pool ready"`) {
				t.Errorf("the log says %q, want that the pool is ready after all, once", said)
			}
		})
	}
}
