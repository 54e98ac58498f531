package editors_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

// TestEditorsPassOnWhatTheyDo: most the few variables of the reference implementations, and Copilot CLI the PATH alone.
func TestEditorsPassOnWhatTheyDo(t *testing.T) {
	h := newHome(t, "cursor", "copilot-cli")
	for id, want := range map[editors.ID]bool{"cursor": true, "copilot-cli": false} {
		l, err := h.set.Launch(id)
		if err != nil {
			t.Fatal(err)
		}
		l.Env = []string{"MINE=1"}
		env := l.Environment(h.opt.System)
		home := slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "HOME=") })
		path := slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "PATH=") })
		if home != want || !path || env[len(env)-1] != "MINE=1" {
			t.Errorf("%s starts a program with %q, want HOME: %v, and always PATH and what its settings add", id, env, want)
		}
	}
}
