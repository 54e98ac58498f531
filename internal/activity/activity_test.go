package activity_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
)

func TestTheLastCallsAreRemembered(t *testing.T) {
	l := activity.New()
	var earlier [][]activity.Call
	for n := range 5000 {
		l.Add(activity.Call{ID: fmt.Sprint(n)})
		calls := l.Calls()
		if got := calls[len(calls)-1].ID; got != fmt.Sprint(n) {
			t.Fatalf("after call %d the last one is %s", n, got)
		}
		if n >= 1000 && len(calls) < 1000 || len(calls) > 2000 {
			t.Fatalf("after call %d there are %d, want from 1,000 to 2,000", n, len(calls))
		}
		if n%500 == 0 {
			earlier = append(earlier, calls)
		}
	}
	for n, calls := range earlier {
		if got, want := calls[len(calls)-1].ID, fmt.Sprint(500*n); got != want {
			t.Errorf("what was handed out after call %s ends with %s now", want, got)
		}
		for at, c := range calls[1:] {
			var before, this int
			fmt.Sscan(calls[at].ID, &before)
			fmt.Sscan(c.ID, &this)
			if this != before+1 {
				t.Fatalf("call %d is followed by %d", before, this)
			}
		}
	}
}

func TestWhoeverWatchesIsToldOfCalls(t *testing.T) {
	l := activity.New()
	select {
	case <-l.Changed():
		t.Error("there was a change before any call")
	default:
	}
	var calling sync.WaitGroup
	for range 8 {
		calling.Go(func() {
			for range 100 {
				l.Add(activity.Call{Tool: "run_code"})
			}
		})
	}
	for n := 0; n < 800; n = len(l.Calls()) {
		<-l.Changed()
	}
	calling.Wait()
}

func TestExportIsOneJSONObjectPerLine(t *testing.T) {
	l := activity.New()
	at := time.Date(2026, 11, 27, 9, 30, 0, 0, time.FixedZone("CST", 8*3600))
	l.Add(activity.Call{ID: "r-1", At: at, Client: "编辑器 1", Tool: "run_code", ContextID: "ctx-1", Context: "数据", Took: 1500 * time.Millisecond, Outcome: "TIMEOUT", Detail: "two\nlines"})
	l.Add(activity.Call{ID: "r-2", At: at, Client: "b", Tool: "list_contexts", Outcome: activity.OK})
	var b strings.Builder
	if err := l.Export(&b); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(strings.NewReader(b.String()))
	var got []map[string]any
	for lines.Scan() {
		var m map[string]any
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		got = append(got, m)
	}
	want := `[map[client:编辑器 1 context:数据 context_id:ctx-1 detail:two
lines outcome:TIMEOUT request_id:r-1 time:2026-11-27T01:30:00Z took_seconds:1.5 tool:run_code] map[client:b outcome:ok request_id:r-2 time:2026-11-27T01:30:00Z took_seconds:0 tool:list_contexts]]`
	if fmt.Sprint(got) != want {
		t.Errorf("exported\n%v\nwant\n%s", got, want)
	}
}

// full is a disk with no room left.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAnExportThatFailsSaysSo(t *testing.T) {
	l := activity.New()
	if err := l.Export(full{}); err != nil {
		t.Errorf("an empty export = %v", err)
	}
	l.Add(activity.Call{})
	if err := l.Export(full{}); err == nil || !strings.Contains(err.Error(), "export the activity: no space left") {
		t.Errorf("export to a full disk = %v", err)
	}
}

func TestWhatIsRememberedOfAnExceptionIsAName(t *testing.T) {
	for name, want := range map[string]string{
		"NameError": "NameError", "json.decoder.JSONDecodeError": "json.decoder.JSONDecodeError", "错误": "错误", "": "",
		"key=abc": "", "two words": "", "line\nbreak": "", strings.Repeat("x", 61): "",
	} {
		if got := activity.NameOfError(name); got != want {
			t.Errorf("NameOfError(%q) = %q, want %q", name, got, want)
		}
	}
}
