package sandbox_test

import (
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestJitterLeavesTimeBeforeTheHardLimit(t *testing.T) {
	for _, tc := range []struct{ lifetime, hard, want time.Duration }{
		{0, 0, 0},
		{0, 6 * time.Hour, 0},
		{time.Hour, 0, 6 * time.Minute},
		{time.Hour, 6 * time.Hour, 6 * time.Minute},
		{5*time.Hour + 50*time.Minute, 6 * time.Hour, 5 * time.Minute},
		{6 * time.Hour, 6 * time.Hour, 0},
		{7 * time.Hour, 6 * time.Hour, 0},
	} {
		if got := (sandbox.Traits{Lifetime: tc.lifetime, HardLimit: tc.hard}).Jitter(); got != tc.want {
			t.Errorf("lifetime %s, hard limit %s: Jitter = %s, want %s", tc.lifetime, tc.hard, got, tc.want)
		}
	}
}
