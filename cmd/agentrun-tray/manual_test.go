package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestTheManualHasTheFlagsThereAre, neither fewer nor more.
func TestTheManualHasTheFlagsThereAre(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../packaging/linux/agentrun-tray.1.in")
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, io.Discard, &printed); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("agentrun-tray --help = %v", err)
	}
	flags := func(text, pattern string) (list []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			list = append(list, m[1])
		}
		slices.Sort(list)
		return list
	}
	if got, want := flags(string(page), `(?m)^\.It Fl -(\S+)`), flags(printed.String(), `(?m)^  -(\S+)`); !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("the manual has the flags %q, want %q", got, want)
	}
}
