package carry

import (
	"iter"
	"slices"
	"strings"
	"unicode"

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

// Add notes the names in code that a context is going to run. Beyond ten thousand it notes no more.
func (n *Names) Add(language sandbox.Language, code string) {
	if language != sandbox.JavaScript {
		return
	}
	for name := range identifiers(code) {
		if len(n.known) >= mostNames {
			return
		}
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

// identifiers finds what may be a name in code, in strings and comments too.
func identifiers(code string) iter.Seq[string] {
	return func(yield func(string) bool) {
		begin := -1
		for at, r := range code {
			letter := r == '$' || r == '_' || 'a' <= r|0x20 && r|0x20 <= 'z' || r >= 0x80 && (unicode.IsLetter(r) || unicode.Is(unicode.Nl, r))
			switch {
			case begin < 0 && letter:
				begin = at
			case begin < 0 || letter || '0' <= r && r <= '9' || r >= 0x80 && unicode.IsOneOf(within, r):
			default:
				if !yield(code[begin:at]) {
					return
				}
				begin = -1
			}
		}
		if begin >= 0 {
			yield(code[begin:])
		}
	}
}

// within are the characters that a name may have after its first.
var within = []*unicode.RangeTable{unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc}

// All gives the names, in the order in which they were first used. The list grows with Add, but what is in it stays.
func (n *Names) All() []string { return slices.Clip(n.list) }
