package configedit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tailscale/hujson"
)

// jsonCodec edits JSON, with comments and trailing commas where whoever reads it takes them. hujson says where each value begins and
// ends; what is written is spliced in there, indented as its neighbours are.
type jsonCodec struct {
	strict bool // nothing is taken but plain JSON
}

func (c jsonCodec) tree(text []byte) (map[string]any, error) {
	if blank(text) {
		return map[string]any{}, nil
	}
	plain := text
	if !json.Valid(text) {
		if c.strict {
			return nil, whyInvalid(text)
		}
		if deep(text) {
			return nil, fmt.Errorf("it is nested more than %d deep", maxDepth)
		}
		ast, err := parseLoosely(text)
		if err != nil {
			return nil, errors.New(strings.NewReplacer("hujson: ", "", "unexpected EOF", "the file ends too early").Replace(err.Error()))
		}
		ast.Standardize()
		plain = ast.Pack()
	}
	if !bytes.HasPrefix(bytes.TrimSpace(plain), []byte("{")) {
		return nil, errors.New("it is JSON, but not an object")
	}
	var tree map[string]any
	dec := json.NewDecoder(bytes.NewReader(plain))
	dec.UseNumber() // as they are written: large ones do not fit a float
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	return tree, nil
}

// whyInvalid says why a text is not plain JSON, and where.
func whyInvalid(text []byte) error {
	var value any
	err := json.Unmarshal(text, &value)
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		before := text[:max(0, min(int(wrong.Offset), len(text))-1)] // the offset is behind the character
		line := bytes.Count(before, []byte("\n")) + 1
		column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	return err
}

// parseLoosely parses a text and keeps nothing of it. To hujson a comment of one line has to be ended by a line break even where the file
// ends, and to most other programs it has not.
func parseLoosely(text []byte) (hujson.Value, error) {
	ast, err := hujson.Parse(slices.Clone(text))
	if err != nil {
		if ast, err := hujson.Parse(append(slices.Clone(text), '\n')); err == nil {
			return ast, nil
		}
	}
	return ast, err
}

// maxDepth is how deep a text may be nested, for which every other parser has a limit of its own: hujson recurses as deep as it goes.
const maxDepth = 10_000

// deep says that a text is nested deeper than that.
func deep(text []byte) bool {
	depth, quoted := 0, false
	for n := 0; n < len(text); n++ {
		switch c := text[n]; {
		case quoted && c == '\\':
			n++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '/':
			n += max(commentIn(text[n:])-1, 0)
		case c == '{', c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return false
}

// lookUp finds a member of an object by its name; -1 if it is not there.
func lookUp(object *hujson.Object, name string) (at int, err error) {
	at = -1
	for n, m := range object.Members {
		if literal, ok := m.Name.Value.(hujson.Literal); !ok || literal.String() != name {
			continue
		}
		if at >= 0 {
			return -1, fmt.Errorf("%q is in it twice", name)
		}
		at = n
	}
	return at, nil
}

// object finds the object behind the keys, outermost first; nil if a key is not there.
func (c jsonCodec) object(text []byte, keys ...string) (*hujson.Value, *hujson.Object, error) {
	value, err := parseLoosely(text)
	if err != nil {
		return nil, nil, err
	}
	at := &value
	for {
		object, ok := at.Value.(*hujson.Object)
		if !ok {
			return nil, nil, ErrShape
		}
		if len(keys) == 0 {
			return at, object, nil
		}
		n, err := lookUp(object, keys[0])
		if err != nil || n < 0 {
			return nil, nil, err
		}
		at, keys = &object.Members[n].Value, keys[1:]
	}
}

func (c jsonCodec) put(text []byte, at Place, e Entry, drop []string) ([]byte, error) {
	if blank(text) {
		all := Entry{{Name: at.Section, Value: Entry{{Name: at.Name, Value: e}}}}
		return []byte(all.json("", "  ", newline(text), true) + newline(text)), nil
	}
	text, err := c.notNull(text, at.Section)
	if err != nil {
		return nil, err
	}
	_, section, err := c.object(text, at.Section)
	switch {
	case err != nil:
		return nil, err
	case section == nil:
		return c.add(text, nil, Member{Name: at.Section, Value: Entry{{Name: at.Name, Value: e}}})
	}
	_, object, err := c.object(text, at.Section, at.Name)
	switch {
	case err != nil:
		return nil, err
	case object == nil:
		return c.add(text, []string{at.Section}, Member{Name: at.Name, Value: e})
	}
	return c.merge(text, []string{at.Section, at.Name}, e, drop)
}

// notNull is a text in which a section that is null is an object: some programs write that for one with nothing in it.
func (c jsonCodec) notNull(text []byte, section string) ([]byte, error) {
	_, root, err := c.object(text)
	if err != nil {
		return nil, err
	}
	n, err := lookUp(root, section)
	if err != nil || n < 0 {
		return text, err
	}
	value := root.Members[n].Value
	if string(text[value.StartOffset:value.EndOffset]) != "null" {
		return text, nil
	}
	return apply(text, splice{value.StartOffset, value.EndOffset, "{}"}), nil
}

// merge brings an entry that is there to what e says.
func (c jsonCodec) merge(text []byte, keys []string, e Entry, drop []string) ([]byte, error) {
	for _, name := range drop {
		_, object, err := c.object(text, keys...)
		if err != nil {
			return nil, err
		}
		n, err := lookUp(object, name)
		if err != nil {
			return nil, err
		}
		if n >= 0 {
			text = c.cut(text, keys, n)
		}
	}
	for _, m := range e {
		if m.Loose {
			continue
		}
		_, object, err := c.object(text, keys...)
		if err != nil {
			return nil, err
		}
		n, err := lookUp(object, m.Name)
		if err != nil {
			return nil, err
		}
		if n < 0 {
			if text, err = c.add(text, keys, m); err != nil {
				return nil, err
			}
			continue
		}
		old := object.Members[n].Value
		var value any
		if plain, err := hujson.Standardize(slices.Clone(text[old.StartOffset:old.EndOffset])); err == nil && json.Unmarshal(plain, &value) == nil && same(value, m.Value) {
			continue
		}
		text = apply(text, splice{old.StartOffset, old.EndOffset, quote(m.Value)})
	}
	return text, nil
}

func (c jsonCodec) remove(text []byte, at Place) ([]byte, error) {
	_, section, err := c.object(text, at.Section)
	if err != nil {
		return nil, err
	}
	n, err := lookUp(section, at.Name)
	if err != nil {
		return nil, err
	}
	return c.cut(text, []string{at.Section}, n), nil
}

// add writes a member at the end of the object behind the keys.
func (c jsonCodec) add(text []byte, keys []string, m Member) ([]byte, error) {
	value, object, err := c.object(text, keys...)
	if err != nil {
		return nil, err
	}
	closing := value.EndOffset - 1 // of the brace
	nl, unit := newline(text), indentUnit(text)
	written := func(indent, nl string, spaced bool) string {
		if inner, ok := m.Value.(Entry); ok {
			return quote(m.Name) + colon(nl != "" || spaced) + inner.json(indent, unit, nl, spaced)
		}
		return quote(m.Name) + colon(nl != "" || spaced) + quote(m.Value)
	}
	if len(object.Members) == 0 {
		if oneLine(text) {
			spaced := bytes.Contains(text, []byte(": "))
			return apply(text, splice{closing, closing, written("", "", spaced)}), nil
		}
		outer := indentAt(text, value.StartOffset)
		from := closing - len(trailingSpace(text[:closing])) // what space was in the braces gives way to the new
		return apply(text, splice{from, closing, nl + outer + unit + written(outer+unit, nl, true) + nl + outer}), nil
	}
	last := object.Members[len(object.Members)-1]
	end := last.Value.EndOffset
	tail := text[end:closing]
	comma := commaIn(tail)
	behind, broken := restOfLine(tail)
	if !broken && !ownLine(text, last.Name.StartOffset) { // the object is in one line, and stays so
		spaced := bytes.Contains(text[value.StartOffset:value.EndOffset], []byte(": "))
		space := ""
		if spaced || ownSpace(text, last.Name.StartOffset) {
			space = " "
		}
		if comma >= 0 {
			return apply(text, splice{end + comma + 1, end + comma + 1, space + written("", "", spaced) + ","}), nil
		}
		return apply(text, splice{end, end, "," + space + written("", "", spaced)}), nil
	}
	indent := indentAt(text, last.Name.StartOffset)
	whole := nl + indent + written(indent, nl, true)
	if comma >= 0 {
		behind = max(behind, comma+1)
		return apply(text, splice{end + behind, end + behind, whole + ","}), nil
	}
	return apply(text, splice{end, end, ","}, splice{end + behind, end + behind, whole}), nil
}

// cut takes the n-th member out of the object behind the keys, with the line on which it stands, if it has one to itself.
func (c jsonCodec) cut(text []byte, keys []string, n int) []byte {
	value, object, err := c.object(text, keys...)
	if err != nil || object == nil {
		return text // the caller has just found it; that nothing was done shows when the trees are compared
	}
	m := object.Members[n]
	closing := value.EndOffset - 1
	before, next := value.StartOffset+1, closing
	if n > 0 {
		before = object.Members[n-1].Value.EndOffset
	}
	if n < len(object.Members)-1 {
		next = object.Members[n+1].Name.StartOffset
	}
	from := m.Name.StartOffset - len(lineStart(text[:m.Name.StartOffset]))
	to := m.Value.EndOffset
	var commas []splice
	switch comma := commaIn(text[to:next]); {
	case comma >= 0 && bytes.IndexByte(text[to:to+comma], '\n') >= 0: // what stands before it is not about this one
		commas = append(commas, splice{from: to + comma, to: to + comma + 1})
	case comma >= 0:
		to += comma + 1
		switch {
		case next == closing: // the last one, as add writes it
		case !ownLine(text, next): // in one line with what follows
			to += len(leadingBlanks(text[to:next]))
			from = m.Name.StartOffset
		case !ownLine(text, m.Name.StartOffset):
			from = m.Name.StartOffset
		}
	case n > 0:
		if comma := commaIn(text[before:m.Name.StartOffset]); comma >= 0 {
			commas = append(commas, splice{from: before + comma, to: before + comma + 1})
			from = max(from, before+comma+1) // the blanks before its name were taken with it
		}
	}
	if endsInComment(text[before:from]) && !endsLine(text[to:]) {
		from = m.Name.StartOffset // else what follows would be in the comment
	}
	text = apply(text, append(commas, splice{from: from, to: to})...)
	if len(object.Members) > 1 {
		return text
	}
	// The object is empty now. If nothing but space is left in it, it is written as such.
	if value, object, err = c.object(text, keys...); err == nil && object != nil && len(bytes.TrimSpace(text[value.StartOffset+1:value.EndOffset-1])) == 0 {
		text = apply(text, splice{value.StartOffset, value.EndOffset, "{}"})
	}
	return text
}

func colon(spaced bool) string {
	if spaced {
		return ": "
	}
	return ":"
}

// commentIn is how long the comment is with which a gap between members begins, without its line break; 0 if it begins with none.
func commentIn(gap []byte) int {
	switch {
	case bytes.HasPrefix(gap, []byte("//")):
		if end := bytes.IndexByte(gap, '\n'); end >= 0 {
			return end
		}
		return len(gap)
	case bytes.HasPrefix(gap, []byte("/*")):
		if end := bytes.Index(gap[2:], []byte("*/")); end >= 0 {
			return end + 4
		}
		return len(gap)
	}
	return 0
}

// commaIn is where the comma is in the space and comments between two members, or -1.
func commaIn(gap []byte) int {
	for n := 0; n < len(gap); n++ {
		if length := commentIn(gap[n:]); length > 0 {
			n += length - 1
		} else if gap[n] == ',' {
			return n
		}
	}
	return -1
}

// endsInComment says that a gap ends within a comment that goes to the end of its line.
func endsInComment(gap []byte) bool {
	for n := 0; n < len(gap); n++ {
		if length := commentIn(gap[n:]); length > 0 {
			if n+length == len(gap) {
				return gap[n+1] == '/'
			}
			n += length - 1
		}
	}
	return false
}

// restOfLine is how much of what follows a value belongs to its line: blanks, a comma, comments. broken says that the line ends
// there, with everything that stands behind the value in the object on lines of their own.
func restOfLine(tail []byte) (length int, broken bool) {
	for n := 0; n < len(tail); n++ {
		comment := tail[n : n+commentIn(tail[n:])]
		switch {
		case tail[n] == '\n':
			return length, true
		case bytes.HasPrefix(comment, []byte("//")):
			end := n + len(comment)
			return n + len(bytes.TrimRight(comment, "\r")), end < len(tail)
		case bytes.IndexByte(comment, '\n') >= 0: // it goes on below: it is about what comes there
			return length, true
		case len(comment) > 0:
			n += len(comment) - 1
			length = n + 1
		case tail[n] == ',':
			length = n + 1
		}
	}
	return length, false
}

// endsLine says that nothing but blanks follows in a line.
func endsLine(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r")
	return len(rest) == 0 || rest[0] == '\n'
}

// lineStart is the line break and the blanks before a place, or only the blanks if it is not first in its line.
func lineStart(before []byte) []byte {
	n := len(before) - len(trailingBlanks(before))
	if n > 0 && before[n-1] == '\n' {
		n--
		if n > 0 && before[n-1] == '\r' {
			n--
		}
	}
	return before[n:]
}

// ownLine says that a place is the first of its line.
func ownLine(text []byte, at int) bool {
	n := at - len(trailingBlanks(text[:at]))
	return n == 0 || text[n-1] == '\n'
}

func ownSpace(text []byte, at int) bool { return at > 0 && text[at-1] == ' ' }

func trailingBlanks(text []byte) []byte { return text[len(bytes.TrimRight(text, " \t")):] }
func trailingSpace(text []byte) []byte  { return text[len(bytes.TrimRight(text, " \t\r\n")):] }
func leadingBlanks(text []byte) []byte {
	return text[:len(text)-len(bytes.TrimLeft(text, " \t"))]
}

// indentAt is the indentation of the line in which a place is.
func indentAt(text []byte, at int) string {
	line := text[bytes.LastIndexByte(text[:at], '\n')+1:]
	return string(leadingBlanks(line))
}

// indentUnit is by how much a text indents: what stands before the first line that is indented, or two blanks.
func indentUnit(text []byte) string {
	for line := range bytes.Lines(text) {
		if blanks := leadingBlanks(line); len(blanks) > 0 && !blank(line) && bytes.HasPrefix(bytes.TrimSpace(line), []byte(`"`)) {
			return string(blanks)
		}
	}
	return "  "
}

// oneLine says that a text that says something is written without line breaks.
func oneLine(text []byte) bool {
	trimmed := bytes.TrimSpace(text)
	return !bytes.Contains(trimmed, []byte("\n")) && bytes.Contains(trimmed, []byte(":"))
}
