package editors

import (
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/editors/configedit"
)

// Name is what our entry is called in every editor.
const Name = "agentrun"

// entry is what stands behind our name in a settings file. What its user may change in the editor once it is there is loose: what may be
// called without asking, and the like.
type (
	entry  = configedit.Entry
	member = configedit.Member
)

func fixed(name string, value any) member { return member{Name: name, Value: value} }
func loose(name string, value any) member { return member{Name: name, Value: value, Loose: true} }

// none is the list of arguments of the relay.
var none = []string{}

// The shapes in which editors want a program.

func plainStdio(command string) entry {
	return entry{fixed("command", command), fixed("args", none)}
}

func typedStdio(command string) entry {
	return append(entry{fixed("type", "stdio")}, plainStdio(command)...)
}

func switchedStdio(command string) entry {
	return append(plainStdio(command), loose("disabled", false), loose("autoApprove", none))
}

// The shapes in which editors want an address.

func bearer(token string) entry { return entry{fixed("Authorization", "Bearer "+token)} }

// byURL is an address behind a name, with headers, and what else the editor wants to see before it.
func byURL(name string, before ...member) func(url, token string) entry {
	return func(url, token string) entry {
		return append(slices.Clone(before), fixed(name, url), fixed("headers", bearer(token)))
	}
}

// also adds members at the end of a shape.
func also(shape func(url, token string) entry, more ...member) func(url, token string) entry {
	return func(url, token string) entry { return append(shape(url, token), more...) }
}

// The comments around an entry of ours in formats that are edited as text.
const (
	markBegin = "# >>> agentrun (written by AgentRun Tray" // the first one begins with it, however it goes on
	markEnd   = "# <<< agentrun"
)

// marksOf are those of an editor, which say how to take its entry out.
func marksOf(id ID) configedit.Marks {
	return configedit.Marks{Begin: markBegin + "; to take it out: agentrunctl disconnect " + string(id) + ")", End: markEnd, Like: markBegin}
}
