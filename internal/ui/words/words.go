// Package words has the texts of the window in the languages it speaks, and writes times and amounts as people say them.
//
// A text has a key, such as "overview.title", and may have names in braces that values take the place of. A text with a number has
// two keys, ending in .one and .other; languages without a plural have the second alone.
package words

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/assets"
)

// The languages.
const (
	English = "en"
	Chinese = "zh"
)

// Words are the texts of one language.
type Words struct {
	tag   string
	texts map[string]string
}

// In returns the texts of a language; of one that is not there, English.
func In(tag string) *Words {
	if tag != Chinese {
		tag = English
	}
	data, err := assets.Translation(tag)
	if err != nil {
		panic(fmt.Sprintf("words: %v", err)) // the file is part of the program
	}
	w := &Words{tag: tag}
	if err := json.Unmarshal(data, &w.texts); err != nil {
		panic(fmt.Sprintf("words: translation %s: %v", tag, err))
	}
	return w
}

// Tag is the language.
func (w *Words) Tag() string { return w.tag }

// Say returns the text of a key, with values in the place of their names: Say("x", "name", "sales", "n", 3). A key that is not
// there is returned itself, so that it is seen.
func (w *Words) Say(key string, values ...any) string {
	text, ok := w.texts[key]
	if !ok {
		return key
	}
	for n := 0; n+1 < len(values); n += 2 {
		text = strings.ReplaceAll(text, fmt.Sprintf("{%v}", values[n]), fmt.Sprint(values[n+1]))
	}
	return text
}

// Has reports whether there is a text of a key.
func (w *Words) Has(key string) bool {
	_, ok := w.texts[key]
	return ok
}

// Count returns the text of a key for a number, which stands in it as {n}.
func (w *Words) Count(key string, n int, values ...any) string {
	form := key + ".other"
	if n == 1 && w.Has(key+".one") {
		form = key + ".one"
	}
	return w.Say(form, append([]any{"n", n}, values...)...)
}

// Took writes how long something took: "41 ms", "1.2 s", "38 s", "3 min".
func (w *Words) Took(d time.Duration) string {
	tenths := func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
	switch {
	case d < time.Millisecond:
		return w.figure("< 1", "ms")
	case d < time.Second:
		return w.figure(strconv.FormatInt(d.Milliseconds(), 10), "ms")
	case d < 10*time.Second:
		return w.figure(tenths(d.Seconds()), "s")
	case d < 2*time.Minute:
		return w.figure(strconv.Itoa(int(d.Seconds())), "s")
	case d < 2*time.Hour:
		return w.figure(strconv.Itoa(int(d.Minutes())), "min")
	}
	return w.figure(tenths(d.Hours()), "h")
}

// Spent is Took for what is added up in seconds, of which there may be none.
func (w *Words) Spent(d time.Duration) string {
	if d < time.Second {
		return w.figure("0", "s")
	}
	return w.Took(d)
}

// figure writes an amount of a unit of time.
func (w *Words) figure(n, unit string) string {
	return w.Say("time.short", "n", n, "unit", w.Say("unit."+unit))
}

// Short writes a time that is counted, with no more than its largest unit: "12 s", "4 min", "3 h", "2 d".
func (w *Words) Short(d time.Duration) string {
	figure, unit := w.Parts(d)
	return w.Say("time.short", "n", figure, "unit", unit)
}

// Parts is Short in its two parts.
func (w *Words) Parts(d time.Duration) (figure, unit string) {
	d = max(0, d)
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())), w.Say("unit.s")
	case d < 100*time.Minute:
		return strconv.Itoa(int(d.Minutes())), w.Say("unit.min")
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())), w.Say("unit.h")
	}
	return strconv.Itoa(int(d.Hours() / 24)), w.Say("unit.d")
}

// Ago says how long ago something was: "now", "12 s ago", "6 min ago". The seconds go by fives, so that a list of them is calm.
func (w *Words) Ago(at, now time.Time) string {
	d := now.Sub(at)
	switch {
	case at.IsZero():
		return w.Say("time.never")
	case d < 5*time.Second:
		return w.Say("time.now")
	case d < time.Minute:
		return w.Say("time.ago", "time", w.Short(d.Truncate(5*time.Second)))
	}
	return w.Say("time.ago", "time", w.Short(d))
}

// Product is what a product is called where it has a name of its own in a language; else what it calls itself.
func (w *Words) Product(name string) string {
	if !w.Has("product." + name) {
		return name
	}
	return w.Say("product." + name)
}

// Money writes an amount of CNY.
func (w *Words) Money(v float64) string { return "¥" + strconv.FormatFloat(v, 'f', 2, 64) }
