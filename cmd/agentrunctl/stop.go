package main

import (
	"context"
	"errors"
	"io"

	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

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
	switch err := control.Stop(ctx, dirs); {
	case errors.Is(err, control.ErrNoHost):
		said = "No host is running.\n"
	case err != nil:
		return err
	}
	_, err = io.WriteString(stdout, said)
	return err
}
