//go:build e2e && window

package e2e

import (
	"context"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk is a script that begins a program with its settings and data on a disk of their own, which is filled and emptied by what is
// written into a pipe. Nobody else sees the disk.
const smallDisk = `set -eu
config=$1 data=$2 settings=$3 orders=$4 program=$5
for folder in "$config" "$data"; do
	mkdir -p "$folder"
	mount -t tmpfs -o size=256k,mode=700 tmpfs "$folder"
done
printf %s "$settings" >"$config/settings.json"
: >"$data/setup-done"
while read -r order <"$orders"; do
	case $order in
	fill) for folder in "$config" "$data"; do cat /dev/zero >"$folder/ballast" 2>/dev/null || true; done; echo filled ;;
	empty) rm "$config/ballast" "$data/ballast"; echo emptied ;;
	show) echo "settings: $(tr -d '\n' <"$config/settings.json"), files: $(ls -A "$config" | tr '\n' ' ')." ;;
	end) exit ;;
	esac
done &
exec "$program"
`

// onSmallDisk makes a command that runs the desktop program on a small disk, and gives it orders.
func (c *computer) onSmallDisk(t *testing.T, settings string) (cmd *exec.Cmd, order func(string)) {
	t.Helper()
	orders := filepath.Join(t.TempDir(), "orders")
	if err := syscall.Mkfifo(orders, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(orders, os.O_RDWR, 0) // for both, so that it never waits for the other end
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pipe.Close() })
	args := []string{"--mount"}
	if os.Geteuid() != 0 { // the right to mount is had in a world of one's own
		args = append(args, "--user", "--map-current-user", "--keep-caps")
	}
	args = append(args, "sh", "-c", smallDisk, "small-disk", c.dirs.Config, c.dirs.Data, settings, orders, windowProgram())
	return exec.Command("unshare", args...), func(what string) {
		t.Helper()
		if _, err := pipe.WriteString(what + "\n"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWindowOnAFullDisk: what cannot be kept is told where it was wanted, what was kept before stays, and the rest goes on.
func TestWindowOnAFullDisk(t *testing.T) {
	c := newComputer(t, coldHome(t, ""))
	newPanel(t, c.bus)
	cmd, order := c.onSmallDisk(t, mocked)
	a := c.launchBy(t, cmd)
	t.Cleanup(func() { order("end") })
	told := func(what string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		line, err := a.said.await(ctx, func(line string) bool { return strings.HasPrefix(line, what) })
		if err != nil {
			t.Fatalf("the disk does not tell of %s: %v", what, err)
		}
		return line
	}
	c.shows(t, true)
	c.reads(t, "3 of 3 ready") // and so all is where it stays
	order("fill")
	told("filled")
	c.settle(t)
	const full = "The disk is full. Make room, and try again."
	c.click(t, "Keep one more ready", 0)
	c.reads(t, "The number could not be changed.") // and why, on its next lines
	if _, err := c.ask(question{Ask: "open", Place: "settings"}); err != nil {
		t.Fatal(err)
	}
	c.click(t, "Wait", 0)
	c.reads(t, full)
	c.picture(t, "full")
	order("show")
	if line := told("settings: "); line != "settings: "+mocked+", files: ballast settings.json ." {
		t.Errorf("on the full disk there are %s", line)
	}
	editor := c.connect(t, legacy)
	if r := editor.run(t, "", "6 * 7"); !r.success() {
		t.Errorf("run_code on a full disk = %v", r)
	}
	order("empty")
	told("emptied")
	c.click(t, "Wait", 0)
	c.reads(t, "Saved.")
	c.picture(t, "room")
	order("fill")
	order("end")
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.ends(t, quitTime, "SIGTERM")
}

// TestWindowThatCannotStart says why, also to somebody who sees no standard error.
func TestWindowThatCannotStart(t *testing.T) {
	c := newComputer(t, coldHome(t, ""))
	if err := os.MkdirAll(c.settingsFile(), 0o700); err != nil { // a folder, which cannot be read as a file
		t.Fatal(err)
	}
	a := c.launch(t, "--background")
	c.shows(t, true)
	button := []color.RGBA{{0x3E, 0x63, 0xDD, 0xFF}, {0x6E, 0x8B, 0xFF, 0xFF}} // and the mark, in either theme
	if !eventually(patience, func() bool { return count(c.screen.look(t), button) > 1000 }) {
		t.Error("the window shows nothing")
	}
	c.screen.picture(t, filepath.Join(artifacts(t), "cannot.png"))
	c.press(t, "Return") // closes it
	select {
	case <-a.done:
	case <-time.After(patience):
		t.Fatal("the program runs on after the window was closed")
	}
	if code, said := a.cmd.ProcessState.ExitCode(), a.said.String(); code != 1 || !strings.Contains(said, "agentrun-tray: the settings cannot be read: ") {
		t.Errorf("the program ended with exit code %d and %q, want 1 and why", code, said)
	}
	if log, err := os.ReadFile(filepath.Join(c.dirs.Log, "host.log")); err != nil || !strings.Contains(string(log), "the settings cannot be read: ") {
		t.Errorf("the log has %q, %v, want why", log, err)
	}
}
