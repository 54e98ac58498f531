package secrets

import (
	"strings"
	"testing"
)

func FuzzEntry(f *testing.F) {
	f.Add(`{"access_key_id":"LTAI-fake","access_key_secret":"fake","account_id":"1234567890123456","region":"cn-hangzhou"}`)
	f.Add(`{"security_token":null,"later":[1,{"a":"b"}]}`)
	f.Add(`{"access_key_secret":1}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := decode(text)
		if err != nil {
			if err.Error() != ErrDamaged.Error() {
				t.Fatalf("decode(%q) = %v: an error has words of its own only", text, err)
			}
			return
		}
		again, err := encode(c)
		if err != nil {
			if len(text) <= MaxSize/6 || !strings.Contains(err.Error(), "bytes") { // a character may take six
				t.Fatalf("encode of what %q holds = %v", text, err)
			}
			return
		}
		if back, err := decode(again); err != nil || !back.SameAs(c) {
			t.Fatalf("%q comes back as %q, %v", text, again, err)
		}
	})
}
