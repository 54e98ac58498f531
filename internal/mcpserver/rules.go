package mcpserver

import (
	"cmp"
	"context"
	"log/slog"
	"net/url"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// defaultResultTokens is about how much of a result a client is told when nothing else is set: editors warn of, or refuse, more
// than 25,000 tokens.
const defaultResultTokens = 24_000

// Rules are what one client may do and how much it is told.
//
// Whose rules hold is decided by the client's name. Over TCP that is the name its token was made for, which it cannot change.
// On the unix socket it is what the client calls itself, or else the program that started the relay; there the rules keep a
// well-meaning client in bounds, not a malicious one, as any program that can open the socket can also use another name.
type Rules struct {
	// ResultTokens is about how many tokens a result may have. 0: the default.
	ResultTokens int
	// Tools are the names of the tools that the client may use. Nil: all.
	Tools []string
}

// ruleName is the name that a client's rules go by.
func ruleName(who entrant, intro software) string {
	return cmp.Or(who.token, intro.Name, who.parent)
}

// rulesFor asks for the rules of a client.
func (s *Server) rulesFor(name string) Rules {
	if s.opt.Rules == nil {
		return Rules{}
	}
	return s.opt.Rules(name)
}

// allows reports whether a tool may be used. Who may run code or commands may also collect and end what that runs, which would
// go on unseen otherwise.
func (r Rules) allows(tool string) bool {
	if r.Tools == nil || slices.Contains(r.Tools, tool) {
		return true
	}
	starter := map[string]string{"get_result": "run_code", "cancel_run": "run_code", "get_process": "run_command", "stop_process": "run_command"}[tool]
	return starter != "" && slices.Contains(r.Tools, starter)
}

// resultTokens is about how many tokens the result of this call may have.
func (x *exchange) resultTokens() int { return cmp.Or(x.rules.ResultTokens, defaultResultTokens) }

// mayUse returns the error for a tool that the client may not use. All clients see the same list of tools, as the protocol has it
// that lists do not vary by connection; so it is the call that is refused, with a sentence that a model can pass on.
func (x *exchange) mayUse(tool string) error {
	if x.rules.allows(tool) {
		return nil
	}
	return sandbox.Errorf(sandbox.CodeNotAllowed, "this client may not use %s: %s. Do not try again", tool, x.settingOfTools())
}

// mayRead returns the error for a resource that the client may not read. What a resource shows can also be had by a tool, and who
// may not use any tool that shows it may not read it either. What contexts hold can be read with run_code, and what runs printed
// is what run_code and get_result return. How full the pool is, everybody may know.
func (x *exchange) mayRead(uri string) error {
	shownBy := toolsThatShow(uri)
	if len(shownBy) == 0 || slices.ContainsFunc(shownBy, x.rules.allows) {
		return nil
	}
	return sandbox.Errorf(sandbox.CodeNotAllowed, "this client may not read this resource, as it may not use %s: %s", strings.Join(shownBy, " or "), x.settingOfTools())
}

// mayList reports whether the client sees contexts in the list of resources. For one that does not, the list never changes.
func (x *exchange) mayList() bool { return x.mayRead(allURI) == nil }

// toolsThatShow lists the tools of which each shows what a resource does. None: everybody may read it.
func toolsThatShow(uri string) []string {
	tail, ok := strings.CutPrefix(uri+"/", contextsURI)
	if !ok {
		return nil
	}
	parts := strings.SplitN(strings.TrimSuffix(tail, "/"), "/", 3)
	if len(parts) == 1 {
		return []string{"list_contexts"}
	}
	kind, err := url.PathUnescape(parts[1])
	switch {
	case err == nil && kind == "files" && len(parts) == 2:
		return []string{"list_files", "run_code"}
	case err == nil && kind == "files":
		return []string{"download_file", "run_code"}
	case err == nil && kind == "runs" && len(parts) == 3 && strings.Contains(parts[2], "/"):
		return []string{"run_code", "get_result"} // output, which is all that get_result tells
	}
	return []string{"run_code"} // runs with their code, and whatever else a context may come to show
}

// settingOfTools says where it is set what the client may use.
func (x *exchange) settingOfTools() string {
	may := "which allows none"
	if len(x.rules.Tools) > 0 {
		may = "which allows " + strings.Join(x.rules.Tools, ", ")
	}
	return "the user has limited it in the settings of AgentRun Tray with clients." + x.ruleName + ".tools, " + may
}

// guardResource is the middleware around every resource.
func (s *Server) guardResource(next server.ResourceHandlerFunc) server.ResourceHandlerFunc {
	return func(ctx context.Context, req mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		x := exchangeOf(ctx)
		err := x.mayRead(req.Params.URI)
		if err == nil {
			return next(ctx, req)
		}
		s.log.LogAttrs(ctx, slog.LevelInfo, "resource refused", slog.String("uri", clean(req.Params.URI, 200)), slog.String("outcome", string(sandbox.CodeNotAllowed)))
		x.reply.replace(resourceError(ctx, req.Params.URI, err))
		return nil, err
	}
}
