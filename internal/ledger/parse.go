package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// file is what the file holds: an object, so that later versions can add to it.
type file struct {
	Sandboxes []Entry `json:"sandboxes"`
}

// mostText is the longest file that is taken for a ledger: a pool has tens of sandboxes.
const mostText = 1 << 20

// parse reads the file's text. With an error it gives the entries that could be read all the same.
func parse(text []byte) ([]Entry, error) {
	if len(text) > mostText {
		return nil, fmt.Errorf("it has %d bytes", len(text))
	}
	var whole struct {
		Sandboxes *[]json.RawMessage `json:"sandboxes"`
	}
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, err
	}
	if whole.Sandboxes == nil {
		return nil, errors.New("it has no list of sandboxes")
	}
	var (
		entries []Entry
		damage  error
	)
	for i, raw := range *whole.Sandboxes {
		var e Entry
		err := json.Unmarshal(raw, &e)
		if err == nil {
			err = e.check()
		}
		if err == nil && slices.ContainsFunc(entries, func(o Entry) bool { return o.SandboxID == e.SandboxID }) {
			err = fmt.Errorf("the sandbox %s is in it twice", e.SandboxID)
		}
		if err != nil {
			damage = fmt.Errorf("entry %d: %w", i+1, err)
			continue
		}
		e.CreatedAt = e.CreatedAt.UTC()
		entries = append(entries, e)
	}
	return entries, damage
}

// format writes the file's text.
func format(entries []Entry) ([]byte, error) {
	if entries == nil {
		entries = []Entry{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(file{entries})
	return b.Bytes(), err
}
