package app

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/backend/local"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/logging"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// Settings are what the user can set, as it is now, for whoever shows it.
type Settings struct {
	Values    map[string]any // by name, such as pool.warm; see config.Config.Values
	Restart   []string       // of these, those that hold from the next start on, sorted
	File      string
	LogFolder string
}

// show makes the settings of now those that are shown. The caller holds mu.
func (a *App) showSettings() {
	s := &Settings{Values: a.config.Values(), File: filepath.Join(a.opt.Dirs.Config, config.FileName), LogFolder: a.opt.Dirs.Log}
	atStart := a.opt.Config.Values()
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		if !a.atOnce(name) && !reflect.DeepEqual(s.Values[name], atStart[name]) {
			s.Restart = append(s.Restart, name)
		}
	}
	a.shown = s
}

// atOnce reports whether a change of a setting holds from that moment on.
func (a *App) atOnce(name string) bool {
	switch name {
	case "backend", "fallback", "carry_over", "agentrun.template", "agentrun.daily_cap",
		"pool.warm", "pool.ceiling", "pool.idle_pause_minutes", "pool.keep_on_quit",
		"runs.result_tokens", "allowed_folders", "clients", "theme":
		return true
	case "log_level":
		return a.opt.LogLevel != nil
	}
	return strings.HasPrefix(name, "clients.")
}

// Change changes a setting, named as in faults, in the file and, as far as that can be, for this host. It says whether it holds from the
// next start on only. A bad value changes nothing, and the error says what is wrong with it.
func (a *App) Change(ctx context.Context, name string, value any) (restart bool, err error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	before := a.settings()
	with, err := before.With(name, value)
	if err != nil {
		return false, err
	}
	if name == "clients" || strings.HasPrefix(name, "clients.") {
		if faults := with.CheckTools(a.server.Tools()); len(faults) > 0 {
			return false, fmt.Errorf("change the setting %s: %w", faults[0].Field, &config.RefusedError{Name: faults[0].Field, Text: faults[0].Text})
		}
	}
	if err := config.Set(a.opt.Dirs.Config, name, value); err != nil {
		return false, err
	}
	if with.Pool.Warm < before.Pool.Warm && name == "pool.ceiling" { // more than may be cannot be kept ready
		if err := config.Set(a.opt.Dirs.Config, "pool.warm", with.Pool.Warm); err != nil {
			return false, err
		}
	}
	a.mu.Lock()
	a.config = with
	a.problems = slices.DeleteFunc(a.problems, func(p status.Problem) bool { // the setting is right now
		return p.Code == status.Settings && (p.Args.Setting == name || strings.HasPrefix(p.Args.Setting, name+"."))
	})
	a.showSettings()
	restart = slices.Contains(a.shown.Restart, name)
	a.mu.Unlock()
	a.log.InfoContext(ctx, "setting changed", "name", name, "restart", restart)
	defer token(a.poke)
	return restart, a.apply(ctx, name, with)
}

// apply does what a changed setting asks for. What is asked for when it is needed needs nothing here.
func (a *App) apply(ctx context.Context, name string, now config.Config) error {
	switch name {
	case "backend":
		a.sites.agree()
		if now.Backend != local.Name { // who wants no cloud may have just sent away the question for its key
			ctx = secrets.Anew(ctx)
		}
		return a.choose(ctx)
	case "fallback", "agentrun.template":
		return a.choose(ctx)
	case "carry_over":
		a.interp.SetCarry(now.CarryOver == "on")
	case "pool.warm", "pool.ceiling":
		if name == "pool.warm" { // who says how many are to be kept ready means it
			a.sites.agree()
		}
		a.sites.resize(now.Pool.Warm, now.Pool.Ceiling)
	case "agentrun.daily_cap":
		a.meter.SetDailyCap(now.AgentRun.DailyCap)
		token(a.spent)
	case "log_level":
		if a.opt.LogLevel == nil {
			return nil
		}
		level, err := logging.ParseLevel(now.LogLevel)
		if err != nil {
			return err
		}
		a.opt.LogLevel.Set(level)
	}
	return nil
}

// SetWarm keeps another number of sandboxes ready from now on. It is kept in the settings.
func (a *App) SetWarm(ctx context.Context, n int) error {
	_, err := a.Change(ctx, "pool.warm", n)
	return err
}
