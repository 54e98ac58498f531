package main

import (
	"context"
	"fmt"
	"io"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

// token prints, makes or revokes a client's token for the HTTP address; without a name it lists the clients that have one.
func token(_ context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("token", stderr)
	revoke := fs.Bool("revoke", false, "make the client's token useless")
	words, err := parse(fs, args, 1)
	if err != nil {
		return err
	}
	dirs, err := paths.Find()
	if err != nil {
		return err
	}
	if err := paths.EnsurePrivate(dirs.Data); err != nil {
		return err
	}
	store := tokens.Open(dirs.Data)
	switch {
	case len(words) == 0 && *revoke:
		return misused("--revoke needs the client's name")
	case len(words) == 0:
		return listTokens(store, stdout)
	case *revoke:
		if err := store.Revoke(words[0]); err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "%s can no longer connect.\n", words[0])
		return err
	}
	t, err := store.Get(words[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, t.Secret)
	return err
}

func listTokens(store *tokens.Store, stdout io.Writer) error {
	list, err := store.List()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(stdout, "No client has a token yet; make one with: agentrunctl token NAME")
		return err
	}
	for _, t := range list {
		if _, err := fmt.Fprintf(stdout, "%s\tsince %s\n", t.Client, t.Created.Local().Format("2006-01-02 15:04")); err != nil {
			return err
		}
	}
	return nil
}
