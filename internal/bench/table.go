package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// row is one line of the table. Cells that do not apply are empty.
type row struct {
	what   string
	ours   string
	peer   string // who else did the same
	theirs string
	ratio  string // ours to theirs
	aim    string
	met    string // yes or NO where there is an aim; both of two
}

// aimed adds an aim and whether it was met.
func (r row) aimed(aim string, met bool) row {
	verdict := "NO"
	if met {
		verdict = "yes"
	}
	if r.aim != "" {
		aim, verdict = r.aim+", "+aim, r.met+", "+verdict
	}
	r.aim, r.met = aim, verdict
	return r
}

// against adds a peer and its figure.
func (r row) against(peer, theirs string, ratio float64) row {
	r.peer, r.theirs, r.ratio = peer, theirs, times(ratio)
	return r
}

// printTable writes the rows as a table that is readable as it is and as Markdown.
func printTable(w io.Writer, rows []row) error {
	lines := [][]string{{"what", "ours", "peer", "peer's", "ratio", "aim", "met?"}}
	for _, r := range rows {
		lines = append(lines, []string{r.what, r.ours, r.peer, r.theirs, r.ratio, r.aim, r.met})
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	rule := make([]string, len(widths))
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n)
	}
	lines = append(lines[:1], append([][]string{rule}, lines[1:]...)...)
	var b strings.Builder
	for _, line := range lines {
		for i, cell := range line {
			b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + " ")
		}
		b.WriteString("|\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// short writes a duration with three digits that mean something.
func short(d time.Duration) string {
	digits := func(n float64) int {
		switch {
		case n >= 100:
			return 0
		case n >= 10:
			return 1
		}
		return 2
	}
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.*f s", digits(d.Seconds()), d.Seconds())
	case d >= 100*time.Microsecond:
		ms := float64(d) / 1e6
		return fmt.Sprintf("%.*f ms", digits(ms), ms)
	case d >= time.Microsecond:
		us := float64(d) / 1e3
		return fmt.Sprintf("%.*f µs", digits(us), us)
	}
	return fmt.Sprintf("%d ns", d.Nanoseconds())
}

func times(ratio float64) string { return fmt.Sprintf("%.2fx", ratio) }

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func perSecond(rate float64) string { return fmt.Sprintf("%.0f/s", rate) }
