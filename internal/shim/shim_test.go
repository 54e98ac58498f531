package shim

import (
	"path/filepath"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

func TestSpacesAreTold(t *testing.T) {
	for folder, want := range map[string]bool{"bin": false, "my bin": true} {
		s := Find(paths.Dirs{Bin: filepath.Join(string(filepath.Separator), "d", folder)})
		if s.Spaces() != want || filepath.Dir(s.Path()) != filepath.Join(string(filepath.Separator), "d", folder) {
			t.Errorf("the shim is %q (spaces: %v), want it in %q", s.Path(), s.Spaces(), folder)
		}
	}
}

func TestAProgramWithoutARelayLeavesTheShimAlone(t *testing.T) {
	s := Find(paths.Dirs{Bin: filepath.Join(t.TempDir(), "bin")})
	if err := s.Keep(); err != nil {
		t.Error(err)
	}
	if target, err := s.Target(); err == nil {
		t.Errorf("the shim leads to %s, and beside this test is no relay", target)
	}
}
