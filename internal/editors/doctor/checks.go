package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/instance"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/version"
)

func versionOf() string { return version.String() }

const reinstall = "Install AgentRun Tray again, so that agentrun-mcp and agentrunctl are in one folder."

// programs: the relay is beside us, and what editors start leads to it.
func programs(ctx context.Context, e *examination) []Finding {
	f := installed(ctx, e)
	e.broken = f.Verdict == Bad
	return one(f)
}

// installed is programs without keeping in mind what came of it.
func installed(ctx context.Context, e *examination) Finding {
	if e.Relay == "" {
		return bad("agentrun-mcp, which editors start, is not beside this program.", reinstall)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, e.Relay, "--version").Output() //nolint:gosec // our own program
	if err != nil {
		what := fmt.Sprintf("%s does not start: %v.", e.Relay, err)
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			what += itSaid(telling(exit.Stderr))
		}
		return bad(what, reinstall)
	}
	if got := strings.TrimSpace(strings.TrimPrefix(string(out), "agentrun-mcp ")); got != e.version {
		return warn(fmt.Sprintf("agentrun-mcp is version %s, and agentrunctl is %s.", got, e.version), reinstall)
	}
	target, err := e.Shim.Target()
	switch {
	case err != nil && e.dependent() == "":
		return good(fmt.Sprintf("%s, version %s. No editor starts it yet.", e.Relay, e.version))
	case err != nil:
		return bad(e.Shim.Path()+", which editors start, leads to no program.", "Make it anew: agentrunctl connect "+string(e.dependent()))
	case !shim.SameFile(target, e.Relay):
		return warn(fmt.Sprintf("Editors start %s, another copy than this one.", target), "If this one is meant: agentrunctl connect NAME")
	case e.Shim.Spaces():
		return warn(e.Shim.Path()+", which editors start, has a space in its path, which some editors do not start.", "Connect those by URL: agentrunctl connect NAME --http")
	}
	return good(fmt.Sprintf("Editors start %s, version %s.", e.Shim.Path(), e.version))
}

// dependent is an editor that starts us by the shim, first of all the one that is asked about; empty: there is none.
func (e *examination) dependent() editors.ID {
	var another editors.ID
	for _, st := range e.Editors.List() {
		if st.ID != e.Editor && (another != "" || !st.Ours()) {
			continue
		}
		if l, err := e.Editors.Launch(st.ID); err != nil || l.File == "" || l.Command != e.Shim.Path() {
			continue
		}
		if st.ID == e.Editor {
			return st.ID
		}
		another = st.ID
	}
	return another
}

// copies: other installations, which other settings may lead to.
func copies(_ context.Context, e *examination) []Finding {
	var found []string
	// The shim is no copy; where it leads is told by programs.
	ours := func(file string) bool { return shim.SameFile(file, e.Relay) || shim.SameFile(file, e.Shim.Path()) }
	ending := ""
	separator := ":"
	if e.System.GOOS == "windows" {
		ending, separator = ".exe", ";"
	}
	for dir := range strings.SplitSeq(e.System.Getenv("PATH"), separator) {
		file := filepath.Join(dir, "agentrun-mcp"+ending)
		if info, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && info.Mode().IsRegular() && !ours(file) {
			found = append(found, file)
		}
	}
	for _, st := range e.Editors.List() {
		if st.State != editors.Stale && st.State != editors.HandEdited {
			continue
		}
		l, err := e.Editors.Launch(st.ID)
		if err == nil && l.Command != "" && strings.TrimSuffix(filepath.Base(l.Command), ".exe") == "agentrun-mcp" && !ours(l.Command) {
			if _, err := os.Stat(l.Command); err == nil {
				found = append(found, l.Command+" (started by "+st.Name+")")
			}
		}
	}
	if len(found) > 0 {
		return one(warn("There are other copies of agentrun-mcp: "+strings.Join(found, ", ")+".", "Remove those that are not used; two versions at once end each other's host."))
	}
	return one(good("There is no other copy of AgentRun Tray on the PATH or in an editor's settings."))
}

// host: whether one runs, and which.
func host(ctx context.Context, e *examination) []Finding {
	snap, running, err := e.Status(ctx)
	if err != nil {
		e.deaf = true
		return one(doesNotAnswer(err, e))
	}
	if !running {
		return one(good("No host runs; the first editor that connects starts one."))
	}
	e.snap, e.running = snap, true
	var all []Finding
	if snap.Version != e.version {
		all = append(all, warn(fmt.Sprintf("The host that runs is version %s, and this is %s.", snap.Version, e.version), "agentrunctl stop; the next call of an editor starts the new one."))
	} else {
		all = append(all, good(fmt.Sprintf("A host runs since %s (process %d).", snap.StartedAt.Local().Format("15:04"), snap.PID)))
	}
	return append(all, problems(snap)...)
}

// doesNotAnswer is about a host that is there and says nothing.
func doesNotAnswer(err error, e *examination) Finding {
	process := "its process"
	if info, err := instance.Read(e.Dirs); err == nil {
		process = "process " + strconv.Itoa(info.PID)
	}
	what := fmt.Sprintf("The host does not answer: %v.", err)
	if errors.Is(err, context.DeadlineExceeded) {
		what = "A host runs (" + process + "), and does not answer."
	}
	return bad(what, "End it: agentrunctl stop. If that hangs too, end "+process+" by the means of the system. The next editor that connects starts a new one.")
}

// problems are what the host itself has to say.
func problems(snap status.Snapshot) []Finding {
	var all []Finding
	for _, p := range snap.Problems {
		all = append(all, warn(p.What, strings.TrimSpace(sentence(p.Why)+" "+sentence(p.Todo))))
	}
	return all
}

// sentence makes a clause one that can stand beside others.
func sentence(clause string) string {
	if clause == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(clause)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(clause[size:], ".") + "."
}

// aftermath: what a host has to say that the connection has started.
func aftermath(ctx context.Context, e *examination) []Finding {
	if e.running || e.deaf {
		return nil
	}
	snap, _, err := e.Status(ctx)
	if err != nil {
		return nil // it has ended again; why that is, the connection has told
	}
	snap.Problems = slices.DeleteFunc(snap.Problems, func(p status.Problem) bool { return p.Code == status.PortTaken }) // told by port
	return problems(snap)
}

// engine: whether code can run in the host that runs.
func engine(_ context.Context, e *examination) []Finding {
	switch {
	case e.deaf:
		return one(skipped("Whether code can run cannot be told while the host does not answer."))
	case !e.running:
		return one(skipped("Whether code can run shows when an editor connects."))
	case e.snap.Phase == status.Troubled && e.snap.Pool.Ready > 0: // those that are left run code; why there are no more is the host's to say
		return one(warn(fmt.Sprintf("%d of %d sandboxes are ready (%s).", e.snap.Pool.Ready, e.snap.Pool.Warm, e.snap.Backend.Name), "Nothing need be done: AgentRun Tray tries again by itself."))
	case e.snap.Phase == status.Troubled && e.snap.Backend.Fallback != "":
		return one(warn("New contexts are made on the "+e.snap.Backend.Fallback+" backend, as no sandbox can be had on the other: "+e.snap.Pool.LastFailure+".", "Nothing need be done: AgentRun Tray tries again by itself."))
	case e.snap.Phase == status.Troubled:
		return one(bad("No sandbox can be had: "+e.snap.Pool.LastFailure+".", "See agentrunctl status, and the log in "+e.Dirs.Log+"."))
	case e.snap.Backend.Loading != nil:
		l := e.snap.Backend.Loading
		return one(warn(fmt.Sprintf("The engine is not ready: %s, for %s.", l.What, phrase.Duration(time.Since(l.Since).Round(time.Second))), "Wait some seconds; it takes longest at the first start on a computer."))
	case e.snap.Backend.Name == "mock":
		return one(warn("The host only pretends to run code (backend mock).", "agentrunctl backend auto"))
	case e.snap.Phase == status.Starting:
		return one(warn("The first sandbox is being made.", "Wait some seconds and look again."))
	}
	return one(good(fmt.Sprintf("%d of %d sandboxes are ready (%s).", e.snap.Pool.Ready, e.snap.Pool.Warm, e.snap.Backend.Name)))
}

// account: whether the credentials, if there are any, open AgentRun. It takes the keychain, the network, the endpoints and the account
// to find out, and the first of them that is in the way has a sentence of its own.
func account(ctx context.Context, e *examination) []Finding {
	where, err := e.Account(ctx)
	keychain, isKeychain := errors.AsType[*secrets.KeychainError](err)
	switch {
	case errors.Is(err, secrets.ErrNone), isKeychain && keychain.State == secrets.Absent:
		return one(good("There are no AgentRun credentials: code runs on this computer."))
	case isKeychain:
		return one(warn("The keychain cannot be asked for AgentRun credentials: "+keychain.Why+".", keychain.Todo))
	case err != nil:
		return one(bad("AgentRun cannot be used with the credentials there are: "+err.Error()+".", "agentrunctl login puts others in their place, agentrunctl backend local does without."))
	}
	return one(good(fmt.Sprintf("AgentRun takes the credentials from the %s.", where)))
}

// port: whether editors that connect by URL find the address that stands in their settings.
func port(ctx context.Context, e *examination) []Finding {
	if e.Port == 0 {
		return one(good("Editors do not connect by URL; the settings have it switched off."))
	}
	wanted := net.JoinHostPort("127.0.0.1", strconv.Itoa(e.Port))
	if e.deaf {
		return one(skipped("Who listens on " + wanted + " cannot be told while the host does not answer."))
	}
	if !e.running {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", wanted)
		if err != nil {
			return one(warn(fmt.Sprintf("Another program uses %s, which the host would listen on.", wanted), "End that program, or choose another port (http, port) in "+filepath.Join(e.Dirs.Config, "settings.json")+". Editors that start agentrun-mcp do not need it."))
		}
		_ = ln.Close()
		return one(good(wanted + " is free for the host."))
	}
	if address := "http://" + wanted + "/mcp"; e.snap.Addresses.HTTP != address {
		now := e.snap.Addresses.HTTP
		if now == "" {
			now = "no address"
		}
		return one(warn(fmt.Sprintf("The host listens on %s and not on %s; another program may use that.", now, wanted), "End that program, then: agentrunctl stop. Editors that start agentrun-mcp do not need it."))
	}
	return one(good("The host listens on " + e.snap.Addresses.HTTP + "."))
}

// settings: what the editors' files say.
func settings(_ context.Context, e *examination) []Finding {
	var all []Finding
	for _, st := range e.Editors.List() {
		if e.Editor == "" && st.State == editors.NotFound || e.Editor != "" && st.ID != e.Editor {
			continue
		}
		f := setting(st)
		if e.Editor == "" && st.State == editors.Found && !st.Lost {
			continue // not wanted, as far as we know
		}
		all = append(all, f)
	}
	if all == nil {
		all = one(good("No editor is connected. See those there are: agentrunctl editors"))
	}
	return all
}

// setting judges one editor's.
func setting(st editors.Status) Finding {
	connect, where := "agentrunctl connect "+string(st.ID), ""
	if form := st.LastForm(); form == editors.HTTP || form == editors.Socket {
		connect += " --http" // as it was
	}
	if len(st.Files) > 0 {
		where = " (" + st.Files[0].Path + ")"
	}
	switch st.State {
	case editors.NotFound:
		return bad(st.Name+" was not found on this computer.", "Install it, or start it once.")
	case editors.Connected:
		return good(st.Name + " is connected" + where + ".")
	case editors.Found:
		switch {
		case st.Lost:
			return bad(st.Name+" has dropped our entry"+where+".", connect)
		case len(st.Files) == 0:
			return skipped("What " + st.Name + " has in its settings cannot be seen from outside. " + connect + " says what to do there.")
		}
		return bad(st.Name+" is not connected"+where+".", connect)
	case editors.Unreadable:
		return bad(fmt.Sprintf("The settings of %s cannot be read%s: %s.", st.Name, where, st.Detail), "Look at the file in a text editor, and at whom it belongs to; most likely "+st.Name+" cannot read it either.")
	case editors.HandEdited:
		if st.Off {
			return bad(st.Name+" has us switched off.", "Switch agentrun on among the MCP servers of "+st.Name+".")
		}
		return warn(fmt.Sprintf("The entry of %s was changed by hand%s: %s.", st.Name, where, st.Detail), "To put ours in its place: "+connect+" --force")
	case editors.Stale:
		return bad(fmt.Sprintf("The entry of %s is out of date%s: %s.", st.Name, where, st.Detail), connect)
	case editors.Elsewhere:
		return warn(fmt.Sprintf("%s knows us under another name%s: %s.", st.Name, where, st.Detail), "It can stay so. To have the entry kept up to date, take that one out, and then: "+connect)
	}
	return skipped(st.Name + " is in a state that this version does not know.")
}
