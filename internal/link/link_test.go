package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRequestsAndResponsesArriveAsTheyAre(t *testing.T) {
	type seen struct {
		method, uri, path, query, host, proto string
		length                                int64
		header                                http.Header
		body                                  string
	}
	var got seen
	client := open(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = seen{r.Method, r.RequestURI, r.URL.Path, r.URL.RawQuery, r.Host, r.Proto, r.ContentLength, r.Header, string(body)}
		w.Header()["X-Two"] = []string{"a", "b"}
		w.WriteHeader(http.StatusEarlyHints) // not for this protocol, and not the end
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // too late
		if _, err := io.WriteString(w, "short"); err != nil {
			t.Error(err)
		}
	})})
	header := http.Header{"Mcp-Name": {"=?base64?w6ljaG8=?="}, "Accept": {"a", "b"}, "Empty": {""}}
	for _, body := range []string{"", "{}", strings.Repeat("x", maxData), strings.Repeat("y", maxData+1), strings.Repeat("z", 3<<20)} {
		resp, err := client.RoundTrip(t.Context(), http.MethodPost, "agentrun", "/a%20b?c=d", header, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		if err != nil || string(said) != "short" || resp.StatusCode != http.StatusTeapot || resp.Status != "418 I'm a teapot" || resp.ContentLength != 5 ||
			!reflect.DeepEqual(resp.Header, http.Header{"X-Two": {"a", "b"}}) {
			t.Errorf("response = %+v, %q, %v", resp, said, err)
		}
		want := seen{http.MethodPost, "/a%20b?c=d", "/a b", "c=d", "agentrun", "HTTP/1.1", int64(len(body)), header, body}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the handler saw %.300v, want %.300v", got, want)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestManyRequestsAtOnceKeepTheirBytes(t *testing.T) {
	client := open(t, &Server{Handler: echo(t)})
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(n)))
			for range 10 {
				size := rnd.IntN(2000)
				if rnd.IntN(4) == 0 {
					size = rnd.IntN(512 << 10)
				}
				body := make([]byte, size)
				for i := range body {
					body[i] = byte(rnd.Uint32())
				}
				got, err := post(t.Context(), client, body)
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("%d bytes came back as %d, %v", len(body), len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

func TestWhatIsFlushedArrivesAtOnce(t *testing.T) {
	proceed := make(chan struct{})
	client := open(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		w.Header().Set("Content-Type", "text/event-stream")
		if err := rc.Flush(); err != nil { // the head alone
			t.Error(err)
		}
		for n := range 3 {
			<-proceed
			fmt.Fprintf(w, "event %d\n", n)
			if err := rc.Flush(); err != nil {
				t.Error(err)
			}
		}
	})})
	resp, err := client.RoundTrip(t.Context(), http.MethodGet, "host", "/", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ContentLength != -1 || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("response = %+v", resp)
	}
	buf := make([]byte, 100)
	for n := range 3 {
		proceed <- struct{}{}
		got, err := resp.Body.Read(buf)
		if want := fmt.Sprintf("event %d\n", n); string(buf[:got]) != want || err != nil {
			t.Errorf("read %q, %v, want %q", buf[:got], err, want)
		}
	}
	if n, err := resp.Body.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("the end is %d, %v", n, err)
	}
}

func TestGivingUpEndsTheHandlersContext(t *testing.T) {
	causes := make(chan error)
	client := open(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/headed" {
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		_, err := w.Write(make([]byte, gather+1))
		if err == nil {
			t.Error("one can still write to somebody who gave up")
		}
		causes <- context.Cause(r.Context())
	})})
	t.Run("by the context, before the head", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := client.Start(ctx, http.MethodPost, "host", "/", nil, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		resp, err := s.Response()
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Response = %v", err)
		}
		if err := <-causes; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ended with %v", err)
		}
	})
	t.Run("by the context, while reading", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := client.RoundTrip(ctx, http.MethodPost, "host", "/headed", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("ReadAll = %v", err)
		}
		<-causes
		resp.Body.Close()
	})
	t.Run("by closing the body", func(t *testing.T) {
		resp, err := client.RoundTrip(t.Context(), http.MethodPost, "host", "/headed", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		<-causes
		if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("Read = %v", err)
		}
	})
	t.Run("by ending the link", func(t *testing.T) {
		s, err := client.Start(t.Context(), http.MethodPost, "host", "/", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		client.Close()
		if err := <-causes; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ended with %v", err)
		}
		if lost := lostError(t, s); !errors.Is(lost, net.ErrClosed) {
			t.Errorf("Response = %v", lost)
		}
	})
}

func TestAFailedHandlerEndsItsOwnStreamOnly(t *testing.T) {
	client := open(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/panic":
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic("a mistake")
		}
	})})
	other, err := client.Start(t.Context(), http.MethodGet, "host", "/", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.Start(t.Context(), http.MethodGet, "host", "/abort", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lost := lostError(t, s); !lost.Sent {
		t.Error("a request whose handler ran was said to be unsent")
	}
	resp, err := client.RoundTrip(t.Context(), http.MethodGet, "host", "/panic", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); string(got) != "half" || !errors.Is(err, errAborted) {
		t.Errorf("read %q, %v, want half of it and an error", got, err)
	}
	resp, err = other.Response()
	if err != nil {
		t.Fatalf("another request = %v", err)
	}
	resp.Body.Close()
}

// A client that reads nothing of one response, and never will.
func TestAStalledStreamStallsNoOther(t *testing.T) {
	wrote, failure := new(atomic.Int64), make(chan error, 1)
	client := open(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/large" {
			return
		}
		rc, piece := http.NewResponseController(w), make([]byte, 10_000)
		for {
			rc.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			if _, err := w.Write(piece); err != nil {
				failure <- err
				<-r.Context().Done() // has ended, too
				return
			}
			wrote.Add(int64(len(piece)))
		}
	})})
	resp, err := client.RoundTrip(t.Context(), http.MethodGet, "host", "/large", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for range 100 {
		if _, err := post(t.Context(), client, []byte("x")); err != nil {
			t.Fatalf("beside a stalled stream: %v", err)
		}
	}
	if err := <-failure; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write = %v, want the deadline's error", err)
	}
	if n := wrote.Load(); n > window+2*gather {
		t.Errorf("%d bytes were taken from the handler, the window is %d", n, window)
	}
	got, err := io.Copy(io.Discard, resp.Body)
	if got != window || !errors.Is(err, errAborted) {
		t.Errorf("the client could read %d bytes, %v; want the window and an error", got, err)
	}
	if _, err := post(t.Context(), client, []byte("x")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestABodyNobodyWantsIsNotSent(t *testing.T) {
	client := open(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > 1<<20 {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		io.Copy(io.Discard, r.Body)
	})})
	resp, err := client.RoundTrip(t.Context(), http.MethodPost, "host", "/", nil, make([]byte, 20<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if said, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusRequestEntityTooLarge || err != nil {
		t.Errorf("response = %d %q, %v", resp.StatusCode, said, err)
	}
	if _, err := post(t.Context(), client, nil); err != nil { // all before it has been written
		t.Fatal(err)
	}
	client.out.mu.Lock()
	defer client.out.mu.Unlock()
	if client.out.written > window+maxData {
		t.Errorf("%d bytes were sent, want no more than the window of %d", client.out.written, window)
	}
}

func TestReadingABodyHasADeadline(t *testing.T) {
	failure := make(chan error, 1)
	socket := serve(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		_, err := io.ReadAll(r.Body)
		failure <- err
	})})
	conn := rawLink(t, socket)
	conn.Write(requestFrame(1, false, "/", "the beginning"))
	if err := <-failure; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ReadAll = %v, want the deadline's error", err)
	}
}

// A process that is stopped takes nothing from its socket at all.
func TestAClientThatTakesNothingIsGivenUp(t *testing.T) {
	ended := make(chan struct{})
	socket := serve(t, &Server{patience: 100 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 200<<10)
		w.Write(piece)
		<-r.Context().Done()
		ended <- struct{}{}
	})})
	conn := rawLink(t, socket)
	const streams = 20 // whose windows together are more than the socket takes
	for n := range uint32(streams) {
		conn.Write(requestFrame(n+1, true, "/", ""))
	}
	for range streams {
		<-ended
	}
}

func TestASmallExchangeIsOneWriteEachWay(t *testing.T) {
	socket := serve(t, &Server{Handler: echo(t)})
	conn := &countingConn{Conn: dial(t, socket)}
	client, err := Open(t.Context(), conn, "host", "/link")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	writes, reads := conn.writes.Load(), conn.reads.Load()
	if _, err := post(t.Context(), client, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got := conn.writes.Load() - writes; got != 1 {
		t.Errorf("a request took %d writes, want 1", got)
	}
	if got := conn.reads.Load() - reads; got != 1 {
		t.Errorf("a response took %d reads, want 1", got)
	}
}

func TestAServerWithoutLinksIsRecognised(t *testing.T) {
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	conn, err := net.Dial("tcp", plain.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), conn, "host", "/link"); !errors.Is(err, ErrNotSpoken) {
		t.Errorf("Open = %v, want ErrNotSpoken", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	mine, theirs := net.Pipe()
	defer theirs.Close()
	go io.Copy(io.Discard, theirs)
	if _, err := Open(ctx, mine, "host", "/link"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Open of a mute server = %v, want the context's error", err)
	}
}

func TestShutdownWaitsAndRefuses(t *testing.T) {
	begun, proceed := make(chan struct{}), make(chan struct{})
	s := &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		begun <- struct{}{}
		<-proceed
		io.WriteString(w, "done")
	})}
	client := open(t, s)
	first, err := client.Start(t.Context(), http.MethodPost, "host", "/", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	ended := make(chan error, 1)
	s.Retire()
	go func() { ended <- s.Shutdown(t.Context()) }()
	late, err := client.Start(t.Context(), http.MethodPost, "host", "/", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lost := lostError(t, late); lost.Sent || !errors.Is(lost, errRefused) {
		t.Errorf("a late request = %v, sent %v; want it refused", lost, lost.Sent)
	}
	if client.Usable() {
		t.Error("the client would still use the link")
	}
	if _, err := client.Start(t.Context(), http.MethodPost, "host", "/", nil, nil); !errors.Is(err, errRefused) {
		t.Errorf("Start = %v, want it refused", err)
	}
	select {
	case err := <-ended:
		t.Fatalf("Shutdown = %v with a request being served", err)
	default:
	}
	close(proceed)
	resp, err := first.Response()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "done" || err != nil {
		t.Errorf("the request in flight = %q, %v", body, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	<-client.Done()
}

func TestShutdownLosesItsPatience(t *testing.T) {
	cause, begun := make(chan error, 1), make(chan struct{})
	s := &Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	})}
	client := open(t, s)
	stream, err := client.Start(t.Context(), http.MethodPost, "host", "/", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown = %v, want the context's error", err)
	}
	if err := <-cause; !errors.Is(err, ErrShutdown) {
		t.Errorf("the handler's context ended with %v", err)
	}
	if lost := lostError(t, stream); !lost.Sent {
		t.Error("a request that was being served was said to be unsent")
	}
}

func TestTooManyRequestsAreRefused(t *testing.T) {
	begun := make(chan struct{}, most)
	client := open(t, &Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
	})})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range most {
		if _, err := client.Start(ctx, http.MethodPost, "host", "/", nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range most {
		<-begun
	}
	one, err := client.Start(t.Context(), http.MethodPost, "host", "/", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lost := lostError(t, one); lost.Sent {
		t.Errorf("one request too many = %v, sent", lost)
	}
}

// It would send an answer that looks whole to one which broke the request off, or the link.
func TestAHandlerThatHearsOfTheEndCannotAnswer(t *testing.T) {
	told := 0
	s := &exchange{}
	s.in.news, s.out.news = make(signal, 1), make(signal, 1)
	s.cancel = func(error) {
		told++
		if s.out.check() == nil {
			t.Error("the handler was told before its response was ended")
		}
	}
	s.end(context.Canceled, errAborted)
	if told != 1 {
		t.Errorf("the handler was told %d times, want once", told)
	}
}

// It is the fault of one request, and the others know nothing of it.
func TestAHeaderThatCannotBeSentEndsItsOwnStreamOnly(t *testing.T) {
	client := open(t, &Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Odd"] = []string{r.URL.Query().Get("answer")}
	})})
	other, err := client.Start(t.Context(), http.MethodGet, "host", "/", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.Start(t.Context(), http.MethodGet, "host", "/?answer=a%0Ab", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lost := lostError(t, s); !lost.Sent || !errors.Is(lost, errAborted) {
		t.Errorf("a response with a line in its header = %v, sent %v; want it broken off", lost, lost.Sent)
	}
	for name, header := range map[string]http.Header{"a value": {"A": {"x\ny"}}, "a name": {"A\x00": {"x"}}, "no name": {"": {"x"}}} {
		if s, err := client.Start(t.Context(), http.MethodGet, "host", "/", header, nil); err == nil {
			t.Errorf("%s that cannot be sent was sent: %v", name, lostError(t, s))
		}
	}
	resp, err := other.Response()
	if err != nil {
		t.Fatalf("another request = %v", err)
	}
	resp.Body.Close()
	if !client.Usable() {
		t.Error("the link is over")
	}
}
