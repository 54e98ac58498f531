package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
)

// connection does what the editor would do, step by step, up to code that runs.
func connection(ctx context.Context, e *examination) []Finding {
	l := editors.Launch{Command: e.Shim.Path()}
	if e.Editor != "" {
		var err error
		if l, err = e.Editors.Launch(e.Editor); err != nil {
			return one(skipped("What the editor would start is not known: its settings cannot be read."))
		}
	}
	if _, err := e.Shim.Target(); err != nil && l.Command == e.Shim.Path() && e.dependent() == "" && e.Relay != "" {
		l.Command = e.Relay // nothing was connected yet: the program itself will do
	}
	if e.deaf {
		return one(skipped("What an editor would do was not tried: it would wait for the host, which does not answer."))
	}
	var all []Finding
	add := func(id, title string, f Finding) {
		f.Check, f.Title = id, title
		all = append(all, f)
	}
	env := l.Environment(e.System)
	if home := e.System.Getenv(paths.HomeVariable); home != "" && l.URL == "" && !slices.ContainsFunc(l.Env, func(v string) bool { return strings.HasPrefix(v, paths.HomeVariable+"=") }) {
		// Without it the attempt would meet another host than the one that is looked at here.
		env = append(env, paths.HomeVariable+"="+home)
		add("environment", "Environment", warn(paths.HomeVariable+" is set here, and editors do not pass it on: what they start uses other folders.", "Add it to the editor's entry, as an environment variable, or do without it."))
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began := time.Now()
	p, err := open(ctx, l, env)
	if err != nil {
		add("start", "Start", startFailed(l, err, e))
		return all
	}
	defer p.close()
	add("start", "Start", good(fmt.Sprintf("%s: %s.", p.verb(), l)))
	for _, s := range steps {
		stepCtx, stop := context.WithTimeout(ctx, e.Patience)
		said, err := s.run(stepCtx, p)
		late := stepCtx.Err() != nil && ctx.Err() == nil
		stop()
		if err != nil {
			if late {
				err = fmt.Errorf("there was no answer within %s", phrase.Duration(e.Patience))
			}
			add(s.id, s.title, failed(s, p, l, err, e))
			return all
		}
		add(s.id, s.title, said)
	}
	all[len(all)-1].What += fmt.Sprintf(" All of it took %s.", phrase.Duration(time.Since(began).Round(10*time.Millisecond)))
	return all
}

// startFailed says why a program could not be started or an address not be reached.
func startFailed(l editors.Launch, err error, e *examination) Finding {
	again := e.connect("")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad(l.Command+", which the editor starts, is not there.", again)
	case errors.Is(err, fs.ErrPermission):
		return bad(l.Command+" may not be started by this user.", again)
	}
	return bad(fmt.Sprintf("%s: %v.", l, err), again)
}

// step is one thing that an editor does on a connection.
type step struct {
	id, title string
	run       func(ctx context.Context, p *peer) (Finding, error)
	todo      string
}

var steps = []step{
	{"discover", "Greeting", greet, "If the host hangs: agentrunctl stop, then try again. What it has logged is in "},
	{"tools", "Tools", listTools, "agentrunctl stop, then try again. What the host has logged is in "},
	{"run", "Code", runCode, "See agentrunctl status for what the sandboxes do. What the host has logged is in "},
}

// failed says at which step it ended, and what the program has said itself.
func failed(s step, p *peer, l editors.Launch, err error, e *examination) Finding {
	what := map[string]string{
		"discover": "It does not answer as an MCP server",
		"tools":    "It does not list its tools",
		"run":      "It does not run code",
	}[s.id]
	what = fmt.Sprintf("%s: %v.", what, err)
	if said := p.lastWords(); !strings.Contains(what, strings.TrimPrefix(said, shim.Relay+": ")) {
		what += itSaid(said)
	}
	switch {
	case errors.Is(err, errNotLetIn):
		return bad(what, "The editor's token is not, or no longer, valid; make a new one: "+e.connect(" --http"))
	case l.URL == "" && !shim.IsRelay(l.Command):
		return bad(what, "This is not AgentRun Tray, but another program. To put ours in its place: "+e.connect(" --force"))
	case errors.Is(err, errEnded) && e.broken:
		return bad(what, "Do what stands above about the programs, and try again.")
	case errors.Is(err, errEnded):
		return bad(what, "Install AgentRun Tray again, then: "+e.connect("")+". What a host has logged is in "+e.logs())
	}
	return bad(what, s.todo+e.logs())
}

// connect is the command that connects the editor anew that is asked about.
func (e *examination) connect(flags string) string {
	id := e.Editor
	if id == "" {
		id = e.dependent()
	}
	if id == "" {
		id = "NAME"
	}
	return "agentrunctl connect " + string(id) + flags
}

// logs is the folder where the host writes down what it does.
func (e *examination) logs() string { return e.Dirs.Log + string(os.PathSeparator) }

// itSaid is a sentence about the last words of a program, if it has had any.
func itSaid(words string) string {
	if words == "" {
		return ""
	}
	return " It said: " + words
}

// greet begins as editors of today do, and if that is not understood as older ones did.
func greet(ctx context.Context, p *peer) (Finding, error) {
	var answer struct {
		Meta struct {
			Server struct {
				Name    string `json:"name"`
				Version string `json:"version"`
			} `json:"io.modelcontextprotocol/serverInfo"`
		} `json:"_meta"`
		Server struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"serverInfo"`
		Versions []string `json:"supportedVersions"`
	}
	err := p.call(ctx, "server/discover", map[string]any{}, &answer)
	if refused, ok := errors.AsType[*refusal](err); ok && !errors.Is(err, errNotLetIn) {
		p.old = true
		err = p.call(ctx, "initialize", map[string]any{"protocolVersion": oldVersion, "capabilities": map[string]any{}, "clientInfo": p.self()}, &answer)
		if err == nil {
			err = p.notify(ctx, "notifications/initialized")
		}
		if err != nil && err.Error() != refused.Error() {
			err = fmt.Errorf("%w (and before: %w)", err, refused)
		}
		if err != nil {
			return Finding{}, err
		}
		return good(fmt.Sprintf("It is %s %s, and speaks MCP %s.", answer.Server.Name, answer.Server.Version, oldVersion)), nil
	}
	if err != nil {
		return Finding{}, err
	}
	return good(fmt.Sprintf("It is %s %s, and speaks MCP %s.", answer.Meta.Server.Name, answer.Meta.Server.Version, strings.Join(answer.Versions, ", "))), nil
}

// listTools asks what the editor would show its model.
func listTools(ctx context.Context, p *peer) (Finding, error) {
	var answer struct {
		Tools []struct {
			Name string `json:"name"`
		} `json:"tools"`
	}
	if err := p.call(ctx, "tools/list", map[string]any{}, &answer); err != nil {
		return Finding{}, err
	}
	var names []string
	for _, tool := range answer.Tools {
		names = append(names, tool.Name)
	}
	if !slices.Contains(names, "run_code") {
		return Finding{}, fmt.Errorf("run_code is not among its tools (%s)", strings.Join(names, ", "))
	}
	return good(fmt.Sprintf("It has %d tools, run_code among them.", len(names))), nil
}

// runCode computes something, and ends the context that was made for it.
func runCode(ctx context.Context, p *peer) (Finding, error) {
	var answer struct {
		IsError    bool `json:"isError"`
		Content    []struct{ Text string }
		Structured struct {
			Success bool                     `json:"success"`
			Result  struct{ Text string }    `json:"result"`
			Error   struct{ Message string } `json:"error"`
			Context string                   `json:"context_id"`
			Backend string                   `json:"backend"`
			RunID   string                   `json:"run_id"`
			Status  string                   `json:"status"`
		} `json:"structuredContent"`
	}
	if err := p.call(ctx, "tools/call", map[string]any{"name": "run_code", "arguments": map[string]any{"code": "6 * 7", "language": "python"}}, &answer); err != nil {
		return Finding{}, err
	}
	r := answer.Structured
	if r.Context != "" {
		var ignored json.RawMessage
		defer func() {
			_ = p.call(ctx, "tools/call", map[string]any{"name": "stop_context", "arguments": map[string]any{"context_id": r.Context}}, &ignored) // it would end by itself, later
		}()
	}
	switch {
	case answer.IsError:
		said := "it refused"
		if len(answer.Content) > 0 {
			said = answer.Content[0].Text
		}
		return Finding{}, errors.New(strings.TrimSuffix(phrase.Clip(said, 300), "."))
	case r.RunID != "":
		return warn("The code has not ended yet; it is "+r.Status+".", "agentrunctl status shows what the sandboxes do."), nil
	case r.Backend == "mock":
		return warn("The host only pretends to run code (backend mock).", "agentrunctl backend auto"), nil
	case !r.Success || r.Result.Text != "42":
		return Finding{}, fmt.Errorf("6 * 7 is %q there %s", r.Result.Text, r.Error.Message)
	}
	return good("Python has computed 6 * 7 = 42 (" + r.Backend + ")."), nil
}
