package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// stopPatience is how long a host may take to end: code gets a moment to, and sandboxes are closed.
const stopPatience = 30 * time.Second

// stopHost ends the running host and waits until it has ended. That none runs is as good.
func stopHost(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if _, err := parse(newFlags("stop", stderr), args, 0); err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	said := "The host has stopped. An editor that calls starts a new one.\n"
	_, _, err = askWithin(ctx, stopPatience, dirs, http.MethodPost, "/stop")
	switch {
	case errors.Is(err, errNoHost):
		said = "No host is running.\n"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the host was told to stop, and still runs after %v; agentrunctl status shows what it does", stopPatience)
	case err != nil:
		return err
	}
	_, err = io.WriteString(stdout, said)
	return err
}
