package secrets

import (
	"context"
	"errors"
	"time"
)

// How long a Cache goes without asking.
const (
	keepFound  = 5 * time.Minute
	keepLocked = time.Hour   // what was found, while the keychain cannot be read
	keepFailed = time.Second // a failure: callers who come together need not each hear it from the keychain
)

// Cache gives the credentials to callers who need them very often: each request to the service is signed, and asking a keychain
// takes milliseconds. It holds them for five minutes at a time. A keychain that gets locked meanwhile does not cut off what is
// running: what was found last serves for up to an hour. Methods are safe for concurrent use.
type Cache struct {
	find func(context.Context) (Credentials, error)

	turn   chan struct{} // full while somebody asks or looks; guards below
	found  Credentials
	at     time.Time // when found was found; zero: never
	tried  time.Time // when find was last asked
	failed error     // what it said then
}

// NewCache makes a Cache in front of find, such as Store.Find.
func NewCache(find func(context.Context) (Credentials, error)) *Cache {
	return &Cache{find: find, turn: make(chan struct{}, 1)}
}

// Get gives what find found.
func (c *Cache) Get(ctx context.Context) (Credentials, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return Credentials{}, context.Cause(ctx)
	}
	switch since := time.Since(c.tried); {
	case c.tried.IsZero():
	case c.failed == nil && since < keepFound:
		return c.found, nil
	case c.failed != nil && since < keepFailed:
		return c.last()
	}
	found, err := c.find(context.WithoutCancel(ctx)) // others want the answer too; the keychain has a time limit of its own
	c.tried, c.failed = time.Now(), err
	if err == nil {
		c.found, c.at = found, c.tried
	}
	return c.last()
}

// last is what was found last, as long as it may serve.
func (c *Cache) last() (Credentials, error) {
	if c.failed == nil {
		return c.found, nil
	}
	if _, unread := errors.AsType[*KeychainError](c.failed); unread && !c.at.IsZero() && time.Since(c.at) < keepLocked {
		return c.found, nil
	}
	c.found, c.at = Credentials{}, time.Time{}
	return Credentials{}, c.failed
}

// Forget drops what is held, as when it was changed or refused: the next Get asks.
func (c *Cache) Forget() {
	c.turn <- struct{}{} // nobody holds it for longer than the keychain's patience
	defer func() { <-c.turn }()
	c.found, c.at, c.tried, c.failed = Credentials{}, time.Time{}, time.Time{}, nil
}

// Learn takes what find would say, from who has just heard it: a keychain may ask its user each time that it is asked something.
func (c *Cache) Learn(found Credentials, err error) {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.found, c.tried, c.failed, c.at = found, time.Now(), err, time.Time{}
	if err == nil {
		c.at = c.tried
	}
}
