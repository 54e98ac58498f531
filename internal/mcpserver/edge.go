package mcpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
)

const (
	endpoint = "/mcp"
	methods  = "GET, POST, DELETE"

	// maxBody bounds what is read of one request. It also bounds the time mcp-go spends on it, 0.1 to 0.2 s per MiB.
	maxBody = 16 << 20
	// bodyTimeout bounds how long a client may take to send a body.
	bodyTimeout = time.Minute
)

// edge is the handler of one face: the only way to mcp-go.
type edge struct {
	s       *Server
	face    Face
	carried *carried // by the link that it serves; nil: it serves none
}

// exchange is one request as the edge knows it. Tools find it in their context.
type exchange struct {
	message *message
	reply   *reply
	caller  interpreter.Caller
	client  *client

	ruleName string // whose rules hold
	rules    Rules

	sessionID string // of the MCP session that an initialize request has made
	contextID string // what the call was about, for the log; set by the tool
	context   string // the name of that context, as far as it was there
	outcome   string // what came of the code, where the call as such was carried out; set by the tool, empty: nothing went wrong
	raised    string // the type of the exception that the code has raised; empty: it has not
	lost      func() // set by a tool whose answer must arrive: called if it does not
}

type exchangeKey struct{}

// exchangeOf returns the exchange a tool is called in.
func exchangeOf(ctx context.Context) *exchange {
	x, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		panic("mcpserver: called without the edge")
	}
	return x
}

// ServeHTTP lets in who may come in and sends each request where it belongs.
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = e.s.named(r)
	defer e.recover(w, r)
	if e.face == Unix {
		w.Header().Set(headerHost, e.s.opt.Version) // for the relay
	}
	if e.face == TCP && !fromHere(r) {
		e.refuse(w, r, http.StatusForbidden, "this address serves programs on this computer, not web pages")
		return
	}
	if r.URL.Path != endpoint && e.face == Unix && e.s.opt.Beside != nil {
		allowWriting(http.NewResponseController(w))
		e.s.opt.Beside.ServeHTTP(w, r)
		return
	}
	if r.URL.Path != endpoint {
		// /.well-known/oauth-* above all, where clients look after a 401: there is no authorization server here
		e.refuse(w, r, http.StatusNotFound, "there is nothing here; the MCP endpoint is "+endpoint)
		return
	}
	who, ok := e.admit(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="AgentRun Tray"`)
		e.refuse(w, r, http.StatusUnauthorized, "this address needs a token that counts, in the header Authorization: Bearer TOKEN; get one with: agentrunctl token NAME")
		return
	}
	switch r.Method {
	case http.MethodPost:
		e.post(w, r, who)
	case http.MethodGet, http.MethodDelete:
		e.stream(w, r, who)
	default:
		w.Header().Set("Allow", methods)
		e.refuse(w, r, http.StatusMethodNotAllowed, "the MCP endpoint takes "+methods)
	}
}

// refuse answers a request that did not get as far as JSON-RPC.
func (e *edge) refuse(w http.ResponseWriter, r *http.Request, status int, why string) {
	e.s.log.LogAttrs(r.Context(), slog.LevelDebug, "request refused",
		slog.Int("status", status), slog.String("face", string(e.face)), slog.String("method", r.Method), slog.String("path", clean(r.URL.Path, 100)),
		slog.String("host", clean(r.Host, 100)), slog.String("origin", clean(r.Header.Get("Origin"), 100)))
	rc := http.NewResponseController(w)
	e.limitReading(rc, r)
	allowWriting(rc)
	http.Error(w, why, status)
}

// allowWriting gives a client time to take what is written next. It has to be called before every write: the deadline of a
// connection's last answer still stands, and may have passed.
func allowWriting(rc *http.ResponseController) {
	_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // not to be had on every writer, and then not needed
}

// limitReading gives a client time to send its body, also to net/http, which reads the rest of one that was not wanted. It is for
// requests with a body: while one without is served, net/http reads on to learn whether the client has hung up.
func (e *edge) limitReading(rc *http.ResponseController, r *http.Request) {
	if r.ContentLength != 0 {
		_ = rc.SetReadDeadline(time.Now().Add(e.s.bodyTimeout)) // not to be had on every connection, and then not needed
	}
}

// recover keeps a mistake in one request from the others. What the client sees is a broken connection if the answer had begun,
// else an error.
func (e *edge) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	switch p {
	case nil:
		return
	case http.ErrAbortHandler: // as net/http compares it
		panic(p)
	}
	e.s.log.LogAttrs(r.Context(), slog.LevelError, "panic while serving a request",
		slog.String("method", r.Method), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	if len(w.Header().Values("Content-Type")) > 0 {
		panic(http.ErrAbortHandler)
	}
	(&refusal{http.StatusInternalServerError, nil, rpcInternalError, "an internal mistake of AgentRun Tray, " + inLog(r.Context())}).write(w)
}

// post serves one message.
func (e *edge) post(w http.ResponseWriter, r *http.Request, who entrant) {
	body, refused := e.readBody(w, r)
	if refused != nil {
		refused.write(w)
		return
	}
	m, refused := readMessage(body)
	if refused != nil {
		refused.write(w)
		return
	}
	modern := m.isModern(r.Header)
	initialize := m.Method == string(mcp.MethodInitialize) && !modern
	switch {
	case modern && m.ID == nil && m.Method != "":
		// mcp-go would let one client cancel another's call, as all are the same MCP session to it. In this era the cancelling
		// is done by closing the connection, and there is no other notification a server must hear.
		allowWriting(http.NewResponseController(w))
		w.WriteHeader(http.StatusAccepted)
		return
	case initialize && m.ID == nil:
		(&refusal{http.StatusBadRequest, nil, rpcInvalidRequest, "initialize is a request and needs an id"}).write(w)
		return
	}

	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer e.s.visits.enter(r, who, cancel)()
	var joined *mcpSession
	if !modern && !initialize {
		requestID := ""
		if m.isRequest() {
			requestID = string(m.ID)
		}
		if joined, refused = e.join(r, who, m.ID, requestID, cancel); refused != nil {
			refused.write(w)
			return
		}
		defer e.s.sessions.leave(joined, r, requestID)
	}

	rep := newReply(w, r)
	rep.exactID = m.exactID()
	x := &exchange{message: m, reply: rep}
	name := ""
	if initialize {
		name = displayName(introduction(nil, m), who)
		if !e.makeRoom() {
			(&refusal{http.StatusServiceUnavailable, m.ID, rpcBadRequest, fmt.Sprintf("%d MCP sessions are in use, which is the limit", maxSessions)}).write(w)
			return
		}
		rep.opened = func(h http.Header) { e.adopt(h.Get(mcp.HeaderSessionID), who, m, x) }
	} else {
		caller, intro := e.identify(who, joined, m)
		x.caller, name = caller, caller.Name
		x.ruleName = ruleName(who, intro)
		x.rules = e.s.rulesFor(x.ruleName)
		x.client = e.s.clients.enter(caller.Key, who, intro)
		if e.carried != nil && who.relay != "" {
			e.carried.note(x.client)
		}
	}
	ctx = described(ctx, r.Header, m, name, who)
	defer func() {
		if x.client != nil {
			e.s.clients.leave(x.client)
		}
		if x.lost != nil && !rep.hasArrived() {
			x.lost()
		}
	}()
	end := func() {}
	if modern && m.isRequest() && m.Method == string(mcp.MethodSubscriptionsListen) {
		box, refused := e.s.listen(x)
		if refused != nil {
			refused.write(w)
			return
		}
		if box != nil {
			defer e.s.notices.drop(box)
			end = e.s.notices.tell(ctx, rep, box, m.ID)
			defer end()
		}
	}
	e.s.transport.Handle(rep, &server.HTTPRequest{
		Method: http.MethodPost, URL: r.URL, Header: r.Header, Body: body,
		Context: context.WithValue(ctx, exchangeKey{}, x),
	})
	end()
	rep.finish(ctx, m)
	if x.sessionID != "" {
		if _, err := e.s.sessions.Validate(x.sessionID); err != nil {
			e.s.cleanTransport(x.sessionID) // ended while mcp-go was still booking it
		}
	}
}

// stream serves the standing stream of an MCP session, or ends the session.
func (e *edge) stream(w http.ResponseWriter, r *http.Request, who entrant) {
	rep := newReply(w, r)
	req := &server.HTTPRequest{Method: r.Method, URL: r.URL, Header: r.Header, Context: r.Context()}
	if modernHeader(r.Header) {
		e.s.transport.Handle(rep, req) // knows that this era has neither
		rep.finish(r.Context(), nil)
		return
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer e.s.visits.enter(r, who, cancel)()
	joined, refused := e.join(r, who, nil, "", cancel)
	if refused != nil {
		refused.write(w)
		return
	}
	defer e.s.sessions.leave(joined, r, "")
	caller, intro := e.identify(who, joined, nil)
	c := e.s.clients.enter(caller.Key, who, intro)
	defer e.s.clients.leave(c)
	if r.Method == http.MethodDelete {
		e.s.endSession(joined.id, errSessionEnded)
		allowWriting(rep.rc)
		w.WriteHeader(http.StatusOK)
		return
	}
	req.Context = ctx
	x := &exchange{rules: e.s.rulesFor(ruleName(who, intro))}
	end := e.s.notices.tell(ctx, rep, e.s.notices.ofSession(joined.id, x.mayList(), caller.Reconnected), nil)
	defer end()
	e.s.transport.Handle(rep, req)
	end()
	rep.finish(ctx, nil)
}

// join finds the MCP session of a request and books the request with it.
func (e *edge) join(r *http.Request, who entrant, id []byte, requestID string, cancel context.CancelCauseFunc) (*mcpSession, *refusal) {
	name := r.Header.Get(mcp.HeaderSessionID)
	if name == "" {
		return nil, &refusal{http.StatusBadRequest, id, rpcBadRequest, "the " + mcp.HeaderSessionID + " header is missing; send initialize first and then the id it returns"}
	}
	s, err := e.s.sessions.join(r, name, who, requestID, cancel)
	switch {
	case errors.Is(err, errSameID):
		return nil, &refusal{http.StatusBadRequest, id, rpcInvalidRequest, "a request with this id is still being served; every request needs an id of its own"}
	case err != nil:
		return nil, &refusal{http.StatusNotFound, id, rpcNoSession, "this MCP session is unknown or has ended; start a new one with initialize"}
	}
	return s, nil
}

// makeRoom makes sure that another MCP session may come.
func (e *edge) makeRoom() bool {
	id, full := e.s.sessions.surplus()
	if id != "" {
		e.s.endSession(id, errSessionEnded)
	}
	return !full || id != ""
}

// adopt books the MCP session that an initialize request has made. It runs before the reply goes out.
func (e *edge) adopt(id string, who entrant, m *message, x *exchange) {
	if id == "" {
		return
	}
	caller, intro := e.identify(who, &mcpSession{id: id}, m)
	x.caller, x.sessionID = caller, id
	x.client = e.s.clients.enter(caller.Key, who, intro)
	e.s.clients.opened(x.client)
	e.s.sessions.adopt(id, who, intro, x.client)
}

// readBody reads a request's body, up to the cap. A body that says it is larger is not read at all.
func (e *edge) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	tooLarge := &refusal{
		http.StatusRequestEntityTooLarge, nil, rpcInvalidRequest,
		fmt.Sprintf("the message is larger than %d MiB; move large data with local_path or in several pieces", maxBody>>20),
	}
	if r.ContentLength > maxBody {
		w.Header().Set("Connection", "close")
		return nil, tooLarge
	}
	rc := http.NewResponseController(w)
	e.limitReading(rc, r)
	limited := http.MaxBytesReader(w, r.Body, maxBody)
	var body []byte
	var err error
	if n := r.ContentLength; 0 < n && n <= 64<<10 {
		body = make([]byte, n)
		_, err = io.ReadFull(limited, body)
	} else {
		var b bytes.Buffer
		b.Grow(int(min(max(n, 0), 1<<20)))
		_, err = b.ReadFrom(limited)
		body = b.Bytes()
	}
	if err == nil {
		_ = rc.SetReadDeadline(time.Time{}) // as above; after an error it stands, for net/http would read what is left
		return body, nil
	}
	w.Header().Set("Connection", "close")
	if _, is := errors.AsType[*http.MaxBytesError](err); is {
		return nil, tooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, &refusal{http.StatusRequestTimeout, nil, rpcParseError, "the body did not come to its end within " + phrase.Duration(e.s.bodyTimeout)}
	}
	return nil, &refusal{http.StatusBadRequest, nil, rpcParseError, "the body could not be read to its end: " + strings.TrimSpace(err.Error())}
}
