package interpreter_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// lines says what a book holds.
func lines(b interpreter.Book) string {
	var out []string
	for _, r := range b.Ended {
		out = append(out, fmt.Sprintf("%d %s: %s", r.Number, r.Code, r.Result.Stdout))
	}
	for _, r := range b.Others {
		so := r.SoFar()
		text := fmt.Sprintf("%d %s %s by %s", so.Number, so.State, r.Code(), r.Caller().Name)
		if _, err := r.Result(); err != nil {
			text += ": " + err.Error()
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

func TestABookHasEveryRunOfAContextOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, setup{})
		c, other := b.create(t, "c"), b.create(t, "other")
		read := func() string {
			t.Helper()
			book, err := b.Book(c.ID)
			if err != nil || book.Context.Name != "c" {
				t.Fatalf("Book = %+v, %v", book.Context, err)
			}
			return lines(book)
		}
		b.run(t, c.ID, "print 1")
		b.run(t, other.ID, "print 2")
		b.begin(t, c.ID, "print go\nsleep 10s")
		waits := b.begin(t, c.ID, "print never")
		b.begin(t, c.ID, "print last")
		synctest.Wait()
		want := "1 print 1: 1\n\n2 running print go\nsleep 10s by editor-a 1.0\n0 waiting print never by editor-a 1.0\n0 waiting print last by editor-a 1.0"
		if got := read(); got != want {
			t.Errorf("while runs go on the book has\n%s\nwant\n%s", got, want)
		}
		waits.Cancel()
		time.Sleep(11 * time.Second)
		want = "1 print 1: 1\n\n2 print go\nsleep 10s: go\n\n3 print last: last\n\n0 finished print never by editor-a 1.0: the run was cancelled before its code ran"
		if got := read(); got != want {
			t.Errorf("after they ended the book has\n%s\nwant\n%s", got, want)
		}
		if err := b.StopContext(t.Context(), c.ID, true); err != nil {
			t.Fatal(err)
		}
		_, err := b.Book(c.ID)
		wantCode(t, err, sandbox.CodeContextNotFound, "it was stopped")
	})
}

func TestEachRunThatEndsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var told []string
		b := start(t, setup{options: interpreter.Options{Ended: func(r *interpreter.Run) {
			res, err := r.Result()
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%s %d on %v: failure %v, error %v", r.Caller().Name, res.Number, res.SandboxID != "", res.Failure != nil, err != nil))
		}}})
		c := b.create(t, "c")
		b.run(t, c.ID, "print 1")
		b.run(t, c.ID, "raise E no")
		b.begin(t, c.ID, "sleep 5s")
		b.begin(t, c.ID, "print 2").Cancel()
		time.Sleep(6 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		want := []string{
			"editor-a 1.0 1 on true: failure false, error false", "editor-a 1.0 2 on true: failure true, error false",
			"editor-a 1.0 0 on false: failure false, error true", "editor-a 1.0 3 on true: failure false, error false",
		}
		if got := strings.Join(told, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	})
}
