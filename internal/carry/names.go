package carry

import (
	"regexp"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Names collects the names that variables of a context may have. JavaScript does not list what cells declare with let, const and class,
// but can be asked for it by name; so every name in the code that a context runs is one to ask for. The zero value is empty.
type Names struct {
	known map[string]struct{}
	list  []string // in the order in which they were first used
}

const (
	mostNames   = 10_000
	longestName = 100 // bytes
)

var identifier = regexp.MustCompile(`[\p{L}\p{Nl}$_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}$]*`)

// Add notes the names in code that a context is going to run. Beyond ten thousand it notes no more.
func (n *Names) Add(language sandbox.Language, code string) {
	if language != sandbox.JavaScript {
		return
	}
	for _, at := range identifier.FindAllStringIndex(code, -1) {
		if len(n.known) >= mostNames {
			return
		}
		name := code[at[0]:at[1]]
		if _, ok := n.known[name]; ok || len(name) > longestName {
			continue
		}
		if n.known == nil {
			n.known = make(map[string]struct{})
		}
		name = strings.Clone(name) // or the whole code would be kept
		n.known[name] = struct{}{}
		n.list = append(n.list, name)
	}
}

// All gives the names, in the order in which they were first used. The list grows with Add, but what is in it stays.
func (n *Names) All() []string { return slices.Clip(n.list) }
