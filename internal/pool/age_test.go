package pool

import (
	"testing"
	"time"
	"unsafe"
)

// apart moves the monotonic reading of a time and leaves that of the wall's clock, as no time does that was read here: clocks part when
// the machine sleeps or somebody sets the one on the wall.
func apart(t *testing.T, at time.Time, by time.Duration) time.Time {
	t.Helper()
	clocks := (*struct { // as package time has them
		wall uint64
		mono int64
	})(unsafe.Pointer(&at)) // there is no other way to have such a time without waiting for one
	clocks.mono += int64(by)
	return at
}

func TestAgeIsByTheClockThatSawMore(t *testing.T) {
	now := time.Now()
	then := now.Add(-10 * time.Minute)
	for _, tc := range []struct {
		name string
		then time.Time
		want time.Duration
	}{
		{"both clocks went on", then, 10 * time.Minute},
		{"the machine slept for eight of the minutes", apart(t, then, 8*time.Minute), 10 * time.Minute},
		{"the clock was set back by an hour", apart(t, then, -time.Hour), 70 * time.Minute},
		{"the clock was set on by an hour", apart(t, now.Add(-70*time.Minute), time.Hour), 70 * time.Minute},
		{"then is known by the wall's clock alone", then.Round(0), 10 * time.Minute},
	} {
		if got := age(now, tc.then); got != tc.want {
			t.Errorf("%s: the age is %v, want %v", tc.name, got, tc.want)
		}
	}
	p := &Pool[int]{opt: Options[int]{CheckAfterIdle: 2 * time.Minute}}
	if e := (&entry[int]{aliveAt: apart(t, now.Add(-time.Hour), time.Hour)}); !p.stale(e, now) {
		t.Error("a value from before an hour's sleep is handed out unchecked")
	}
}
