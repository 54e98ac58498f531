package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxSize is how long the keychain's entry may be, in bytes: every operating system's keychain takes that.
const MaxSize = 2048

// ErrDamaged says that the keychain's entry cannot be read.
var ErrDamaged = errors.New("the keychain's entry is not one of ours; put the credentials in again with: agentrunctl login")

// encode writes the keychain's entry.
func encode(c Credentials) (string, error) {
	entry := map[Field]string{}
	for _, p := range parts {
		if text := p.get(&c); text != "" {
			entry[p.name] = text
		}
	}
	text, err := json.Marshal(entry)
	if err != nil {
		return "", err
	}
	if len(text) > MaxSize {
		return "", fmt.Errorf("they take %d bytes, and a keychain's entry has %d at most (the security token alone has %d)", len(text), MaxSize, len(c.SecurityToken.Reveal()))
	}
	return string(text), nil
}

// decode reads the keychain's entry. What it does not know it leaves out; its errors repeat nothing of the text.
func decode(text string) (Credentials, error) {
	var entry map[Field]any
	if err := json.Unmarshal([]byte(text), &entry); err != nil || entry == nil {
		return Credentials{}, ErrDamaged
	}
	c := Credentials{Source: FromKeychain}
	for _, p := range parts {
		switch v := entry[p.name].(type) {
		case nil:
		case string:
			p.set(&c, v)
		default:
			return Credentials{}, ErrDamaged
		}
	}
	return c, nil
}
