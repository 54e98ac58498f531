// Package secretstest has keychains for tests: one in memory that can be told how to behave, and real ones, each on a session bus
// of its own.
package secretstest

import (
	"errors"
	"maps"
	"sync"

	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
)

// Vault is a keychain in memory. The zero value is empty and answers at once. Methods are safe for concurrent use.
type Vault struct {
	mu      sync.Mutex // guards below
	entries map[string]string
	failure error
	gate    chan struct{} // calls wait until it is closed; nil: they do not
	calls   int
}

// Get implements [secrets.Vault].
func (v *Vault) Get(entry string) (text string, err error) {
	err = v.enter(func() error {
		var ok bool
		if text, ok = v.entries[entry]; !ok {
			return secrets.ErrNoEntry
		}
		return nil
	})
	return text, err
}

// Set implements [secrets.Vault].
func (v *Vault) Set(entry, text string) error {
	return v.enter(func() error {
		if v.entries == nil {
			v.entries = map[string]string{}
		}
		v.entries[entry] = text
		return nil
	})
}

// Delete implements [secrets.Vault].
func (v *Vault) Delete(entry string) error {
	return v.enter(func() error {
		if _, ok := v.entries[entry]; !ok {
			return secrets.ErrNoEntry
		}
		delete(v.entries, entry)
		return nil
	})
}

func (v *Vault) enter(do func() error) error {
	v.mu.Lock()
	v.calls++
	gate := v.gate
	v.mu.Unlock()
	if gate != nil {
		<-gate
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.failure != nil {
		return v.failure
	}
	return do()
}

// Locked implements [secrets.Watched]: the vault is locked while it fails for that.
func (v *Vault) Locked(string) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	failed, ok := errors.AsType[*secrets.KeychainError](v.failure)
	return ok && failed.State == secrets.Locked, nil
}

// Fail lets all calls fail; nil lets them succeed again.
func (v *Vault) Fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.failure = err
}

// Block lets calls wait, as for a user who looks for a password, until release is called.
func (v *Vault) Block() (release func()) {
	gate := make(chan struct{})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gate = gate
	return func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.gate = nil
		close(gate)
	}
}

// Unblock lets calls go on that come from now on. Those that wait already wait on.
func (v *Vault) Unblock() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gate = nil
}

// Calls is how many calls there were that may ask the user something.
func (v *Vault) Calls() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls
}

// Entries is what the vault has.
func (v *Vault) Entries() map[string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.entries)
}
