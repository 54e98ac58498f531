package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// backend shows where new contexts are made, or has them made elsewhere from now on, by the running host or the next one.
func backend(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	rest, err := parse(newFlags("backend", stderr), args, 1)
	if err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return showBackend(ctx, dirs, stdout)
	}
	name := rest[0]
	if !slices.Contains(config.Backends(), name) {
		return misused("there is no backend %q; choose one of %s", name, strings.Join(config.Backends(), ", "))
	}
	err = change(ctx, dirs, "/backend/"+name, stdout)
	if !errors.Is(err, control.ErrNoHost) {
		return err
	}
	if err := paths.EnsurePrivate(dirs.Config); err != nil {
		return err
	}
	if err := config.Set(dirs.Config, "backend", name); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "The next host uses the backend %s.\n", name)
	return err
}

// showBackend says what is chosen and what that means at the moment.
func showBackend(ctx context.Context, dirs paths.Dirs, stdout io.Writer) error {
	name, setting, err := chosenBackend(ctx, dirs)
	if err != nil {
		return err
	}
	if name == "" {
		_, err = fmt.Fprintf(stdout, "%s (no host is running)\n", setting)
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s (setting: %s)\n", name, setting)
	return err
}

// chosenBackend asks the running host which backend is chosen, and on which one new contexts are made for it; where no host runs, the
// settings, and the name is empty.
func chosenBackend(ctx context.Context, dirs paths.Dirs) (name, setting string, err error) {
	var snap status.Snapshot
	err = control.AskFor(ctx, dirs, http.MethodGet, "/status", &snap)
	if errors.Is(err, control.ErrNoHost) {
		cfg, _, err := config.Load(dirs.Config)
		return "", cfg.Backend, err
	}
	return snap.Backend.Name, snap.Backend.Setting, err
}

// poolActions are the words behind agentrunctl pool, and what each has behind it.
var poolActions = map[string]string{"pause": "", "resume": "", "warm": "how many", "replace": "which sandbox", "end": "which sandbox"}

// poolByHand pauses or resumes the pool of the running host, or changes what is in it.
func poolByHand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	rest, err := parse(newFlags("pool", stderr), args, 2)
	if err != nil {
		return err
	}
	const actions = "pause, resume, warm N, replace SANDBOX or end SANDBOX"
	if len(rest) == 0 {
		return misused("say what to do with the pool: %s", actions)
	}
	what, known := poolActions[rest[0]]
	switch {
	case !known:
		return misused("there is no pool %s; it is one of %s", rest[0], actions)
	case what != "" && len(rest) < 2:
		return misused("pool %s: say %s", rest[0], what)
	case what == "" && len(rest) > 1:
		return misused("%q is one word too many", rest[1])
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	path := "/pool/" + rest[0]
	if what != "" {
		path += "/" + url.PathEscape(rest[1])
	}
	return change(ctx, dirs, path, stdout)
}

// change asks the running host for a change and prints what came of it.
func change(ctx context.Context, dirs paths.Dirs, path string, stdout io.Writer) error {
	_, body, err := control.AskWithin(ctx, 30*time.Second, dirs, http.MethodPost, path)
	if err != nil {
		return err
	}
	var answer app.ChangeAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("read the host's answer: %w", err)
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	_, err = fmt.Fprintln(stdout, answer.Text)
	return err
}
