package desktop

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// tickEvery is how long a window that is in sight goes without another view: with nothing new it has the time in it, so how long ago
// things were, and how long they will last.
const tickEvery = time.Second

// lookEvery is how often is looked at what no owner tells of: its user may have changed it in the settings of the desktop, and the tray
// shows it though no window is in sight.
const lookEvery = 5 * time.Second

// gatherFor is how long a view waits for what belongs to it. One call of an editor changes the pool, the counts of its client and the
// list of calls, and the host tells of them one after another; each view has the whole window painted.
const gatherFor = 50 * time.Millisecond

// SetInSight says whether somebody sees the window.
func (d *Desk) SetInSight(on bool) {
	d.mu.Lock()
	d.inSight = on
	d.mu.Unlock()
	if on {
		d.lookAgain()
	}
}

// lookAgain has the next view read what no owner tells of.
func (d *Desk) lookAgain() {
	d.mu.Lock()
	d.asked = true
	d.mu.Unlock()
	d.poke()
}

// mayDiffer reports whether what no owner tells of was asked for since it was read.
func (d *Desk) mayDiffer() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.asked
	d.asked = false
	return asked
}

// login is whether the program is started at login, as it was read last.
type login struct{ on, failed bool }

// read reads it again.
func (l *login) read(d *Desk) {
	on, err := d.start.On()
	if err != nil && !l.failed { // once, and not each time
		d.log.Warn("start at login not known", "error", err)
	}
	l.on, l.failed = on, err != nil
}

// Views yields the newest view at once and then each time there is a newer one, until ctx ends. A slow reader skips what came between.
func (d *Desk) Views(ctx context.Context) iter.Seq[ui.View] {
	return func(yield func(ui.View) bool) {
		ctx, stop := context.WithCancel(ctx)
		var watching sync.WaitGroup
		defer watching.Wait()
		defer stop()
		watching.Go(func() {
			for range d.app.Desk().Watch(ctx) {
				d.poke()
			}
		})
		tick := time.NewTicker(tickEvery)
		defer tick.Stop()
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		var t translator
		var atLogin login
		for ctx.Err() == nil {
			if d.mayDiffer() {
				atLogin.read(d)
			}
			if !yield(t.view(d.app.Desk().Current(), atLogin.on, time.Now())) {
				return
			}
			tick.Reset(tickEvery)
			for again := false; !again; {
				select {
				case <-d.changed:
					d.gather(ctx)
					again = true
				case <-tick.C:
					again = d.isInSight()
				case <-look.C:
					before := atLogin.on
					atLogin.read(d)
					again = atLogin.on != before
				case <-ctx.Done():
					return
				}
			}
		}
	}
}

// gather waits for what else changes now.
func (d *Desk) gather(ctx context.Context) {
	rest := time.NewTimer(gatherFor)
	defer rest.Stop()
	for {
		select {
		case <-d.changed:
		case <-rest.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (d *Desk) isInSight() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.inSight
}

// poke has the next view made.
func (d *Desk) poke() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// translator puts what the host says into the window's words. What was the same before stays the same to the pointer, as the window
// goes by that.
type translator struct {
	settings *app.Settings // that shown are
	shown    *ui.Settings
	calls    []ui.Call
	seen     *app.Editors // that found are
	byURL    bool
	found    *ui.Editors
	contexts []status.Context
}

func (t *translator) view(d app.Desk, atLogin bool, now time.Time) ui.View {
	d.Contexts = t.contextsOf(d.Contexts)
	return ui.View{
		Snapshot: d.Snapshot, Now: now, Figures: (*ui.Figures)(d.Figures), Notebook: d.Notebook,
		Calls: t.callsOf(d.Calls), Editors: t.editorsOf(d.Editors, d.Addresses.HTTP != ""), Settings: t.settingsOf(d.Settings, atLogin), Account: ui.Account(d.Account),
	}
}

// contextsOf compares here what would cost the UI goroutine its time: there may be a thousand.
func (t *translator) contextsOf(contexts []status.Context) []status.Context {
	if !slices.Equal(t.contexts, contexts) {
		t.contexts = contexts
	}
	return t.contexts
}

// callsOf translates the calls that are new. When old ones were forgotten, all are.
func (t *translator) callsOf(calls []activity.Call) []ui.Call {
	if len(t.calls) > len(calls) || len(t.calls) > 0 && t.calls[0].ID != calls[0].ID {
		t.calls = nil
	}
	for _, c := range calls[len(t.calls):] {
		t.calls = append(t.calls, ui.Call{ID: c.ID, At: c.At, Client: c.Client, Tool: c.Tool, ContextID: c.ContextID, Context: c.Context, Took: c.Took, Outcome: c.Outcome, Raised: c.Raised, Detail: c.Detail})
	}
	return slices.Clip(t.calls)
}

func (t *translator) settingsOf(s *app.Settings, atLogin bool) *ui.Settings {
	if s == t.settings && t.shown.Autostart == atLogin {
		return t.shown
	}
	language, _ := s.Values["language"].(string)
	t.settings = s
	t.shown = &ui.Settings{Values: s.Values, Restart: s.Restart, File: s.File, LogFolder: s.LogFolder, Autostart: atLogin, Language: config.Config{Language: language}.LanguageTag()}
	return t.shown
}
