package bridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEvents(t *testing.T) {
	for _, tt := range []struct {
		name, stream string
		want         []string
	}{
		{"one", "data: {}\n\n", []string{"{}"}},
		{"named, with id and retry", "event: message\nid: 7\nretry: 10\ndata: 1\n\n", []string{"1"}},
		{"of another name", "event: endpoint\ndata: /mcp\n\ndata: 2\n\n", []string{"2"}},
		{"in several lines", "data: {\ndata:}\n\n", []string{"{\n}"}},
		{"with carriage returns", "data: 1\r\n\r\ndata: 2\r\n\r\n", []string{"1", "2"}},
		{"between comments", ": ping\n\n:\n: x\ndata: 1\n: y\n\n", []string{"1"}},
		{"behind a byte order mark", "\xef\xbb\xbfdata: 1\n\n", []string{"1"}},
		{"without data", "event: message\n\ndata\n\ndata:\n\ndata: \n\n", nil},
		{"cut before its end", "data: 1\n\ndata: 2\n", []string{"1"}},
		{"cut in its last line", "data: 1\n\ndata: 2", []string{"1"}},
		{"cut at once", "", nil},
		{"long", "data: " + strings.Repeat("x", 100<<10) + "\n\n", []string{strings.Repeat("x", 100<<10)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			if err := events(iotest.HalfReader(strings.NewReader(tt.stream)), func(m []byte) { got = append(got, string(m)) }); err != nil {
				t.Errorf("events = %v", err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("events delivered %.100q, want %.100q", got, tt.want)
			}
		})
	}
}

func TestEventsPassOnReadErrors(t *testing.T) {
	if err := events(iotest.ErrReader(fmt.Errorf("reset")), func([]byte) {}); err == nil {
		t.Error("events = nil, want the reader's error")
	}
}

func TestCommentsForDaysAreNoEvent(t *testing.T) {
	pings := strings.NewReader(strings.Repeat(": ping\n", 1<<20))
	n := 0
	if err := events(pings, func([]byte) { n++ }); err != nil || n != 0 {
		t.Errorf("events = %v with %d messages, want none", err, n)
	}
}

// endless never ends its line.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestAnEndlessEventIsGivenUp(t *testing.T) {
	if err := events(endless{}, func([]byte) {}); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("events = %v, want an error about the length", err)
	}
}

// Nothing is delivered which a complete event has not brought, whatever the stream and however it
// is cut into reads.
func FuzzEvents(f *testing.F) {
	for _, seed := range []string{"data: {}\n\n", "event: x\r\ndata:1\r\ndata:2\r\n\r\n", ": c\n\ndata", "\xef\xbb\xbfdata: 1\n\n", "data: a\n\ndata: b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		collect := func(s []byte, half bool) (all []string) {
			r := strings.NewReader(string(s))
			deliver := func(m []byte) { all = append(all, string(m)) }
			var err error
			if half {
				err = events(iotest.OneByteReader(r), deliver)
			} else {
				err = events(r, deliver)
			}
			if err != nil {
				t.Errorf("events(%q) = %v", s, err)
			}
			return all
		}
		whole := collect(stream, false)
		if got := collect(stream, true); !slices.Equal(got, whole) {
			t.Errorf("byte by byte %q, at once %q", got, whole)
		}
		for _, m := range whole {
			if len(m) == 0 {
				t.Error("delivered nothing as a message")
			}
		}
		// A stream that ends earlier brings a part of the same messages.
		if part := collect(stream[:len(stream)/2], false); !slices.Equal(part, whole[:min(len(part), len(whole))]) {
			t.Errorf("half of %q brought %q, the whole %q", stream, part, whole)
		}
	})
}
