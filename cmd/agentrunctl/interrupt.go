package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/agentrun-tray/agentrun-tray/internal/app"
	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// interrupt has the running host stop the code that runs in a context, or one run. That nothing runs there is as good.
func interrupt(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	words, err := parse(newFlags("interrupt", stderr), args, 1)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return misused("say which context or run; agentrunctl status shows them")
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	var answer app.InterruptAnswer
	if err := control.AskFor(ctx, dirs, http.MethodPost, "/interrupt/"+url.PathEscape(words[0]), &answer); err != nil {
		return err
	}
	if answer.Outcome == app.InterruptUnknown {
		return errors.New(answer.Text)
	}
	_, err = fmt.Fprintln(stdout, answer.Text)
	return err
}
