package pool

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// TestPlan shows the keeper's decisions one by one. Entries are written as in "ready", "leased 2" or "aged leased 1".
func TestPlan(t *testing.T) {
	const minute = time.Minute
	now := time.Now()
	type entries []*entry[int]
	with := func(state State, leases int, change ...func(*entry[int])) *entry[int] {
		e := &entry[int]{state: state, leases: leases, bornAt: now, aliveAt: now}
		for _, f := range change {
			f(e)
		}
		return e
	}
	starting, shutting := with(StateStarting, 0), with(StateClosing, 0)
	ready := with(StateReady, 0)
	leased := func(n int) *entry[int] { return with(StateReady, n) }
	old := func(e *entry[int]) { e.aged = true }
	born := func(ago time.Duration) func(*entry[int]) { return func(e *entry[int]) { e.bornAt = now.Add(-ago) } }
	alive := func(ago time.Duration) func(*entry[int]) { return func(e *entry[int]) { e.aliveAt = now.Add(-ago) } }
	living := func(d time.Duration) func(*entry[int]) { return func(e *entry[int]) { e.lifetime = d } }

	for _, tc := range []struct {
		name      string
		warm, max int
		share     int
		waiting   int
		failed    time.Duration // how long ago, with a backoff of a minute; 0 = not
		closed    time.Duration // how long ago; 0 = not
		options   Options[int]
		entries   entries
		want      string
	}{
		{name: "an empty pool makes all warm ones at once", warm: 3, max: 9, want: "start 3"},
		{name: "what is being made counts", warm: 3, max: 9, entries: entries{ready, starting}, want: "start 1"},
		{name: "what is being closed counts against the ceiling", warm: 3, max: 3, entries: entries{ready, shutting}, want: "start 1"},
		{name: "nothing to do", warm: 2, max: 9, entries: entries{ready, ready, leased(1)}, want: "rest"},
		{name: "spares beside the leased", warm: 2, max: 9, entries: entries{leased(1), leased(1)}, want: "start 2"},
		{name: "room on shared ones is enough", warm: 2, max: 9, share: 4, entries: entries{leased(3), leased(1)}, want: "rest"},
		{name: "a full shared one is not", warm: 2, max: 9, share: 4, entries: entries{leased(4), leased(1)}, want: "start 1"},
		{name: "one for each who waits and the warm ones besides", warm: 2, max: 9, waiting: 3, want: "start 5"},
		{name: "those who wait share", warm: 2, max: 9, share: 4, waiting: 5, want: "start 2"},
		{name: "many who wait share more", warm: 2, max: 9, share: 4, waiting: 7, want: "start 3"},
		{name: "without warm ones just for those who wait", max: 9, share: 4, waiting: 5, want: "start 2"},
		{name: "and any number of them", max: 9, share: math.MaxInt, waiting: 50, want: "start 1"},
		{
			name: "what fits on those there need not be made", max: 9, share: 4, waiting: 3, options: Options[int]{CheckAfterIdle: minute},
			entries: entries{with(StateReady, 3, alive(minute))}, want: "start 1, check 0",
		},
		{name: "never above the ceiling", warm: 2, max: 4, waiting: 30, entries: entries{leased(1), shutting}, want: "start 2"},
		{name: "at the ceiling", warm: 2, max: 1, waiting: 30, entries: entries{leased(1)}, want: "rest"},

		{name: "within the backoff nothing is made", warm: 3, max: 9, failed: 20 * time.Second, want: "rest, wake in 40s"},
		{name: "after the backoff one finds out", warm: 3, max: 9, failed: minute, want: "start 1"},
		{name: "and only one", warm: 3, max: 9, failed: minute, entries: entries{starting}, want: "rest"},
		{name: "the backoff wakes nobody when nothing is wanted", warm: 1, max: 9, failed: 20 * time.Second, entries: entries{ready}, want: "rest"},

		{name: "idle ones beyond the warm go, oldest first", warm: 1, max: 9, entries: entries{ready, leased(1), ready, ready}, want: "retire 0 2"},
		{name: "leased ones stay though fewer would do", warm: 1, max: 9, share: 2, entries: entries{leased(1), leased(1)}, want: "rest"},
		{name: "above a lowered ceiling idle ones go", warm: 1, max: 3, entries: entries{leased(1), leased(1), leased(1), ready}, want: "retire 3"},
		{name: "an aged one with a lease does not count as going", warm: 2, max: 2, share: 4, entries: entries{with(StateReady, 1, old), leased(1), ready}, want: "retire 0 2"},

		{name: "a lifetime ends", warm: 1, max: 9, entries: entries{with(StateReady, 0, living(minute), born(minute))}, want: "start 1, age 0"},
		{name: "a lifetime will end", warm: 1, max: 9, entries: entries{with(StateReady, 0, living(minute), born(20*time.Second))}, want: "rest, wake in 40s"},
		{name: "one is renewed at a time", warm: 2, max: 9, entries: entries{with(StateReady, 0, old), with(StateReady, 0, old)}, want: "start 1"},
		{name: "renewal under way", warm: 2, max: 9, entries: entries{with(StateReady, 0, old), with(StateReady, 0, old), starting}, want: "rest"},
		{name: "a replaced one goes and the next is renewed", warm: 2, max: 9, entries: entries{with(StateReady, 0, old), with(StateReady, 0, old), ready}, want: "start 1, retire 0"},
		{name: "a missing one is made besides", warm: 3, max: 9, entries: entries{with(StateReady, 0, old), with(StateReady, 0, old)}, want: "start 2"},
		{name: "an aged one whose only lease is out need not wait", warm: 1, max: 9, entries: entries{with(StateReady, 1, old), ready}, want: "retire 0"},
		{name: "a full shared one which aged is replaced", warm: 1, max: 2, share: 2, entries: entries{with(StateReady, 2, old)}, want: "start 1, retire 0"},
		{name: "but not at the ceiling", warm: 1, max: 1, share: 2, entries: entries{with(StateReady, 2, old)}, want: "rest"},
		{name: "at the ceiling an idle aged one goes first", warm: 2, max: 2, entries: entries{with(StateReady, 0, old), with(StateReady, 0, old)}, want: "retire 0"},
		{name: "but only one at a time", warm: 2, max: 2, entries: entries{with(StateReady, 0, old), starting}, want: "rest"},
		{name: "and not while creation fails", warm: 1, max: 1, failed: minute, entries: entries{with(StateReady, 0, old)}, want: "rest"},
		{name: "and not from under a lease", warm: 1, max: 1, share: 2, entries: entries{with(StateReady, 1, old)}, want: "rest"},

		{
			name: "the hard limit spares nobody", warm: 1, max: 9, options: Options[int]{HardLimit: minute},
			entries: entries{with(StateReady, 1, born(minute)), with(StateRetiring, 1, born(minute)), with(StateReady, 0, born(50*time.Second))},
			want:    "expire 0 1, wake in 10s",
		},
		{
			name: "what expires makes place under a lowered ceiling", warm: 1, max: 1, options: Options[int]{HardLimit: minute},
			entries: entries{with(StateReady, 1, born(minute)), ready}, want: "expire 0, wake in 1m0s",
		},
		{
			name: "checks are for all who live, leased or not", max: 9, options: Options[int]{CheckEvery: minute},
			entries: entries{with(StateReady, 1, alive(minute)), with(StateRetiring, 1, alive(minute)), with(StateReady, 1, alive(15*time.Second)), shutting, starting},
			want:    "check 0 1, wake in 45s",
		},
		{
			name: "but not for those who are to go", max: 9, options: Options[int]{CheckEvery: minute},
			entries: entries{with(StateReady, 0, alive(minute)), with(StateReady, 1, old, alive(minute))}, want: "retire 0 1, check 1",
		},
		{
			name: "stale ones are checked when somebody waits", warm: 2, max: 9, waiting: 1, options: Options[int]{CheckAfterIdle: minute},
			entries: entries{with(StateReady, 0, alive(minute)), with(StateReady, 1, alive(minute)), with(StateReady, 0, alive(minute), func(e *entry[int]) { e.stop = func() {} })},
			want:    "check 0",
		},
		{
			name: "and not before", warm: 1, max: 9, options: Options[int]{CheckAfterIdle: minute},
			entries: entries{with(StateReady, 0, alive(minute))}, want: "rest",
		},

		{
			name: "a stale one that came back is kept for who waits", max: 9, waiting: 1, options: Options[int]{CheckAfterIdle: minute},
			entries: entries{with(StateReady, 0, alive(minute))}, want: "check 0",
		},

		{name: "a closed pool makes nothing and lets creation finish", warm: 3, max: 9, closed: 4 * time.Second, entries: entries{starting}, want: "rest, wake in 6s"},
		{name: "for a while", warm: 3, max: 9, closed: 10 * time.Second, entries: entries{starting}, want: "abandon 0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.options.New = func(context.Context) (int, error) { return 0, nil }
			tc.options.Share = tc.share
			if tc.options.CheckEvery+tc.options.CheckAfterIdle > 0 {
				tc.options.Check = func(context.Context, int) error { return nil }
			}
			p, err := New(tc.options)
			if err != nil {
				t.Fatal(err)
			}
			p.warm, p.max = tc.warm, tc.max
			p.waiters = make([]*waiter[int], tc.waiting)
			p.entries = tc.entries
			if tc.failed > 0 {
				p.trouble = trouble{rounds: 1, since: now.Add(-tc.failed), wait: minute}
			}
			if tc.closed > 0 {
				p.closedAt = now.Add(-tc.closed)
			}
			if got := p.describe(p.plan(now)); got != tc.want {
				t.Errorf("plan: %s; want: %s", got, tc.want)
			}
		})
	}
}

// describe puts a plan in words, with entries by their place.
func (p *Pool[T]) describe(do plan[T]) string {
	words := ""
	add := func(format string, args ...any) {
		if words != "" {
			words += ", "
		}
		words += fmt.Sprintf(format, args...)
	}
	if do.start > 0 {
		add("start %d", do.start)
	}
	for _, list := range []struct {
		verb    string
		entries []*entry[T]
	}{{"age", do.age}, {"expire", do.expire}, {"retire", do.retire}, {"check", do.check}, {"abandon", do.abandon}} {
		if len(list.entries) == 0 {
			continue
		}
		add("%s", list.verb)
		from := 0
		for _, e := range list.entries {
			at := from + slices.Index(p.entries[from:], e)
			words += fmt.Sprint(" ", at)
			from = at + 1
		}
	}
	if words == "" {
		words = "rest"
	}
	if do.wake < never {
		add("wake in %v", do.wake)
	}
	return words
}

func TestBackoffStaysWithinItsBounds(t *testing.T) {
	b := Backoff{Min: time.Second, Max: time.Minute, Factor: 3}
	for failures, want := range map[int]time.Duration{1: 1, 2: 3, 3: 9, 4: 27, 5: 60, 6: 60, 1000: 60} {
		want *= time.Second
		for range 100 {
			if got := b.after(failures); got > want || got < want*3/4 {
				t.Fatalf("after(%d) = %v, want %v less up to a quarter", failures, got, want)
			}
		}
	}
}
