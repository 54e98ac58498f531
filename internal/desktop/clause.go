package desktop

import (
	"regexp"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/editors"
	"github.com/agentrun-tray/agentrun-tray/internal/ui"
)

// clauses are what package editors says of an entry in English, for the command line, as far as the window says it in its own words. A
// test sees to it that they are the same.
var clauses = []struct {
	why  ui.EditorWhy
	said *regexp.Regexp // with a group for what it names, if it names anything
}{
	{ui.WhyProgramGone, regexp.MustCompile(`^it starts (.+), which is not there$`)},
	{ui.WhyProgram, regexp.MustCompile(`^it starts (.+)$`)},
	{ui.WhySocket, regexp.MustCompile(`^it connects to another socket$`)},
	{ui.WhyAddress, regexp.MustCompile(`^it connects to (.+), and the host does not listen there$`)},
	{ui.WhyRevoked, regexp.MustCompile(`^its token was revoked$`)},
	{ui.WhyPlace, regexp.MustCompile(`^it is not in (.+)$`)},
	{ui.WhyMembers, regexp.MustCompile(`^it differs in (.+)$`)},
	{ui.WhyDiffers, regexp.MustCompile(`^it differs$`)},
	{ui.WhyTwice, regexp.MustCompile(`^its servers (.+) lead to us as well$`)},
}

// whyOf finds out what the clause of an editor says, and what it names. What is said of a file that cannot be read is nobody's of ours.
func whyOf(st editors.Status) (why ui.EditorWhy, what string) {
	if st.State == editors.Unreadable {
		return "", ""
	}
	for _, c := range clauses {
		if m := c.said.FindStringSubmatch(st.Detail); m != nil {
			if c.said.NumSubexp() > 0 {
				what = m[1]
			}
			return c.why, what
		}
	}
	return "", ""
}

// remarks are the sentences of package editors about what went another way than usual, as they begin a note. A test sees to it that they
// are the same.
var remarks = []struct {
	kind ui.RemarkKind
	said *regexp.Regexp // with a group for what it names, if it names anything
}{
	{ui.RemarkByFile, regexp.MustCompile(`(?s)^The command line of .+? did not do it \((.*?)\), so its settings file was changed instead\.`)},
	{ui.RemarkByHand, regexp.MustCompile(`^Take it out in .+?'s own settings: it keeps them where no other program can change them\.`)},
	{ui.RemarkSplit, regexp.MustCompile(`(?s)^(.+?) has other names \(hard links\), which stay with the text of before: link them anew, or use symbolic links, which are followed\.`)},
}

// remarksOf takes a note apart. What is left that the window has no words for stays as it is.
func remarksOf(note string) []ui.Remark {
	var all []ui.Remark
next:
	for note = strings.TrimSpace(note); note != ""; {
		for _, r := range remarks {
			if m := r.said.FindStringSubmatch(note); m != nil {
				remark := ui.Remark{Kind: r.kind, Said: m[0]}
				if r.said.NumSubexp() > 0 {
					remark.What = m[1]
				}
				all, note = append(all, remark), strings.TrimSpace(note[len(m[0]):])
				continue next
			}
		}
		return append(all, ui.Remark{Said: note})
	}
	return all
}
