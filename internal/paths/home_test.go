package paths

import (
	"os"
	"os/user"
	"runtime"
	"testing"
)

// TestAnEditorThatPassesNoHome: the relay finds the folders of its user all the same.
func TestAnEditorThatPassesNoHome(t *testing.T) {
	variable := "HOME"
	if runtime.GOOS == "windows" {
		variable = "USERPROFILE"
	}
	t.Setenv(variable, "/elsewhere")
	if err := AdoptHome(); err != nil || os.Getenv(variable) != "/elsewhere" {
		t.Errorf("AdoptHome = %v, and the home that was there is now %q", err, os.Getenv(variable))
	}
	me, err := user.Current()
	if err != nil || me.HomeDir == "" {
		t.Logf("this user has no home: %v", err)
		return
	}
	t.Setenv(variable, "")
	if err := AdoptHome(); err != nil || os.Getenv(variable) != me.HomeDir {
		t.Errorf("AdoptHome = %v, and the home is %q, want %q", err, os.Getenv(variable), me.HomeDir)
	}
}
