package link

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"testing"
	"testing/iotest"
	"time"
)

// FuzzReader: whatever comes, frames end where they say and writing them again gives the same bytes,
// however the bytes are cut on their way.
func FuzzReader(f *testing.F) {
	f.Add([]byte(nil), []byte(nil))
	f.Add(requestFrame(1, true, "/mcp", `{"jsonrpc":"2.0"}`), responseFrame(1, true, "{}"))
	f.Add(appendWindow(nil, 7, 1000), appendFrame(nil, kindReset, false, 7, []byte{byte(refused)}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 1}, []byte{0, 0, 0, 0, 0x85, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, early, rest []byte) {
		all := append(bytes.Clone(early), rest...)
		read := func(in *reader) (frames []frame, again []byte, err error) {
			for {
				f, err := in.next()
				if err != nil {
					return frames, again, err
				}
				again = appendFrame(again, f.kind, f.end, f.stream, f.payload)
				f.payload = bytes.Clone(f.payload)
				frames = append(frames, f)
			}
		}
		once, again, err := read(newReader(bytes.NewReader(rest), early))
		if !bytes.HasPrefix(all, again) {
			t.Fatalf("%x was read as %+v, which is %x", all, once, again)
		}
		if errors.Is(err, io.EOF) != (len(again) == len(all)) {
			t.Errorf("after %d of %d bytes the error is %v", len(again), len(all), err)
		}
		slowly, _, slowErr := read(newReader(iotest.OneByteReader(bytes.NewReader(all)), nil))
		if !reflect.DeepEqual(once, slowly) || err.Error() != slowErr.Error() {
			t.Errorf("byte by byte: %+v, %v; at once: %+v, %v", slowly, slowErr, once, err)
		}
	})
}

// FuzzHeads: a head that can be read is written and read again as the same.
func FuzzHeads(f *testing.F) {
	header := http.Header{"A": {"1", "2"}, "Mcp-Name": {"x"}}
	f.Add(string((&requestHead{method: "POST", uri: "/mcp", host: "agentrun", length: 3, header: header}).append(nil)))
	f.Add(string(appendResponseHead(nil, 200, header)))
	f.Add("\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	f.Fuzz(func(t *testing.T, head string) {
		if q, err := readRequestHead(head); err == nil {
			again, err := readRequestHead(string(q.append(nil)))
			if err != nil || !reflect.DeepEqual(again, q) {
				t.Errorf("%+v became %+v, %v", q, again, err)
			}
			for name, values := range q.header {
				if http.CanonicalHeaderKey(name) != name || len(values) == 0 {
					t.Errorf("header %q = %q", name, values)
				}
			}
		}
		if status, header, err := readResponseHead(head); err == nil {
			status2, header2, err := readResponseHead(string(appendResponseHead(nil, status, header)))
			if err != nil || status != status2 || !reflect.DeepEqual(header, header2) {
				t.Errorf("%d %v became %d %v, %v", status, header, status2, header2, err)
			}
		}
		if text, body, err := splitHead([]byte(head)); err == nil && len(text)+len(body) > len(head) {
			t.Errorf("%d bytes were split into %d and %d", len(head), len(text), len(body))
		}
	})
}

func TestAClientThatMakesNoSenseEndsItsLinkOnly(t *testing.T) {
	release := make(chan struct{})
	server := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			select {
			case <-r.Context().Done():
			case <-release:
			}
			return
		}
		io.Copy(w, r.Body)
	})}
	socket := serve(t, server)
	good, err := Open(t.Context(), dial(t, socket), "host", "/link")
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	defer close(release)
	hanging := requestFrame(1, false, "/hang", "")
	for name, frames := range map[string][]byte{
		"http":                 []byte("GET / HTTP/1.1\r\nHost: host\r\n\r\n"),
		"a response":           append(bytes.Clone(hanging), responseFrame(1, true, "")...),
		"the same twice":       append(bytes.Clone(hanging), hanging...),
		"a head cut short":     appendFrame(nil, kindRequest, true, 1, []byte{9, 1}),
		"no head":              appendFrame(nil, kindRequest, true, 1),
		"a line in a header":   oddRequest(requestHead{method: "GET", uri: "/", header: http.Header{"A": {"x\r\nB: y"}}}),
		"a header with no key": oddRequest(requestHead{method: "GET", uri: "/", header: http.Header{"": {"x"}}}),
		"no method":            oddRequest(requestHead{uri: "/"}),
		"an odd uri":           oddRequest(requestHead{method: "GET", uri: "not a uri"}),
		"more than the window": append(bytes.Clone(hanging), overfullBody()[len(responseFrame(1, false, "")):]...),
		"a window too wide":    append(bytes.Clone(hanging), appendFrame(nil, kindWindow, false, 1, []byte{0xff, 0, 0, 0})...),
		"an end of a window":   append(bytes.Clone(hanging), appendFrame(nil, kindWindow|kindEnd, false, 1, []byte{0, 0, 0, 1})...),
	} {
		conn := rawLink(t, socket)
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		conn.Write(frames)
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: the server said something", name)
		} else if nerr, ok := errors.AsType[net.Error](err); ok && nerr.Timeout() {
			t.Errorf("%s: the link goes on", name)
		}
		if got, err := post(t.Context(), good, []byte("still there")); string(got) != "still there" || err != nil {
			t.Errorf("%s: another link said %q, %v", name, got, err)
		}
	}
}

func oddRequest(q requestHead) []byte {
	head := q.append(nil)
	return appendFrame(nil, kindRequest, true, 1, appendLength(nil, len(head)), head)
}
