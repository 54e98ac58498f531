// Package figures keeps what a host measures of itself, for people to see at a glance: how many runs there were and how long they
// took, how long a session is waited for, how long things usually take that somebody waits for. A [Book] is told what happens and
// gives the sums. What is usual is kept on disk, because it is wanted most right after a start, and so are the counts of the day.
package figures

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Figures are the sums at one moment. Nothing in them changes.
type Figures struct {
	RunsToday    int
	FailedToday  int
	RunsPer      []int           // by stretches of [Stretch], oldest first; the last one goes on
	RunTimes     []time.Duration // of the last runs, oldest first
	RunP50       time.Duration
	RunP99       time.Duration
	AcquireTimes []time.Duration // waiting for a session, oldest first
	AcquireP50   time.Duration
	AcquireP99   time.Duration
	UsualStart   time.Duration            // of making a session; 0: not known
	UsualLoad    time.Duration            // of what comes before the first session; 0: not known
	LastRun      map[string]time.Duration // by the id of the sandbox
}

// longest is more than anything takes that is measured here. Who is told so was looking at a clock that was set.
const longest = 24 * time.Hour

const (
	// Stretch is how much time one of Figures.RunsPer is about.
	Stretch = 5 * time.Minute
	// stretches is how many of them there are: two hours.
	stretches = 24
	// times is how many of the last runs are remembered one by one.
	times = 100
	// sandboxes is how many of them are remembered; there are never more at once.
	sandboxes = 200
)

// Options say how a book is kept.
type Options struct {
	// Folder is the data folder. Required.
	Folder string
	// Location is where days begin and end. Nil: this computer's.
	Location *time.Location
}

// Book adds up. Methods are safe for concurrent use.
type Book struct {
	folder string
	place  *time.Location

	mu      sync.Mutex // guards below
	day     string     // of the counts below
	runs    int
	failed  int
	per     [stretches]int
	newest  int64 // number of the stretch that the last of per is about
	took    []time.Duration
	last    map[string]lastRun
	usual   usual
	unsaved bool
	current *Figures // as they were given last; nil: something has changed since
	backend string   // that they were given for
}

// lastRun is the newest run in a sandbox.
type lastRun struct {
	at   time.Time
	took time.Duration
}

// New makes an empty book. It reads no file: Load does.
func New(opt Options) *Book {
	if opt.Location == nil {
		opt.Location = time.Local
	}
	return &Book{folder: opt.Folder, place: opt.Location, last: make(map[string]lastRun), usual: newUsual()}
}

// Ran counts a run that has just ended. The sandbox may be empty, if the code never came to one.
func (b *Book) Ran(now time.Time, sandbox string, took time.Duration, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	b.current = nil
	b.unsaved = true
	b.runs++
	if failed {
		b.failed++
	}
	b.per[stretches-1]++
	if sandbox == "" {
		return
	}
	b.took = appendLast(b.took, took, times)
	b.last[sandbox] = lastRun{now, took}
	if len(b.last) > sandboxes {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(b.last)), func(x, y string) int { return b.last[x].at.Compare(b.last[y].at) })
		delete(b.last, oldest)
	}
}

// appendLast appends to a list of which only the last few are kept.
func appendLast(list []time.Duration, d time.Duration, most int) []time.Duration {
	if len(list) >= most {
		list = slices.Delete(list, 0, len(list)-most+1)
	}
	return append(list, d)
}

// advance begins a new day and new stretches when it is time. The caller holds mu.
func (b *Book) advance(now time.Time) {
	if day := now.In(b.place).Format(time.DateOnly); day != b.day {
		b.day, b.runs, b.failed, b.current = day, 0, 0, nil
	}
	number := now.Unix() / int64(Stretch/time.Second)
	switch gone := number - b.newest; {
	case gone == 0:
		return
	case gone < 0, gone >= stretches: // the clock was set back, or nothing was counted for long
		b.per = [stretches]int{}
	default:
		copy(b.per[:], b.per[gone:])
		clear(b.per[stretches-gone:])
	}
	b.newest, b.current = number, nil
}

// Started notes how long it took to make a session of a backend.
func (b *Book) Started(backend string, took time.Duration) { b.note(b.usual.Start, backend, took) }

// Loaded notes how long it took a backend to load what its sessions need.
func (b *Book) Loaded(backend string, took time.Duration) { b.note(b.usual.Load, backend, took) }

func (b *Book) note(among map[string][]time.Duration, backend string, took time.Duration) {
	if took < 0 || took >= longest {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	among[backend] = appendLast(slices.Clone(among[backend]), took, usualOf)
	b.current, b.unsaved = nil, true
}

// Current gives the sums, with what is usual of one backend, and the waits for its sessions, which whoever keeps them counts. As long
// as nothing has changed it is the same pointer.
func (b *Book) Current(now time.Time, backend string, waits []time.Duration) *Figures {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(now)
	if b.current != nil && b.backend == backend && slices.Equal(b.current.AcquireTimes, waits) {
		return b.current
	}
	f := &Figures{
		RunsToday: b.runs, FailedToday: b.failed, RunsPer: slices.Clone(b.per[:]), RunTimes: slices.Clone(b.took), AcquireTimes: waits,
		UsualStart: percentile(b.usual.Start[backend], 50), UsualLoad: percentile(b.usual.Load[backend], 50), LastRun: make(map[string]time.Duration, len(b.last)),
	}
	f.RunP50, f.RunP99 = percentile(f.RunTimes, 50), percentile(f.RunTimes, 99)
	f.AcquireP50, f.AcquireP99 = percentile(waits, 50), percentile(waits, 99)
	for id, r := range b.last {
		f.LastRun[id] = r.took
	}
	b.current, b.backend = f, backend
	return f
}

// percentile is the least of the times that is not below p percent of them; 0 if there are none.
func percentile(list []time.Duration, p int) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.SortedFunc(slices.Values(list), cmp.Compare[time.Duration])
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
