package configedit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlCodec edits YAML as text. A new entry is the first of its section, between marks: there the
// section's own line and the indentation of what follows are known for certain. The parser's tree, written out again, would have
// other indentation and fewer empty lines, so it is only used to find lines.
type yamlCodec struct {
	marks Marks
	list  bool // the section is a list of entries with names, not a map
}

func (yamlCodec) tree(text []byte) (map[string]any, error) {
	root, err := yamlRoot(text)
	if err != nil || root == nil {
		return map[string]any{}, err
	}
	if wide(root) {
		return nil, errTooMany
	}
	var tree map[string]any
	if err := root.Decode(&tree); err != nil {
		if wrong := twice.FindStringSubmatch(err.Error()); wrong != nil {
			return nil, fmt.Errorf("%s: the key is there already, in %s", wrong[1], wrong[2])
		}
		return nil, errors.New("it is not YAML with names as keys")
	}
	return tree, nil
}

// twice is how the parser says that a map has a key twice.
var twice = regexp.MustCompile(`(?m)^\s*(line \d+): mapping key .* already defined at (line \d+)$`)

// wide says that a map in a tree has more keys than are compared.
func wide(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && len(n.Content) > 2*maxKeys || slices.ContainsFunc(n.Content, wide)
}

// yamlRoot parses a file of one document whose root is a map; nil if there is nothing in it.
func yamlRoot(text []byte) (*yaml.Node, error) {
	if bytes.Count(text, []byte("\r")) != bytes.Count(text, []byte("\r\n")) {
		return nil, errors.New("it has line breaks of another kind than editors write")
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := dec.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, yamlError(err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document")
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, errors.New("it is YAML, but not a map")
	}
	return root, nil
}

// yamlError leaves out of the parser's words whatever could be content.
func yamlError(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if line, what, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(line, "line ") {
		return fmt.Errorf("%s: %s", line, strings.SplitN(what, "\n", 2)[0])
	}
	return errors.New(strings.SplitN(text, "\n", 2)[0])
}

// yamlKey finds a key of a map and its value.
func yamlKey(m *yaml.Node, name string) (key, value *yaml.Node) {
	for n := 0; n+1 < len(m.Content); n += 2 {
		if m.Content[n].Value == name {
			return m.Content[n], m.Content[n+1]
		}
	}
	return nil, nil
}

func (c yamlCodec) put(text []byte, at Place, e Entry, _ []string) ([]byte, error) {
	root, err := yamlRoot(text)
	if err != nil {
		return nil, err
	}
	nl := newline(text)
	if root == nil {
		return append(ended(text, nl), c.section(at, e, nl)...), nil
	}
	if root.Style&yaml.FlowStyle != 0 {
		return nil, ErrShape
	}
	key, value := yamlKey(root, at.Section)
	if key == nil {
		if root.Column != 1 || endsDocument(text) {
			return nil, ErrShape
		}
		return append(ended(text, nl), c.section(at, e, nl)...), nil
	}
	header := lineOf(text, key.Line)
	indent := strings.Repeat(" ", key.Column-1+2)
	switch {
	case value.Tag == "!!null" && value.Value == "":
		return apply(text, splice{header.to, header.to, c.below(text, header, at.Name, e, indent, nl)}), nil
	case value.Line == key.Line && (value.Tag == "!!null" || value.Style&yaml.FlowStyle != 0 && len(value.Content) == 0):
		from := header.from + runeOffset(text[header.from:header.to], value.Column-1)
		length := len(nothing.Find(text[from:header.to]))
		if length == 0 {
			return nil, ErrShape
		}
		blanks := len(trailingBlanks(text[header.from:from]))
		return apply(text, splice{from - blanks, from + length, ""}, splice{header.to, header.to, c.below(text, header, at.Name, e, indent, nl)}), nil
	case value.Style&yaml.FlowStyle != 0, value.Line == key.Line, len(value.Content) == 0, value.Kind == yaml.MappingNode == c.list:
		return nil, ErrShape
	}
	old, err := c.lines(text, value, at.Name)
	if err != nil {
		return nil, err
	}
	indent = strings.Repeat(" ", value.Column-1)
	if old.to > 0 { // the new one stands where the old one stood
		return apply(text, splice{old.from, old.to, c.item(at.Name, e, indent, nl)}), nil
	}
	return apply(text, splice{header.to, header.to, c.block(at.Name, e, indent, nl)}), nil
}

// nothing is how a section is written in one line that has nothing in it. It gives way to a block.
var nothing = regexp.MustCompile(`^(\{[ \t]*\}|\[[ \t]*\]|~|null|Null|NULL)`)

// below is the block that comes behind the line of a section, which may be the last one and not be ended.
func (c yamlCodec) below(text []byte, header splice, name string, e Entry, indent, nl string) string {
	block := c.block(name, e, indent, nl)
	if header.to == len(text) && !bytes.HasSuffix(text, []byte("\n")) {
		return nl + block
	}
	return block
}

func (c yamlCodec) remove(text []byte, at Place) ([]byte, error) {
	root, err := yamlRoot(text)
	if err != nil {
		return nil, err
	}
	key, value := yamlKey(root, at.Section)
	if value.Style&yaml.FlowStyle != 0 {
		return nil, ErrShape
	}
	cut, err := c.lines(text, value, at.Name)
	if err != nil {
		return nil, err
	}
	if only := len(value.Content) == 1 || !c.list && len(value.Content) == 2; only {
		// A key with nothing behind it is null, which some editors take for a mistake.
		header := lineOf(text, key.Line)
		colon := bytes.IndexByte(text[header.from:header.to], ':')
		if colon < 0 {
			return nil, ErrShape
		}
		empty := " {}"
		if c.list {
			empty = " []"
		}
		at := header.from + colon + 1
		return c.marks.cut(apply(text, splice{at, at, empty}), splice{from: cut.from + len(empty), to: cut.to + len(empty)}), nil
	}
	return c.marks.cut(text, cut), nil
}

// lines are those of an entry in its section; to is 0 if there is none. What is deeper than the beginning of the entry belongs to it.
func (c yamlCodec) lines(text []byte, section *yaml.Node, name string) (splice, error) {
	var first *yaml.Node
	if c.list {
		for _, item := range section.Content {
			if item.Kind != yaml.MappingNode {
				continue
			}
			if _, value := yamlKey(item, "name"); value != nil && value.Value == name {
				first = item
			}
		}
	} else {
		first, _ = yamlKey(section, name)
	}
	if first == nil {
		return splice{}, nil
	}
	begin := lineOf(text, first.Line)
	depth := section.Column - 1
	if got := len(leadingBlanks(text[begin.from:begin.to])); got != depth {
		return splice{}, ErrShape
	}
	end := begin.to
	for at := begin.to; at < len(text); {
		line := text[at:]
		if n := bytes.IndexByte(line, '\n'); n >= 0 {
			line = line[:n+1]
		}
		at += len(line)
		if blank(line) { // belongs to it if more follows
			continue
		}
		if len(leadingBlanks(line)) <= depth {
			break
		}
		end = at
	}
	return splice{from: begin.from, to: end}, nil
}

// section writes a section with nothing but one entry.
func (c yamlCodec) section(at Place, e Entry, nl string) string {
	return quoteYAMLKey(at.Section) + ":" + nl + c.block(at.Name, e, "  ", nl)
}

// block is an entry between marks.
func (c yamlCodec) block(name string, e Entry, indent, nl string) string {
	return indent + c.marks.Begin + nl + c.item(name, e, indent, nl) + indent + c.marks.End + nl
}

// item is an entry of a section.
func (c yamlCodec) item(name string, e Entry, indent, nl string) string {
	if !c.list {
		return indent + quoteYAMLKey(name) + ":" + nl + yamlMembers(e, indent+"  ", nl)
	}
	body := yamlMembers(e, indent+"  ", nl)
	return indent + "- " + strings.TrimPrefix(body, indent+"  ")
}

// yamlMembers writes members. A JSON string is a YAML string in double quotes.
func yamlMembers(e Entry, indent, nl string) string {
	var b strings.Builder
	for _, m := range e {
		b.WriteString(indent + quoteYAMLKey(m.Name) + ":")
		if inner, ok := m.Value.(Entry); ok && len(inner) > 0 {
			b.WriteString(nl + yamlMembers(inner, indent+"  ", nl))
			continue
		}
		b.WriteString(" " + quote(m.Value) + nl)
	}
	return b.String()
}

// yamlWords mean something else than themselves in some version of YAML.
var yamlWords = []string{"", "-", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}

// quoteYAMLKey writes a key, which mostly is a plain word.
func quoteYAMLKey(name string) string {
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == "" && !slices.Contains(yamlWords, name) {
		return name
	}
	return quote(name)
}

// ended is a text that ends with a line break.
func ended(text []byte, nl string) []byte {
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		return append(text, nl...)
	}
	return text
}

// endsDocument says that a text has the mark behind which nothing may be added.
func endsDocument(text []byte) bool {
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("...")) {
			return true
		}
	}
	return false
}

// lineOf is where a line is, counted from 1.
func lineOf(text []byte, number int) splice {
	from := 0
	for ; number > 1; number-- {
		n := bytes.IndexByte(text[from:], '\n')
		if n < 0 {
			break
		}
		from += n + 1
	}
	if n := bytes.IndexByte(text[from:], '\n'); n >= 0 {
		return splice{from: from, to: from + n + 1}
	}
	return splice{from: from, to: len(text)}
}

// runeOffset is how many bytes the first characters of a line have.
func runeOffset(line []byte, characters int) int {
	runes := []rune(string(line))
	return len(string(runes[:min(characters, len(runes))]))
}
