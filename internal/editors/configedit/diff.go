package configedit

import (
	"fmt"
	"strings"
)

// around is how many lines are shown around a change.
const around = 3

// Unified shows a change as `diff -u` would, in one piece: changes of one entry are near each other. From and to are the names of the file.
func Unified(from, to string, before, after []byte) string {
	a, b := splitLines(before), splitLines(after)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	if head == len(a) && head == len(b) && from == to {
		return ""
	}
	start := max(0, head-around)
	endA, endB := min(len(a), len(a)-tail+around), min(len(b), len(b)-tail+around)
	var out strings.Builder
	fmt.Fprintf(&out, "--- %s\n+++ %s\n@@ -%s +%s @@\n", from, to, hunk(start, endA), hunk(start, endB))
	show := func(mark string, lines []string) {
		for _, line := range lines {
			out.WriteString(mark + strings.TrimRight(line, "\r\n") + "\n")
			if !strings.HasSuffix(line, "\n") {
				out.WriteString("\\ No newline at end of file\n")
			}
		}
	}
	show(" ", a[start:head])
	show("-", a[head:len(a)-tail])
	show("+", b[head:len(b)-tail])
	show(" ", a[len(a)-tail:endA])
	return out.String()
}

func hunk(start, end int) string {
	if end == start {
		return fmt.Sprintf("%d,0", start)
	}
	return fmt.Sprintf("%d,%d", start+1, end-start)
}

func splitLines(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	lines := strings.SplitAfter(string(text), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
