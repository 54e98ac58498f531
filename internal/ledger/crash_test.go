package ledger

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// childFolder names the variable that makes this program one which uses a ledger until it is killed.
const childFolder = "LEDGER_TEST_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		scribble(New(folder))
	}
	os.Exit(m.Run())
}

// scribble says what it is about to do and what it has done, for as long as it lives.
func scribble(l *Ledger) {
	for n := 0; ; n++ {
		id := fmt.Sprintf("tray-%d", n)
		fmt.Println("adding", id)
		if err := l.Add(entry(id)); err != nil {
			panic(err)
		}
		fmt.Println("added", id)
		if n < 3 {
			continue
		}
		id = fmt.Sprintf("tray-%d", n-3)
		fmt.Println("removing", id)
		if err := l.Remove(id); err != nil {
			panic(err)
		}
		fmt.Println("removed", id)
	}
}

// TestAKilledProcessLeavesWhatItHasEntered kills processes at any moment and holds the file against what they said.
func TestAKilledProcessLeavesWhatItHasEntered(t *testing.T) {
	for lines := 1; lines < 60; lines += 3 {
		folder := t.TempDir()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), childFolder+"="+folder)
		said, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		state := map[string]string{} // the last that was said of each
		words := bufio.NewScanner(said)
		for n := 0; words.Scan(); n++ {
			if n == lines {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			word, id, _ := strings.Cut(words.Text(), " ")
			state[id] = word
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process was not killed")
		}
		l := New(folder)
		there := map[string]bool{}
		for _, id := range ids(t, l) {
			there[id] = true
		}
		for id, word := range state {
			if word == "added" && !there[id] || word == "removed" && there[id] {
				t.Errorf("killed after %d lines: %s was %s, and is in the ledger: %t", len(state), id, word, there[id])
			}
		}
		for id := range there {
			if state[id] == "" {
				t.Errorf("killed after %d lines: nobody spoke of %s", len(state), id)
			}
		}
		if broken, err := filepath.Glob(filepath.Join(folder, "*.broken-*")); err != nil || len(broken) != 0 || l.Problem() != nil {
			t.Errorf("killed after %d lines: the file was damaged: %q, %v, %v", len(state), broken, err, l.Problem())
		}
	}
}
