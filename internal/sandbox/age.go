package sandbox

import "time"

// Jitter is how far the ages at which sessions are renewed should lie apart, either way: a tenth of their lifetime, so that those
// that were made together do not all go together, but less where the hard limit is near, which must leave time for renewal.
func (t Traits) Jitter() time.Duration {
	jitter := t.Lifetime / 10
	if t.HardLimit > 0 {
		jitter = min(jitter, (t.HardLimit-t.Lifetime)/2)
	}
	return max(0, jitter)
}
