package cost

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func newMeter(t *testing.T, change func(*Options)) *Meter {
	t.Helper()
	options := Options{Folder: t.TempDir(), Location: time.UTC}
	if change != nil {
		change(&options)
	}
	return New(options)
}

// near checks a figure to a thousandth of itself.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.001*math.Max(1, math.Abs(want)) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// comes checks today's lives and work, in minutes.
func comes(t *testing.T, m *Meter, now time.Time, lives, busy float64) {
	t.Helper()
	today := m.Totals(now).Today
	near(t, "minutes lived", today.Sandboxes.Minutes(), lives)
	near(t, "minutes busy", today.Busy.Minutes(), busy)
}

func one(busy bool) []Alive { return []Alive{{ID: "a", Born: noon, Busy: busy}} }

// watch observes once a minute, as a host does.
func watch(m *Meter, from, to time.Time, living []Alive) {
	for at := from; !at.After(to); at = at.Add(time.Minute) {
		m.Observe(at, living)
	}
	m.Observe(to, living)
}

// TestTheWorkedExampleOfThePriceList is the one that its authors reckon: 2 cores and 2 GB.
func TestTheWorkedExampleOfThePriceList(t *testing.T) {
	for _, tc := range []struct {
		busy  bool
		units float64
		cny   float64
	}{{true, 8370, 0.92}, {false, 1170, 0.13}} {
		m := newMeter(t, nil)
		watch(m, noon, noon.Add(time.Hour), one(tc.busy))
		got := m.Totals(noon.Add(time.Hour)).Today
		if got.Sandboxes != time.Hour || math.Abs(got.CNY-tc.cny) > 0.005 {
			t.Errorf("busy %t: an hour comes to %+v, want %v CNY", tc.busy, got, tc.cny)
		}
		near(t, "units", got.CNY/ListPrices.CNY, tc.units)
	}
	m := newMeter(t, nil)
	m.Called(noon, 10_000)
	if got := m.Totals(noon).Today; got.Calls != 10_000 || math.Abs(got.CNY-75*0.00011) > 1e-9 {
		t.Errorf("ten thousand calls come to %+v", got)
	}
}

func TestAnotherMachineHasAnotherPrice(t *testing.T) {
	m := newMeter(t, func(o *Options) { o.Machine = Machine{CPU: 4, Memory: 8, Disk: 10} })
	living := []Alive{{ID: "a", Born: noon, Busy: true}, {ID: "b", Born: noon, Busy: true, Machine: DefaultMachine}}
	watch(m, noon, noon.Add(time.Minute), living)
	near(t, "units", m.Totals(noon.Add(time.Minute)).Today.CNY/ListPrices.CNY, 60*(4+8*0.15+10*0.05)+60*(2+2*0.15+0.5*0.05))
}

// TestWhatIsObservedIsAddedUp between changes, to the moment of asking.
func TestWhatIsObservedIsAddedUp(t *testing.T) {
	m := newMeter(t, nil)
	at := func(minutes float64) time.Time { return noon.Add(time.Duration(minutes * float64(time.Minute))) }
	m.Observe(at(0), nil)
	m.Observe(at(1), []Alive{{ID: "a", Born: at(0.5)}}) // half a minute to be made
	comes(t, m, at(1), 0.5, 0)
	m.Observe(at(2), []Alive{{ID: "a", Born: at(0.5), Busy: true}, {ID: "b"}})
	m.Observe(at(4), []Alive{{ID: "a", Born: at(0.5)}, {ID: "b", Busy: true}})
	comes(t, m, at(5), 1.5+2+2+1+1, 2+1)
	comes(t, m, at(5), 1.5+2+2+1+1, 2+1) // asking costs nothing
	m.Observe(at(6), []Alive{{ID: "b", Busy: true}})
	m.Observe(at(7), nil)
	m.Observe(at(90), nil)
	comes(t, m, at(100), 5.5+5, 2+3)
}

func TestDaysEndAtMidnightWhereOneLives(t *testing.T) {
	for _, tc := range []struct {
		zone  string
		start time.Time // of three hours, in UTC
		first float64   // minutes on the first day
	}{
		{"UTC", time.Date(2026, 3, 10, 22, 30, 0, 0, time.UTC), 90},
		{"Asia/Shanghai", time.Date(2026, 3, 10, 14, 0, 0, 0, time.UTC), 120},
		{"America/New_York", time.Date(2026, 3, 10, 3, 15, 0, 0, time.UTC), 45},
		{"Asia/Kathmandu", time.Date(2026, 3, 10, 17, 0, 0, 0, time.UTC), 75},
		// Where clocks are put on at midnight, the day before ends an hour earlier and there is no midnight.
		{"Africa/Cairo", time.Date(2026, 4, 23, 20, 0, 0, 0, time.UTC), 120},
		{"America/Santiago", time.Date(2026, 9, 6, 2, 0, 0, 0, time.UTC), 120},
	} {
		t.Run(tc.zone, func(t *testing.T) {
			zone, err := time.LoadLocation(tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			m := newMeter(t, func(o *Options) { o.Location = zone })
			end := tc.start.Add(3 * time.Hour)
			watch(m, tc.start, end, []Alive{{ID: "a", Born: tc.start}})
			totals := m.Totals(end)
			near(t, "minutes on the second day", totals.Today.Sandboxes.Minutes(), 180-tc.first)
			near(t, "minutes in the month", totals.Month.Sandboxes.Minutes(), 180)
		})
	}
}

// TestASandboxThatIsTakenOverIsAsItWas although the next host does not know yet what its template is like.
func TestASandboxThatIsTakenOverIsAsItWas(t *testing.T) {
	m := newMeter(t, nil)
	large := Machine{CPU: 4, Memory: 8, Disk: 10}
	watch(m, noon, noon.Add(10*time.Minute), []Alive{{ID: "a", Born: noon, Machine: large}})
	if err := m.Save(noon.Add(10 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	next := New(m.options)
	if err := next.Load(noon.Add(10 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	watch(next, noon.Add(10*time.Minute), noon.Add(20*time.Minute), []Alive{{ID: "a", Born: noon}})
	want := 1200 * ListPrices.second(large, false) * ListPrices.CNY
	near(t, "CNY for twenty minutes, in thousandths", 1000*next.Totals(noon.Add(20*time.Minute)).Today.CNY, 1000*want)
}

func TestTheFirstOfAMonthBeginsAnew(t *testing.T) {
	m := newMeter(t, nil)
	start := time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)
	watch(m, start, start.Add(90*time.Minute), []Alive{{ID: "a", Born: start}})
	if got := m.Totals(start.Add(90 * time.Minute)); got.Today != got.Month || got.Today.Sandboxes != 30*time.Minute {
		t.Errorf("half an hour into the year there are %+v", got)
	}
	if got := m.Totals(start.Add(24*time.Hour).AddDate(0, 1, 0)); got != (Totals{}) && got.Month.Sandboxes != 0 {
		t.Errorf("a month later there are %+v", got)
	}
}

// TestAComputerThatSlept pays for the sandboxes until their idle timeout, and for no work.
func TestAComputerThatSlept(t *testing.T) {
	for slept, want := range map[time.Duration]float64{4 * time.Minute: 14, 30 * time.Minute: 40, 9 * time.Hour: 70} {
		m := newMeter(t, nil)
		watch(m, noon, noon.Add(10*time.Minute), one(true))
		awake := noon.Add(10*time.Minute + slept)
		busy := 10.0
		if slept < absence {
			busy += slept.Minutes()
		}
		comes(t, m, awake, want, busy)
	}
}

// TestAClockThatIsSet charges what passed by the clock that nobody sets, or no more than an idle timeout.
func TestAClockThatIsSet(t *testing.T) {
	t.Run("back", func(t *testing.T) {
		m := newMeter(t, nil)
		watch(m, noon, noon.Add(10*time.Minute), one(true))
		back := noon.Add(-5 * time.Hour)
		watch(m, back, back.Add(10*time.Minute), one(true))
		comes(t, m, back.Add(10*time.Minute), 20, 20)
	})
	t.Run("back, while the other clock goes on", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newMeter(t, nil)
			now := time.Now()
			m.Observe(now, []Alive{{ID: "a"}})
			m.known["a"].until = m.known["a"].until.Add(time.Hour) // as if the wall's clock had been an hour ahead
			time.Sleep(time.Minute)
			comes(t, m, time.Now(), 1, 0)
			time.Sleep(time.Minute)
			comes(t, m, time.Now(), 2, 0)
		})
	})
	t.Run("on by a year", func(t *testing.T) {
		m := newMeter(t, nil)
		watch(m, noon, noon.Add(10*time.Minute), one(true))
		m.Observe(noon.AddDate(1, 0, 0), one(true))
		if got := m.days["2026-03-10"].Seconds; got > 70*60 {
			t.Errorf("a clock that was set on cost %v s", got)
		}
		if got := m.Totals(noon.AddDate(1, 0, 0)).Month; got.Sandboxes != 0 {
			t.Errorf("the month then has %+v", got)
		}
	})
}

// TestNoSandboxCostsMoreThanItsLife whatever is observed of it.
func TestNoSandboxCostsMoreThanItsLife(t *testing.T) {
	m := newMeter(t, nil)
	watch(m, noon, noon.Add(11*time.Hour), one(true))
	comes(t, m, noon.Add(11*time.Hour), 6*60, 6*60)
}

// TestWhatOutlivesItsHostIsCountedOnce by a crash or because it was left.
func TestWhatOutlivesItsHostIsCountedOnce(t *testing.T) {
	for _, tc := range []struct {
		name  string
		away  time.Duration
		taken bool    // over by the next host
		want  float64 // minutes when that has watched for ten
	}{
		{"taken over after a minute", time.Minute, true, 20 + 1 + 10},
		{"taken over after 50 minutes", 50 * time.Minute, true, 20 + 50 + 10},
		{"ended after a minute", time.Minute, false, 20 + 1},
		{"ended by itself", 5 * time.Hour, false, 20 + 60},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMeter(t, nil)
			watch(m, noon, noon.Add(20*time.Minute), one(true))
			if err := m.Save(noon.Add(20 * time.Minute)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // a host that is killed before it has saved changes nothing
				back := noon.Add(20*time.Minute + tc.away)
				m = New(m.options)
				if err := m.Load(back); err != nil {
					t.Fatal(err)
				}
				watch(m, back, back.Add(2*time.Minute), nil) // not taken over yet
				var living []Alive
				if tc.taken {
					living = one(false)
				}
				watch(m, back.Add(2*time.Minute), back.Add(10*time.Minute), living)
				comes(t, m, back.Add(10*time.Minute), tc.want, 20)
			}
		})
	}
}

// TestAnOrderlyEndIsTheEnd of what is paid for.
func TestAnOrderlyEndIsTheEnd(t *testing.T) {
	m := newMeter(t, nil)
	watch(m, noon, noon.Add(20*time.Minute), one(false))
	m.Observe(noon.Add(20*time.Minute), nil)
	if err := m.Save(noon.Add(20 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	again := New(m.options)
	if err := again.Load(noon.Add(3 * time.Hour)); err != nil {
		t.Fatal(err)
	}
	comes(t, again, noon.Add(3*time.Hour), 20, 0)
}

func TestTheDailyCap(t *testing.T) {
	m := newMeter(t, func(o *Options) { o.DailyCap = 0.5 })
	late := time.Date(2026, 3, 10, 23, 0, 0, 0, time.UTC)
	if over, ok := m.Over(late); ok {
		t.Errorf("before anything there is %+v", over)
	}
	watch(m, late, late.Add(30*time.Minute), []Alive{{ID: "a", Born: late, Busy: true}})
	if over, ok := m.Over(late.Add(30 * time.Minute)); ok {
		t.Errorf("after half an hour there is %+v", over)
	}
	over, ok := m.Over(late.Add(34 * time.Minute))
	if !ok || !over.Until.Equal(late.Add(time.Hour)) {
		t.Errorf("after 34 minutes there is %+v, %t, want that it is over until midnight", over, ok)
	}
	for _, word := range []string{"about 0.52 CNY", "estimate", "cap is 0.50 CNY", "until midnight"} {
		if !strings.Contains(over.Sentence, word) {
			t.Errorf("the sentence is %q, want %q in it", over.Sentence, word)
		}
	}
	if over, ok := m.Over(late.Add(61 * time.Minute)); ok {
		t.Errorf("after midnight there is %+v", over)
	}
	m.Observe(late.Add(61*time.Minute), nil)
	m.SetDailyCap(0.0001)
	if _, ok := m.Over(late.Add(62 * time.Minute)); !ok {
		t.Error("a lowered cap is not reached")
	}
	m.SetDailyCap(0)
	if _, ok := m.Over(late.Add(62 * time.Minute)); ok {
		t.Error("no cap is reached")
	}
}

func TestOldDaysAreDropped(t *testing.T) {
	m := newMeter(t, nil)
	for months := range 30 {
		m.Called(noon.AddDate(0, months, 0), 1)
		if err := m.Save(noon.AddDate(0, months, 0)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(m.options.Folder, FileName))
	if err != nil {
		t.Fatal(err)
	}
	f, err := parse(text)
	if err != nil || len(f.Days) != 14 {
		t.Errorf("%d days are kept (%v), want one of each of 13 months and today", len(f.Days), err)
	}
}

// TestTheFileIsTheUsersOwnAndWrittenForAReason.
func TestTheFileIsTheUsersOwnAndWrittenForAReason(t *testing.T) {
	m := newMeter(t, nil)
	name := filepath.Join(m.options.Folder, FileName)
	if err := m.Save(noon); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("there is a file about nothing")
	}
	m.Observe(noon, one(false))
	if err := m.Save(noon); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && before.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %o", before.Mode().Perm())
	}
	if err := m.Save(noon); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(name); err != nil || !os.SameFile(before, after) {
		t.Error("the same was written again")
	}
	if err := os.RemoveAll(m.options.Folder); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(noon.Add(time.Minute)); err == nil || !strings.Contains(err.Error(), "cost") {
		t.Errorf("Save = %v without a folder", err)
	}
	if err := os.Mkdir(m.options.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(noon.Add(time.Minute)); err != nil {
		t.Errorf("Save = %v with the folder back", err)
	}
	if _, err := os.Stat(name); err != nil {
		t.Errorf("what could not be written was forgotten: %v", err)
	}
}

func TestADamagedAccountIsKeptAside(t *testing.T) {
	for _, text := range []string{
		"", "{", "[]", "null", "{}", `{"days":{"today":{}}}`, `{"days":{"2026-03-10":{"units":-1}}}`, `{"days":{"2026-03-10":{"units":1e300}}}`,
		`{"days":{},"sandboxes":[{}]}`, `{"days":{},"sandboxes":[{"sandbox_id":"a","born":"2026-03-10T12:00:00Z","accounted_until":"yesterday"}]}`,
	} {
		m := newMeter(t, nil)
		name := filepath.Join(m.options.Folder, FileName)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := m.Load(noon)
		kept, globErr := filepath.Glob(name + ".broken-*")
		if globErr != nil || len(kept) != 1 || err == nil || !strings.Contains(err.Error(), kept[0]) {
			t.Errorf("%q: Load = %v, kept are %q", text, err, kept)
		}
		m.Observe(noon, one(false))
		if err := m.Save(noon.Add(time.Minute)); err != nil {
			t.Errorf("%q: Save = %v", text, err)
		}
		if err := New(m.options).Load(noon); err != nil {
			t.Errorf("%q: what was saved then is %v", text, err)
		}
	}
}

func TestManyAskAtOnce(t *testing.T) {
	m := newMeter(t, func(o *Options) { o.DailyCap = 1 })
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				at := noon.Add(time.Duration(n) * time.Second)
				m.Observe(at, []Alive{{ID: fmt.Sprint(i), Busy: n%2 == 0}})
				m.Totals(at)
				m.Over(at)
				m.Called(at, 1)
				if err := m.Save(at); n%20 == 0 && err != nil {
					t.Errorf("Save = %v", err)
				}
			}
		})
	}
	all.Wait()
	if got := m.Totals(noon.Add(time.Minute)).Today.Calls; got != 400 {
		t.Errorf("%d calls were counted, want 400", got)
	}
}

// FuzzParse reads any text. What it takes must be good to reckon with.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"days":{"2026-03-10":{"sandbox_seconds":60,"busy_seconds":1,"calls":3,"units":20}},"sandboxes":[{"sandbox_id":"a","born":"2026-03-10T12:00:00Z","accounted_until":"2026-03-10T12:00:00+08:00","alive":true,"cpu":2,"memory_gb":2,"disk_gb":0.5}]}`))
	f.Add([]byte(`{"days":{},"sandboxes":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := parse(text); err != nil {
			return
		}
		m := newMeter(t, nil)
		name := filepath.Join(m.options.Folder, FileName)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := m.Load(noon); err != nil {
			t.Fatalf("Load = %v of what can be parsed", err)
		}
		m.Observe(noon.Add(time.Second), one(true))
		if err := m.Save(noon.Add(time.Minute)); err != nil {
			t.Fatalf("Save = %v", err)
		}
		if err := New(m.options).Load(noon.Add(time.Minute)); err != nil {
			t.Errorf("what was saved is not read: %v", err)
		}
	})
}
