package figures_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/figures"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func newBook(t *testing.T) *figures.Book {
	t.Helper()
	return figures.New(figures.Options{Folder: t.TempDir(), Location: time.UTC})
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func TestRunsAreCountedByDayAndStretch(t *testing.T) {
	b := newBook(t)
	f := b.Current(noon, "local", nil)
	if f.RunsToday != 0 || len(f.RunsPer) != 24 || slices.Max(f.RunsPer) != 0 || f.RunP50 != 0 || f.UsualStart != 0 {
		t.Errorf("an empty book has %+v", f)
	}
	for n := range 10 {
		b.Ran(noon.Add(time.Duration(n)*time.Minute), "sb-1", ms(n+1), n%4 == 3)
	}
	b.Ran(noon.Add(9*time.Minute), "", 0, true) // it never came to a sandbox
	f = b.Current(noon.Add(9*time.Minute), "local", nil)
	if f.RunsToday != 11 || f.FailedToday != 3 || !slices.Equal(f.RunsPer[21:], []int{0, 5, 6}) {
		t.Errorf("%d runs, %d failed, by stretches %v; want 11, 3 and 5 and 6 in the last two", f.RunsToday, f.FailedToday, f.RunsPer)
	}
	if len(f.RunTimes) != 10 || f.RunP50 != ms(5) || f.RunP99 != ms(10) || f.LastRun["sb-1"] != ms(10) {
		t.Errorf("run times %v, middle %v, 99%% %v, last %v", f.RunTimes, f.RunP50, f.RunP99, f.LastRun)
	}
	later := b.Current(noon.Add(20*time.Minute), "local", nil)
	if !slices.Equal(later.RunsPer[18:], []int{0, 5, 6, 0, 0, 0}) {
		t.Errorf("a quarter of an hour later the stretches are %v", later.RunsPer)
	}
	if f.RunsPer[23] != 6 {
		t.Error("what was handed out has changed")
	}
	if f := b.Current(noon.Add(13*time.Hour), "local", nil); f.RunsToday != 0 || f.FailedToday != 0 || slices.Max(f.RunsPer) != 0 || len(f.RunTimes) != 10 {
		t.Errorf("the next day has %+v, want no runs, and the last times still", f)
	}
	b.Ran(noon.Add(13*time.Hour), "sb-1", ms(1), false)
	if f := b.Current(noon, "local", nil); f.RunsPer[23] != 0 {
		t.Errorf("after the clock was set back the stretches are %v, want none of the future", f.RunsPer)
	}
}

// TestTheCountsOfTheDayOutliveARestart, and not the day.
func TestTheCountsOfTheDayOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	b := figures.New(figures.Options{Folder: dir, Location: time.UTC})
	b.Ran(noon, "s", ms(1), true)
	b.Ran(noon, "s", ms(1), false)
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Time][2]int{noon.Add(time.Hour): {3, 1}, noon.AddDate(0, 0, 1): {1, 0}} {
		next := figures.New(figures.Options{Folder: dir, Location: time.UTC})
		next.Ran(at, "s", ms(1), false) // before what was kept is read
		if err := next.Load(); err != nil {
			t.Fatal(err)
		}
		if f := next.Current(at, "local", nil); f.RunsToday != want[0] || f.FailedToday != want[1] {
			t.Errorf("at %v there are %d runs, %d failed, want %v", at, f.RunsToday, f.FailedToday, want)
		}
	}
}

func TestADayEndsWhereItsUserIs(t *testing.T) {
	b := figures.New(figures.Options{Folder: t.TempDir(), Location: time.FixedZone("CST", 8*3600)})
	b.Ran(time.Date(2026, 11, 27, 15, 59, 0, 0, time.UTC), "s", 1, false)
	if f := b.Current(time.Date(2026, 11, 27, 15, 59, 30, 0, time.UTC), "", nil); f.RunsToday != 1 {
		t.Errorf("before midnight there are %d runs, want 1", f.RunsToday)
	}
	if f := b.Current(time.Date(2026, 11, 27, 16, 0, 0, 0, time.UTC), "", nil); f.RunsToday != 0 {
		t.Errorf("after midnight there are %d runs, want 0", f.RunsToday)
	}
}

func TestFiguresAreReplacedWhenTheyChangeOnly(t *testing.T) {
	b := newBook(t)
	waits := []time.Duration{ms(1), ms(3)}
	first := b.Current(noon, "local", waits)
	if b.Current(noon.Add(time.Second), "local", slices.Clone(waits)) != first {
		t.Error("nothing has changed, and there are other figures")
	}
	if first.AcquireP50 != ms(1) || first.AcquireP99 != ms(3) {
		t.Errorf("of waits of 1 and 3 ms half are %v and 99%% %v", first.AcquireP50, first.AcquireP99)
	}
	for name, change := range map[string]func() *figures.Figures{
		"a run":            func() *figures.Figures { b.Ran(noon, "s", 1, false); return b.Current(noon, "local", waits) },
		"a session":        func() *figures.Figures { b.Started("local", 1); return b.Current(noon, "local", waits) },
		"a wait":           func() *figures.Figures { return b.Current(noon, "local", waits[:1]) },
		"another backend":  func() *figures.Figures { return b.Current(noon, "cloud", waits) },
		"the next stretch": func() *figures.Figures { return b.Current(noon.Add(figures.Stretch), "cloud", waits) },
		"the next day":     func() *figures.Figures { return b.Current(noon.Add(24*time.Hour), "cloud", waits) },
		"something to load": func() *figures.Figures {
			b.Loaded("cloud", 1)
			return b.Current(noon.Add(24*time.Hour), "cloud", waits)
		},
	} {
		before := b.Current(noon, "local", waits)
		if change() == before {
			t.Errorf("%s changed nothing", name)
		}
	}
}

func TestOnlyTheLastAreRemembered(t *testing.T) {
	b := newBook(t)
	for n := range 1000 {
		b.Ran(noon.Add(time.Duration(n)*time.Millisecond), fmt.Sprint("sb-", n), ms(n), false)
	}
	f := b.Current(noon, "", nil)
	if len(f.RunTimes) != 100 || f.RunTimes[0] != ms(900) || f.RunTimes[99] != ms(999) || len(f.LastRun) != 200 || f.LastRun["sb-999"] != ms(999) || f.LastRun["sb-800"] != ms(800) {
		t.Errorf("%d times from %v, %d sandboxes; want the last 100 and 200", len(f.RunTimes), f.RunTimes[0], len(f.LastRun))
	}
}

func TestWhatIsUsualIsKnownAfterARestart(t *testing.T) {
	dir := t.TempDir()
	b := figures.New(figures.Options{Folder: dir})
	if err := b.Load(); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, figures.FileName)); err == nil {
		t.Error("a file was written with nothing in it")
	}
	b.Started("agentrun", -time.Hour)                         // the clock was set back meanwhile
	b.Loaded("local", 25*time.Hour)                           // or on
	for _, n := range []int{90_000, 14_000, 15_000, 13_000} { // the first one waited for a template too
		b.Started("agentrun", ms(n))
	}
	b.Loaded("local", ms(3200))
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	next := figures.New(figures.Options{Folder: dir})
	next.Started("agentrun", ms(14_500))
	if err := next.Load(); err != nil {
		t.Fatal(err)
	}
	if f := next.Current(noon, "agentrun", nil); f.UsualStart != ms(14_500) || f.UsualLoad != 0 {
		t.Errorf("of agentrun %v and %v are usual, want 14.5 s and nothing", f.UsualStart, f.UsualLoad)
	}
	if f := next.Current(noon, "local", nil); f.UsualStart != 0 || f.UsualLoad != ms(3200) {
		t.Errorf("of local %v and %v are usual, want nothing and 3.2 s", f.UsualStart, f.UsualLoad)
	}
	for range 20 {
		next.Started("agentrun", ms(8000))
	}
	if f := next.Current(noon, "agentrun", nil); f.UsualStart != ms(8000) {
		t.Errorf("after 20 of 8 s %v is usual", f.UsualStart)
	}
}

func TestADamagedFileBeginsAnew(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":                  "{",
		"another form":             `{"session_start_seconds": [1]}`,
		"times that cannot be":     `{"session_start_seconds": {"local": [-1, 1e300, 1e9]}}`,
		"a list that is much long": `{"session_start_seconds": {"local": [` + strings.Repeat("-2,", 5000) + `-1]}}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, figures.FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b := figures.New(figures.Options{Folder: dir})
		err := b.Load()
		if damaged := !strings.Contains(text, "-"); damaged != (err != nil) {
			t.Errorf("%s: Load = %v", name, err)
		}
		b.Started("local", ms(2000))
		if f := b.Current(noon, "local", nil); f.UsualStart != ms(2000) {
			t.Errorf("%s: %v is usual, want the 2 s that were measured", name, f.UsualStart)
		}
		if err := b.Save(); err != nil {
			t.Errorf("%s: Save = %v", name, err)
		}
		if err := figures.New(figures.Options{Folder: dir}).Load(); err != nil {
			t.Errorf("%s: what was written over it reads as %v", name, err)
		}
	}
}

func TestAFailureToSaveIsToldAndTriedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	b := figures.New(figures.Options{Folder: dir})
	b.Started("local", ms(5))
	if err := b.Save(); err == nil || !strings.Contains(err.Error(), "keep how long things usually take") {
		t.Errorf("Save without its folder = %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, figures.FileName)); err != nil {
		t.Errorf("the second Save wrote nothing: %v", err)
	}
}

func TestManyTellAtOnce(t *testing.T) {
	b := newBook(t)
	var telling sync.WaitGroup
	for n := range 8 {
		telling.Go(func() {
			for range 100 {
				b.Ran(noon, fmt.Sprint(n), ms(n), n == 0)
				b.Started("local", ms(n))
				b.Current(noon, "local", nil)
			}
			if err := b.Save(); err != nil {
				t.Error(err)
			}
		})
	}
	telling.Wait()
	if f := b.Current(noon, "local", nil); f.RunsToday != 800 || f.FailedToday != 100 || len(f.LastRun) != 8 {
		t.Errorf("%d runs, %d failed, %d sandboxes; want 800, 100 and 8", f.RunsToday, f.FailedToday, len(f.LastRun))
	}
}
