package tokens

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
)

// UsesFileName is the name of the file beside the list that says when each token was used.
const UsesFileName = "token-uses.json"

// Use is what came of a token so far.
type Use struct {
	Client   string    `json:"client"`
	Created  time.Time `json:"created"` // of the token: the next one of the same client starts anew
	LastSeen time.Time `json:"last_seen,omitzero"`
	Calls    int       `json:"calls"`
	Errors   int       `json:"errors"`
}

// Uses keeps on disk what came of each token, so that it is known after a restart of the host. It is a file apart from the list:
// what lets clients in must not be rewritten every minute. Only the host uses it, from one goroutine at a time.
type Uses struct {
	path string
	kept []byte // what the file holds
}

// OpenUses returns the uses kept in a data folder. The file is read by Load.
func OpenUses(folder string) *Uses { return &Uses{path: filepath.Join(folder, UsesFileName)} }

// Load reads what was kept. No file means nothing; so does a damaged one, with an error for the log.
func (u *Uses) Load() ([]Use, error) {
	text, err := os.ReadFile(u.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the uses of tokens: %w", err)
	}
	var list []Use
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("the uses of tokens in %s are damaged and begin anew: %w", u.path, err)
	}
	u.kept = text
	return list, nil
}

// Keep replaces what is kept. It writes only if something is different.
func (u *Uses) Keep(list []Use) error {
	if list == nil {
		list = []Use{}
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if string(text) == string(u.kept) || u.kept == nil && len(list) == 0 {
		return nil
	}
	if err := atomicfile.Write(u.path, text, 0o600); err != nil {
		return fmt.Errorf("keep the uses of tokens: %w", err)
	}
	u.kept = text
	return nil
}
