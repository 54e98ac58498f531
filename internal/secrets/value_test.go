package secrets

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const secret = "fake+Secret/of/no/account="

// holders are values in all places where something of ours could hold one.
func holders() []any {
	v := NewValue(secret)
	type exported struct{ V Value }
	type hidden struct {
		v Value
		p *Value
	}
	c := Credentials{AccessKeyID: "LTAI-fake", AccessKeySecret: v, SecurityToken: v, AccountID: "1234567890123456"}
	return []any{
		v, &v,
		[]Value{v},
		[1]Value{v},
		map[string]Value{"k": v},
		exported{v},
		&exported{v},
		hidden{v, &v},
		&hidden{v, &v},
		[]any{v},
		map[Value]int{v: 1},
		c, &c,
		struct{ c Credentials }{c},
		fmt.Errorf("wrapped: %v", v),
		fault{v},
	}
}

// fault is an error that holds a value.
type fault struct{ v Value }

func (f fault) Error() string { return "bad value " + f.v.String() }

// forms are the ways in which a secret could be read in a text.
func forms() []string {
	return []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("% x", secret), fmt.Sprintf("%d", []byte(secret)), fmt.Sprintf("%v", []byte(secret)), secret[:12], secret[12:]}
}

func shows(text string) bool {
	for _, form := range forms() {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

func TestNoVerbShowsAValue(t *testing.T) {
	if !shows(fmt.Sprintf("%v", struct{ p string }{secret})) || !shows(fmt.Sprintf("%x", secret)) {
		t.Fatal("the test does not see a secret that is shown")
	}
	flags := []string{"", "+", "#", "-", " ", "0", "+#", "40", "-40", ".3", "40.3"}
	for _, holder := range holders() {
		for verb := rune(' ') + 1; verb < 0x7f; verb++ {
			for _, flag := range flags {
				if got := fmt.Sprintf("%"+flag+string(verb), holder); shows(got) {
					t.Errorf("%%%s%c of %T shows the secret: %q", flag, verb, holder, got)
				}
			}
		}
		if got := fmt.Sprint(holder); shows(got) {
			t.Errorf("Sprint of %T = %q", holder, got)
		}
	}
	if got := fmt.Sprintf("%s|%v|%q|%#v|%d|%x", NewValue(secret), NewValue(secret), NewValue(secret), NewValue(secret), NewValue(secret), NewValue(secret)); got != strings.TrimSuffix(strings.Repeat("[redacted]|", 6), "|") {
		t.Errorf("a value prints as %s, want [redacted] each time", got)
	}
}

func TestNoEncoderShowsAValue(t *testing.T) {
	for _, holder := range holders() {
		if text, err := json.Marshal(holder); shows(string(text)) {
			t.Errorf("JSON of %T = %s, %v", holder, text, err)
		}
		if text, err := xml.Marshal(holder); shows(string(text)) {
			t.Errorf("XML of %T = %s, %v", holder, text, err)
		}
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(holder); shows(b.String()) {
			t.Errorf("gob of %T shows the secret (%v)", holder, err)
		}
		b.Reset()
		for _, handler := range []slog.Handler{slog.NewJSONHandler(&b, nil), slog.NewTextHandler(&b, nil)} {
			log := slog.New(handler).With("with", holder)
			log.Info("logged", "value", holder, slog.Group("group", slog.Any("value", holder)))
		}
		if shows(b.String()) {
			t.Errorf("a log of %T has %s", holder, b.String())
		}
	}
	for _, v := range []Value{{}, NewValue(secret)} {
		text, err := json.Marshal(map[string]Value{"v": v})
		if want := fmt.Sprintf(`{"v":"%s"}`, v); err != nil || string(text) != want {
			t.Errorf("JSON = %s, %v, want %s", text, err, want)
		}
	}
}

func TestOnlyRevealGivesTheText(t *testing.T) {
	v := NewValue(secret)
	if v.Reveal() != secret || !v.IsSet() {
		t.Errorf("Reveal = %q, IsSet = %t", v.Reveal(), v.IsSet())
	}
	for _, none := range []Value{{}, NewValue("")} {
		if none.Reveal() != "" || none.IsSet() || none.String() != "[not set]" {
			t.Errorf("an empty value reveals %q, IsSet = %t, String = %s", none.Reveal(), none.IsSet(), none)
		}
	}
	if !v.Equal(NewValue(secret)) || v.Equal(NewValue(secret+"x")) || v.Equal(Value{}) || !(Value{}).Equal(Value{}) {
		t.Error("Equal compares something else than the texts")
	}
	var back struct{ V Value }
	if err := json.Unmarshal([]byte(`{"V":"`+secret+`"}`), &back); err == nil || back.V.IsSet() || shows(err.Error()) {
		t.Errorf("a value was read from JSON: %t, %v; values are made by NewValue only", back.V.IsSet(), err)
	}
}
