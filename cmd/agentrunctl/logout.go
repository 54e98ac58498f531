package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
)

// logout removes the credentials from the keychain. That there are none is as good.
func logout(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if _, err := parse(newFlags("logout", stderr), args, 0); err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	store := openStore(newAsker(stdin, stderr).terminal != nil)
	said := "The credentials are removed from the keychain.\n"
	switch err := store.Keychain().Delete(ctx); {
	case errors.Is(err, secrets.ErrNone):
		said = "The keychain has no AgentRun credentials.\n"
	case err != nil:
		return err
	default:
		said += tellHost(ctx, dirs)
	}
	if env, ok := store.Environment(); ok {
		said += fmt.Sprintf("The environment still has some, which programs that are started from here use: %s.\n", describe(env))
	}
	_, err = io.WriteString(stdout, said)
	return err
}
