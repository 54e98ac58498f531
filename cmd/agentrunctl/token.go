package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/control"
	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

// token prints, makes or revokes a client's token for the HTTP address; without a name it lists the clients that have one.
func token(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := newFlags("token", stderr)
	revoke := fs.Bool("revoke", false, "make the client's token useless, and end what the client has open")
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
		return listTokens(ctx, dirs, store, stdout)
	case *revoke:
		return revokeToken(ctx, dirs, store, words[0], stdout)
	}
	t, err := store.Get(words[0])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, t.Secret)
	return err
}

// revokeToken makes a token useless and tells the host, which would find out by itself, but not at once.
func revokeToken(ctx context.Context, dirs paths.Dirs, store *tokens.Store, client string, stdout io.Writer) error {
	if err := store.Revoke(client); err != nil {
		return err
	}
	ended := ", and its connections were ended. Code that it left running goes on; agentrunctl status shows it"
	if _, _, err := control.Ask(ctx, dirs, http.MethodPost, "/tokens/changed"); errors.Is(err, control.ErrNoHost) {
		ended = ""
	} else if err != nil {
		ended = "; what it has open ends within half a minute"
	}
	_, err := fmt.Fprintf(stdout, "%s can no longer connect%s.\n", client, ended)
	return err
}

// listTokens prints who has a token. What came of each is the running host's to say; without its answer it is what was kept last.
func listTokens(ctx context.Context, dirs paths.Dirs, store *tokens.Store, stdout io.Writer) error {
	list, err := store.List()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(stdout, "No client has a token yet; make one with: agentrunctl token NAME")
		return err
	}
	var snap status.Snapshot
	t := tabwriter.NewWriter(stdout, 2, 8, 2, ' ', 0)
	if err := control.AskFor(ctx, dirs, http.MethodGet, "/status", &snap); err == nil && len(snap.Tokens) > 0 {
		printTokens(t, snap.Tokens, time.Now())
	} else {
		printKept(t, list, dirs)
	}
	return t.Flush()
}

// printKept writes what is known of tokens without a host.
func printKept(w io.Writer, list []tokens.Token, dirs paths.Dirs) {
	uses, _ := tokens.OpenUses(dirs.Data).Load() // damaged: the host reports it and begins anew
	fmt.Fprintln(w, "TOKEN\tMADE\tSEEN\tCALLS\tERRORS")
	for _, t := range list {
		var use tokens.Use
		for _, u := range uses {
			if u.Client == t.Client && u.Created.Equal(t.Created) {
				use = u
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\n", t.Client, t.Created.Local().Format("2006-01-02 15:04"), ago(time.Now(), use.LastSeen), use.Calls, use.Errors)
	}
}
