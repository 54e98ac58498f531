package notebook_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

var ann = interpreter.Caller{Key: "ann", Name: "editor 1"}

// start runs an interpreter over a real pool of scripted sessions, until the test ends. It is called in a bubble.
func start(t *testing.T) *interpreter.Interpreter {
	t.Helper()
	fake := sandboxtest.NewFake(sandboxtest.FakeOptions{})
	p, err := pool.New(pool.Options[sandbox.Session]{New: fake.Open, Max: 4, Share: 8, Close: func(ctx context.Context, s sandbox.Session) error { return s.Close(ctx) }})
	if err != nil {
		t.Fatal(err)
	}
	i, err := interpreter.New(interpreter.Options{Site: interpreter.NewSite(fake, p)})
	if err != nil {
		t.Fatal(err)
	}
	var above, below sync.WaitGroup
	up, stopUp := context.WithCancel(context.Background())
	down, stopDown := context.WithCancel(context.Background())
	above.Go(func() { _ = i.Run(up) })
	below.Go(func() { _ = p.Run(down) })
	t.Cleanup(func() {
		stopUp()
		above.Wait()
		stopDown()
		below.Wait()
	})
	return i
}

func create(t *testing.T, i *interpreter.Interpreter, name string) string {
	t.Helper()
	c, err := i.CreateContext(t.Context(), ann, interpreter.NewContext{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func begin(t *testing.T, i *interpreter.Interpreter, id, code string) *interpreter.Run {
	t.Helper()
	r, err := i.Begin(t.Context(), ann, interpreter.RunRequest{ContextID: id, Code: code})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// show writes a notebook in one line per cell.
func show(n *notebook.Notebook) string {
	if n == nil {
		return "none"
	}
	lines := make([]string, len(n.Cells))
	for at, c := range n.Cells {
		lines[at] = fmt.Sprintf("#%d %s %q %q by %s", c.Number, c.State, c.Code, c.Result.Stdout, c.Client)
		if c.Result.Failure != nil {
			lines[at] += " " + c.Result.Failure.Name
		}
	}
	return strings.Join(lines, "\n")
}

// TestACellHasWhatWasToldBesideItsResult, such as that the variables before it are gone.
func TestACellHasWhatWasToldBesideItsResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t)
		id := create(t, i, "c")
		<-begin(t, i, id, "lose").Done()
		time.Sleep(time.Second)
		<-begin(t, i, id, "print x").Done()
		n, err := notebook.Read(i, id)
		if err != nil {
			t.Fatal(err)
		}
		if last := n.Cells[len(n.Cells)-1]; len(last.Notices) != 1 || !strings.Contains(last.Notices[0], "variables and files are gone") {
			t.Errorf("the last cell of\n%s\nhas the notices %q, want that variables are gone", show(n), last.Notices)
		}
	})
}

func TestACellIsShownFromItsWaitToItsResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t)
		id := create(t, i, "c")
		f := notebook.NewFeed(i)
		if n := f.Current(); n != nil {
			t.Errorf("a feed that follows nothing has %s", show(n))
		}
		f.Follow(id)
		if n := f.Current(); n == nil || n.ContextID != id || n.Name != "c" || n.Language != sandbox.Python || len(n.Cells) != 0 {
			t.Errorf("of a new context the feed has %+v", n)
		}
		begin(t, i, id, "print one\nsleep 2s\nprint two\nsleep 2s")
		begin(t, i, id, "raise E no")
		time.Sleep(time.Second)
		first := f.Current()
		if got, want := show(first), `#1 running "print one\nsleep 2s\nprint two\nsleep 2s" "one\n" by editor 1
#0 waiting "raise E no" "" by editor 1`; got != want {
			t.Errorf("after 1 s the feed has\n%s\nwant\n%s", got, want)
		}
		if since := time.Since(first.Cells[0].StartedAt); since != time.Second {
			t.Errorf("the cell runs since %v, want 1 s", since)
		}
		drain(f)
		if f.Current() != first {
			t.Error("without a change there is another notebook")
		}
		time.Sleep(2 * time.Second)
		select {
		case <-f.Changed():
		default:
			t.Error("output was not told of")
		}
		second := f.Current()
		if second == first || second.Cells[0] == first.Cells[0] || second.Cells[1] != first.Cells[1] || second.Cells[0].Result.Stdout != "one\ntwo\n" || first.Cells[0].Result.Stdout != "one\n" {
			t.Errorf("after more output the feed has\n%s\nwant a new cell for the one that changed only, and the old one as it was", show(second))
		}
		time.Sleep(2 * time.Second)
		third := f.Current()
		if got, want := show(third), `#1 done "print one\nsleep 2s\nprint two\nsleep 2s" "one\ntwo\n" by editor 1
#2 done "raise E no" "" by editor 1 E`; got != want {
			t.Errorf("at the end the feed has\n%s\nwant\n%s", got, want)
		}
		drain(f)
		begin(t, i, id, "print three")
		synctest.Wait()
		fourth := f.Current()
		if len(fourth.Cells) != 3 || fourth.Cells[0] != third.Cells[0] || fourth.Cells[1] != third.Cells[1] {
			t.Errorf("with one more run the feed has\n%s\nwant the cells there were, and one more", show(fourth))
		}
		if err := i.StopContext(t.Context(), id, true); err != nil {
			t.Fatal(err)
		}
		if n := f.Current(); n != nil {
			t.Errorf("of a context that has ended the feed has\n%s", show(n))
		}
	})
}

func drain(f *notebook.Feed) {
	select {
	case <-f.Changed():
	default:
	}
}

func TestAFeedFollowsOneContextAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t)
		a, b := create(t, i, "a"), create(t, i, "b")
		f := notebook.NewFeed(i)
		f.Follow(a)
		begin(t, i, a, "sleep 5s\nprint late")
		begin(t, i, b, "print b")
		synctest.Wait()
		f.Current()
		f.Follow(b)
		select {
		case <-f.Changed():
		default:
			t.Error("that another context is followed was not told")
		}
		if got, want := show(f.Current()), `#1 done "print b" "b\n" by editor 1`; got != want {
			t.Errorf("the feed has\n%s\nwant\n%s", got, want)
		}
		time.Sleep(6 * time.Second)
		select {
		case <-f.Changed():
			t.Error("output in a context that is not followed was told of")
		default:
		}
		f.Follow("")
		if n := f.Current(); n != nil {
			t.Errorf("a feed that follows nothing has %s", show(n))
		}
	})
}

func TestARunThatCameToNothingSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t)
		id := create(t, i, "c")
		begin(t, i, id, "sleep 5s")
		never := begin(t, i, id, "print never")
		time.Sleep(time.Second)
		never.Cancel()
		time.Sleep(5 * time.Second)
		begin(t, i, id, "print after")
		synctest.Wait()
		n, err := notebook.Read(i, id)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := show(n), `#1 done "sleep 5s" "" by editor 1
#0 done "print never" "" by editor 1 CANCELLED
#2 done "print after" "after\n" by editor 1`; got != want {
			t.Errorf("the notebook is\n%s\nwant\n%s", got, want)
		}
		if f := n.Cells[1].Result.Failure; f.Code != sandbox.CodeCancelled || f.Message != "the run was cancelled before its code ran" {
			t.Errorf("why nothing came of it is told as %+v", f)
		}
		if _, err := notebook.Read(i, "ctx-nope"); err == nil || !strings.Contains(err.Error(), "there is no context") {
			t.Errorf("Read of nothing = %v", err)
		}
	})
}

func TestLongOutputOfARunningCellSaysWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t)
		id := create(t, i, "c")
		begin(t, i, id, strings.Repeat("print "+strings.Repeat("é", 5000)+"\n", 25)+"sleep 5s")
		time.Sleep(time.Second)
		n, err := notebook.Read(i, id)
		if err != nil {
			t.Fatal(err)
		}
		res := n.Cells[0].Result
		if all := int64(len(res.Stdout)) + res.Cut.Stdout; all != 25*10001 || res.Cut.Stdout < 100_000 || res.CutAt.Stdout < 60_000 || res.CutAt.Stdout > 70_000 {
			t.Errorf("%d bytes are shown with %d cut out at %d, want all %d counted and the gap in the middle", len(res.Stdout), res.Cut.Stdout, res.CutAt.Stdout, 25*10001)
		}
	})
}
