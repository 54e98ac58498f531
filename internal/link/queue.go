package link

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// crowded is how much may wait to be written before those who bring more have to wait.
	crowded = 1 << 20
	// overfull is how much may wait altogether. Frames that nobody can wait for (windows, resets)
	// fill up the rest; an end which lets so many of them wait does not read at all.
	overfull = 16 << 20
	// inline is how often a writer goes on with what others have added before it leaves the rest to
	// a goroutine.
	inline = 4
	// keep is the size up to which a buffer is used again.
	keep = 64 << 10
)

var (
	errOverfull = errors.New("the other end does not read")
	errCrowded  = errors.New("too much is waiting to be written")
)

// queue writes frames for many goroutines. Methods are safe for concurrent use.
type queue struct {
	conn    net.Conn
	raw     syscall.RawConn // nil: the connection has none
	timeout time.Duration   // for one write; 0: none
	tasks   sync.WaitGroup  // the goroutine that writes, when there is one

	mu      sync.Mutex    // guards below; never held while writing
	idle    sync.Cond     // busy has become false
	buf     []byte        // what waits
	spare   []byte        // the buffer before it
	busy    bool          // somebody is writing
	queued  int64         // bytes taken so far
	written int64         // bytes that have left
	err     error         // why nothing can be written any more
	room    chan struct{} // closed when there is room again; nil: nobody waits for it
	final   bool          // the connection is closed when nothing waits any more
}

func newQueue(conn net.Conn, timeout time.Duration) *queue {
	q := &queue{conn: conn, timeout: timeout}
	q.idle.L = &q.mu
	if sc, ok := conn.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			q.raw = raw
		}
	}
	return q
}

// add queues what build appends, and writes it at once if nobody else is writing. It does not wait.
// Begin and end are where the bytes stand in all that was ever queued.
func (q *queue) add(build func(b []byte) []byte) (begin, end int64, err error) {
	q.mu.Lock()
	return q.addLocked(build)
}

// addIfRoom is add for those who can wait: when too much is waiting already the error is errCrowded, and makeRoom is next. Those
// who wait are woken together; if they found room all at the same time and added afterwards, it would be more than overfull.
func (q *queue) addIfRoom(build func(b []byte) []byte) (begin, end int64, err error) {
	q.mu.Lock()
	if q.err == nil && len(q.buf) >= crowded {
		q.mu.Unlock()
		return 0, 0, errCrowded
	}
	return q.addLocked(build)
}

// addInTurn is add for those who do wait. Done may be nil and the deadline zero.
func (q *queue) addInTurn(done <-chan struct{}, deadline time.Time, build func(b []byte) []byte) (begin, end int64, err error) {
	for {
		begin, end, err = q.addIfRoom(build)
		if !errors.Is(err, errCrowded) {
			return begin, end, err
		}
		if err := q.makeRoom(done, deadline); err != nil {
			return 0, 0, err
		}
	}
}

// addLocked is called with mu, which it gives back.
func (q *queue) addLocked(build func(b []byte) []byte) (begin, end int64, err error) {
	if q.err == nil && len(q.buf) > overfull {
		q.fail(errOverfull)
		_ = q.conn.Close()
	}
	if q.err != nil {
		err := q.err
		q.mu.Unlock()
		return 0, 0, err
	}
	begin, before := q.queued, len(q.buf)
	q.buf = build(q.buf)
	q.queued += int64(len(q.buf) - before)
	end = q.queued
	if q.busy {
		q.mu.Unlock()
		return begin, end, nil
	}
	q.busy = true
	q.write()
	return begin, end, nil
}

// write brings out what waits, without waiting. It is called with mu, which it gives back.
func (q *queue) write() {
	for range inline {
		out := q.take()
		q.mu.Unlock()
		n, err := tryWrite(q.raw, out)
		q.mu.Lock()
		q.wrote(n, err)
		if n < len(out) && err == nil {
			q.tasks.Go(func() { q.drain(out, n) })
			q.mu.Unlock()
			return
		}
		q.giveBack(out)
		if len(q.buf) == 0 || q.err != nil {
			q.rest()
			q.mu.Unlock()
			return
		}
	}
	q.tasks.Go(func() { q.drain(nil, 0) })
	q.mu.Unlock()
}

// drain writes until nothing waits, beginning with the rest of out.
func (q *queue) drain(out []byte, from int) {
	for {
		if q.timeout > 0 {
			_ = q.conn.SetWriteDeadline(time.Now().Add(q.timeout)) // fails only on a connection that is closed
		}
		n, err := q.conn.Write(out[from:])
		q.mu.Lock()
		q.wrote(n, err)
		q.giveBack(out)
		if len(q.buf) == 0 || q.err != nil {
			if q.timeout > 0 {
				_ = q.conn.SetWriteDeadline(time.Time{}) // or it would pass, and be in the way of the next write
			}
			q.rest()
			q.mu.Unlock()
			return
		}
		out, from = q.take(), 0
		q.mu.Unlock()
	}
}

// take returns what waits. It needs mu.
func (q *queue) take() []byte {
	out := q.buf
	q.buf, q.spare = q.spare[:0], nil
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	return out
}

// giveBack keeps a buffer for later. It needs mu.
func (q *queue) giveBack(out []byte) {
	if cap(out) <= keep {
		q.spare = out
	}
}

// wrote notes what came of a write. It needs mu.
func (q *queue) wrote(n int, err error) {
	q.written += int64(n)
	if err == nil {
		return
	}
	q.fail(err)
	// A connection that its other end has closed may still bring what was sent before.
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		_ = q.conn.Close()
	}
}

// fail makes the queue take nothing any more. It needs mu.
func (q *queue) fail(err error) {
	if q.err == nil {
		q.err = err
	}
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// rest notes that nobody writes. It needs mu.
func (q *queue) rest() {
	q.busy = false
	if q.final {
		_ = q.conn.Close() // once is enough
	}
	q.idle.Broadcast()
}

// stop ends the queue after its connection was closed, and returns how much has left.
func (q *queue) stop(err error) (written int64) {
	q.mu.Lock()
	q.fail(err)
	for q.busy {
		q.idle.Wait()
	}
	written = q.written
	q.mu.Unlock()
	q.tasks.Wait()
	return written
}

// closeWhenWritten closes the connection as soon as everything has been written, or cannot be. It
// does not wait for that.
func (q *queue) closeWhenWritten() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.final = true
	if !q.busy {
		_ = q.conn.Close() // once is enough
	}
}

// makeRoom waits while too much is waiting. The deadline may be zero.
func (q *queue) makeRoom(done <-chan struct{}, deadline time.Time) error {
	for {
		q.mu.Lock()
		if q.err != nil || len(q.buf) < crowded {
			defer q.mu.Unlock()
			return q.err
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		if err := wait(room, done, deadline); err != nil {
			return err
		}
	}
}

// wait waits for something to happen, for done and for a deadline, each of which may be missing.
func wait(happens, done <-chan struct{}, deadline time.Time) error {
	var late <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-happens:
		return nil
	case <-done:
		return context.Canceled
	case <-late:
		return os.ErrDeadlineExceeded
	}
}
