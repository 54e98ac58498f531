package secrets

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Value is a text that nobody should see: however it is printed, logged or encoded, a mark stands in its place. The zero value is
// none. Call Reveal only where the bytes leave the process.
type Value struct {
	// A pointer, because the fmt package looks into unexported fields of other structs without asking their methods: there it finds
	// an address.
	text *string
}

// The marks that stand for a value, and for none.
const (
	Redacted = "[redacted]"
	NotSet   = "[not set]"
)

// NewValue hides a text. An empty one is none.
func NewValue(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{&text}
}

// Reveal gives the text.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// IsSet reports whether there is a text.
func (v Value) IsSet() bool { return v.text != nil }

// Equal compares two texts in a time that does not depend on where they differ.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(other.Reveal())) == 1
}

// String gives the mark.
func (v Value) String() string {
	if v.IsSet() {
		return Redacted
	}
	return NotSet
}

// GoString gives the mark.
func (v Value) GoString() string { return v.String() }

// Format writes the mark, whatever the verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(v.String())) }

// LogValue gives the mark.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalText gives the mark. There is no way back: a value is made by NewValue only.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// MarshalJSON gives the mark.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + v.String() + `"`), nil }
