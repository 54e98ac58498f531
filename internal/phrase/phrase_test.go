package phrase_test

import (
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
)

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		500 * time.Millisecond:  "0.5 s",
		1680 * time.Millisecond: "1.68 s",
		30 * time.Second:        "30 s",
		time.Minute:             "60 s",
		90 * time.Second:        "90 s",
		10 * time.Minute:        "10 minutes",
		90 * time.Minute:        "90 minutes",
		2 * time.Hour:           "2 hours",
	} {
		if got := phrase.Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1 KiB", 1536: "1.5 KiB", 5 << 20: "5 MiB", 3 << 30: "3 GiB", 5 << 40: "5120 GiB"} {
		if got := phrase.Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	for _, tc := range []struct{ text, want string }{{"数据分析", "数据分…"}, {"abc", "abc"}, {"", ""}} {
		if got := phrase.Clip(tc.text, 3); got != tc.want {
			t.Errorf("Clip(%q, 3) = %q, want %q", tc.text, got, tc.want)
		}
	}
}
