package paths

import (
	"os"
	"os/user"
	"runtime"
)

// AdoptHome gives this process, and what it starts, the home folder that the system knows of its user, if the environment names none.
// Some editors start programs with PATH and nothing else. Call it before any goroutine reads the environment.
func AdoptHome() error {
	variable := "HOME"
	if runtime.GOOS == "windows" {
		variable = "USERPROFILE"
	}
	if os.Getenv(variable) != "" {
		return nil
	}
	me, err := user.Current()
	if err != nil || me.HomeDir == "" {
		return nil //nolint:nilerr // whoever needs a home says that there is none
	}
	return os.Setenv(variable, me.HomeDir)
}
