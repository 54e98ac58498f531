package link

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// fakeServer speaks the protocol by hand on one connection.
func fakeServer(t *testing.T) (*Client, net.Conn, *reader) {
	t.Helper()
	ln, err := net.Listen("unix", socketName(t))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conns := make(chan net.Conn, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			t.Error(err)
		}
		buf := make([]byte, 1000)
		n := 0
		for !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
			got, err := conn.Read(buf[n:])
			if err != nil {
				t.Error(err)
				break
			}
			n += got
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Protocol+"\r\n\r\n")
		conns <- conn
	}()
	client, err := Open(t.Context(), dial(t, ln.Addr().String()), "host", "/link")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	conn := <-conns
	t.Cleanup(func() { conn.Close() })
	return client, conn, newReader(conn, nil)
}

func start(t *testing.T, c *Client, body []byte) *Stream {
	t.Helper()
	s, err := c.Start(t.Context(), http.MethodPost, "host", "/", nil, body)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestARequestThatWasReadMayHaveRun(t *testing.T) {
	client, conn, in := fakeServer(t)
	s := start(t, client, []byte("x"))
	if _, err := in.next(); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if lost := lostError(t, s); !lost.Sent {
		t.Errorf("%v: said to be unsent", lost)
	}
	if _, err := client.Start(t.Context(), http.MethodPost, "host", "/", nil, nil); err == nil {
		t.Error("Start on a broken link succeeded")
	} else if lost, ok := errors.AsType[*LostError](err); !ok || lost.Sent {
		t.Errorf("Start on a broken link = %v, want it unsent", err)
	}
}

// Of several requests the last one was never read, which the others cannot know of themselves.
func TestARequestThatWasNotReadHasNotRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // only Linux tells
	}
	for range 50 {
		client, conn, in := fakeServer(t)
		first, second := start(t, client, []byte("1")), start(t, client, []byte("2"))
		in.src = io.LimitReader(conn, int64(second.begin)+5) // into the middle of the second
		if f, err := in.next(); err != nil || f.stream != first.id {
			t.Fatalf("read %+v, %v", f, err)
		}
		conn.Close()
		if lost := lostError(t, first); !lost.Sent {
			t.Fatalf("the first = %v, said to be unsent", lost)
		}
		if lost := lostError(t, second); lost.Sent {
			t.Fatalf("the second = %v, said to be sent", lost)
		}
	}
}

// A long body needs more window than it gets: its end has never left.
func TestARequestWithoutItsEndHasNotRun(t *testing.T) {
	client, conn, in := fakeServer(t)
	s := start(t, client, make([]byte, 2*window))
	for got := 0; got < window; {
		f, err := in.next()
		if err != nil || f.end {
			t.Fatalf("read %+v, %v", f.end, err)
		}
		if f.kind == kindRequest {
			_, f.payload, _ = splitHead(f.payload)
		}
		got += len(f.payload)
	}
	conn.Close()
	if lost := lostError(t, s); lost.Sent {
		t.Errorf("%v: said to be sent", lost)
	}
}

func TestAnswersBeforeTheEndOfALinkCount(t *testing.T) {
	client, conn, in := fakeServer(t)
	first, second := start(t, client, []byte("1")), start(t, client, []byte("2"))
	for range 2 {
		if _, err := in.next(); err != nil {
			t.Fatal(err)
		}
	}
	conn.Write(responseFrame(first.id, true, "answer"))
	conn.Close()
	resp, err := first.Response()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "answer" || err != nil {
		t.Errorf("the first = %q, %v", body, err)
	}
	if lost := lostError(t, second); !lost.Sent {
		t.Errorf("the second = %v, said to be unsent", lost)
	}
}

func TestAServerThatMakesNoSenseEndsTheLink(t *testing.T) {
	for name, frames := range map[string][]byte{
		"a request":            requestFrame(1, true, "/", ""),
		"an unknown kind":      appendFrame(nil, 99, false, 1),
		"a head cut short":     appendFrame(nil, kindResponse, true, 1, []byte{5, 1}),
		"a status of 100":      appendFrame(nil, kindResponse, true, 1, []byte{2, 100, 0}),
		"a window cut short":   appendFrame(nil, kindWindow, false, 1, []byte{1}),
		"a window too wide":    appendFrame(nil, kindWindow, false, 1, []byte{0xff, 0, 0, 0}),
		"a frame too long":     {0xff, 0, 0, 0, byte(kindData), 0, 0, 0, 1},
		"more than the window": overfullBody(),
	} {
		client, conn, _ := fakeServer(t)
		s := start(t, client, nil)
		conn.Write(frames)
		<-client.Done()
		if client.Usable() {
			t.Errorf("%s: the link is still used", name)
		}
		resp, err := s.Response()
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the request was answered", name)
		}
	}
}

// What comes for a stream that is over, or never was, is not for anybody.
func TestLateFramesAreNobodys(t *testing.T) {
	client, conn, _ := fakeServer(t)
	s := start(t, client, nil)
	for _, f := range [][]byte{
		responseFrame(77, true, "whose?"), appendFrame(nil, kindData, true, 78, []byte("?")), appendWindow(nil, 79, 5), appendFrame(nil, kindReset, false, 80, []byte{0}),
		responseFrame(s.id, true, "mine"), appendFrame(nil, kindData, false, s.id, []byte("more")), appendFrame(nil, kindReset, false, s.id, []byte{0}),
	} {
		conn.Write(f)
	}
	resp, err := s.Response()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "mine" || err != nil {
		t.Errorf("response = %q, %v", body, err)
	}
	if !client.Usable() {
		t.Error("the link is over")
	}
}

func overfullBody() []byte {
	b := responseFrame(1, false, "")
	for range window/maxData + 1 {
		b = appendFrame(b, kindData, false, 1, make([]byte, maxData))
	}
	return b
}

// A process that was stopped for a while, or has no processor to itself: when it reads again all who wait are woken together.
func TestManyWhoWaitForRoomDoNotOverfillTheLink(t *testing.T) {
	const requests = 600 // of which a third would be overfull
	client, conn, in := fakeServer(t)
	body := make([]byte, maxData)
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			resp, err := client.RoundTrip(t.Context(), http.MethodPost, "host", "/", nil, body)
			if err != nil {
				t.Errorf("RoundTrip = %v", err)
				return
			}
			resp.Body.Close()
		})
	}
	crowd := func() bool {
		client.mu.Lock()
		defer client.mu.Unlock()
		return len(client.streams) == requests
	}
	for deadline := time.Now().Add(time.Minute); !crowd() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for answered := 0; answered < requests; {
		f, err := in.next()
		if err != nil {
			t.Fatalf("the link ended: %v", err)
		}
		if f.kind != kindRequest {
			continue
		}
		answered++
		if _, err := conn.Write(responseFrame(f.stream, true, "")); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

// Whoever has found room and comes to add later looks again.
func TestRoomIsNotGivenTwice(t *testing.T) {
	mine, theirs := net.Pipe() // nobody reads
	defer theirs.Close()
	q := newQueue(mine, 0)
	for range 2 { // the first is being written
		if _, _, err := q.add(func(b []byte) []byte { return append(b, make([]byte, crowded)...) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := q.addIfRoom(func(b []byte) []byte { return append(b, 1) }); !errors.Is(err, errCrowded) {
		t.Errorf("addIfRoom = %v, want %v", err, errCrowded)
	}
	if _, _, err := q.addInTurn(nil, time.Now().Add(time.Millisecond), func(b []byte) []byte { return append(b, 1) }); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("addInTurn = %v, want %v", err, os.ErrDeadlineExceeded)
	}
	mine.Close()
	q.stop(errClosed)
}
