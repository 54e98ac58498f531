package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program play the peers, as the real one does.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if _, ok := peers()[os.Args[1]]; ok {
			if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func newTestBench(t *testing.T) *bench {
	t.Helper()
	b, err := newBench(t.TempDir(), true, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestStdioClientAndPeer(t *testing.T) {
	b := newTestBench(t)
	echo, err := b.echo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said, err := tool("echo", map[string]string{"text": "hi"})
	if err != nil {
		t.Fatal(err)
	}
	took, err := echo.batch(t.Context(), 20, said, `"text":"hi"`)
	if err != nil || len(took) != 20 || slices.Min(took) <= 0 {
		t.Errorf("batch = %v, %v; want 20 times above zero", took, err)
	}
	if _, err := echo.batch(t.Context(), 1, said, `"text":"ho"`); err == nil {
		t.Error("an answer without the wanted text was taken")
	}
	if _, err := echo.call("no/such/method", nil); err == nil {
		t.Error("a refused request was no error")
	}
	if err := echo.close(); err != nil {
		t.Errorf("close = %v; want the peer to end with its input", err)
	}
}

func TestHTTPClientAndPeer(t *testing.T) {
	b := newTestBench(t)
	peer, err := b.webPeer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said, err := tool("echo", map[string]string{"text": "hi"})
	if err != nil {
		t.Fatal(err)
	}
	for _, clients := range []int{1, 4} {
		load, err := dialMany(t.Context(), clients, peer.address, "", said, `"text":"hi"`)
		if err != nil {
			t.Fatal(err)
		}
		rate, err := load.rate(t.Context(), 50*time.Millisecond)
		if err != nil || rate <= 0 {
			t.Errorf("rate of %d clients = %v, %v; want some", clients, rate, err)
		}
		load.want = `"text":"ho"`
		if _, err := load.rate(t.Context(), 50*time.Millisecond); err == nil {
			t.Error("answers without the wanted text were taken")
		}
		if err := load.close(); err != nil {
			t.Error(err)
		}
	}
	if err := peer.close(); err != nil {
		t.Errorf("close = %v; want the peer to end with its input", err)
	}
}

func TestSpawnTakesTheTimeToTheFirstAnswer(t *testing.T) {
	b := newTestBench(t)
	took, err := b.spawn(t.Context(), "", b.self, peerStdio)
	if err != nil || took <= 0 {
		t.Errorf("spawn = %v, %v", took, err)
	}
	if _, err := b.spawn(t.Context(), "", filepath.Join(b.folder, "nothing")); err == nil {
		t.Error("a program that is not there was started")
	}
	_, err = b.spawn(t.Context(), "", b.self, "-test.run=^$")
	if err == nil || !strings.Contains(err.Error(), "initialize") {
		t.Errorf("spawn of a program that answers nothing = %v; want an error about initialize", err)
	}
}

func TestAnswersAreToldFromOtherMessages(t *testing.T) {
	for _, test := range []struct {
		name, line string
		ours       bool
		fails      bool
	}{
		{"the answer", `{"jsonrpc":"2.0","id":7,"result":{}}`, true, false},
		{"an answer to something else", `{"jsonrpc":"2.0","id":8,"result":{}}`, false, false},
		{"a notification", `{"jsonrpc":"2.0","method":"notifications/progress","params":{}}`, false, false},
		{"a request of the server with the same id", `{"jsonrpc":"2.0","id":7,"method":"ping"}`, false, false},
		{"an error", `{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}}`, true, true},
		{"something else", `hello`, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, ours, err := answer([]byte(test.line), 7)
			if ours != test.ours || (err != nil) != test.fails {
				t.Errorf("answer(%s, 7) = %v, %v", test.line, ours, err)
			}
		})
	}
}

func TestAnAnswerIsFoundInAStream(t *testing.T) {
	header := http.Header{"Content-Type": {"text/event-stream"}}
	body := "event: message\ndata: {\"method\":\"notifications/progress\"}\n\nevent: message\ndata: {\"id\":3,\"result\":{\"a\":1}}\n\n"
	result, err := pick(header, []byte(body), 3)
	if err != nil || string(result) != `{"a":1}` {
		t.Errorf("pick = %s, %v", result, err)
	}
	if _, err := pick(header, []byte(body), 4); err == nil {
		t.Error("an answer was found that is not there")
	}
}

func TestToolErrorsAreNotTakenForFigures(t *testing.T) {
	if err := checkTool([]byte(`{"isError":true}`), ""); err == nil {
		t.Error("a failed tool call was taken")
	}
	if err := checkTool([]byte(`{"content":[]}`), ""); err != nil {
		t.Error(err)
	}
}

func TestWhatAProgramComplainsAboutIsInTheError(t *testing.T) {
	b := newTestBench(t)
	p, err := b.start(t.Context(), "", b.self, "-test.run=[")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(nil); err == nil || !strings.Contains(err.Error(), "invalid regexp") {
		t.Errorf("stop = %v; want an error with what the program wrote", err)
	}
}

func TestQuantiles(t *testing.T) {
	var s series
	for i := range 100 {
		s = append(s, time.Duration(100-i))
	}
	if s.p50() != 51 || s.p99() != 100 || (series{}).p50() != 0 {
		t.Errorf("p50 = %d, p99 = %d", s.p50(), s.p99())
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median = %v, want 2.5", got)
	}
}

func TestASlowRoundDoesNotBendTheRatio(t *testing.T) {
	d := duel{ours: []float64{2, 20, 2}, theirs: []float64{1, 10, 1}}
	if got := d.ratio(); got != 2 {
		t.Errorf("ratio = %v, want 2", got)
	}
}

func TestTurnsAlternate(t *testing.T) {
	var order []string
	turn := func(who string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) {
			order = append(order, who)
			return who, nil
		}
	}
	a, b, err := alternate(t.Context(), 3, turn("a"), turn("b"))
	if err != nil || !slices.Equal(a, []string{"a", "a", "a"}) || !slices.Equal(b, []string{"b", "b", "b"}) {
		t.Errorf("alternate = %v, %v, %v", a, b, err)
	}
	if got := strings.Join(order, ""); got != "abbaab" {
		t.Errorf("order = %s, want abbaab", got)
	}
	wrong := errors.New("wrong")
	if _, _, err := alternate(t.Context(), 3, turn("a"), func(context.Context) (string, error) { return "", wrong }); !errors.Is(err, wrong) {
		t.Errorf("error = %v, want the peer's", err)
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	err := printTable(&b, []row{
		row{what: "a", ours: "2 µs"}.against("other", "1 µs", 2).aimed("≤ 3x", true),
		row{what: "longer", ours: "1"}.aimed("≤ 1", true).aimed("≤ 0", false),
	})
	const want = `| what   | ours | peer  | peer's | ratio | aim      | met?    |
| ------ | ---- | ----- | ------ | ----- | -------- | ------- |
| a      | 2 µs | other | 1 µs   | 2.00x | ≤ 3x     | yes     |
| longer | 1    |       |        |       | ≤ 1, ≤ 0 | yes, NO |
`
	if err != nil || b.String() != want {
		t.Errorf("table, %v:\n%s\nwant\n%s", err, b.String(), want)
	}
}

func TestDurationsAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		2 * time.Nanosecond:       "2 ns",
		82500 * time.Nanosecond:   "82.5 µs",
		312 * time.Microsecond:    "0.31 ms",
		9876 * time.Microsecond:   "9.88 ms",
		98765 * time.Microsecond:  "98.8 ms",
		987654 * time.Microsecond: "988 ms",
		12 * time.Second:          "12.0 s",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestPoolsAreMeasured(t *testing.T) {
	rows, err := measurePool(t.Context(), newTestBench(t))
	if err != nil || len(rows) != 2 || rows[0].met == "" {
		t.Errorf("measurePool = %+v, %v; want two rows with a verdict", rows, err)
	}
}

func TestResidentMemory(t *testing.T) {
	got, err := resident(os.Getpid())
	if runtime.GOOS == "linux" {
		if err != nil || got < 1<<20 {
			t.Errorf("resident = %d, %v", got, err)
		}
	} else if !errors.Is(err, errNoMemory) {
		t.Errorf("resident = %d, %v; want errNoMemory", got, err)
	}
}

func TestProcessorTimeOfAProcess(t *testing.T) {
	before, err := ticks(os.Getpid())
	if runtime.GOOS != "linux" {
		if err == nil {
			t.Error("ticks says something where it cannot know")
		}
		return
	}
	for began := time.Now(); err == nil && time.Since(began) < time.Minute; {
		var now int64
		if now, err = ticks(os.Getpid()); now > before {
			return
		}
	}
	t.Errorf("a minute of work is no time at all, %v", err)
}

func TestWhatTheWindowTookHasItsVerdicts(t *testing.T) {
	fast := drawn{Changed: series{time.Millisecond}, Equal: series{time.Microsecond}, PerSecond: 100}
	slow := drawn{Changed: series{4 * time.Millisecond}, Equal: series{time.Millisecond}, PerSecond: 10}
	rows, err := drawingRows(map[string]drawn{"overview": fast, "contexts": slow})
	if err != nil || len(rows) != 6 {
		t.Fatalf("drawingRows = %+v, %v; want three rows of each place", rows, err)
	}
	for n, r := range rows {
		if want := []string{"yes", "NO"}[n/3]; r.met != want {
			t.Errorf("%s: %s against %s is %q, want %q", r.what, r.ours, r.aim, r.met, want)
		}
	}
	if _, err := drawingRows(map[string]drawn{"overview": fast}); err == nil {
		t.Error("a place where nothing was drawn has rows")
	}
}

func TestTheDesktopProgramIsLeftAloneForAWhile(t *testing.T) {
	err := run(t.Context(), []string{"-idle", "0s"}, strings.NewReader(""), io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "-idle") {
		t.Errorf("error = %v; want one that names -idle", err)
	}
}

func TestTimesOfTheProgramsAreChecked(t *testing.T) {
	if _, err := readTimes(`{"fib": 1, "loop": 2, "json": 3, "sort": 4}`); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{``, `{"fib": 1}`, `{"fib": 0, "loop": 2, "json": 3, "sort": 4}`} {
		if _, err := readTimes(bad); err == nil {
			t.Errorf("readTimes(%q) was taken", bad)
		}
	}
	rounds := []map[string]float64{{"fib": 3}, {"fib": 2}, nil}
	if got := best(rounds, "fib"); got != 2*time.Millisecond {
		t.Errorf("best = %v, want 2ms", got)
	}
}

func TestAMissingProgramCostsItsRowsOnly(t *testing.T) {
	var out bytes.Buffer
	err := newTestBench(t).measure(t.Context(), regexp.MustCompile("^(spawn|pool)$"), &out)
	if err == nil || !strings.Contains(err.Error(), "agentrunctl") {
		t.Errorf("error = %v; want one that names the program", err)
	}
	for _, want := range []string{"could not be measured", "puddle"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestNothingToMeasureIsAnError(t *testing.T) {
	err := newTestBench(t).measure(t.Context(), regexp.MustCompile("nonsense"), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "hello") {
		t.Errorf("error = %v; want one that names what there is", err)
	}
}
