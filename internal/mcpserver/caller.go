package mcpserver

import (
	"strings"
	"unicode"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
)

// identify says on whose behalf a request is made, in the order of what can be relied on: the relay's id stays the same when
// the host is restarted, an MCP session lasts as long as the client stays connected, and a token with the name the client
// gives itself is the best there is for a client of the newer era.
func (e *edge) identify(who entrant, s *mcpSession, m *message) (interpreter.Caller, software) {
	intro := introduction(s, m)
	caller := interpreter.Caller{Reconnected: who.reconnected}
	switch {
	case who.relay != "":
		caller.Key = "relay " + who.relay
	case s != nil:
		caller.Key = sessionKey(s.id)
	default:
		caller.Key = who.owner + " / " + intro.Name
	}
	if intro.Name == "" {
		intro = e.s.clients.nameOf(caller.Key)
	}
	caller.Name = displayName(intro, who)
	return caller, intro
}

// introduction is how a client introduces itself, in a message or when it began its MCP session.
func introduction(s *mcpSession, m *message) software {
	if m != nil {
		if c := m.client(); c != nil {
			return software{clean(c.Name, 60), clean(c.Version, 30)}
		}
	}
	if s != nil {
		return s.who
	}
	return software{}
}

func sessionKey(id string) string { return "session " + id }

// displayName is what people read: who the client says it is, else what started it, else what its token was made for.
func displayName(intro software, who entrant) string {
	switch {
	case intro.Name != "" && intro.Version != "":
		return intro.Name + " " + intro.Version
	case intro.Name != "":
		return intro.Name
	case who.parent != "":
		return who.parent
	case who.token != "":
		return who.token
	}
	return "unknown client"
}

// clean makes text from outside fit for a window and a log: one line, of bounded length, without control characters.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most])
	}
	return strings.TrimSpace(s)
}
