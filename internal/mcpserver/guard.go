package mcpserver

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Face is a door of the server. It decides what is checked and what is believed.
type Face string

// The faces.
const (
	// Unix is the socket in the user's own folder. Whoever can open it is the user or a program of theirs: nothing is checked,
	// and what a relay says of itself is believed.
	Unix Face = "unix"
	// TCP is HTTP on a loopback address, which every program of every user and every web page can reach: a token, the Host and
	// the Origin are checked.
	TCP Face = "tcp"
)

// Headers between the relay and us.
const (
	headerRelay       = "Agentrun-Relay"       // random, one per relay process
	headerParent      = "Agentrun-Parent"      // name of the program that started the relay
	headerReconnected = "Agentrun-Reconnected" // the relay lost its host before this call
	headerHost        = "Agentrun-Host"        // our version
)

// Tokens knows the clients that may come in over TCP.
type Tokens interface {
	// Lookup returns the name of the client that a bearer token was given to. The token is empty if the request had none. An
	// implementation must not let the time it takes tell how much of a token was right.
	Lookup(token string) (clientName string, ok bool)
}

// entrant is somebody who was let in.
type entrant struct {
	owner       string // whose an MCP session is: the socket's, or one token's
	token       string // the name the token was given to
	via         string
	relay       string // id of the relay; empty for others
	parent      string
	reconnected bool

	welcome func() bool // whether they may still come in; nil: always
}

// admit says who is at the door, or false if they may not come in.
func (e *edge) admit(r *http.Request) (entrant, bool) {
	if e.face == Unix {
		who := entrant{
			owner: "socket", via: ViaSocket,
			relay: clean(r.Header.Get(headerRelay), 100), parent: clean(r.Header.Get(headerParent), 60),
			reconnected: truthy(r.Header.Get(headerReconnected)),
		}
		if who.relay != "" {
			who.via = ViaRelay
		}
		return who, true
	}
	if e.s.opt.Tokens == nil {
		return entrant{}, false
	}
	secret := bearer(r.Header.Get("Authorization"))
	name, ok := e.s.opt.Tokens.Lookup(secret)
	return entrant{owner: "token " + name, token: name, via: ViaHTTP, welcome: func() bool {
		now, ok := e.s.opt.Tokens.Lookup(secret)
		return ok && now == name
	}}, ok
}

// visits are the requests of the newer and the older era that somebody is served with and that have to end when they are no
// longer welcome. Methods are safe for concurrent use.
type visits struct {
	mu   sync.Mutex // guards below
	open map[*http.Request]visit
}

type visit struct {
	welcome func() bool
	cancel  context.CancelCauseFunc
}

func newVisits() *visits { return &visits{open: make(map[*http.Request]visit)} }

// enter notes a request, and returns how to note its end.
func (v *visits) enter(r *http.Request, who entrant, cancel context.CancelCauseFunc) (leave func()) {
	if who.welcome == nil {
		return func() {}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open[r] = visit{who.welcome, cancel}
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.open, r)
	}
}

// end cancels the requests of those who are not welcome any more.
func (v *visits) end(cause error) {
	v.mu.Lock()
	open := slices.Collect(maps.Values(v.open))
	v.mu.Unlock()
	for _, one := range open { // welcome reads a file
		if !one.welcome() {
			one.cancel(cause)
		}
	}
}

// fromHere reports whether a TCP request was meant for this address and comes from no foreign web page. A page that has had its
// own name resolved to 127.0.0.1 gives itself away by the Host; any other by the Origin.
func fromHere(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	port := strconv.Itoa(local.Port)
	if !isLoopback(r.Host, port) {
		return false
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || !isLoopback(u.Host, port) {
			return false
		}
	}
	return true
}

// isLoopback reports whether host:port names this computer's own address with the given port.
func isLoopback(hostPort, port string) bool {
	host, p, err := net.SplitHostPort(hostPort)
	if err != nil {
		host, p = strings.Trim(hostPort, "[]"), "80"
	}
	if p != port {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// bearer takes the token out of an Authorization header.
func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func truthy(s string) bool {
	b, err := strconv.ParseBool(s)
	return err == nil && b
}
