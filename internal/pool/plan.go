package pool

import (
	"math"
	"slices"
	"time"
)

// never is a time to wait for what will not come by itself.
const never time.Duration = math.MaxInt64

// plan is what the keeper is to do about the state at one moment.
type plan[T any] struct {
	start   int         // how many values to make
	age     []*entry[T] // became due for renewal
	expire  []*entry[T] // reached the hard limit
	retire  []*entry[T] // replaced, or more than is needed
	check   []*entry[T]
	abandon []*entry[T] // still being made though the pool has been closed for long enough

	now  time.Time
	wake time.Duration // look again after this, if nothing happens before
}

// passed reports whether d has passed since then. If not, the plan is to look again when it will have.
func (do *plan[T]) passed(since time.Time, d time.Duration) bool {
	left := d - age(do.now, since)
	if left > 0 {
		do.wake = min(do.wake, left)
	}
	return left <= 0
}

// survey is what there is to plan with.
type survey[T any] struct {
	fresh    []*entry[T] // ready, with room
	aged     []*entry[T] // the same, but due for renewal
	full     []*entry[T] // due for renewal, without room
	starting int
	closing  int // or about to
	slots    int // leases which fit on those with room
}

// plan decides what to do about the state now. It changes nothing.
func (p *Pool[T]) plan(now time.Time) plan[T] {
	do := plan[T]{now: now, wake: never}
	seen := p.survey(&do)
	do.start = p.missing(&do, seen)
	do.retire = p.dispensable(seen)
	do.check = slices.DeleteFunc(do.check, func(e *entry[T]) bool { return e.leases == 0 && slices.Contains(do.retire, e) })
	return do
}

// survey sorts the entries, and plans what is due on each whatever the others do.
func (p *Pool[T]) survey(do *plan[T]) survey[T] {
	var seen survey[T]
	for _, e := range p.entries {
		switch e.state {
		case StateStarting:
			seen.starting++
			if p.closed() && do.passed(p.closedAt, p.opt.FinishTimeout) {
				do.abandon = append(do.abandon, e)
			}
			continue
		case StateClosing:
			seen.closing++
			continue
		default:
		}
		if p.opt.HardLimit > 0 && do.passed(e.bornAt, p.opt.HardLimit) {
			do.expire = append(do.expire, e)
			seen.closing++
			continue
		}
		if p.checkDue(do, e) {
			do.check = append(do.check, e)
		}
		if e.state == StateRetiring {
			continue
		}
		due := e.aged
		if !due && e.lifetime > 0 && do.passed(e.bornAt, e.lifetime) {
			due = true
			do.age = append(do.age, e)
		}
		switch {
		case !p.hasRoom(e):
			if due {
				seen.full = append(seen.full, e)
			}
			continue
		case due:
			seen.aged = append(seen.aged, e)
		default:
			seen.fresh = append(seen.fresh, e)
		}
		seen.slots += p.opt.Share - e.leases
	}
	return seen
}

// checkDue reports whether to ask e for a sign of life: from time to time, because somebody waits who could have it, or because somebody
// who has it had trouble.
func (p *Pool[T]) checkDue(do *plan[T], e *entry[T]) bool {
	if e.stop != nil {
		return false
	}
	return e.suspect || p.opt.CheckEvery > 0 && do.passed(e.aliveAt, p.opt.CheckEvery) ||
		len(p.waiters) > 0 && p.hasRoom(e) && p.stale(e, do.now)
}

// missing returns how many values to make: enough for those who wait and for the warm ones besides or, when only renewal
// asks, one at a time.
func (p *Pool[T]) missing(do *plan[T], seen survey[T]) int {
	want := p.want()
	need := want - len(seen.fresh) - len(seen.aged)
	if unserved := len(p.waiters) - seen.slots; unserved > 0 {
		need = max(want, divideUp(unserved+want, p.opt.Share))
	} else if len(seen.aged) > 0 && len(seen.fresh) < want {
		need = max(need, 0) + 1
	}
	need = min(need-seen.starting, p.max-len(p.entries))
	if need > 0 && p.trouble.rounds > 0 {
		// Where creation has been failing, one value at a time finds out whether it still does.
		need = min(need, 1-seen.starting)
		if !do.passed(p.trouble.since, p.trouble.wait) {
			need = 0
		}
	}
	return max(need, 0)
}

// dispensable returns which values to retire: aged ones that have been replaced, and idle ones beyond what is needed or
// above a lowered ceiling.
func (p *Pool[T]) dispensable(seen survey[T]) []*entry[T] {
	var retire []*entry[T]
	alive := len(p.entries)
	over := len(seen.fresh) + len(seen.aged) - p.want() - len(p.waiters)
	excess := alive - seen.closing - p.max
	for i, e := range slices.Concat(seen.aged, seen.fresh) {
		idle := e.leases == 0
		if over > 0 && (idle || i < len(seen.aged)) || excess > 0 && idle {
			retire = append(retire, e)
			over--
			if idle {
				excess--
			}
		}
	}
	// An aged one without room is no loss. At the ceiling though a shared one stays, since nothing could replace it and
	// its next free place would be missed.
	if p.opt.Share == 1 || alive < p.max {
		retire = append(retire, seen.full...)
	}
	// At the ceiling nothing can be made beside; so an aged value goes before its replacement comes, one at a time, and
	// only when nothing suggests that no replacement will come.
	if len(retire) == 0 && alive >= p.max && seen.starting+seen.closing+len(p.waiters)+p.trouble.rounds == 0 {
		if i := slices.IndexFunc(seen.aged, func(e *entry[T]) bool { return e.leases == 0 }); i >= 0 {
			retire = append(retire, seen.aged[i])
		}
	}
	return retire
}

func divideUp(n, by int) int { return (n + by - 1) / by }
