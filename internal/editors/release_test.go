package editors_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

func TestWhatIsReleasedIsNotMissed(t *testing.T) {
	original := goldenFile(t, "cursor", "realistic.before")
	for name, meddle := range map[string]func(ours []byte) []byte{
		"dropped":         func([]byte) []byte { return original },
		"changed by hand": func(ours []byte) []byte { return bytes.ReplaceAll(ours, []byte("agentrun-mcp"), []byte("another-mcp")) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t, "cursor")
			h.put(t, "cursor", original)
			connect(t, h, "cursor")
			left := meddle(h.get(t, "cursor"))
			h.put(t, "cursor", left)
			if st := h.look(t, "cursor"); !st.Lost {
				t.Fatalf("it is %+v, want it lost", st)
			}
			for range 2 {
				if err := h.set.Release(t.Context(), "cursor"); err != nil {
					t.Fatal(err)
				}
			}
			if st := h.look(t, "cursor"); st.Lost {
				t.Errorf("after Release it is %+v, want it not missed", st)
			}
			if name == "changed by hand" { // so that it cannot be undone
				if _, err := h.set.Undo(t.Context(), "cursor"); !errors.Is(err, editors.ErrChanged) {
					t.Errorf("Undo = %v, want ErrChanged", err)
				}
				if st := h.look(t, "cursor"); st.Lost {
					t.Errorf("after an Undo that was refused it is %+v, want it still not missed", st)
				}
			}
			h.unchanged(t, "cursor", left)
			// What was released is connected like any other, and missed again when it is lost again.
			if _, err := h.set.Connect(t.Context(), "cursor", editors.Wish{Force: true}); err != nil {
				t.Fatal(err)
			}
			h.put(t, "cursor", original)
			if st := h.look(t, "cursor"); !st.Lost {
				t.Errorf("lost again, it is %+v", st)
			}
		})
	}
	h := newHome(t)
	if err := h.set.Release(t.Context(), "emacs"); !errors.Is(err, editors.ErrUnknown) {
		t.Errorf("Release of an editor that there is not = %v", err)
	}
}
