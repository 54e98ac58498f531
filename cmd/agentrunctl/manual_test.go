package main

import (
	"bufio"
	"errors"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// manual reads the commands of the manual page, in its order, and the flags of each, sorted.
func manual(t *testing.T) (commands []string, flags map[string][]string) {
	t.Helper()
	f, err := os.Open("../../packaging/linux/agentrunctl.1.in")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags = make(map[string][]string)
	section := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) > 1 && words[0] == ".Sh":
			section = words[1]
		case section != "COMMANDS" || len(words) < 3 || words[0] != ".It":
		case words[1] == "Cm":
			commands = append(commands, words[2])
		case words[1] == "Fl":
			last := commands[len(commands)-1]
			flags[last] = append(flags[last], strings.TrimPrefix(words[2], "-"))
		}
	}
	for _, list := range flags {
		slices.Sort(list)
	}
	return commands, flags
}

// printedFlag is a line of what --help prints.
var printedFlag = regexp.MustCompile(`(?m)^  -([a-z-]+)`)

// TestTheManualHasTheCommandsAndFlagsThereAre, neither fewer nor more.
func TestTheManualHasTheCommandsAndFlagsThereAre(t *testing.T) {
	named, flags := manual(t)
	var there []string
	for _, c := range commands(nil) {
		there = append(there, c.name)
		_, printed, err := cli(t, c.name, "--help")
		if !errors.Is(err, flag.ErrHelp) {
			t.Errorf("agentrunctl %s --help = %v", c.name, err)
		}
		var want []string
		for _, m := range printedFlag.FindAllStringSubmatch(printed, -1) {
			want = append(want, m[1])
		}
		slices.Sort(want)
		if !slices.Equal(flags[c.name], want) {
			t.Errorf("the manual has the flags %q of %s, want %q", flags[c.name], c.name, want)
		}
	}
	slices.Sort(named)
	slices.Sort(there)
	if !slices.Equal(named, there) {
		t.Errorf("the manual has the commands %q, want %q", named, there)
	}
}
