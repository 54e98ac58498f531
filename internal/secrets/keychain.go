package secrets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	keyring "github.com/zalando/go-keyring"
)

// Service is the name under which the keychain keeps our entries.
const Service = "io.github.agentruntray.AgentRunTray"

const defaultPatience = 3 * time.Second

// Vault is what a keychain does, for one service. Calls may block for as long as they like and must be safe for concurrent use.
// An entry that is not there is ErrNoEntry.
type Vault interface {
	Get(entry string) (text string, err error)
	Set(entry, text string) error
	Delete(entry string) error
}

// ErrNoEntry says that a Vault has no entry of the name.
var ErrNoEntry = errors.New("the keychain has no such entry")

// Watched is a Vault that tells whether it is locked without asking its user anything.
type Watched interface {
	Vault
	// Locked reports whether an entry, if there is one, cannot be read or written as things are.
	Locked(entry string) (bool, error)
}

// State is how a keychain is.
type State string

// The states.
const (
	Available State = "available"
	Locked    State = "locked"  // its user has to unlock it
	Absent    State = "absent"  // there is none on this computer, or none that this process can reach
	Waiting   State = "waiting" // a call has not come back: most likely a window asks the user something
	Failing   State = "failing" // it refuses, in no way that is known
)

// KeychainError says why the keychain was of no use, and what to do.
type KeychainError struct {
	State State
	Why   string // a sentence without its full stop
	Todo  string // another one
	Err   error  // the cause; nil: none
}

// Error gives both sentences.
func (e *KeychainError) Error() string {
	text := e.Why
	if e.Todo != "" {
		text += "; " + e.Todo
	}
	return text
}

// Unwrap returns the cause.
func (e *KeychainError) Unwrap() error { return e.Err }

// Keychain keeps credentials in the operating system's keychain. Methods are safe for concurrent use.
type Keychain struct {
	vault    Vault
	entry    string
	patience time.Duration

	late chan struct{} // capacity 1: a call came to something that nobody waited for any more

	mu      sync.Mutex // guards below
	line    *line
	changes int     // begun and ended, of what the keychain has
	writes  int     // begun
	writing int     // begun and not ended, of which all but the newest are left alone
	newest  *write  // that has succeeded, as long as an older one may still come and undo it; nil: none
	answer  *answer // that came late, for who asks next; nil: none
	denied  *denial // its user was asked to open it and did not; nil: they were not, or did
}

// denial is that somebody did not open the keychain. They are not asked again before they want that, or have opened it for another
// program: a window that comes back each minute is nothing that anybody can work beside.
type denial struct {
	err     *KeychainError
	watched bool // the keychain tells when it is open
}

// answer is what the keychain gave when nobody waited for it any more. Whoever asks next has it: to ask the keychain once more might ask
// its user once more, who may be as slow again, and so on.
type answer struct {
	text string
	err  error // ErrNoEntry or nil
	at   time.Time
}

// answerFor is how long such an answer is good.
const answerFor = 10 * time.Second

// line is where calls wait for each other: there is one at a time.
type line struct {
	turn    chan struct{} // full while a call is under way
	alone   atomic.Bool   // nobody waits for it any more
	overdue atomic.Bool   // it has taken longer than anybody waits
}

func newLine() *line { return &line{turn: make(chan struct{}, 1)} }

func newKeychain(options Options) *Keychain {
	k := &Keychain{vault: options.Vault, entry: entryName(options.Getenv), patience: cmp.Or(options.Patience, defaultPatience), late: make(chan struct{}, 1), line: newLine()}
	if k.vault == nil {
		k.vault = system{getenv: options.Getenv}
	}
	return k
}

// Entry is the name of our entry, for people who look into their keychain.
func (k *Keychain) Entry() string { return k.entry }

// Late has a token when a call came to something that nobody waited for any more, as when the user found the password after all: the
// keychain is open now, and what it has may be other than was said. There is one channel, for one watcher.
func (k *Keychain) Late() <-chan struct{} { return k.late }

// Get gives what the keychain has. Nothing is ErrNone, and a keychain that is of no use a *KeychainError.
func (k *Keychain) Get(ctx context.Context) (Credentials, error) {
	text, err := k.read(ctx)
	if errors.Is(err, ErrNoEntry) {
		return Credentials{}, ErrNone
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("read the AgentRun credentials: %w", err)
	}
	c, err := decode(text)
	if err != nil {
		return Credentials{}, fmt.Errorf("read the AgentRun credentials: %w", err)
	}
	return c, nil
}

// read gives our entry as it is in the keychain.
func (k *Keychain) read(ctx context.Context) (text string, err error) {
	k.mu.Lock()
	late, changes := k.answer, k.changes
	k.answer = nil
	k.mu.Unlock()
	if late != nil && time.Since(late.at) < answerFor {
		return late.text, late.err
	}
	var read string // of the call, which may go on when this has returned
	anew := isAnew(ctx)
	err = k.call(ctx, "nothing was read", func() (err error) {
		if !anew {
			if denied := k.stillDenied(); denied != nil {
				return denied
			}
		}
		read, err = k.vault.Get(k.entry)
		return err
	}, func(err error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if changes == k.changes {
			k.answer = &answer{read, err, time.Now()}
		}
	})
	if err != nil {
		return "", err
	}
	return read, nil
}

// stillDenied is why the keychain is not to be asked by itself; nil: it may be. It is part of a call, as the keychain may take its time
// about that as well.
func (k *Keychain) stillDenied() error {
	k.mu.Lock()
	denied := k.denied
	k.mu.Unlock()
	if denied == nil {
		return nil
	}
	if denied.watched {
		if locked, err := k.isLocked(); err != nil || !locked { // an error is for the call to tell
			return nil
		}
	}
	return denied.err
}

func (k *Keychain) isLocked() (bool, error) {
	if w, ok := k.vault.(Watched); ok {
		return w.Locked(k.entry)
	}
	return true, nil
}

// learn keeps in mind what the end of a call says of the keychain's user, unless that is an old story: it was overtaken, or they were not
// asked.
func (k *Keychain) learn(l *line, err error) {
	var denied *denial
	if failed, ok := errors.AsType[*KeychainError](err); ok && failed.State == Locked {
		if k.isKnown(failed) {
			return
		}
		_, watched := k.vault.(Watched)
		if watched { // one that takes itself to be open already would never be
			locked, err := k.isLocked()
			watched = err == nil && locked
		}
		denied = &denial{failed, watched}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.line == l {
		k.denied = denied
	}
}

// isKnown reports whether a failure is what is kept in mind already.
func (k *Keychain) isKnown(failed *KeychainError) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.denied != nil && k.denied.err == failed
}

// write is a change of what the keychain has.
type write struct {
	n  int // later ones have higher numbers
	do func() error
}

// write lets one operation change what the keychain has. One that was left alone, and overtaken by a newer one, does not undo that when
// it comes to something after all.
func (k *Keychain) write(ctx context.Context, late string, do func() error) error {
	return k.call(ctx, late, func() error {
		w := k.beginWrite(func() error {
			k.change()
			defer k.change()
			return do()
		})
		err := survive(w.do)
		k.endWrite(w, err)
		return err
	}, func(error) {})
}

func (k *Keychain) beginWrite(do func() error) write {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes++
	k.writing++
	return write{k.writes, do}
}

// endWrite makes the newest change once more if this one ended after it, whatever it came to: an error may have come too late to keep
// anything from being changed.
func (k *Keychain) endWrite(w write, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if (err == nil || errors.Is(err, ErrNoEntry)) && (k.newest == nil || k.newest.n < w.n) {
		k.newest = &w
	}
	for k.newest != nil && k.newest.n > w.n {
		w = *k.newest
		k.mu.Unlock()
		k.inTurn(w.do)
		k.mu.Lock()
	}
	if k.writing--; k.writing == 0 {
		k.newest = nil // with the secret in it
	}
}

// inTurn does something that nobody waits for when it is its turn among the calls of now.
func (k *Keychain) inTurn(do func() error) {
	for {
		l := k.join(false)
		l.turn <- struct{}{}
		if k.join(false) == l {
			l.alone.Store(true)
			_ = survive(do) // what is in the keychain is looked at anew; see Late
			<-l.turn
			return
		}
		<-l.turn
	}
}

// change notes that what was read until now may be wrong.
func (k *Keychain) change() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changes++
	k.answer = nil
}

var errNotKept = errors.New("it took the credentials and has something else")

// Set puts credentials into the keychain in place of those there are.
func (k *Keychain) Set(ctx context.Context, c Credentials) error {
	text, err := encode(c)
	if err != nil {
		return fmt.Errorf("keep the AgentRun credentials: %w", err)
	}
	err = k.write(ctx, "they may be kept all the same when it is answered", func() error {
		if err := k.vault.Set(k.entry, text); err != nil {
			return err
		}
		kept, err := k.vault.Get(k.entry) // macOS' own program reports success whatever came of it
		if err != nil {
			return err
		}
		if kept != text {
			return errNotKept
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep the AgentRun credentials: %w", err)
	}
	return nil
}

// Delete takes the credentials out of the keychain. If there are none the error is ErrNone.
func (k *Keychain) Delete(ctx context.Context) error {
	err := k.write(ctx, "they may be removed all the same when it is answered", func() error { return k.vault.Delete(k.entry) })
	if errors.Is(err, ErrNoEntry) {
		return ErrNone
	}
	if err != nil {
		return fmt.Errorf("remove the AgentRun credentials: %w", err)
	}
	return nil
}

// Status tries the keychain. Why and Todo are empty when it is available.
func (k *Keychain) Status(ctx context.Context) KeychainError {
	_, err := k.Get(ctx)
	if failed, ok := errors.AsType[*KeychainError](err); ok {
		return *failed
	}
	return KeychainError{State: Available}
}

type patienceKey struct{}

// Patiently returns a context in which each call of the keychain may take another time than its Options say, as when somebody sits in
// front of it who may be asked for a password and can give up.
func Patiently(ctx context.Context, patience time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, patience)
}

type anewKey struct{}

// Anew returns a context in which the keychain's user may be asked to open it though they did not the last time: they want to be. Who
// waits Patiently wants that, too.
func Anew(ctx context.Context) context.Context { return context.WithValue(ctx, anewKey{}, true) }

func isAnew(ctx context.Context) bool {
	anew, _ := ctx.Value(anewKey{}).(bool)
	_, patient := ctx.Value(patienceKey{}).(time.Duration)
	return anew || patient
}

var errPatience = errors.New("the time for the keychain is up")

// call lets one operation happen, when it is its turn. One that does not come back in time is left to end alone: there is no way
// to stop it, and the user may still be looking for the password. late says what that means. Who sits in front of it need not wait for
// one that was left alone, which may never come back: a keyring that ends while it asks tells nobody. came is called when one that was
// left alone came to something.
func (k *Keychain) call(ctx context.Context, late string, do func() error, came func(error)) error {
	patience, patient := ctx.Value(patienceKey{}).(time.Duration)
	if !patient {
		patience = k.patience
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	l := k.join(patient)
	select {
	case l.turn <- struct{}{}:
	default:
		if l.overdue.Load() {
			return stillWaiting(late, nil)
		}
		select {
		case l.turn <- struct{}{}:
		case <-ctx.Done():
			return l.gaveUp(ctx, late)
		}
	}
	if ctx.Err() != nil { // both were ready: nobody wants the answer
		<-l.turn
		return l.gaveUp(ctx, late)
	}
	l.alone.Store(false)
	l.overdue.Store(false)
	done := make(chan error, 1)
	var alone atomic.Bool
	go func() { // ends with the operation, whoever still waits for it
		err := survive(do)
		k.learn(l, err)
		<-l.turn
		done <- err
		if alone.Load() && (err == nil || errors.Is(err, ErrNoEntry)) {
			came(err)
			select {
			case k.late <- struct{}{}:
			default: // one is as good as many
			}
		}
	}()
	select {
	case err := <-done:
		return refusal(err)
	case <-ctx.Done():
		alone.Store(true)
		l.alone.Store(true)
		select {
		case err := <-done: // in the same moment
			return refusal(err)
		default:
		}
		return l.gaveUp(ctx, late)
	}
}

// join gives the line to wait in: a new one for who need not wait for what was left alone.
func (k *Keychain) join(patient bool) *line {
	k.mu.Lock()
	defer k.mu.Unlock()
	if patient && len(k.line.turn) > 0 && k.line.alone.Load() {
		k.line = newLine()
	}
	return k.line
}

// survive makes an error of a panic: the library has one when the bus goes away while the keyring asks its user something.
func survive(do func() error) (err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("it went away while it was asked: %v", why)
		}
	}()
	return do()
}

// refusal is what a call says that has come back.
func refusal(err error) error {
	if err == nil || errors.Is(err, ErrNoEntry) {
		return err
	}
	if failed, ok := errors.AsType[*KeychainError](err); ok {
		return failed
	}
	return &KeychainError{State: Failing, Why: "the keychain refused: " + err.Error(), Todo: todoFailing, Err: err}
}

// gaveUp is the end of a wait: for the answer, or for somebody else's. A caller with less patience says nothing about the keychain.
func (l *line) gaveUp(ctx context.Context, late string) error {
	cause := context.Cause(ctx)
	if !errors.Is(cause, errPatience) {
		return cause
	}
	l.overdue.Store(true)
	return stillWaiting(late, cause)
}

func stillWaiting(late string, cause error) error {
	return &KeychainError{State: Waiting, Why: "still waiting for the keychain (" + late + ")", Todo: todoWaiting, Err: cause}
}

// system is the operating system's keychain.
type system struct{ getenv func(string) string }

// reach calls the keychain, if there can be one, and says what its failure means.
func (s system) reach(do func() error) error {
	if why := s.unreachable(); why != "" {
		return &KeychainError{State: Absent, Why: why, Todo: todoAbsent}
	}
	err := do()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return ErrNoEntry
	case errors.Is(err, keyring.ErrUnsupportedPlatform):
		return &KeychainError{State: Absent, Why: "this operating system has no keychain that can be used", Todo: todoAbsent, Err: err}
	}
	return classify(err)
}

func (s system) Get(entry string) (text string, err error) {
	err = s.reach(func() (err error) {
		text, err = keyring.Get(Service, entry)
		return err
	})
	return text, err
}

func (s system) Set(entry, text string) error {
	return s.reach(func() error { return keyring.Set(Service, entry, text) })
}

func (s system) Delete(entry string) error {
	return s.reach(func() error { return keyring.Delete(Service, entry) })
}
