package ledger

import (
	"encoding/json"
	"slices"
	"testing"
)

// FuzzParse reads any text. What it takes it must be able to write and read again, and what it half takes it must say.
func FuzzParse(f *testing.F) {
	good, err := format([]Entry{entry("tray-a"), entry("tray-b")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{"sandboxes":[{"sandbox_id":"a","template":"t","region":"r","created_at":"0001-01-01T00:00:00+23:59"},{}],"more":1}`))
	f.Add([]byte(`{"sandboxes":[{"sandbox_id":"a","template":"\u0000","region":"r","created_at":"9999-12-31T23:59:59-23:59"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, damage := parse(text)
		for i, e := range entries {
			if err := e.check(); err != nil {
				t.Errorf("entry %d was taken: %v", i, err)
			}
		}
		written, err := format(entries)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := parse(written)
		if err != nil || !slices.Equal(again, entries) {
			t.Errorf("%+v was read again as %+v, %v", entries, again, err)
		}
		if damage == nil && !json.Valid(text) {
			t.Errorf("%q was taken without a word", text)
		}
	})
}
