package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/link"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

const (
	serverName  = "agentrun"
	serverTitle = "AgentRun Tray"

	// listsHold is how long clients may reuse those lists that do not change while a host runs. That of tools is not among them, nor
	// is what discovery tells: both follow the backend.
	listsHold = time.Minute
	// shutdownPatience is how long requests may take to end after they were told to.
	shutdownPatience = 2 * time.Second
)

// Options configure a Server. Zero values mean the defaults named beside them.
type Options struct {
	// Interpreter does the work. Required. Its owner runs it.
	Interpreter *interpreter.Interpreter
	// Version is the version of this build, told to clients and to the relay. Required.
	Version string
	// Tokens lets clients in over TCP. Nil: nobody.
	Tokens Tokens
	// AllowedFolders are the folders of this computer that local_path may name, asked at every call. Nil or empty: none.
	AllowedFolders func() []string
	// Rules are those of the client of a name; see there. They are asked for at every request and must answer from memory. Nil: every
	// client may use all tools and has the default limits.
	Rules func(clientName string) Rules
	// Activity is told of each tool call that was answered. Nil: nobody is.
	Activity *activity.Log
	// Status is the newest state of the host: what can be read of the pool, and what changes of resources are told by. Nil: an
	// empty one in which nothing ever changes.
	Status *status.Hub
	// Language is the language in which prompts are listed, en or zh: en. Every client gets the same.
	Language string
	// Beside answers, on the unix socket only, requests for any other path than the MCP endpoint: what the host tells its own
	// command line. Nil: 404.
	Beside http.Handler
	// AnswerWithin is how long run_code and get_result keep a client waiting for code that goes on: 50 s.
	AnswerWithin time.Duration
	// SessionIdle is after how long without use an MCP session of the older era is ended: 12 h.
	SessionIdle time.Duration
	// Logger receives one line per tool call and the mistakes of the program, never code. Default: discarded.
	Logger *slog.Logger
}

// Server is the MCP server of one host, for any number of listeners. Methods are safe for concurrent use. Run must be called
// once.
type Server struct {
	opt    Options
	log    *slog.Logger
	interp *interpreter.Interpreter
	tools  map[string]tool // fixed after New

	offered atomic.Pointer[offer]

	mcp       *server.MCPServer
	transport *server.StreamableHTTPServer
	sessions  *sessions
	visits    *visits
	clients   *clients
	requests  *requestNames
	notices   *notices
	prompts   map[string]prompt // fixed after New

	progressEvery time.Duration
	answerWithin  time.Duration
	bodyTimeout   time.Duration
}

// New checks the options and returns a server. It starts nothing.
func New(opt Options) (*Server, error) {
	if opt.Interpreter == nil || opt.Version == "" {
		return nil, errors.New("mcpserver: Interpreter and Version are required")
	}
	if opt.SessionIdle == 0 {
		opt.SessionIdle = 12 * time.Hour
	}
	if opt.AnswerWithin == 0 {
		opt.AnswerWithin = answerWithin
	}
	if opt.Status == nil {
		opt.Status = &status.Hub{}
	}
	if opt.Language == "" {
		opt.Language = english
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		opt: opt, log: opt.Logger, interp: opt.Interpreter,
		tools: make(map[string]tool), sessions: newSessions(opt.SessionIdle), visits: newVisits(), clients: newClients(opt.Interpreter.Left), requests: newRequestNames(),
		progressEvery: progressEvery, answerWithin: opt.AnswerWithin, bodyTimeout: bodyTimeout,
	}
	s.notices = newNotices(s.sessions.has)
	hooks := &server.Hooks{}
	s.addSubscriptions(hooks)
	s.addListing(hooks)
	s.addOffers(hooks)
	mendShapes(hooks)
	hooks.AddBeforeReadResource(func(_ context.Context, _ any, req *mcp.ReadResourceRequest) {
		req.Params.URI = normalURI(req.Params.URI)
	})
	hooks.AddOnError(nameMissing)
	hold := listsHold.Milliseconds()
	s.mcp = server.NewMCPServer(serverName, opt.Version,
		server.WithTitle(serverTitle),
		server.WithToolCapabilities(true),
		server.WithResourceCapabilities(true, true),
		server.WithPromptCapabilities(true),
		server.WithCompletions(),
		server.WithResourceCompletionProvider(completer{s}),
		server.WithPromptCompletionProvider(completer{s}),
		server.WithToolHandlerMiddleware(s.shield),
		server.WithResourceHandlerMiddleware(s.guardResource),
		server.WithHooks(hooks),
		server.WithCacheHints(0, mcp.CacheScopePrivate),
		server.WithMethodCacheHints(mcp.MethodResourcesTemplatesList, hold, mcp.CacheScopePrivate),
		server.WithMethodCacheHints(mcp.MethodPromptsList, hold, mcp.CacheScopePrivate),
	)
	s.addTools()
	s.notices.offered = s.offer()
	s.addResources()
	if err := s.addPrompts(); err != nil {
		return nil, err
	}
	s.transport = server.NewStreamableHTTPServer(s.mcp,
		server.WithSessionIdManager(s.sessions),
		server.WithStreamableHTTPLogger(slog.New(slog.DiscardHandler)), // it logs every client that hangs up as an error
	)
	s.addFixture(hooks)
	return s, nil
}

// instructions are what a client tells its model about this server as a whole.
func (s *offer) instructions() string {
	return "AgentRun Tray runs code in sandboxes on behalf of this editor. Call run_code to compute, test, or analyse data: state stays between calls as in a notebook. " +
		"When an answer has a run_id, its code goes on and get_result collects the result. " +
		"Move data in and out with upload_file and download_file; code sees those files in its working folder. " + s.aboutShell() +
		"Read notices in results: they say when variables or files are gone.\n" + s.traits.Note
}

// aboutShell says what a shell is for, where there is one.
func (s *offer) aboutShell() string {
	if !s.traits.Shell {
		return ""
	}
	return "run_command runs lines of the shell there, and with background what takes longer than code may. "
}

// Run ends MCP sessions and forgets clients that nobody uses any more, shuts out clients whose tokens were revoked, and tells
// clients what has changed, until ctx ends. Then it ends all MCP sessions, with what is being served for them, and returns nil.
func (s *Server) Run(ctx context.Context) error {
	sweep := time.NewTicker(max(time.Second, min(s.opt.SessionIdle, relayGrace)/4))
	defer sweep.Stop()
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { s.notices.watch(ctx, s.opt.Status, s.offer, s.hasContext) })
	for {
		select {
		case now := <-sweep.C:
			for _, id := range s.sessions.stale(now) {
				s.endSession(id, errSessionEnded)
			}
			s.ShutOut()
			s.clients.forget(now)
		case <-ctx.Done():
			for _, id := range s.sessions.all() {
				s.endSession(id, errShutdown)
			}
			return nil
		}
	}
}

// Handler returns the handler of one face. A listener needs the settings that Serve gives it, and on TCP the local address in the
// request's context, as net/http's server puts it there.
func (s *Server) Handler(face Face) http.Handler { return &edge{s: s, face: face} }

// Serve serves one face on a listener, which it closes, until ctx ends. Requests are then told to end, and get a moment to.
func (s *Server) Serve(ctx context.Context, l net.Listener, face Face) error {
	if face != Unix && face != TCP {
		return fmt.Errorf("mcpserver: no such face: %q", face)
	}
	base, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	links := &link.Server{Handler: s.Handler(face), Logger: s.log}
	links.Each = func() (http.Handler, func()) {
		carried := &carried{clients: s.clients}
		return &edge{s: s, face: face, carried: carried}, carried.over
	}
	handler := links.Handler
	if face == Unix {
		handler = links
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		// no WriteTimeout: it counts from the start of the request, and runs may take long. Each write has a deadline instead
		BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog:    slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	release := context.AfterFunc(ctx, func() {
		links.Retire() // first, so that no request begins which is told to end before it could do anything
		cancel(errShutdown)
		ctx, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
		defer done()
		err := srv.Shutdown(ctx)
		if err != nil {
			err = errors.Join(fmt.Errorf("requests did not end: %w", err), srv.Close())
		}
		stopped <- errors.Join(err, links.Shutdown(ctx))
	})
	err := srv.Serve(l)
	if release() {
		_ = srv.Close() // the listener failed; what it brought must not linger
		cancel(errShutdown)
		_ = links.Shutdown(base) // as above
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return <-stopped
}

// Clients returns a copy of who is connected, the longest connected first.
func (s *Server) Clients() []Client {
	list := s.clients.all()
	for n := range list {
		list[n].Tools = s.rulesFor(list[n].rules).Tools
	}
	return list
}

// TokenUses says, by the names of tokens, what came of each since the server was made.
func (s *Server) TokenUses() map[string]TokenUse { return s.clients.tokenUses() }

// Changed is signalled, at most once until it is read, when a client has come, gone or changed its name. Counts change silently.
func (s *Server) Changed() <-chan struct{} { return s.clients.changed }

// Tools returns the names of the tools, sorted.
func (s *Server) Tools() []string {
	return slices.Sorted(maps.Keys(s.tools))
}

// endSession ends an MCP session: what is being served for it, and what mcp-go keeps for it.
func (s *Server) endSession(id string, cause error) {
	ended := s.sessions.end(id, cause)
	s.notices.forget(id)
	s.cleanTransport(id)
	if ended != nil && ended.entry != nil {
		s.clients.closed(ended.entry)
	}
}

// ShutOut ends what clients have open whose tokens do not count any more. Run does so every now and then by itself; whoever knows
// that a token was revoked can have it done at once.
func (s *Server) ShutOut() {
	for _, id := range s.sessions.unwelcome() {
		s.endSession(id, errRevoked)
	}
	s.visits.end(errRevoked)
}

// cleanTransport makes mcp-go forget an MCP session. A DELETE is the only way it offers.
func (s *Server) cleanTransport(id string) {
	header := make(http.Header)
	header.Set(mcp.HeaderSessionID, id)
	s.transport.Handle(nowhere{}, &server.HTTPRequest{Method: http.MethodDelete, Header: header, Context: context.Background()})
}

// nowhere is where the answer to a made-up request goes.
type nowhere struct{}

func (nowhere) Header() http.Header         { return make(http.Header) }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Flush()                      {}
func (nowhere) CanStream() bool             { return false }
