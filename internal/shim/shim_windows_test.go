package shim

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// TestTheJunctionFollowsTheInstallation, and stays when a host that was started by it names the relay as it was found.
func TestTheJunctionFollowsTheInstallation(t *testing.T) {
	home := t.TempDir()
	s := Find(paths.Dirs{Bin: filepath.Join(home, "bin")})
	for _, version := range []string{"1", "2 with a space"} {
		relay := filepath.Join(home, version, Relay+".exe")
		if err := os.Mkdir(filepath.Dir(relay), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(relay, []byte(version), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, known := range []string{relay, s.Path()} {
			if err := s.Point(known); err != nil {
				t.Fatalf("Point(%q) = %v", known, err)
			}
			if target, err := s.Target(); err != nil || !SameFile(target, relay) || filepath.Dir(target) == filepath.Dir(s.Path()) {
				t.Errorf("after Point(%q) the shim leads to %q (%v), want %q", known, target, err, relay)
			}
			if text, err := os.ReadFile(s.Path()); err != nil || string(text) != version {
				t.Errorf("by the shim is read %q (%v), want version %s", text, err, version)
			}
		}
	}
}
