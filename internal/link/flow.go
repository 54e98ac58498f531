package link

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

var errWindow = errors.New("more was sent than the window allows")

// signal is a wish to look again, for one who waits. It is made with a capacity of 1.
type signal chan struct{}

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default: // it is raised already
	}
}

// inbox is the receiving half of a body: what has come and was not read yet. The reader of the
// connection puts, one other goroutine reads.
type inbox struct {
	open func(n int) // tells the other end that it may send n bytes more
	news signal

	mu       sync.Mutex // guards below
	pieces   [][]byte
	waiting  int  // bytes in them
	taken    int  // bytes that were read and not yet granted again
	complete bool // nothing more will come
	err      error
	deadline time.Time
}

// put adds a piece, which now belongs to the inbox.
func (b *inbox) put(piece []byte, complete bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.complete || b.err != nil {
		return nil // it is over here already, and the other end does not know yet
	}
	if b.waiting+b.taken+len(piece) > window {
		return errWindow
	}
	if len(piece) > 0 {
		b.pieces = append(b.pieces, piece)
		b.waiting += len(piece)
	}
	b.complete = complete
	b.news.raise()
	return nil
}

// fail ends the inbox. What has come can still be read, unless the reader is the one who gave up.
func (b *inbox) fail(err error, drop bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if drop {
		b.pieces, b.waiting = nil, 0
	} else if b.complete {
		return
	}
	if b.err == nil {
		b.err = err
	}
	b.news.raise()
}

func (b *inbox) setDeadline(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline = t
	b.news.raise()
}

// Read reads as of a body.
func (b *inbox) Read(p []byte) (int, error) {
	for {
		n, grant, deadline, err := b.take(p)
		if grant > 0 {
			b.open(grant)
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		if err := wait(b.news, nil, deadline); err != nil {
			return 0, err
		}
	}
}

// take copies out what is there. With nothing at all the caller has to wait.
func (b *inbox) take(p []byte) (n, grant int, deadline time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n < len(p) && len(b.pieces) > 0 {
		got := copy(p[n:], b.pieces[0])
		n += got
		if b.pieces[0] = b.pieces[0][got:]; len(b.pieces[0]) == 0 {
			b.pieces[0] = nil
			b.pieces = b.pieces[1:]
		}
	}
	b.waiting -= n
	b.taken += n
	switch {
	case n > 0:
		if b.taken >= window/2 && !b.complete && b.err == nil {
			grant, b.taken = b.taken, 0
		}
	case b.err != nil:
		err = b.err
	case b.complete:
		err = io.EOF
	case !b.deadline.IsZero() && !time.Now().Before(b.deadline):
		err = os.ErrDeadlineExceeded
	}
	return n, grant, b.deadline, err
}

// size returns how much there is to read, and whether that is all.
func (b *inbox) size() (n int64, complete bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64(b.waiting), b.complete
}

// credit is the sending half of a body: how much its receiver still takes.
type credit struct {
	news signal

	mu       sync.Mutex // guards below
	left     int
	err      error
	deadline time.Time
}

func (c *credit) grant(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left += n
	c.news.raise()
}

func (c *credit) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.news.raise()
}

func (c *credit) setDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.news.raise()
}

// spend waits until something may be sent and returns how much of n that is.
func (c *credit) spend(n int) (int, time.Time, error) {
	for {
		c.mu.Lock()
		left, err, deadline := min(n, c.left, maxData), c.err, c.deadline
		if err == nil && left > 0 {
			c.left -= left
		}
		c.mu.Unlock()
		switch {
		case err != nil:
			return 0, deadline, err
		case left > 0:
			return left, deadline, nil
		case !deadline.IsZero() && !time.Now().Before(deadline):
			return 0, deadline, os.ErrDeadlineExceeded
		}
		_ = wait(c.news, nil, deadline) // what came of it shows above
	}
}

// check returns why nothing can be sent any more.
func (c *credit) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
