package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The environment of an editor may have the account's secret, which the host takes from there.
func TestACrashLeavesNoCoreFile(t *testing.T) {
	cmd, stdin, _, _ := living(t)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(limits)) {
		rest, ok := strings.CutPrefix(line, "Max core file size")
		if !ok {
			continue
		}
		found = true
		for _, limit := range strings.Fields(rest)[:2] {
			if n, err := strconv.Atoi(limit); err != nil || n > 1 {
				t.Errorf("the limit of core files is %q, want one that leaves none", limit)
			}
		}
	}
	if !found {
		t.Errorf("limits are\n%s", limits)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
