package editors_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
)

// TestAnyOrderOfChanges connects, disconnects and undoes in any order, while the user edits the same file. What the user has written
// last is always there; after a disconnect nothing of ours is; and a file that the user has not touched is then what it was.
func TestAnyOrderOfChanges(t *testing.T) {
	t.Parallel()
	mark := []byte("server-memory") // stands in each of these files, and is the user's
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.SampledFrom([]editors.ID{"cursor", "vscode", "codex", "goose", "continue"}).Draw(rt, "editor")
		original := goldenFile(t, id, "realistic.before")
		h := newHome(t, id)
		h.put(t, id, original)
		edits, said := 0, mark
		text := func() []byte {
			text, err := os.ReadFile(h.file(id))
			if err != nil {
				rt.Fatalf("the settings file is gone: %v", err)
			}
			return text
		}
		look := func() editors.Status {
			st, err := h.set.Look(id)
			if err != nil {
				rt.Fatal(err)
			}
			return st
		}
		state := func() editors.State { return look().State }
		steps := map[string]func(*rapid.T){
			"connect": func(rt *rapid.T) {
				form := rapid.SampledFrom([]editors.Form{editors.Stdio, editors.HTTP}).Draw(rt, "form")
				if _, err := h.set.Connect(t.Context(), id, editors.Wish{Form: form}); err != nil {
					rt.Fatalf("Connect = %v", err)
				}
				if got := state(); got != editors.Connected {
					rt.Fatalf("after Connect it is %s", got)
				}
			},
			"disconnect": func(rt *rapid.T) {
				if _, err := h.set.Disconnect(t.Context(), id, editors.Wish{}); err != nil {
					rt.Fatalf("Disconnect = %v", err)
				}
				if got := state(); got != editors.Found {
					rt.Fatalf("after Disconnect it is %s", got)
				}
				if want := bytes.Replace(original, mark, said, 1); !bytes.Equal(text(), want) {
					rt.Fatalf("after Disconnect and %d edits the file holds\n%s\nwant\n%s", edits, text(), want)
				}
			},
			"undo": func(rt *rapid.T) {
				before, offered := text(), look().Undo
				_, err := h.set.Undo(t.Context(), id)
				if err != nil && !errors.Is(err, editors.ErrNoUndo) && !errors.Is(err, editors.ErrChanged) {
					rt.Fatalf("Undo = %v", err)
				}
				if offered != (err == nil) {
					rt.Fatalf("Undo was offered: %v, and is %v", offered, err)
				}
				if err != nil && !bytes.Equal(text(), before) {
					rt.Fatalf("Undo = %v, and the file changed", err)
				}
			},
			"the user edits": func(*rapid.T) {
				edits++
				fresh := fmt.Appendf(nil, "server-memory-%d", edits)
				if err := os.WriteFile(h.file(id), bytes.Replace(text(), said, fresh, 1), 0o640); err != nil {
					rt.Fatal(err)
				}
				said = fresh
			},
		}
		// a few steps each, because every one of them waits for the disk
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			steps[rapid.SampledFrom([]string{"connect", "disconnect", "undo", "the user edits"}).Draw(rt, "step")](rt)
			if !bytes.Contains(text(), append(slices.Clip(said), '"')) && !bytes.Contains(text(), append(slices.Clip(said), '\'')) {
				rt.Fatalf("%s is lost from\n%s", said, text())
			}
			if got := state(); got != editors.Connected && got != editors.Found {
				rt.Fatalf("it is %s:\n%s", got, text())
			}
		}
	})
}
