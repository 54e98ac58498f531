package agentruntest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A script is read into a list before any of it runs, so that nothing is run of one that cannot be understood.
type (
	// list is what runs one after another.
	list []item
	// item is pipelines joined by && and ||.
	item struct {
		pipelines  []pipeline
		joints     []string // between them
		background bool
	}
	// pipeline is commands of which each reads what the one before it prints.
	pipeline struct {
		not      bool
		commands []command
	}
	// command is words, or one of the ways to put lists together.
	command struct {
		words     []word
		redirects []redirect
		kind      string // "" for words, else "(", "{", "if", "while", "until" or "for"
		parts     []list // of if: conditions and what follows on them in turn, and what is done else; of loops: condition and body
		name      string // of the variable of for; its values are words
	}
	// redirect sends one of the streams elsewhere.
	redirect struct {
		op     string // with its number
		target word   // of those that name a file
	}
	// word is pieces without anything between them.
	word []piece
)

// piece of a word.
type piece struct {
	text   string // or the name of a variable, or nothing
	expand bool   // text is the name of a variable
	inner  list   // what a substitution runs
	quoted bool
}

// errUnsupported is a script that is more than a command can be.
type errUnsupported string

// Error says what it is.
func (e errUnsupported) Error() string { return "the emulator's commands have no " + string(e) }

// parser reads a script. After a mistake there is nothing left to read.
type parser struct {
	rest  string
	err   error
	depth int // of lists within lists
}

// mostDepth is how deep lists may be nested.
const mostDepth = 100

func parse(script string) (list, error) {
	p := &parser{rest: script}
	l := p.list()
	if p.err == nil && p.rest != "" {
		p.fail(fmt.Errorf("%q stands where nothing should", p.rest[:1]))
	}
	return l, p.err
}

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
	p.rest = ""
}

// blanks goes on to the next word or operator of the line.
func (p *parser) blanks() {
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\r")
		switch {
		case strings.HasPrefix(p.rest, "\\\n"):
			p.rest = p.rest[2:]
		case strings.HasPrefix(p.rest, "#"):
			end := strings.IndexByte(p.rest, '\n')
			if end < 0 {
				end = len(p.rest)
			}
			p.rest = p.rest[end:]
		default:
			return
		}
	}
}

// take takes an operator that comes next.
func (p *parser) take(op string) bool {
	p.blanks()
	rest, ok := strings.CutPrefix(p.rest, op)
	if ok {
		p.rest = rest
	}
	return ok
}

// keyword takes a word that means something in its place.
func (p *parser) keyword(word string) bool {
	if !p.ahead(word) {
		return false
	}
	p.rest = p.rest[len(word):]
	return true
}

func (p *parser) ahead(word string) bool {
	p.blanks()
	rest, ok := strings.CutPrefix(p.rest, word)
	return ok && (rest == "" || strings.IndexByte(" \t\r\n;&|()<>", rest[0]) >= 0)
}

func (p *parser) expect(word string) {
	if p.err == nil && !p.keyword(word) {
		p.fail(fmt.Errorf("there is no %s", word))
	}
}

// list reads up to the end, or to what ends a list.
func (p *parser) list() list {
	if p.depth++; p.depth > mostDepth {
		p.fail(errUnsupported("scripts nested as deeply"))
	}
	defer func() { p.depth-- }()
	var l list
	for {
		for p.take("\n") || p.take(";") {
			continue
		}
		if p.rest == "" || p.rest[0] == ')' || slices.ContainsFunc([]string{"}", "then", "elif", "else", "fi", "do", "done"}, p.ahead) {
			return l
		}
		one := p.item()
		p.blanks()
		if strings.HasPrefix(p.rest, "&") {
			p.rest, one.background = p.rest[1:], true
		}
		l = append(l, one)
	}
}

func (p *parser) item() item {
	var one item
	for {
		one.pipelines = append(one.pipelines, p.pipeline())
		switch {
		case p.take("&&"):
			one.joints = append(one.joints, "&&")
		case p.take("||"):
			one.joints = append(one.joints, "||")
		default:
			return one
		}
		for p.take("\n") {
			continue
		}
	}
}

func (p *parser) pipeline() pipeline {
	var pipe pipeline
	pipe.not = p.keyword("!")
	for {
		pipe.commands = append(pipe.commands, p.command())
		p.blanks()
		if !strings.HasPrefix(p.rest, "|") || strings.HasPrefix(p.rest, "||") {
			return pipe
		}
		p.rest = p.rest[1:]
		for p.take("\n") {
			continue
		}
	}
}

func (p *parser) command() command {
	for _, word := range []string{"case", "function", "select", "[["} {
		if p.ahead(word) {
			p.fail(errUnsupported("control structures such as " + word))
		}
	}
	var c command
	switch {
	case p.take("("):
		c.kind, c.parts = "(", []list{p.list()}
		if !p.take(")") {
			p.fail(errors.New("a parenthesis is not closed"))
		}
	case p.keyword("{"):
		c.kind, c.parts = "{", []list{p.list()}
		p.expect("}")
	case p.keyword("if"):
		c.kind = "if"
		for next := true; next; next = p.keyword("elif") {
			c.parts = append(c.parts, p.list())
			p.expect("then")
			c.parts = append(c.parts, p.list())
		}
		if p.keyword("else") {
			c.parts = append(c.parts, p.list())
		}
		p.expect("fi")
	case p.keyword("while"):
		c.kind, c.parts = "while", p.loop()
	case p.keyword("until"):
		c.kind, c.parts = "until", p.loop()
	case p.keyword("for"):
		c = p.forLoop()
	default:
		p.words(&c)
		if len(c.words) == 0 && len(c.redirects) == 0 {
			p.fail(errors.New("there is no command where one should be"))
		}
		return c
	}
	for p.redirect(&c) {
		continue
	}
	return c
}

func (p *parser) loop() []list {
	condition := p.list()
	p.expect("do")
	body := p.list()
	p.expect("done")
	return []list{condition, body}
}

func (p *parser) forLoop() command {
	var head command
	p.words(&head)
	if len(head.words) < 2 || !isVariable(head.words[0].plain()) || head.words[1].plain() != "in" {
		p.fail(errors.New("for takes a name and in"))
		return command{}
	}
	for p.take("\n") || p.take(";") {
		continue
	}
	p.expect("do")
	body := p.list()
	p.expect("done")
	return command{kind: "for", name: head.words[0].plain(), words: head.words[2:], parts: []list{body}}
}

// words reads the words and redirections of a command.
func (p *parser) words(c *command) {
	for {
		if p.redirect(c) {
			continue
		}
		p.blanks()
		if p.rest == "" || strings.IndexByte("\n;&|()", p.rest[0]) >= 0 {
			return
		}
		c.words = append(c.words, p.word())
	}
}

// redirections are the operators, longer ones first.
var redirections = []string{"2>&1", "1>&2", ">&2", "&>", "2>>", "2>", "1>>", "1>", ">>", "<<", ">", "<"}

func (p *parser) redirect(c *command) bool {
	p.blanks()
	at := slices.IndexFunc(redirections, func(op string) bool { return strings.HasPrefix(p.rest, op) })
	if at < 0 {
		return false
	}
	r := redirect{op: redirections[at]}
	p.rest = p.rest[len(r.op):]
	r.op = strings.TrimPrefix(r.op, "1")
	switch r.op {
	case "<<":
		p.fail(errUnsupported("here-documents"))
	case "2>&1", ">&2":
	default:
		p.blanks()
		if r.target = p.word(); len(r.target) == 0 {
			p.fail(fmt.Errorf("there is no file after %s", r.op))
		}
	}
	c.redirects = append(c.redirects, r)
	return true
}

// plain is the text of a word with nothing special in it.
func (w word) plain() string {
	if len(w) == 1 && !w[0].expand && !w[0].quoted && w[0].inner == nil {
		return w[0].text
	}
	return ""
}

// literal adds text that means itself.
func (w *word) literal(text string, quoted bool) {
	if last := len(*w) - 1; last >= 0 && (*w)[last].quoted == quoted && !(*w)[last].expand && (*w)[last].inner == nil {
		(*w)[last].text += text
		return
	}
	*w = append(*w, piece{text: text, quoted: quoted})
}

func (p *parser) word() word {
	var w word
	for p.rest != "" {
		switch c := p.rest[0]; c {
		case ' ', '\t', '\r', '\n', ';', '&', '|', '<', '>', '(', ')':
			return w
		case '\'':
			end := strings.IndexByte(p.rest[1:], '\'')
			if end < 0 {
				p.fail(errors.New("a quote is not closed"))
				return w
			}
			w.literal(p.rest[1:end+1], true)
			p.rest = p.rest[end+2:]
		case '"':
			p.rest = p.rest[1:]
			w.literal("", true)
			p.quoted(&w)
		case '\\':
			switch {
			case len(p.rest) < 2:
				p.fail(errors.New("there is nothing after the last backslash"))
				return w
			case p.rest[1] != '\n':
				w.literal(p.rest[1:2], true)
			}
			p.rest = p.rest[2:]
		case '$':
			p.dollar(&w, false)
		case '`':
			p.fail(errUnsupported("substitutions with backquotes; $( ) does the same"))
		case '*', '?':
			p.fail(errUnsupported("patterns"))
		default:
			w.literal(p.rest[:1], false)
			p.rest = p.rest[1:]
		}
	}
	return w
}

// quoted reads up to a closing double quote.
func (p *parser) quoted(w *word) {
	for p.rest != "" {
		switch c := p.rest[0]; {
		case c == '"':
			p.rest = p.rest[1:]
			return
		case c == '\\' && len(p.rest) > 1 && strings.IndexByte("\"\\$`\n", p.rest[1]) >= 0:
			w.literal(strings.TrimSuffix(p.rest[1:2], "\n"), true)
			p.rest = p.rest[2:]
		case c == '$':
			p.dollar(w, true)
		case c == '`':
			p.fail(errUnsupported("substitutions with backquotes; $( ) does the same"))
		default:
			w.literal(p.rest[:1], true)
			p.rest = p.rest[1:]
		}
	}
	p.fail(errors.New("a quote is not closed"))
}

// dollar reads a variable or a substitution.
func (p *parser) dollar(w *word, quoted bool) {
	rest := p.rest[1:]
	switch {
	case strings.HasPrefix(rest, "(("):
		p.fail(errUnsupported("arithmetic"))
	case strings.HasPrefix(rest, "("):
		p.rest = rest[1:]
		inner := p.list()
		if !p.take(")") {
			p.fail(errors.New("a substitution is not closed"))
		}
		*w = append(*w, piece{inner: append(list{}, inner...), quoted: quoted})
	case strings.HasPrefix(rest, "{"):
		end := strings.IndexByte(rest, '}')
		if end < 0 || !isParameter(rest[1:end]) {
			p.fail(errUnsupported("such substitutions"))
			return
		}
		*w = append(*w, piece{text: rest[1:end], expand: true, quoted: quoted})
		p.rest = rest[end+1:]
	default:
		end := 0
		for end < len(rest) && (isVariable(rest[:end+1]) || end == 0 && isParameter(rest[:1])) {
			end++
			if !isVariable(rest[:end]) {
				break
			}
		}
		if end == 0 {
			w.literal("$", quoted)
		} else {
			*w = append(*w, piece{text: rest[:end], expand: true, quoted: quoted})
		}
		p.rest = rest[end:]
	}
}

// isParameter reports whether a name stands for a value.
func isParameter(name string) bool {
	if _, err := strconv.Atoi(name); err == nil {
		return name[0] != '-' && name[0] != '+'
	}
	return isVariable(name) || len(name) == 1 && strings.Contains("?!$#@*", name)
}

func isVariable(name string) bool {
	for i, c := range name {
		if c != '_' && ('a' > c|0x20 || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
