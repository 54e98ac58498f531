package interpreter

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestAnExcerptIsBothEndsOfTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]string{"a", "é", "漢", "😀", "\n"})
		var r recorder
		var whole strings.Builder
		for range rapid.IntRange(0, 12).Draw(t, "pieces") {
			piece := strings.Repeat(letters.Draw(t, "letter"), rapid.IntRange(0, 60_000).Draw(t, "times"))
			r.add(piece)
			whole.WriteString(piece)
		}
		text, e := whole.String(), r.excerpt()
		switch {
		case int64(len(text)) != int64(len(e.Head)+len(e.Tail))+e.Omitted:
			t.Fatalf("%d bytes became %d and %d with %d between", len(text), len(e.Head), len(e.Tail), e.Omitted)
		case !strings.HasPrefix(text, e.Head) || !strings.HasSuffix(text, e.Tail):
			t.Fatal("the excerpt is not made of the two ends")
		case e.Omitted > 0 && (!utf8.ValidString(e.Head) || !utf8.ValidString(e.Tail)):
			t.Fatal("the excerpt has half a character")
		case e.Omitted > 0 && (len(e.Head) < excerptHalf-utf8.UTFMax || len(e.Tail) < excerptHalf-utf8.UTFMax):
			t.Fatalf("only %d and %d bytes are kept of %d", len(e.Head), len(e.Tail), len(text))
		case len(text) <= 2*excerptHalf && e.Omitted > 0:
			t.Fatalf("%d of %d bytes are left out", e.Omitted, len(text))
		case cap(r.head)+cap(r.tail) > 4*excerptHalf:
			t.Fatalf("%d bytes are held for it", cap(r.head)+cap(r.tail))
		}
	})
}

func TestAQueueKeepsItsOrderWhoeverLeaves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var line []*ticket // the model: whoever is first has the turn
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			switch step := rapid.IntRange(0, 4).Draw(t, "step"); {
			case len(line) == 0 || step < 2:
				line = append(line, q.book())
			case step == 2:
				line = slices.Insert(line, 1, q.bookFirst())
			default:
				at := rapid.IntRange(0, len(line)-1).Draw(t, "leaves")
				q.giveUp(line[at])
				line = append(line[:at:at], line[at+1:]...)
			}
			calls := 0 // so far in the line
			for n, ticket := range line {
				has := false
				select {
				case <-ticket.turn:
					has = true
				default:
				}
				if has != (n == 0) || q.ahead(ticket) != calls {
					t.Fatalf("number %d of %d has the turn: %v, calls ahead of it: %d, want %d", n, len(line), has, q.ahead(ticket), calls)
				}
				if !ticket.ours {
					calls++
				}
			}
		}
	})
}
