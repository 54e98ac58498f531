package tokens_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/tokens"
)

func TestUsesOutliveTheHost(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, tokens.UsesFileName)
	u := tokens.OpenUses(dir)
	if list, err := u.Load(); list != nil || err != nil {
		t.Fatalf("Load without a file = %v, %v", list, err)
	}
	if err := u.Keep(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was made to keep nothing in")
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := []tokens.Use{{Client: "cursor", Created: now.Add(-time.Hour), LastSeen: now, Calls: 7, Errors: 1}, {Client: "zed", Created: now}}
	if err := u.Keep(want); err != nil {
		t.Fatal(err)
	}
	if got, err := tokens.OpenUses(dir).Load(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Load = %+v, %v, want %+v", got, err, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := u.Keep(want); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the same was written again")
	}
	if err := u.Keep(want[:1]); err != nil {
		t.Fatal(err)
	}
	if got, err := tokens.OpenUses(dir).Load(); err != nil || !reflect.DeepEqual(got, want[:1]) {
		t.Errorf("Load = %+v, %v, want %+v", got, err, want[:1])
	}
}

func TestDamagedUsesBeginAnew(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, tokens.UsesFileName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	u := tokens.OpenUses(dir)
	if list, err := u.Load(); list != nil || err == nil {
		t.Errorf("Load = %v, %v, want nothing and an error for the log", list, err)
	}
	if err := u.Keep([]tokens.Use{{Client: "a"}}); err != nil {
		t.Fatal(err)
	}
	if list, err := u.Load(); len(list) != 1 || err != nil {
		t.Errorf("Load = %v, %v", list, err)
	}
}
