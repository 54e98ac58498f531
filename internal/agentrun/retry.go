package agentrun

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// repetition says whether an operation may be sent again after an answer that does not say what became of it.
type repetition int

const (
	never     repetition = iota // it may have been carried out: executions, commands, creations, changes
	reading                     // it changes nothing
	repeating                   // done twice it comes to the same: stop, delete, make a folder, move, remove
	polling                     // it is reading, and "not yet" (502) is an answer its caller waits for: health
)

const (
	mostRepetitions = 3
	firstWait       = 250 * time.Millisecond // doubled each time, and shortened by up to a half so that many do not come back at once
	longestWait     = 10 * time.Second       // a service that wants to be left alone for longer is the caller's to wait for
)

// repeatedly attempts a call until it succeeds or must not be repeated.
func (c *Client) repeatedly(ctx context.Context, cl call, attempt func() *APIError) error {
	for n := 0; ; n++ {
		failed := attempt()
		if failed == nil {
			return nil
		}
		wait, again := nextWait(cl.repeat, n, failed)
		if !again {
			return failed
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return failed
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return &APIError{
				Plane: cl.plane, Operation: cl.op, Kind: KindCanceled, Message: "given up while waiting to repeat it",
				Err: errors.Join(ctx.Err(), failed), Uncertain: failed.Uncertain,
			}
		}
	}
}

// nextWait says whether a call that has failed n+1 times is repeated, and after what time.
func nextWait(repeat repetition, n int, failed *APIError) (time.Duration, bool) {
	if repeat == never || n >= mostRepetitions || !passes(repeat, failed) || failed.RetryAfter > longestWait {
		return 0, false
	}
	wait := min(firstWait<<n, longestWait)
	wait -= time.Duration(rand.Int64N(int64(wait/2) + 1)) //nolint:gosec // spreads callers, guards nothing
	return max(wait, failed.RetryAfter), true
}

// passes reports whether the failure is one that repeating may help against.
func passes(repeat repetition, failed *APIError) bool {
	switch failed.Status {
	case 0:
		return failed.Kind == KindNetwork || failed.Kind == KindUnreachable
	case http.StatusBadGateway:
		return repeat != polling
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable:
		// "Already exists" comes as a 500 too.
		return failed.Kind == KindThrottled || failed.Kind == KindQuota || failed.Kind == KindUnavailable || failed.Kind == KindServer
	default:
		return failed.Kind == KindNonceUsed
	}
}

// retryAfter reads the header, which holds seconds or a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
