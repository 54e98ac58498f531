package reason

import (
	"errors"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// The codes of why the settings of an editor were left alone.
const (
	EditorMissing    Code = "editor-missing"
	EditorUnreadable Code = "editor-unreadable"
	EditorShape      Code = "editor-shape"     // it can be read, and a program cannot change it
	EditorEdited     Code = "editor-edited"    // by hand
	EditorElsewhere  Code = "editor-elsewhere" // connected under another name
	EditorForm       Code = "editor-form"      // that it does not have: {detail}
	EditorNoUndo     Code = "editor-noundo"
	EditorChanged    Code = "editor-changed" // since the change that is to be undone
)

var editorErrors = []struct {
	err  error
	code Code
}{
	{editors.ErrNotFound, EditorMissing},
	{editors.ErrUnreadable, EditorUnreadable},
	{editors.ErrShape, EditorShape},
	{editors.ErrHandEdited, EditorEdited},
	{editors.ErrElsewhere, EditorElsewhere},
	{editors.ErrForm, EditorForm},
	{editors.ErrNoUndo, EditorNoUndo},
	{editors.ErrChanged, EditorChanged},
}

// typed are the parts of such an error that say what to type on a command line. Who reads a sentence of ours has buttons for that.
var typed = strings.NewReplacer(
	"; connect it by URL, with --http", "", "; leave out --http", "", "; to put ours in its place, use --force", "", "; to take it out all the same, use --force", "",
)

// ofEditor looks for why the settings of an editor were left alone.
func ofEditor(err error) Reason {
	for _, e := range editorErrors {
		if errors.Is(err, e.err) {
			return Reason{e.code, status.Args{Detail: typed.Replace(err.Error())}}
		}
	}
	return Reason{}
}
