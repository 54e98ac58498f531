package mcpserver

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// clientMemory is how long a client without a request or an open stream is shown: nothing says when it has gone, as many never end
// their MCP sessions.
const clientMemory = 10 * time.Minute

// Ways a client reaches us, as status shows them.
const (
	ViaRelay  = "relay"  // through agentrun-mcp
	ViaSocket = "socket" // straight to the unix socket
	ViaHTTP   = "http"   // loopback HTTP with a token
)

// Client is a program connected to this server.
type Client struct {
	Key      string // the same for all requests of the client; see interpreter.Caller
	Name     string
	Version  string
	Via      string
	Token    string   // the name of the token it comes with; empty for others than those over TCP
	Tools    []string // the tools it may use; nil: all
	Since    time.Time
	LastSeen time.Time
	Calls    int // tool calls answered
	Errors   int // of them, those that could not be carried out
	InFlight int // requests being served, standing streams among them

	rules string // the name its rules go by
}

// TokenUse is what came of a token.
type TokenUse struct {
	LastSeen time.Time
	Calls    int // tool calls answered
	Errors   int // of them, those that could not be carried out
}

// client is an entry of the table.
type client struct {
	// All guarded by clients.mu.
	Client
	sessions int  // live MCP sessions
	links    int  // live links that its requests came on
	left     bool // its last MCP session or link has ended; it goes with its last request
	away     bool // it was not heard of for long, and only its MCP session keeps it here: not shown
}

// clients knows who is connected. Methods are safe for concurrent use.
type clients struct {
	changed chan struct{}    // capacity 1
	gone    func(key string) // called when a key has left the table for good, without mu

	mu    sync.Mutex // guards below
	byKey map[string]*client
	uses  map[string]TokenUse // by the names of tokens; only names that a token was made for get here
}

func newClients(gone func(key string)) *clients {
	return &clients{changed: make(chan struct{}, 1), gone: gone, byKey: make(map[string]*client), uses: make(map[string]TokenUse)}
}

// enter notes that a request of a client has come, and returns its entry, which must be handed to leave.
func (t *clients) enter(key string, who entrant, intro software) *client {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	c := t.byKey[key]
	if c == nil {
		c = &client{Client: Client{Key: key, Via: who.via, Token: who.token, Since: now}}
		t.byKey[key] = c
		signal(t.changed)
	}
	if intro.Name != "" && (intro.Name != c.Name || intro.Version != c.Version) {
		c.Name, c.Version = intro.Name, intro.Version
		signal(t.changed)
	}
	c.rules = ruleName(who, intro)
	if c.away {
		c.away, c.Since = false, now
		signal(t.changed)
	}
	c.left = false
	c.InFlight++
	t.saw(c, now)
	return c
}

// leave notes that a request has been served.
func (t *clients) leave(c *client) {
	t.mu.Lock()
	c.InFlight--
	t.saw(c, time.Now())
	dropped := t.drop(c)
	t.mu.Unlock()
	if dropped {
		t.gone(c.Key)
	}
}

// count notes a tool call that was answered.
func (t *clients) count(c *client, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.Calls++
	if failed {
		c.Errors++
	}
	if c.Token == "" {
		return
	}
	use := t.uses[c.Token]
	use.Calls++
	if failed {
		use.Errors++
	}
	t.uses[c.Token] = use
}

// saw notes that a client has been heard of. The caller holds mu.
func (t *clients) saw(c *client, now time.Time) {
	c.LastSeen = now
	if c.Token != "" {
		use := t.uses[c.Token]
		use.LastSeen = now
		t.uses[c.Token] = use
	}
}

// tokenUses copies what came of each token.
func (t *clients) tokenUses() map[string]TokenUse {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.uses)
}

// opened notes that the client has an MCP session more.
func (t *clients) opened(c *client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.sessions++
}

// closed notes that an MCP session of the client has ended. A client without any is gone.
func (t *clients) closed(c *client) {
	t.mu.Lock()
	c.sessions--
	c.left = c.sessions <= 0
	dropped := t.drop(c)
	t.mu.Unlock()
	if dropped {
		t.gone(c.Key)
	}
}

// carried knows the relays whose requests have come on one link, which is of one relay. When the link is over the relay has ended, and its
// editor has gone, unless it has another link or an MCP session: one that comes back is another client to look at, and the same by its key.
type carried struct {
	clients *clients

	mu   sync.Mutex           // guards below; never taken while that of clients is held
	seen map[*client]struct{} // their entries
}

// note takes note of a relay that a request on the link has come from.
func (l *carried) note(c *client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.seen[c]; known {
		return
	}
	if l.seen == nil {
		l.seen = make(map[*client]struct{})
	}
	l.clients.mu.Lock()
	defer l.clients.mu.Unlock()
	maps.DeleteFunc(l.seen, func(old *client, _ struct{}) bool { return l.clients.byKey[old.Key] != old }) // forgotten for their silence
	l.seen[c] = struct{}{}
	c.links++
}

// over notes that the link is, with all that was served on it.
func (l *carried) over() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.seen {
		l.clients.unlinked(c)
	}
	l.seen = nil
}

// unlinked notes that the client has a link less.
func (t *clients) unlinked(c *client) {
	t.mu.Lock()
	c.links--
	c.left = c.left || c.links <= 0 && c.sessions <= 0
	dropped := t.drop(c)
	t.mu.Unlock()
	if dropped {
		t.gone(c.Key)
	}
}

// drop takes an entry off the table if its client has left, and reports whether it did. The caller holds mu.
func (t *clients) drop(c *client) bool {
	if !c.left || c.InFlight > 0 || t.byKey[c.Key] != c {
		return false
	}
	delete(t.byKey, c.Key)
	signal(t.changed)
	return true
}

// forget drops the clients that were not seen for long. One whose MCP session lives on may come back and is only not shown.
func (t *clients) forget(now time.Time) {
	var gone []string
	t.mu.Lock()
	for key, c := range t.byKey {
		switch {
		case c.InFlight > 0 || now.Sub(c.LastSeen) < clientMemory:
		case c.sessions <= 0:
			delete(t.byKey, key)
			gone = append(gone, key)
			signal(t.changed)
		case !c.away:
			c.away = true
			signal(t.changed)
		}
	}
	t.mu.Unlock()
	for _, key := range gone {
		t.gone(key)
	}
}

// nameOf is how the client of a key last introduced itself.
func (t *clients) nameOf(key string) software {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.byKey[key]; c != nil {
		return software{c.Name, c.Version}
	}
	return software{}
}

// all copies what is shown of the table, the longest connected first.
func (t *clients) all() []Client {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Client, 0, len(t.byKey))
	for _, c := range t.byKey {
		if !c.away {
			list = append(list, c.Client)
		}
	}
	slices.SortFunc(list, func(a, b Client) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Key, b.Key))
	})
	return list
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
