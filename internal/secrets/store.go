package secrets

import (
	"context"
	"errors"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// ErrNone says that there are no credentials.
var ErrNone = errors.New("there are no AgentRun credentials; put some in with: agentrunctl login")

// Options say where a Store looks.
type Options struct {
	// Getenv reads the environment: os.Getenv. Required.
	Getenv func(name string) string
	// Vault is the keychain. Default: the operating system's.
	Vault Vault
	// Patience is how long one call of the keychain may take, which includes a question to its user: 3 s, which suits a program that
	// editors wait for.
	Patience time.Duration
}

// Store is where this user's credentials are. Methods are safe for concurrent use.
type Store struct {
	getenv   func(string) string
	keychain *Keychain
}

// Open makes a Store. It looks nowhere yet.
func Open(options Options) *Store {
	return &Store{getenv: options.Getenv, keychain: newKeychain(options)}
}

// Find gives the credentials to use: the environment's, else the keychain's. Without any the error is ErrNone, and when the
// keychain cannot say, a *KeychainError. What it gives may have faults.
func (s *Store) Find(ctx context.Context) (Credentials, error) {
	if c, ok := s.Environment(); ok {
		return c, nil
	}
	return s.keychain.Get(ctx)
}

// Environment gives what the environment has.
func (s *Store) Environment() (Credentials, bool) { return fromEnvironment(s.getenv) }

// Endpoints are those that the environment has, for an emulator or a private network. They hold for what somebody types, too.
func (s *Store) Endpoints() (control, data string) {
	return s.getenv(variables[FieldControlEndpoint][0]), s.getenv(variables[FieldDataEndpoint][0])
}

// Keychain is where credentials can be kept.
func (s *Store) Keychain() *Keychain { return s.keychain }

// entryName names our entry. Whoever has moved all folders elsewhere, for a test or on a stick, has another entry too.
func entryName(getenv func(string) string) string {
	if home := getenv(paths.HomeVariable); home != "" {
		return "agentrun in " + home
	}
	return "agentrun"
}
