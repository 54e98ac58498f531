// Package tokens keeps the bearer tokens of the HTTP face: one per client, made and revoked by the user.
//
// A token opens the same door as the unix socket, to this user's host on this machine, and is guarded the same way: the file
// that lists the tokens is readable by this user alone (0600), and whoever can read it could use the socket as well. No
// credential of a cloud account is ever kept here.
package tokens

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
	"github.com/agentrun-tray/agentrun-tray/internal/filelock"
)

// FileName is the name of the list in the data folder.
const FileName = "tokens.json"

// Token lets one client in.
type Token struct {
	Client  string    `json:"client"`
	Secret  string    `json:"token"`
	Created time.Time `json:"created"`
}

// Store is the list on disk. Several processes may use one list: the host looks tokens up, the command line makes and revokes
// them. Methods are safe for concurrent use.
type Store struct {
	path string

	mu       sync.Mutex
	known    []Token
	modified time.Time // of the file that known was read from
	size     int64
}

// Open returns the list of a data folder. The file is read when it is needed.
func Open(folder string) *Store { return &Store{path: filepath.Join(folder, FileName)} }

// Lookup returns the client whose token this is. Each token is compared in constant time. A list that cannot be read lets
// nobody in.
func (s *Store) Lookup(secret string) (client string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.read(); err != nil {
		return "", false
	}
	for _, t := range s.known {
		if subtle.ConstantTimeCompare([]byte(t.Secret), []byte(secret)) == 1 {
			client, ok = t.Client, true
		}
	}
	return client, ok
}

var clientName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Get returns the client's token and makes one if there is none.
func (s *Store) Get(client string) (Token, error) {
	if !clientName.MatchString(client) {
		return Token{}, fmt.Errorf("%q %w: use 1 to 64 letters, digits, dots, underscores or hyphens", client, ErrName)
	}
	var t Token
	err := s.change(func(list []Token) ([]Token, error) {
		if at := index(list, client); at >= 0 {
			t = list[at]
			return nil, nil
		}
		t = Token{Client: client, Secret: "art_" + rand.Text(), Created: time.Now().UTC().Truncate(time.Second)}
		return append(list, t), nil
	})
	return t, err
}

// Revoke makes a client's token useless. ErrUnknown says that it has none.
func (s *Store) Revoke(client string) error {
	return s.change(func(list []Token) ([]Token, error) {
		at := index(list, client)
		if at < 0 {
			return nil, fmt.Errorf("client %q: %w", client, ErrUnknown)
		}
		return slices.Delete(list, at, at+1), nil
	})
}

// change replaces the list by what edit makes of it, unless that is nil. Other processes are kept out meanwhile.
func (s *Store) change(edit func([]Token) ([]Token, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock, err := s.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := s.read(); err != nil {
		return err
	}
	list, err := edit(slices.Clone(s.known))
	if err != nil || list == nil {
		return err
	}
	return s.write(list)
}

// lock waits for other processes that are changing the list, which takes them milliseconds.
func (s *Store) lock() (*os.File, error) {
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	for {
		lock, err := filelock.Take(s.path + ".lock")
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, filelock.ErrHeld) {
			return nil, fmt.Errorf("change the list of tokens: %w", err)
		}
		again := time.NewTimer(5 * time.Millisecond) // the system has no event for a lock that is given back
		select {
		case <-again.C:
		case <-deadline.C:
			return nil, fmt.Errorf("change the list of tokens: another process is busy with %s; try again", s.path)
		}
	}
}

// ErrName says that a client cannot be called so.
var ErrName = errors.New("cannot name a client")

// ErrUnknown says that a client has no token.
var ErrUnknown = errors.New("there is no token for it")

// Problem says why nobody can be let in, or nil.
func (s *Store) Problem() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read()
}

// List returns the tokens in the order they were made.
func (s *Store) List() ([]Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.read(); err != nil {
		return nil, err
	}
	return slices.Clone(s.known), nil
}

func index(list []Token, client string) int {
	return slices.IndexFunc(list, func(t Token) bool { return t.Client == client })
}

// read brings known up to date with the file, which costs one stat when nothing changed. The caller holds mu.
func (s *Store) read() error {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.known, s.modified, s.size = nil, time.Time{}, 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the list of tokens: %w", err)
	}
	if info.ModTime().Equal(s.modified) && info.Size() == s.size {
		return nil
	}
	text, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("read the list of tokens: %w", err)
	}
	var list []Token
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("the list of tokens in %s is damaged (%w); delete it and make new tokens", s.path, err)
	}
	for _, t := range list {
		if len(t.Secret) < 20 {
			return fmt.Errorf("the list of tokens in %s is damaged (a token is too short); delete it and make new tokens", s.path)
		}
	}
	s.known, s.modified, s.size = list, info.ModTime(), info.Size()
	return nil
}

// write replaces the file. The caller holds mu.
func (s *Store) write(list []Token) error {
	text, err := json.MarshalIndent(list, "", "  ") //nolint:gosec // the list is where tokens are kept; see the package comment
	if err != nil {
		return err
	}
	if err := atomicfile.Write(s.path, append(text, '\n'), 0o600); err != nil {
		return err
	}
	s.modified = time.Time{} // read it again: the next read takes time and size from the new file
	return nil
}
