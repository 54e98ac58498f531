package desktop

import (
	"regexp"

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
