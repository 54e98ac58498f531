package mcpserver

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// maxSessions bounds what clients that never end their MCP sessions can pile up.
	maxSessions = 1000
	// relayGrace is how long a relay may be away from the stream it holds open all its life. A relay that was killed says no
	// goodbye.
	relayGrace = 2 * time.Minute
)

// Why a request cannot join an MCP session.
var (
	errNoSession = errors.New("there is no such MCP session")
	errSameID    = errors.New("a request with this id is being served")
)

// mcpSession is one client's MCP session of the older era.
type mcpSession struct {
	id      string
	owner   string      // whose it is; see entrant.owner. Empty until the initialize reply names it
	who     software    // as in initialize
	relay   bool        // a relay made it
	listens bool        // it has had a stream of its own
	entry   *client     // in the table of clients
	welcome func() bool // whether who was let in last would be again; nil: always

	open  map[*http.Request]context.CancelCauseFunc // what is being served for it
	ids   map[string]struct{}                       // of the requests among them
	since time.Time                                 // the end of the last use
}

// sessions owns the MCP sessions: it makes their ids for mcp-go, knows what is being served for each, and ends them for good.
// It implements server.SessionIdManager. Methods are safe for concurrent use.
type sessions struct {
	idle time.Duration

	mu   sync.Mutex // guards below and the fields of each session
	live map[string]*mcpSession
}

func newSessions(idle time.Duration) *sessions {
	return &sessions{idle: idle, live: make(map[string]*mcpSession)}
}

// Generate makes a session for an initialize request. It belongs to nobody until adopt.
func (t *sessions) Generate() string {
	id := rand.Text()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.live[id] = &mcpSession{
		id: id, since: time.Now(),
		open: make(map[*http.Request]context.CancelCauseFunc), ids: make(map[string]struct{}),
	}
	return id
}

// Validate reports an error for an id that is not live.
func (t *sessions) Validate(id string) (isTerminated bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live[id] == nil {
		return false, errNoSession
	}
	return false, nil
}

// has reports whether a session is live.
func (t *sessions) has(id string) bool {
	_, err := t.Validate(id)
	return err == nil
}

// Terminate ends a session for mcp-go.
func (t *sessions) Terminate(id string) (isNotAllowed bool, err error) {
	t.end(id, errSessionEnded)
	return false, nil
}

// adopt says whose a new session is, before the client learns its id.
func (t *sessions) adopt(id string, who entrant, intro software, entry *client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.live[id]; s != nil {
		s.owner, s.who, s.relay, s.entry, s.welcome = who.owner, intro, who.relay != "", entry, who.welcome
	}
}

// join books a request with its session, so that ending the one cancels the other. A session of somebody else is not there.
// The requestID is empty for everything but requests.
func (t *sessions) join(r *http.Request, id string, who entrant, requestID string, cancel context.CancelCauseFunc) (*mcpSession, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.live[id]
	if s == nil || s.owner != who.owner {
		return nil, errNoSession
	}
	if requestID != "" {
		if _, busy := s.ids[requestID]; busy {
			return nil, errSameID
		}
		s.ids[requestID] = struct{}{}
	}
	if r.Method == http.MethodGet {
		s.listens = true
	}
	s.open[r] = cancel
	s.welcome = who.welcome // a client may get another token
	return s, nil
}

// leave ends the booking of a request.
func (t *sessions) leave(s *mcpSession, r *http.Request, requestID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(s.open, r)
	delete(s.ids, requestID)
	s.since = time.Now()
}

// end takes a session off the table and cancels what is being served for it. It reports the session if it was there.
func (t *sessions) end(id string, cause error) *mcpSession {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.live[id]
	if s == nil {
		return nil
	}
	delete(t.live, id)
	for _, cancel := range s.open {
		cancel(cause)
	}
	return s
}

// stale lists the sessions that nobody has used for too long.
func (t *sessions) stale(now time.Time) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for id, s := range t.live {
		idle := t.idle
		if s.relay && s.listens {
			idle = min(idle, relayGrace)
		}
		if len(s.open) == 0 && now.Sub(s.since) >= idle {
			ids = append(ids, id)
		}
	}
	return ids
}

// unwelcome lists the sessions of those who would not be let in any more.
func (t *sessions) unwelcome() []string {
	asks := make(map[string]func() bool)
	t.mu.Lock()
	for id, s := range t.live {
		if s.welcome != nil {
			asks[id] = s.welcome
		}
	}
	t.mu.Unlock()
	maps.DeleteFunc(asks, func(_ string, welcome func() bool) bool { return welcome() })
	return slices.Collect(maps.Keys(asks))
}

// surplus names the session that has to go before another one can come: the one unused for the longest time, or none.
func (t *sessions) surplus() (id string, full bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.live) < maxSessions {
		return "", false
	}
	var oldest *mcpSession
	for _, s := range t.live {
		if len(s.open) == 0 && (oldest == nil || s.since.Before(oldest.since)) {
			oldest = s
		}
	}
	if oldest == nil {
		return "", true
	}
	return oldest.id, true
}

// all lists the live sessions.
func (t *sessions) all() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := make([]string, 0, len(t.live))
	for id := range t.live {
		ids = append(ids, id)
	}
	return ids
}
