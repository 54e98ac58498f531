package words_test

import (
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/ui/words"
)

func TestSayPutsValuesInThePlaceOfTheirNames(t *testing.T) {
	w := words.In(words.English)
	if got, want := w.Say("credentials.region.option", "city", "Hangzhou", "id", "cn-hangzhou"), "Hangzhou (cn-hangzhou)"; got != want {
		t.Errorf("Say = %q, want %q", got, want)
	}
	if got := w.Say("no.such.key"); got != "no.such.key" {
		t.Errorf("Say of an unknown key = %q, want the key, so that it is seen", got)
	}
}

func TestCountHasAPluralWhereTheLanguageHas(t *testing.T) {
	for _, tc := range []struct {
		tag  string
		n    int
		want string
	}{
		{words.English, 0, "0 contexts"},
		{words.English, 1, "1 context"},
		{words.English, 2, "2 contexts"},
		{words.Chinese, 1, "1 个上下文"},
		{words.Chinese, 2, "2 个上下文"},
	} {
		if got := words.In(tc.tag).Count("session.contexts", tc.n); got != tc.want {
			t.Errorf("Count(%d) in %s = %q, want %q", tc.n, tc.tag, got, tc.want)
		}
	}
}

func TestALanguageThatIsNotThereIsEnglish(t *testing.T) {
	if got := words.In("fr").Tag(); got != words.English {
		t.Errorf("In(fr) speaks %q, want %q", got, words.English)
	}
}

func TestTook(t *testing.T) {
	en, zh := words.In(words.English), words.In(words.Chinese)
	for _, tc := range []struct {
		d      time.Duration
		en, zh string
	}{
		{300 * time.Microsecond, "< 1 ms", "< 1 毫秒"},
		{41 * time.Millisecond, "41 ms", "41 毫秒"},
		{1240 * time.Millisecond, "1.2 s", "1.2 秒"},
		{38 * time.Second, "38 s", "38 秒"},
		{3 * time.Minute, "3 min", "3 分钟"},
		{132 * time.Minute, "2.2 h", "2.2 小时"},
	} {
		if en, zh := en.Took(tc.d), zh.Took(tc.d); en != tc.en || zh != tc.zh {
			t.Errorf("Took(%v) = %q and %q, want %q and %q", tc.d, en, zh, tc.en, tc.zh)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	w, zh := words.In(words.English), words.In(words.Chinese)
	for _, tc := range []struct {
		name   string
		at     time.Time
		en, zh string
	}{
		{"a moment ago", now.Add(-2 * time.Second), "just now", "刚刚"},
		{"seconds, by fives", now.Add(-13 * time.Second), "10 s ago", "10 秒前"},
		{"minutes", now.Add(-6*time.Minute - 30*time.Second), "6 min ago", "6 分钟前"},
		{"hours", now.Add(-5 * time.Hour), "5 h ago", "5 小时前"},
		{"days", now.Add(-72 * time.Hour), "3 d ago", "3 天前"},
		{"a clock that was set back", now.Add(time.Hour), "just now", "刚刚"},
		{"never", time.Time{}, "never", "从未"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := w.Ago(tc.at, now); got != tc.en {
				t.Errorf("in English %q, want %q", got, tc.en)
			}
			if got := zh.Ago(tc.at, now); got != tc.zh {
				t.Errorf("in Chinese %q, want %q", got, tc.zh)
			}
		})
	}
}
