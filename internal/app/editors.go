package app

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/computer"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/doctor"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// Editors are those of this computer, as they were seen last.
type Editors struct {
	List []editors.Status
}

// findEditors gets ready to connect editors to the addresses that the host listens on. Without them the host is as good.
func (a *App) findEditors() {
	if a.opt.Getenv == nil {
		return
	}
	a.mu.Lock()
	address := a.address.HTTP
	a.mu.Unlock()
	c, err := computer.New(computer.Options{
		Dirs: a.opt.Dirs, Getenv: a.opt.Getenv, Environ: a.opt.Environ, URL: address,
		Token: func(client string) (string, error) { return a.MakeToken(context.Background(), client) },
	})
	if err != nil {
		a.log.Warn("no editors", "error", err)
		return
	}
	if err := c.KeepShim(); err != nil {
		a.log.Warn("editors may start an older version", "error", err)
	}
	a.mu.Lock()
	a.computer = c
	a.mu.Unlock()
}

var errNoEditors = errors.New("the editors of this computer are not known; the log says why")

// Computer is the editors of this computer, to be changed: from when the host listens on, if they can be looked for at all. Tell the
// host of a change with LookAtEditors, or it sees it some seconds later.
func (a *App) Computer() (*computer.Computer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.computer == nil {
		return nil, errNoEditors
	}
	return a.computer, nil
}

// ExamineEditor does what an editor would do to run code, and hands over what it finds on the way. An empty id means no editor in
// particular: everything.
func (a *App) ExamineEditor(ctx context.Context, id editors.ID, found func(doctor.Finding)) error {
	c, err := a.Computer()
	if err != nil {
		return err
	}
	x := computer.Examination{Editor: id, Secrets: a.opt.Secrets, Status: func(context.Context) (status.Snapshot, bool, error) { return a.snapshot(), true, nil }}
	if cfg := a.settings(); cfg.HTTP.Enabled {
		x.Port = cfg.HTTP.Port
	}
	c.Examine(ctx, x, found)
	return ctx.Err()
}

// watchEditors looks at the editors: at once, and when they change.
func (a *App) watchEditors(ctx context.Context) error {
	c, err := a.Computer()
	if err != nil {
		return nil //nolint:nilerr // findEditors has said why
	}
	return c.Watch(ctx, editors.WatchEvery, func([]editors.Status) { a.LookAtEditors() })
}

// LookAtEditors looks at the editors now, after they may have been changed.
func (a *App) LookAtEditors() {
	a.looking.Lock()
	defer a.looking.Unlock()
	c, err := a.Computer()
	if err != nil {
		return
	}
	list := c.List()
	a.mu.Lock()
	if a.editors == nil || !reflect.DeepEqual(a.editors.List, list) {
		a.editors = &Editors{List: list}
	}
	a.mu.Unlock()
	token(a.poke)
}

// foldEditors shows which editors have lost their connection.
func (a *App) foldEditors(s *status.Snapshot) {
	a.mu.Lock()
	seen, c := a.editors, a.computer
	a.mu.Unlock()
	if seen == nil {
		return
	}
	// Where the usual port is taken that is a problem by itself, and it may pass.
	moved := a.opt.Listen != "" && s.Addresses.HTTP != "" && s.Addresses.HTTP != "http://"+a.opt.Listen+"/mcp"
	for _, st := range seen.List {
		if !st.Lost || moved && st.State == editors.Stale && st.Form == editors.HTTP {
			continue
		}
		if p, ok := editorProblem(st, c.FormToMend(st)); ok {
			s.Problems = append(s.Problems, p)
		}
	}
}

// editorProblem is what the user of a lost editor can do, who connects it again in a form. A file that the editor cannot read either
// needs no telling.
func editorProblem(st editors.Status, form editors.Form) (p status.Problem, ok bool) {
	connect := "agentrunctl connect " + string(st.ID)
	if form != editors.Stdio {
		connect += " --http"
	}
	where := ""
	if len(st.Files) > 0 {
		where = " in " + st.Files[0].Path
	}
	p = status.Problem{Args: status.Args{Editor: string(st.ID)}}
	switch st.State {
	case editors.Found:
		p.Code, p.What = status.EditorLost, st.Name+" is not connected to AgentRun Tray any more."
		p.Why = fmt.Sprintf("Our entry%s is gone.", where)
	case editors.Stale:
		p.Code, p.What = status.EditorStale, "The entry of AgentRun Tray in "+st.Name+" is out of date."
		p.Why = strings.ToUpper(st.Detail[:1]) + st.Detail[1:] + "."
	case editors.HandEdited:
		p.Code, p.What = status.EditorChanged, "The entry of AgentRun Tray in "+st.Name+" was changed by hand."
		p.Why = fmt.Sprintf("Our entry%s is not as it was: %s.", where, st.Detail)
		connect += " --force"
	case editors.NotFound, editors.Connected, editors.Unreadable, editors.Elsewhere:
		return p, false
	}
	p.Todo = fmt.Sprintf("To connect it again: %s. To leave it so: agentrunctl disconnect %s --keep", connect, st.ID)
	return p, true
}
