package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func entry(id string) Entry {
	return Entry{SandboxID: id, Template: "agentrun-tray", AccountID: "1234567890123456", Region: "cn-hangzhou", CreatedAt: noon}
}

func add(t *testing.T, l *Ledger, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := l.Add(entry(id)); err != nil {
			t.Fatalf("Add(%s) = %v", id, err)
		}
	}
}

// ids lists what a ledger has.
func ids(t *testing.T, l *Ledger) []string {
	t.Helper()
	entries, err := l.Entries()
	if err != nil {
		t.Fatalf("Entries = %v", err)
	}
	return names(entries)
}

func names(entries []Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.SandboxID)
	}
	return all
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", what, got, want)
	}
}

func TestWhatIsEnteredIsThereForTheNextProcess(t *testing.T) {
	folder := t.TempDir()
	l := New(folder)
	e := entry("tray-a")
	e.ControlEndpoint, e.DataEndpoint, e.CreatedAt = "http://127.0.0.1:1", "http://127.0.0.1:2", noon.In(time.FixedZone("", 8*3600))
	if err := l.Add(e); err != nil {
		t.Fatal(err)
	}
	add(t, l, "tray-b", "tray-c")
	if err := l.Remove("tray-b", "tray-x"); err != nil {
		t.Errorf("Remove = %v", err)
	}
	e.CreatedAt = noon
	for _, l := range []*Ledger{l, New(folder)} {
		entries, err := l.Entries()
		if err != nil || len(entries) != 2 || entries[0] != e || entries[1] != entry("tray-c") {
			t.Errorf("Entries = %+v, %v", entries, err)
		}
		if err := l.Problem(); err != nil {
			t.Errorf("Problem = %v", err)
		}
	}
	info, err := os.Stat(filepath.Join(folder, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("the file has mode %o, want that nobody else reads it", mode)
	}
}

func TestNothingIsWrittenForNothing(t *testing.T) {
	folder := t.TempDir()
	l := New(folder)
	want(t, "a new ledger", ids(t, l))
	if err := l.Remove("tray-a"); err != nil {
		t.Errorf("Remove = %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, FileName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
	add(t, l, "tray-a")
	before, err := os.Stat(filepath.Join(folder, FileName))
	if err != nil {
		t.Fatal(err)
	}
	add(t, l, "tray-a")
	if after, err := os.Stat(filepath.Join(folder, FileName)); err != nil || !os.SameFile(before, after) {
		t.Errorf("the same entry was written again (%v)", err)
	}
}

func TestAnEntryIsReplaced(t *testing.T) {
	folder := t.TempDir()
	l := New(folder)
	add(t, l, "tray-a")
	e := entry("tray-a")
	e.Template = "other"
	if err := l.Add(e); err != nil {
		t.Fatal(err)
	}
	if entries, err := New(folder).Entries(); err != nil || len(entries) != 1 || entries[0] != e {
		t.Errorf("Entries = %+v, %v", entries, err)
	}
}

func TestEntriesThatMeanNothingAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Entry){
		"no id":                 func(e *Entry) { e.SandboxID = "" },
		"an id that is a path":  func(e *Entry) { e.SandboxID = "../x" },
		"an id that is long":    func(e *Entry) { e.SandboxID = strings.Repeat("a", 129) },
		"no template":           func(e *Entry) { e.Template = "" },
		"no region":             func(e *Entry) { e.Region = "" },
		"no time":               func(e *Entry) { e.CreatedAt = time.Time{} },
		"a time without a form": func(e *Entry) { e.CreatedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		l := New(t.TempDir())
		e := entry("tray-a")
		spoil(&e)
		if err := l.Add(e); err == nil {
			t.Errorf("%s: Add succeeded", name)
		}
		want(t, name+": the ledger", ids(t, l))
	}
}

// TestADamagedFileIsKeptAside and what can be read of it stays in force.
func TestADamagedFileIsKeptAside(t *testing.T) {
	good := `{"sandbox_id":"tray-a","template":"t","region":"r","created_at":"2026-03-01T12:00:00Z"}`
	for name, tc := range map[string]struct {
		text string
		left []string
	}{
		"half a file":            {text: `{"sandboxes":[` + good},
		"something else":         {text: `[1,2,3]`},
		"an empty file":          {text: ""},
		"no list":                {text: `{"boxes":[]}`},
		"null":                   {text: `null`},
		"a list of null":         {text: `{"sandboxes":[null]}`},
		"an entry without an id": {text: `{"sandboxes":[{"template":"t","region":"r","created_at":"2026-03-01T12:00:00Z"},` + good + `]}`, left: []string{"tray-a"}},
		"an id that is a path":   {text: `{"sandboxes":[` + good + `,` + strings.Replace(good, "tray-a", "../../x", 1) + `]}`, left: []string{"tray-a"}},
		"a time that is none":    {text: `{"sandboxes":[` + good + `,` + strings.Replace(good, "2026-03-01T12:00:00Z", "yesterday", 1) + `]}`, left: []string{"tray-a"}},
		"the same twice":         {text: `{"sandboxes":[` + good + `,` + good + `]}`, left: []string{"tray-a"}},
		"two megabytes":          {text: `{"sandboxes":[` + good + `]}` + strings.Repeat(" ", 2<<20)},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, FileName)
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			l := New(folder)
			add(t, l, "tray-z")
			want(t, "the ledger", ids(t, l), append(tc.left, "tray-z")...)
			want(t, "the next one", ids(t, New(folder)), append(tc.left, "tray-z")...)
			kept, err := filepath.Glob(file + ".broken-*")
			if err != nil || len(kept) != 1 {
				t.Fatalf("kept aside are %q, %v", kept, err)
			}
			if text, err := os.ReadFile(kept[0]); err != nil || string(text) != tc.text {
				t.Errorf("kept aside is %.100q, %v, want the file as it was", text, err)
			}
			if err := l.Problem(); err == nil || !strings.Contains(err.Error(), kept[0]) || !strings.Contains(err.Error(), "six hours") {
				t.Errorf("Problem = %v, want where the file is and what to do", err)
			}
		})
	}
}

// TestAFileThatCannotBeReadIsNotWrittenOver and is read when it can be.
func TestAFileThatCannotBeReadIsNotWrittenOver(t *testing.T) {
	folder := t.TempDir()
	add(t, New(folder), "tray-a", "tray-b")
	file := filepath.Join(folder, FileName)
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil { // cannot be read as a file, whoever asks
		t.Fatal(err)
	}
	l := New(folder)
	if err := l.Add(entry("tray-c")); err == nil || l.Problem() == nil {
		t.Errorf("Add = %v, Problem = %v of a file that cannot be read", err, l.Problem())
	}
	if entries, err := l.Entries(); err == nil || len(entries) != 1 {
		t.Errorf("Entries = %v, %v, want what was added and an error", entries, err)
	}
	if err := os.Rename(file+".away", file+".new"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(file), os.Rename(file+".new", file)); err != nil {
		t.Fatal(err)
	}
	want(t, "the ledger", ids(t, l), "tray-a", "tray-b", "tray-c")
	want(t, "the next one", ids(t, New(folder)), "tray-a", "tray-b", "tray-c")
	if err := l.Problem(); err != nil {
		t.Errorf("Problem = %v", err)
	}
}

// TestAFileThatCannotBeWrittenCatchesUp has its folder away for a while.
func TestAFileThatCannotBeWrittenCatchesUp(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	l := New(folder)
	for _, id := range []string{"tray-a", "tray-b"} {
		if err := l.Add(entry(id)); err == nil || !strings.Contains(err.Error(), "make room") {
			t.Errorf("Add(%s) = %v, want that it cannot be kept", id, err)
		}
	}
	if err := l.Problem(); err == nil {
		t.Error("Problem = nil")
	}
	if err := l.Remove("tray-a"); err == nil {
		t.Error("Remove = nil")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	want(t, "the ledger", ids(t, l), "tray-b")
	want(t, "the next one", ids(t, New(folder)), "tray-b")
	if err := l.Problem(); err != nil {
		t.Errorf("Problem = %v", err)
	}
}

// TestAClockThatWasSetBack does not keep entries for longer than sandboxes live.
func TestAClockThatWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		e := entry("tray-a")
		e.CreatedAt = time.Now().Add(1000 * time.Hour)
		if err := New(folder).Add(e); err != nil {
			t.Fatal(err)
		}
		entries, err := New(folder).Entries()
		if err != nil || len(entries) != 1 || !entries[0].CreatedAt.Equal(time.Now()) {
			t.Errorf("Entries = %+v, %v, want that it was made now", entries, err)
		}
		time.Sleep(time.Hour)
		if again, err := New(folder).Entries(); err != nil || !slices.Equal(again, entries) {
			t.Errorf("an hour later Entries = %+v, %v, want %+v", again, err, entries)
		}
	})
}

func TestAnEntryIsClaimedByOne(t *testing.T) {
	folder := t.TempDir()
	add(t, New(folder), "tray-a", "tray-b")
	l := New(folder)
	add(t, l, "tray-c")
	unclaimed := func() []string {
		entries, err := l.Unclaimed()
		if err != nil {
			t.Errorf("Unclaimed = %v", err)
		}
		return names(entries)
	}
	want(t, "Unclaimed", unclaimed(), "tray-a", "tray-b")
	var (
		all sync.WaitGroup
		got = make([]bool, 8)
	)
	for i := range got {
		all.Go(func() { got[i] = l.Claim("tray-a") })
	}
	all.Wait()
	if n := len(slices.DeleteFunc(got, func(got bool) bool { return !got })); n != 1 {
		t.Errorf("%d of 8 got the entry", n)
	}
	if l.Claim("tray-c") || l.Claim("tray-x") {
		t.Error("what somebody has, or nobody knows, was claimed")
	}
	want(t, "Unclaimed", unclaimed(), "tray-b")
	l.GiveUp("tray-c")
	want(t, "Unclaimed", unclaimed(), "tray-b", "tray-c")
	if err := l.Remove("tray-a"); err != nil {
		t.Fatal(err)
	}
	if l.Claim("tray-a") {
		t.Error("what was struck out was claimed")
	}
}

func TestManyAtOnce(t *testing.T) {
	folder := t.TempDir()
	l := New(folder)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			id := fmt.Sprintf("tray-%02d", i)
			if err := l.Add(entry(id)); err != nil {
				t.Errorf("Add = %v", err)
			}
			if !slices.Contains(ids(t, New(folder)), id) {
				t.Errorf("%s is not on the disk after Add", id)
			}
			if i%2 == 0 {
				if err := l.Remove(id); err != nil {
					t.Errorf("Remove = %v", err)
				}
			}
		})
	}
	all.Wait()
	if got := ids(t, New(folder)); len(got) != 10 {
		t.Errorf("the ledger has %q, want the odd ones", got)
	}
}
