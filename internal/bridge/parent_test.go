package bridge

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestTheEndOfAProcessIsSeen(t *testing.T) {
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), roleVariable+"=mute", homeVariable+"="+home(t).Runtime)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	seen := make(chan bool)
	go func() { seen <- Parent{PID: other.Process.Pid}.watch(t.Context()) }()
	select {
	case ended := <-seen:
		t.Fatalf("watch = %v while the process lives", ended)
	case <-time.After(50 * time.Millisecond):
	}
	start := time.Now()
	other.Process.Kill()
	select {
	case ended := <-seen:
		t.Logf("seen after %v", time.Since(start))
		if !ended {
			t.Error("watch = false, want true")
		}
	case <-time.After(patienceOfTests):
		t.Error("the end was not seen")
	}
	other.Wait()
	// Its number names nobody now.
	if !(Parent{PID: other.Process.Pid}).watch(t.Context()) {
		t.Error("watch of a process that is gone = false, want true")
	}
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	for name, p := range map[string]Parent{"of a living process": {PID: os.Getppid()}, "of nobody": {}, "of our parent": FindParent()} {
		ctx, cancel := context.WithCancel(t.Context())
		seen := make(chan bool)
		go func() { seen <- p.watch(ctx) }()
		time.AfterFunc(20*time.Millisecond, cancel)
		select {
		case ended := <-seen:
			if ended {
				t.Errorf("watch %s = true, want false", name)
			}
		case <-time.After(patienceOfTests):
			t.Errorf("watch %s goes on", name)
		}
	}
}

func TestAParentThatWasReplacedIsGone(t *testing.T) {
	if !(Parent{PID: os.Getpid(), ours: true}).watch(t.Context()) {
		t.Error("watch of a parent which is not ours any more = false, want true")
	}
}

func TestFindParent(t *testing.T) {
	p := FindParent()
	if p.PID != os.Getppid() && os.Getppid() > 1 {
		t.Errorf("FindParent = %+v, want process %d", p, os.Getppid())
	}
	if p.PID != 0 && p.Name == "" {
		t.Error("the parent has no name")
	}
}

// The editor is killed while somebody else holds our standard input open.
func TestTheRelayEndsWithItsEditor(t *testing.T) {
	dirs := home(t)
	h := startHost(t, dirs)
	editor := exec.Command(os.Args[0])
	editor.Env = append(os.Environ(), roleVariable+"=editor", homeVariable+"="+dirs.Runtime)
	fromUs, toRelay, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer toRelay.Close()
	fromRelay, toUs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer fromRelay.Close()
	editor.Stdin, editor.Stdout = fromUs, toUs
	if err := editor.Start(); err != nil {
		t.Fatal(err)
	}
	fromUs.Close()
	toUs.Close()
	io.WriteString(toRelay, hello+"\n")
	out := bufio.NewReader(fromRelay)
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	editor.Process.Kill()
	editor.Wait()
	fromRelay.SetReadDeadline(time.Now().Add(patienceOfTests))
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Fatalf("the relay goes on without its editor: %v", err)
	}
	t.Logf("ended %v after its editor", time.Since(start))
	eventually(t, "the end of the session", func() bool { return h.sessionCount() == 0 })
	if n := len(h.requests(http.MethodDelete)); n != 1 {
		t.Errorf("%d DELETEs, want 1", n)
	}
}
