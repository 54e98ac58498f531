// Package cost estimates what sandboxes in the cloud cost: how long they lived and how long code ran in them, day by day, and
// what that comes to by the service's list prices.
//
// Nothing here is a bill. The service does not tell what it charges; it is reckoned from what this program sees, at prices that
// somebody wrote down, and everything that is shown of it should say "about". Where something cannot be known, such as how long a
// sandbox lived on while the computer slept, the answer is the larger one that is likely.
//
// A [Meter] is told at each change which sandboxes live and which run code. Between two observations nothing is taken to have
// changed. It remembers of each sandbox until when it is accounted for, on disk too, so that one which outlives a host, by a
// crash or because it was left for the next, is counted once.
package cost

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Machine is the size of a sandbox.
type Machine struct {
	CPU    float64 // cores
	Memory float64 // GB
	Disk   float64 // GB
}

// DefaultMachine is the smallest that the service makes.
var DefaultMachine = Machine{CPU: 2, Memory: 2, Disk: 0.5}

// Prices are those of the service: it counts in units (CU), of which everything takes some.
type Prices struct {
	CNY          float64 // of one unit
	CPUSecond    float64 // units for one core that works for a second; one that does not is free
	MemorySecond float64 // units for one GB for a second
	DiskSecond   float64 // the same
	TenThousand  float64 // units for so many calls
}

// ListPrices are those of 2026, without discounts.
var ListPrices = Prices{CNY: 0.00011, CPUSecond: 1, MemorySecond: 0.15, DiskSecond: 0.05, TenThousand: 75}

// second is what a sandbox takes in one.
func (p Prices) second(m Machine, busy bool) float64 {
	units := m.Memory*p.MemorySecond + m.Disk*p.DiskSecond
	if busy {
		units += m.CPU * p.CPUSecond
	}
	return units
}

// Options say what a meter reckons with. Folder is required.
type Options struct {
	// Folder is the data folder, where the account is kept.
	Folder string
	// Machine is what sandboxes are like of which nothing else is said: DefaultMachine.
	Machine Machine
	// Prices are ListPrices.
	Prices Prices
	// DailyCap is how much a day may cost before Over says so, in CNY. 0: there is no limit.
	DailyCap float64
	// IdleTimeout is how long a sandbox lives on when nobody asks for it: 1 h.
	IdleTimeout time.Duration
	// MaxLifetime is how long a sandbox lives at most: 6 h.
	MaxLifetime time.Duration
	// Location is where days begin and end. nil: this computer's.
	Location *time.Location
}

// Alive is a living sandbox.
type Alive struct {
	ID      string
	Born    time.Time // zero: now
	Busy    bool      // code runs in it
	Machine Machine   // zero: as it was before, which may be in the file; else that of the options
}

// Meter adds up. Methods are safe for concurrent use. It should be told at each change, and once a minute while anything lives.
type Meter struct {
	options Options
	path    string

	mu      sync.Mutex // guards below; never held across I/O
	cap     float64
	seen    time.Time // the last time it was told something, with the monotonic clock
	days    map[string]*day
	known   map[string]*account
	changed bool // since it was saved

	saving sync.Mutex // held while the file is written
}

// account is what is known of one sandbox.
type account struct {
	born, until time.Time // until: it is accounted for. Both without the monotonic clock.
	alive, busy bool      // as it was last seen
	machine     Machine
}

// day is what a day has come to. The units are kept, not the money: prices may change, and what a unit was taken for does not.
type day struct {
	Seconds float64 `json:"sandbox_seconds"`
	Busy    float64 `json:"busy_seconds"`
	Calls   int64   `json:"calls"`
	Units   float64 `json:"units"`
}

const (
	// absence is after what time without an observation this computer is taken to have slept, or its clock to have been set.
	absence = 5 * time.Minute
	// memory is how long an ended sandbox is remembered, in case it turns up again.
	memory = 24 * time.Hour
	// keptDays is how many days are kept: a year, and the month that is compared with it.
	keptDays = 13 * 31
)

// New makes a meter. It reads no file: Load does.
func New(options Options) *Meter {
	options.Machine = cmp.Or(options.Machine, DefaultMachine)
	options.Prices = cmp.Or(options.Prices, ListPrices)
	options.IdleTimeout = cmp.Or(options.IdleTimeout, time.Hour)
	options.MaxLifetime = cmp.Or(options.MaxLifetime, 6*time.Hour)
	if options.Location == nil {
		options.Location = time.Local
	}
	return &Meter{options: options, path: filepath.Join(options.Folder, FileName), cap: options.DailyCap, days: map[string]*day{}, known: map[string]*account{}}
}

// Observe says which sandboxes live from now on, and which are busy.
func (m *Meter) Observe(now time.Time, living []Alive) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now)
	wall := now.Round(0)
	for _, a := range m.known {
		a.alive, a.busy = false, false
	}
	for _, l := range living {
		a := m.known[l.ID]
		if a == nil {
			born := l.Born.Round(0)
			if born.IsZero() || born.After(wall) {
				born = wall
			}
			a = &account{born: born, until: born}
			m.known[l.ID] = a
			m.changed = true
		}
		a.machine = cmp.Or(l.Machine, a.machine, m.options.Machine)
		if a.until.Before(wall) { // it lived on while nobody here knew of it, and nothing ran in it
			m.charge(a, a.until, wall.Sub(a.until), false)
		}
		a.until = wall
		a.alive, a.busy = true, l.Busy
	}
}

// Called counts calls to the service.
func (m *Meter) Called(now time.Time, calls int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.day(now)
	d.Calls += int64(calls)
	d.Units += float64(calls) / 10_000 * m.options.Prices.TenThousand
	m.changed = true
}

// advance accounts for the time until now.
func (m *Meter) advance(now time.Time) {
	wall := now.Round(0)
	passed := max(0, now.Sub(m.seen)) // by the clock that nobody sets, if both have it
	for id, a := range m.known {
		gap := wall.Sub(a.until)
		switch {
		case !a.alive && gap > memory:
			delete(m.known, id)
			m.changed = true
		case !a.alive:
		case gap < 0: // the clock was set back
			m.charge(a, wall.Add(-passed), passed, a.busy)
			a.until = wall
		case gap > absence:
			m.charge(a, a.until, min(gap, m.options.IdleTimeout), false)
			a.until = wall
		default:
			m.charge(a, a.until, gap, a.busy)
			a.until = wall
		}
	}
	m.seen = now
}

// charge puts some of a sandbox's life on its days.
func (m *Meter) charge(a *account, from time.Time, d time.Duration, busy bool) {
	d = min(d, m.options.MaxLifetime-max(0, from.Sub(a.born)))
	for d > 0 {
		part := min(d, untilMidnight(from.In(m.options.Location)))
		day, seconds := m.day(from), part.Seconds()
		day.Seconds += seconds
		if busy {
			day.Busy += seconds
		}
		day.Units += seconds * m.options.Prices.second(a.machine, busy)
		from, d = from.Add(part), d-part
		m.changed = true
	}
}

// untilMidnight is how long a day goes on. Where clocks are changed at midnight, there may be none: then it is an hour, and the
// next is looked for from there.
func untilMidnight(t time.Time) time.Duration {
	year, month, date := t.Date()
	if left := time.Date(year, month, date+1, 0, 0, 0, 0, t.Location()).Sub(t); left > 0 {
		return left
	}
	return time.Hour
}

const dateForm = "2006-01-02"

// day gives the one that a time is in.
func (m *Meter) day(t time.Time) *day {
	name := t.In(m.options.Location).Format(dateForm)
	d := m.days[name]
	if d == nil {
		d = &day{}
		m.days[name] = d
	}
	return d
}

// Sum is what some days come to. The money is an estimate.
type Sum struct {
	Sandboxes time.Duration // their lives, added up
	Busy      time.Duration // of that, while code ran
	Calls     int64
	CNY       float64
}

// Totals are the sums that are shown.
type Totals struct {
	Today, Month Sum
}

// Totals gives what there is to pay by now, about. Call it as often as wanted.
func (m *Meter) Totals(now time.Time) Totals {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now)
	return m.totals(now)
}

func (m *Meter) totals(now time.Time) Totals {
	today := now.In(m.options.Location).Format(dateForm)
	var (
		t     Totals
		month day
	)
	if d := m.days[today]; d != nil {
		t.Today = m.sum(d)
	}
	for _, name := range slices.Sorted(maps.Keys(m.days)) {
		if d := m.days[name]; name[:len("2006-01")] == today[:len("2006-01")] {
			month.Seconds += d.Seconds
			month.Busy += d.Busy
			month.Calls += d.Calls
			month.Units += d.Units
		}
	}
	t.Month = m.sum(&month)
	return t
}

func (m *Meter) sum(d *day) Sum {
	return Sum{
		Sandboxes: time.Duration(d.Seconds * float64(time.Second)).Round(time.Millisecond),
		Busy:      time.Duration(d.Busy * float64(time.Second)).Round(time.Millisecond),
		Calls:     d.Calls, CNY: d.Units * m.options.Prices.CNY,
	}
}

// SetDailyCap changes how much a day may cost. 0: there is no limit.
func (m *Meter) SetDailyCap(cny float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cap = cny
}

// Excess says that a day has cost what it may.
type Excess struct {
	Sentence string    // for people
	Until    time.Time // when the next day begins
}

// Over reports whether today has cost as much as a day may.
func (m *Meter) Over(now time.Time) (Excess, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cap <= 0 {
		return Excess{}, false
	}
	m.advance(now)
	spent := m.totals(now).Today.CNY
	if spent < m.cap {
		return Excess{}, false
	}
	local := now.In(m.options.Location)
	return Excess{
		Sentence: fmt.Sprintf("AgentRun sandboxes have cost about %.2f CNY today (an estimate), and the daily cap is %.2f CNY: no more are made until midnight", spent, m.cap),
		Until:    local.Add(untilMidnight(local)).Round(0),
	}, true
}
