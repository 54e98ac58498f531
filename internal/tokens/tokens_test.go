package tokens_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

func TestATokenIsMadeOnceAndFoundAgain(t *testing.T) {
	dir := t.TempDir()
	first, err := tokens.Open(dir).Get("vscode")
	if err != nil {
		t.Fatal(err)
	}
	host := tokens.Open(dir) // another process
	again, err := host.Get("vscode")
	if err != nil || again.Secret != first.Secret {
		t.Errorf("second Get = %v, %v; want the same token", again, err)
	}
	if client, ok := host.Lookup(first.Secret); !ok || client != "vscode" {
		t.Errorf("Lookup = %q, %v", client, ok)
	}
	for _, wrong := range []string{"", "art_", first.Secret + "x", strings.ToLower(first.Secret)} {
		if client, ok := host.Lookup(wrong); ok {
			t.Errorf("Lookup(%q) let %q in", wrong, client)
		}
	}
	info, err := os.Stat(filepath.Join(dir, tokens.FileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
}

func TestRevokingShutsTheClientOutOfARunningHost(t *testing.T) {
	dir := t.TempDir()
	host, cli := tokens.Open(dir), tokens.Open(dir)
	keep, err := cli.Get("cursor")
	if err != nil {
		t.Fatal(err)
	}
	gone, err := cli.Get("zed")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := host.Lookup(gone.Secret); !ok {
		t.Fatal("the token does not work before it is revoked")
	}
	if err := cli.Revoke("zed"); err != nil {
		t.Fatal(err)
	}
	if _, ok := host.Lookup(gone.Secret); ok {
		t.Error("a revoked token still works")
	}
	if _, ok := host.Lookup(keep.Secret); !ok {
		t.Error("revoking one token ended another")
	}
	if err := cli.Revoke("zed"); !errors.Is(err, tokens.ErrUnknown) {
		t.Errorf("revoking twice = %v, want ErrUnknown", err)
	}
}

func TestADamagedListLetsNobodyInAndSaysWhatToDo(t *testing.T) {
	for _, text := range []string{"not json", `[{"client":"x","token":""}]`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tokens.FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := tokens.Open(dir)
		if _, ok := s.Lookup(""); ok {
			t.Errorf("with %q the empty token was let in", text)
		}
		if _, err := s.Get("x"); err == nil || !strings.Contains(err.Error(), "delete it and make new tokens") {
			t.Errorf("with %q Get = %v", text, err)
		}
	}
}

func TestNamesThatCannotBeClients(t *testing.T) {
	for _, name := range []string{"", " ", "a b", "../x", strings.Repeat("x", 65), "-x"} {
		if _, err := tokens.Open(t.TempDir()).Get(name); err == nil {
			t.Errorf("Get(%q) was accepted", name)
		}
	}
}

func TestManyProcessesMakeTokensAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	secrets := make([]string, 16)
	for n := range secrets {
		wg.Go(func() {
			token, err := tokens.Open(dir).Get(fmt.Sprint("client", n/2)) // each name twice
			if err != nil {
				t.Error(err)
			}
			secrets[n] = token.Secret
		})
	}
	wg.Wait()
	host := tokens.Open(dir)
	for n, secret := range secrets {
		if client, ok := host.Lookup(secret); !ok || client != fmt.Sprint("client", n/2) {
			t.Errorf("token %d was printed and belongs to %q, %v", n, client, ok)
		}
	}
}
