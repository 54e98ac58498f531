package local_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// TestARunIsLoggedWithItsRequestAndWithoutItsCode runs code that works and code that does not, and looks at the lines.
func TestARunIsLoggedWithItsRequestAndWithoutItsCode(t *testing.T) {
	var b bytes.Buffer
	options := shared.options()
	options.Logger = slog.New(logging.Handler(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))
	s, err := newBackend(t, options).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cc, err := s.CreateContext(t.Context(), sandbox.JavaScript)
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	for _, run := range []struct{ context, code, outcome string }{
		{cc.ID, "console.log('xyz' + 'zy')", "ok"},
		{cc.ID, "throw new Error('xyz' + 'zy')", "EXECUTION_FAILED"},
		{"nowhere", "1", "CONTEXT_NOT_FOUND"},
	} {
		ctx := logging.With(t.Context(), slog.String("request_id", "r-"+run.outcome))
		_, _ = s.Run(ctx, run.context, sandbox.Run{Code: run.code}) // what comes of it is in the line
		var line struct {
			Msg       string
			RequestID string `json:"request_id"`
			SandboxID string `json:"sandbox_id"`
			InnerID   string `json:"inner_id"`
			Outcome   string
			Took      float64
		}
		if err := json.Unmarshal(b.Bytes(), &line); err != nil {
			t.Fatalf("after %q the log holds %q, want one line: %v", run.code, b.Bytes(), err)
		}
		if line.Msg != "run" || line.RequestID != "r-"+run.outcome || line.SandboxID != s.SandboxID() || line.InnerID != run.context || line.Outcome != run.outcome || line.Took <= 0 {
			t.Errorf("%q is logged as %s", run.code, b.Bytes())
		}
		if strings.Contains(b.String(), "xyz") {
			t.Errorf("the log holds code or output: %s", b.Bytes())
		}
		b.Reset()
	}
}
