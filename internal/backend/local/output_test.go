package local

import (
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	var c collector
	c.take(localengine.Event{Kind: localengine.Display, Bundle: localengine.Bundle{"text/plain": "shown"}})
	result := c.result(localengine.Result{Cut: localengine.Cut{Stdout: 1, Stderr: 2, Displays: 3, Forms: 4}})
	if result.Cut.Stdout != 1 || result.Cut.Stderr != 2 || len(result.Displays) != 3 {
		t.Errorf("result = %+v, want the cuts, the display, and a word for each kind of thing that is missing", result)
	}
}
