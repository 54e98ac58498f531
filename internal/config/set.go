package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailscale/hujson"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
)

// ErrNotJSON says that the settings file cannot be read as JSON.
var ErrNotJSON = errors.New("is not valid JSON")

// RefusedError says why a setting cannot have a value.
type RefusedError struct {
	Name string // of the setting, such as pool.warm
	Text string // what is wrong with the value, a sentence without its full stop
}

// Error returns the sentence.
func (e *RefusedError) Error() string { return e.Text }

// Set writes one setting, named as in faults, such as pool.warm, and leaves the rest of the file to the letter as it is; a file that
// nobody has laid out by hand has a line for each setting, for those who look into it. A value that would not be used is refused with
// the words of its fault, and so is a file that is not JSON; nothing is changed then.
func Set(folder, name string, value any) error {
	file := filepath.Join(folder, FileName)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte("{}\n"), nil
	}
	if err != nil {
		return fmt.Errorf("change the setting %s: %w", name, err)
	}
	changed, err := set(text, name, value)
	if err != nil {
		return fmt.Errorf("change the setting %s: %w", name, err)
	}
	if text = bytes.TrimSpace(text); bytes.Equal(text, arrange(text)) || bytes.Equal(text, compact(text)) {
		changed = append(arrange(changed), '\n')
	}
	if err := atomicfile.Write(file, changed, 0o600); err != nil {
		return fmt.Errorf("change the setting %s: %w", name, err)
	}
	return nil
}

// arrange lays JSON out as Set does where nobody else has; compact leaves all of the layout away. Both have had their JSON checked.
func arrange(text []byte) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(text), "", "  "); err != nil {
		panic("config: " + err.Error())
	}
	return b.Bytes()
}

func compact(text []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		panic("config: " + err.Error())
	}
	return b.Bytes()
}

// set returns the text of the settings with one of them changed.
func set(text []byte, name string, value any) ([]byte, error) {
	wanted, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	if !json.Valid(text) {
		return nil, fmt.Errorf("%s %w; correct it first", FileName, ErrNotJSON)
	}
	tree, err := hujson.Parse(text)
	if err != nil {
		return nil, err
	}
	type operation struct {
		Op    string          `json:"op"`
		Path  string          `json:"path"`
		Value json.RawMessage `json:"value"`
	}
	var patch []operation
	parts := strings.Split(name, ".")
	for n := 1; n < len(parts); n++ { // the objects on the way to it
		if path := "/" + strings.Join(parts[:n], "/"); tree.Find(path) == nil {
			patch = append(patch, operation{"add", path, json.RawMessage("{}")})
		}
	}
	patch = append(patch, operation{"add", "/" + strings.Join(parts, "/"), wanted})
	steps, err := json.Marshal(patch)
	if err != nil {
		return nil, err
	}
	if err := tree.Patch(steps); err != nil {
		return nil, err
	}
	changed := tree.Pack()

	_, err = parse(changed, name)
	return changed, err
}
