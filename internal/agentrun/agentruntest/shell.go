package agentruntest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// shell runs what the package comment says a command can be.
type shell struct {
	e        *Emulator
	s        *sandbox
	pid      int
	cwd      string // absolute
	out, err io.Writer
	in       []byte
	vars     map[string]string
	last     int // exit code
	lastJob  int // pid
	jobs     []*process
}

// errUnsupported is a script that is more than a command can be.
type errUnsupported string

// Error says what it is.
func (e errUnsupported) Error() string { return "the emulator's commands have no " + string(e) }

// token is a word or an operator of a script.
type token struct {
	op    string  // "" for a word
	parts []piece // of a word
}

// piece of a word.
type piece struct {
	text   string
	expand bool // text is the name of a variable
	quoted bool
}

var operators = []string{"2>&1", "1>&2", ">&2", "&>", "2>>", "2>", "1>", "&&", "||", ">>", "<<", ">", "<", ";", "&", "|", "\n"}

// tokens splits a script.
func tokens(script string) ([]token, error) {
	var found []token
	var word []piece
	in := false // a word, which may be empty
	add := func(p piece) { word, in = append(word, p), true }
	flush := func() {
		if in {
			found = append(found, token{parts: word})
		}
		word, in = nil, false
	}
	for i := 0; i < len(script); {
		rest := script[i:]
		if op := operatorAt(rest, in); op != "" {
			flush()
			switch op {
			case "|":
				return nil, errUnsupported("pipes")
			case "<<":
				return nil, errUnsupported("here-documents")
			}
			found = append(found, token{op: op})
			i += len(op)
			continue
		}
		switch c := script[i]; c {
		case ' ', '\t', '\r':
			flush()
			i++
		case '#':
			if !in {
				end := strings.IndexByte(rest, '\n')
				if end < 0 {
					end = len(rest)
				}
				i += end
				continue
			}
			add(piece{text: "#"})
			i++
		case '\'':
			end := strings.IndexByte(rest[1:], '\'')
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			add(piece{text: rest[1 : end+1], quoted: true})
			i += end + 2
		case '"':
			pieces, n, err := quoted(rest[1:])
			if err != nil {
				return nil, err
			}
			add(piece{quoted: true})
			word = append(word, pieces...)
			i += n + 1
		case '\\':
			if len(rest) < 2 {
				return nil, errors.New("there is nothing after the last backslash")
			}
			if rest[1] != '\n' {
				add(piece{text: rest[1:2], quoted: true})
			}
			i += 2
		case '$':
			p, n, err := variable(rest)
			if err != nil {
				return nil, err
			}
			add(p)
			i += n
		case '`', '(', ')', '{', '}':
			return nil, errUnsupported("substitutions and groups")
		case '*', '?':
			return nil, errUnsupported("patterns")
		default:
			add(piece{text: string(c)})
			i++
		}
	}
	flush()
	return found, nil
}

// operatorAt gives the operator that a text begins with. Those with a number in front begin a word of their own.
func operatorAt(s string, inWord bool) string {
	for _, op := range operators {
		if strings.HasPrefix(s, op) && (!inWord || op[0] != '1' && op[0] != '2') {
			return op
		}
	}
	return ""
}

// quoted reads up to a closing double quote.
func quoted(s string) (pieces []piece, n int, err error) {
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '"':
			return pieces, i + 1, nil
		case '\\':
			if i+1 < len(s) && strings.IndexByte("\"\\$`\n", s[i+1]) >= 0 {
				pieces = append(pieces, piece{text: strings.TrimSuffix(s[i+1:i+2], "\n"), quoted: true})
				i += 2
				continue
			}
			pieces = append(pieces, piece{text: "\\", quoted: true})
			i++
		case '$':
			p, size, err := variable(s[i:])
			if err != nil {
				return nil, 0, err
			}
			p.quoted = true
			pieces = append(pieces, p)
			i += size
		case '`':
			return nil, 0, errUnsupported("substitutions and groups")
		default:
			pieces = append(pieces, piece{text: string(c), quoted: true})
			i++
		}
	}
	return nil, 0, errors.New("a quote is not closed")
}

// variable reads a name after a dollar.
func variable(s string) (piece, int, error) {
	if len(s) == 1 {
		return piece{text: "$"}, 1, nil
	}
	switch {
	case strings.IndexByte("?!$#", s[1]) >= 0:
		return piece{text: s[1:2], expand: true}, 2, nil
	case s[1] == '(':
		return piece{}, 0, errUnsupported("substitutions and groups")
	case s[1] == '{':
		end := strings.IndexByte(s, '}')
		if end < 0 || !isVariable(s[2:end]) {
			return piece{}, 0, errUnsupported("substitutions and groups")
		}
		return piece{text: s[2:end], expand: true}, end + 1, nil
	}
	end := 1
	for end < len(s) && (s[end] == '_' || '0' <= s[end] && s[end] <= '9' && end > 1 || 'a' <= s[end]|0x20 && s[end]|0x20 <= 'z') {
		end++
	}
	if end == 1 {
		return piece{text: "$"}, 1, nil
	}
	return piece{text: s[1:end], expand: true}, end, nil
}

func isVariable(name string) bool {
	for i, c := range name {
		if c != '_' && ('a' > c|0x20 || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// script runs a whole script and gives its exit code.
func (sh *shell) script(ctx context.Context, script string) int {
	all, err := tokens(script)
	if err == nil {
		err = refused(all)
	}
	if err != nil {
		fmt.Fprintf(sh.err, "sh: %v\n", err)
		return 2
	}
	for len(all) > 0 && ctx.Err() == nil {
		end := slices.IndexFunc(all, func(t token) bool { return t.op == ";" || t.op == "&" || t.op == "\n" })
		list, after := all, ""
		if end >= 0 {
			list, after, all = all[:end], all[end].op, all[end+1:]
		} else {
			all = nil
		}
		if len(list) == 0 {
			continue
		}
		if after == "&" {
			sh.background(list)
			continue
		}
		if exit := sh.andOr(ctx, list); exit {
			break
		}
	}
	return sh.last
}

// refused finds what a shell would understand and this one does not.
func refused(all []token) error {
	first := true
	for i, t := range all {
		if t.op != "" {
			first = !strings.ContainsAny(t.op, "<>")
			if (t.op == "&&" || t.op == "||") && (i == 0 || i == len(all)-1) {
				return fmt.Errorf("there is nothing on one side of %s", t.op)
			}
			continue
		}
		if first && len(t.parts) > 0 {
			var b strings.Builder
			for _, p := range t.parts {
				b.WriteString(p.text)
			}
			word := b.String()
			if slices.Contains([]string{"if", "for", "while", "until", "case", "function", "select", "!", "[["}, word) && !t.parts[0].quoted {
				return errUnsupported("control structures")
			}
		}
		first = false
	}
	return nil
}

// background runs a list beside the command.
func (sh *shell) background(list []token) {
	if !sh.e.begin() {
		return
	}
	ctx, p := sh.e.start(sh.s, "", sh.cwd, true)
	job := *sh
	job.pid, job.jobs, job.vars = p.pid, nil, maps.Clone(sh.vars)
	job.out, job.err = io.Discard, io.Discard // unless it is sent elsewhere
	sh.jobs, sh.lastJob, sh.last = append(sh.jobs, p), p.pid, 0
	go func() {
		defer sh.e.jobs.Done()
		defer sh.s.end(p)
		job.andOr(ctx, list)
	}()
}

// andOr runs commands joined by && and ||, and says whether one of them was to be the last of all.
func (sh *shell) andOr(ctx context.Context, list []token) (exit bool) {
	joined := ""
	for len(list) > 0 && ctx.Err() == nil {
		end := slices.IndexFunc(list, func(t token) bool { return t.op == "&&" || t.op == "||" })
		simple, next := list, ""
		if end >= 0 {
			simple, next, list = list[:end], list[end].op, list[end+1:]
		} else {
			list = nil
		}
		if joined == "" || (joined == "&&") == (sh.last == 0) {
			sh.last, exit = sh.simple(ctx, simple)
			if exit {
				return true
			}
		}
		joined = next
	}
	return false
}

func (sh *shell) expand(t token) string {
	var b strings.Builder
	for i, p := range t.parts {
		switch {
		case !p.expand && i == 0 && p.text == "~" && !p.quoted:
			b.WriteString(homeFolder)
		case !p.expand:
			b.WriteString(p.text)
		default:
			b.WriteString(sh.value(p.text))
		}
	}
	return b.String()
}

func (sh *shell) value(name string) string {
	switch name {
	case "?":
		return strconv.Itoa(sh.last)
	case "!":
		if sh.lastJob == 0 {
			return ""
		}
		return strconv.Itoa(sh.lastJob)
	case "$":
		return strconv.Itoa(sh.pid)
	case "#":
		return "0"
	case "PWD":
		return sh.cwd
	case "HOME":
		return homeFolder
	}
	return sh.vars[name]
}

// simple runs one command with its redirections.
func (sh *shell) simple(ctx context.Context, list []token) (code int, exit bool) {
	var words []string
	set := map[string]string{}
	run := *sh
	for i := 0; i < len(list); i++ {
		t := list[i]
		if t.op == "" {
			word := sh.expand(t)
			if name, value, ok := strings.Cut(word, "="); ok && len(words) == 0 && isVariable(name) && !t.parts[0].quoted {
				set[name] = value
				continue
			}
			words = append(words, word)
			continue
		}
		switch t.op {
		case "2>&1":
			run.err = run.out
			continue
		case ">&2", "1>&2":
			run.out = run.err
			continue
		}
		i++
		if i == len(list) || list[i].op != "" {
			fmt.Fprintf(sh.err, "sh: there is no file after %s\n", t.op)
			return 2, false
		}
		if err := run.redirect(t.op, sh.expand(list[i])); err != nil {
			fmt.Fprintf(sh.err, "sh: %v\n", err)
			return 1, false
		}
	}
	if len(words) == 0 {
		maps.Copy(sh.vars, set)
		return 0, false
	}
	if len(set) > 0 {
		run.vars = maps.Clone(sh.vars)
		maps.Copy(run.vars, set)
	}
	code, exit = run.command(ctx, words)
	sh.cwd, sh.in = run.cwd, nil
	return code, exit
}

// redirect sends output to a file, or takes input from one.
func (sh *shell) redirect(op, target string) error {
	if target == "/dev/null" {
		switch op {
		case "<":
			sh.in = nil
		case "2>", "2>>":
			sh.err = io.Discard
		case "&>":
			sh.out, sh.err = io.Discard, io.Discard
		default:
			sh.out = io.Discard
		}
		return nil
	}
	name, err := home(target, sh.cwd)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if op == "<" {
		sh.in, err = sh.s.files.read(name)
		return wrapFile(target, err)
	}
	if op == ">>" || op == "2>>" {
		err = sh.s.files.add(name, nil)
	} else {
		err = sh.s.files.write(name, nil)
	}
	if err != nil {
		return wrapFile(target, err)
	}
	file := &fileWriter{sh.s.files, name}
	switch op {
	case "2>", "2>>":
		sh.err = file
	case "&>":
		sh.out, sh.err = file, file
	default:
		sh.out = file
	}
	return nil
}

func wrapFile(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: No such file or directory", name)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// fileWriter writes at the end of a file of the sandbox.
type fileWriter struct {
	files *tree
	name  string
}

// Write implements [io.Writer].
func (w *fileWriter) Write(p []byte) (int, error) {
	if err := w.files.add(w.name, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// command runs one command by its name.
func (sh *shell) command(ctx context.Context, words []string) (code int, exit bool) {
	name, args := words[0], words[1:]
	do, known := map[string]func(context.Context, []string) error{
		"echo": sh.echo, "printf": sh.printf, "pwd": sh.pwd, "cd": sh.cd, "ls": sh.ls, "cat": sh.cat, "mkdir": sh.mkdir, "rm": sh.rm, "mv": sh.mv,
		"cp": sh.cp, "touch": sh.touch, "test": sh.test, "[": sh.bracket, "sleep": sh.sleep, "kill": sh.kill, "wait": sh.wait, "export": sh.export, "whoami": sh.whoami,
	}[path.Base(name)]
	switch path.Base(name) {
	case "true", ":":
		return 0, false
	case "false":
		return 1, false
	case "exit":
		if len(args) > 0 {
			n, err := strconv.Atoi(args[0])
			if err != nil {
				fmt.Fprintf(sh.err, "exit: %s is no number\n", args[0])
				return 2, true
			}
			return n & 255, true
		}
		return sh.last, true
	case "nohup", "setsid", "command", "exec":
		if len(args) == 0 {
			return 0, false
		}
		return sh.command(ctx, args)
	case "env":
		return sh.env(ctx, args)
	case "timeout":
		return sh.timeout(ctx, args)
	case "python", "python3", "node":
		return sh.interpreter(ctx, path.Base(name), args), false
	}
	if !known {
		fmt.Fprintf(sh.err, "sh: %s: command not found\n", name)
		return 127, false
	}
	err := do(ctx, args)
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status), false
	}
	if err != nil {
		fmt.Fprintf(sh.err, "%s: %v\n", name, err)
		return 1, false
	}
	return 0, false
}

// exitStatus is an exit code that says all.
type exitStatus int

// Error implements error.
func (e exitStatus) Error() string { return "exit status " + strconv.Itoa(int(e)) }

// flags takes options off the front of arguments and gives their letters.
func flags(args []string) (letters string, rest []string) {
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		letters += strings.TrimLeft(word, "-")
	}
	return letters, args
}

func (sh *shell) echo(_ context.Context, args []string) error {
	end := "\n"
	if len(args) > 0 && args[0] == "-n" {
		end, args = "", args[1:]
	}
	_, err := io.WriteString(sh.out, strings.Join(args, " ")+end)
	return err
}

// printf writes its text, in which it knows \n and \t and no formats.
func (sh *shell) printf(_ context.Context, args []string) error {
	if len(args) != 1 || strings.Contains(args[0], "%") {
		return errUnsupported("printf with a format")
	}
	_, err := io.WriteString(sh.out, strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\\`, `\`).Replace(args[0]))
	return err
}

func (sh *shell) pwd(context.Context, []string) error {
	_, err := io.WriteString(sh.out, sh.cwd+"\n")
	return err
}

func (sh *shell) whoami(context.Context, []string) error {
	_, err := io.WriteString(sh.out, "user\n")
	return err
}

func (sh *shell) cd(_ context.Context, args []string) error {
	target := homeFolder
	if len(args) > 0 {
		target = args[0]
	}
	name, n, err := sh.find(target)
	switch {
	case err != nil:
		return err
	case !n.folder:
		return wrapFile(target, errNotFolder)
	}
	sh.cwd = absolute(name)
	return nil
}

func (sh *shell) find(target string) (string, node, error) {
	name, err := home(target, sh.cwd)
	if err != nil {
		return "", node{}, wrapFile(target, err)
	}
	n, err := sh.s.files.get(name)
	return name, n, wrapFile(target, err)
}

func (sh *shell) ls(_ context.Context, args []string) error {
	letters, targets := flags(args)
	if len(targets) == 0 {
		targets = []string{"."}
	}
	for _, target := range targets {
		name, n, err := sh.find(target)
		if err != nil {
			return err
		}
		found := map[string]node{name: n}
		if n.folder && !strings.Contains(letters, "d") {
			found = sh.s.files.below(name, 1)
		}
		for _, name := range slices.Sorted(maps.Keys(found)) {
			n, base := found[name], path.Base(absolute(name))
			if strings.HasPrefix(base, ".") && !strings.ContainsAny(letters, "aA") {
				continue
			}
			if strings.Contains(letters, "l") {
				e := Shape{}.entry(name, n)
				base = fmt.Sprintf("%s 1 user user %d %s %s", e["permissions"], e["size"], n.modified.UTC().Format("Jan _2 15:04"), base)
			}
			if _, err := io.WriteString(sh.out, base+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (sh *shell) cat(_ context.Context, args []string) error {
	if len(args) == 0 {
		_, err := sh.out.Write(sh.in)
		return err
	}
	for _, target := range args {
		name, err := home(target, sh.cwd)
		var data []byte
		if err == nil {
			data, err = sh.s.files.read(name)
		}
		if err != nil {
			return wrapFile(target, err)
		}
		if _, err := sh.out.Write(data); err != nil {
			return err
		}
	}
	return nil
}

func (sh *shell) mkdir(_ context.Context, args []string) error {
	letters, targets := flags(args)
	for _, target := range targets {
		name, err := home(target, sh.cwd)
		if err == nil && !strings.Contains(letters, "p") {
			if _, there := sh.s.files.get(name); there == nil {
				err = fs.ErrExist
			} else if _, above := sh.s.files.get(path.Dir(name)); above != nil {
				err = above
			}
		}
		if err == nil {
			err = sh.s.files.mkdir(name)
		}
		if err != nil {
			return wrapFile(target, err)
		}
	}
	return nil
}

func (sh *shell) rm(_ context.Context, args []string) error {
	letters, targets := flags(args)
	for _, target := range targets {
		name, n, err := sh.find(target)
		if err != nil {
			if strings.Contains(letters, "f") {
				continue
			}
			return err
		}
		if n.folder && !strings.ContainsAny(letters, "rR") {
			return wrapFile(target, errIsFolder)
		}
		if err := sh.s.files.remove(name); err != nil {
			return wrapFile(target, err)
		}
	}
	return nil
}

// pair finds where to move or copy to: into a folder that is there, or to a new name.
func (sh *shell) pair(args []string) (from string, n node, to string, err error) {
	_, targets := flags(args)
	if len(targets) != 2 {
		return "", node{}, "", errors.New("it takes a source and a destination")
	}
	if from, n, err = sh.find(targets[0]); err != nil {
		return "", node{}, "", err
	}
	if to, err = home(targets[1], sh.cwd); err != nil {
		return "", node{}, "", wrapFile(targets[1], err)
	}
	if there, missing := sh.s.files.get(to); missing == nil && there.folder {
		to = path.Join(to, path.Base(from))
	}
	return from, n, to, nil
}

func (sh *shell) mv(_ context.Context, args []string) error {
	from, _, to, err := sh.pair(args)
	if err != nil || from == to {
		return err
	}
	if there, missing := sh.s.files.get(to); missing == nil && !there.folder {
		if err := sh.s.files.remove(to); err != nil {
			return wrapFile(to, err)
		}
	}
	return wrapFile(from, sh.s.files.move(from, to))
}

func (sh *shell) cp(_ context.Context, args []string) error {
	from, n, to, err := sh.pair(args)
	switch {
	case err != nil:
		return err
	case n.folder:
		return errUnsupported("copying of folders")
	}
	return wrapFile(from, sh.s.files.write(to, n.data))
}

func (sh *shell) touch(_ context.Context, args []string) error {
	for _, target := range args {
		name, err := home(target, sh.cwd)
		if err == nil {
			err = sh.s.files.add(name, nil)
		}
		if err != nil {
			return wrapFile(target, err)
		}
	}
	return nil
}

func (sh *shell) bracket(ctx context.Context, args []string) error {
	if len(args) == 0 || args[len(args)-1] != "]" {
		return errors.New("there is no ]")
	}
	return sh.test(ctx, args[:len(args)-1])
}

func (sh *shell) test(_ context.Context, args []string) error {
	yes := false
	switch {
	case len(args) == 2 && len(args[0]) == 2 && args[0][0] == '-':
		_, n, err := sh.find(args[1])
		switch args[0] {
		case "-e":
			yes = err == nil
		case "-f":
			yes = err == nil && !n.folder
		case "-d":
			yes = err == nil && n.folder
		case "-s":
			yes = err == nil && len(n.data) > 0
		case "-n":
			yes = args[1] != ""
		case "-z":
			yes = args[1] == ""
		default:
			return errUnsupported("test " + args[0])
		}
	case len(args) == 1:
		yes = args[0] != ""
	case len(args) == 3 && (args[1] == "=" || args[1] == "=="):
		yes = args[0] == args[2]
	case len(args) == 3 && args[1] == "!=":
		yes = args[0] != args[2]
	default:
		return errUnsupported("test " + strings.Join(args, " "))
	}
	if !yes {
		return exitStatus(1)
	}
	return nil
}

// duration reads seconds, as sleep and timeout take them.
func duration(text string) (time.Duration, error) {
	unit := time.Second
	switch {
	case strings.HasSuffix(text, "m"):
		text, unit = strings.TrimSuffix(text, "m"), time.Minute
	case strings.HasSuffix(text, "s"):
		text = strings.TrimSuffix(text, "s")
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || n > 1e6 {
		return 0, fmt.Errorf("%q is no time", text)
	}
	return time.Duration(n * float64(unit)), nil
}

func (sh *shell) sleep(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errors.New("it takes a time")
	}
	d, err := duration(args[0])
	if err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return exitStatus(143)
	}
}

// kill ends processes, or with -0 asks for them.
func (sh *shell) kill(ctx context.Context, args []string) error {
	ask := false
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		ask, args = args[0] == "-0", args[1:]
	}
	for _, arg := range args {
		pid, err := strconv.Atoi(strings.TrimPrefix(arg, "-")) // a group is its process here
		if err != nil {
			return fmt.Errorf("%q is no process", arg)
		}
		p := sh.s.process(pid)
		if p == nil {
			return fmt.Errorf("(%d) - No such process", pid)
		}
		if ask {
			continue
		}
		p.cancel()
		if pid == sh.pid {
			return nil
		}
		select {
		case <-p.over:
		case <-ctx.Done():
		}
	}
	return nil
}

// wait waits for what this command has put into the background.
func (sh *shell) wait(ctx context.Context, _ []string) error {
	for _, p := range sh.jobs {
		select {
		case <-p.over:
		case <-ctx.Done():
			return exitStatus(143)
		}
	}
	return nil
}

func (sh *shell) export(_ context.Context, args []string) error {
	for _, arg := range args {
		name, value, set := strings.Cut(arg, "=")
		if !isVariable(name) {
			return fmt.Errorf("%q is no name", name)
		}
		if set {
			sh.vars[name] = value
		}
	}
	return nil
}

func (sh *shell) env(ctx context.Context, args []string) (int, bool) {
	vars := maps.Clone(sh.vars)
	for len(args) > 0 {
		name, value, set := strings.Cut(args[0], "=")
		if !set || !isVariable(name) {
			break
		}
		vars[name], args = value, args[1:]
	}
	if len(args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			fmt.Fprintf(sh.out, "%s=%s\n", name, vars[name])
		}
		return 0, false
	}
	run := *sh
	run.vars = vars
	return run.command(ctx, args)
}

// timeout ends a command after a time, with the exit code 124.
func (sh *shell) timeout(ctx context.Context, args []string) (int, bool) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") { // which signal, and what then
		if args[0] == "-k" || args[0] == "-s" {
			args = args[1:]
		}
		args = args[min(1, len(args)):]
	}
	if len(args) < 2 {
		fmt.Fprintln(sh.err, "timeout: it takes a time and a command")
		return 125, false
	}
	d, err := duration(args[0])
	if err != nil {
		fmt.Fprintf(sh.err, "timeout: %v\n", err)
		return 125, false
	}
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	code, _ := sh.command(limited, args[1:])
	if ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		code = 124
	}
	return code, false
}

// interpreter runs code in a fresh interpreter, as a program.
func (sh *shell) interpreter(ctx context.Context, name string, args []string) int {
	speaks, inline, version := localengine.Python, "-c", "Python 3.13 (emulator)"
	if name == "node" {
		speaks, inline, version = localengine.JavaScript, "-e", "QuickJS (emulator)"
	}
	for len(args) > 0 && (args[0] == "-u" || args[0] == "-B") {
		args = args[1:]
	}
	var code string
	switch {
	case len(args) == 0:
		code = string(sh.in)
	case args[0] == "--version" || args[0] == "-V" || args[0] == "-v":
		fmt.Fprintln(sh.out, version)
		return 0
	case args[0] == inline && len(args) > 1:
		code, args = args[1], append([]string{inline}, args[2:]...)
	case strings.HasPrefix(args[0], "-"):
		fmt.Fprintf(sh.err, "%s: the emulator knows no option %s\n", name, args[0])
		return 2
	default:
		file, err := home(args[0], sh.cwd)
		var data []byte
		if err == nil {
			data, err = sh.s.files.read(file)
		}
		if err != nil {
			fmt.Fprintf(sh.err, "%s: can't open file %v\n", name, wrapFile(args[0], err))
			return 2
		}
		code = string(data)
	}
	cwd, err := home(sh.cwd, "")
	if err == nil {
		var exit int
		if exit, err = sh.program(ctx, speaks, cwd, args, code); err == nil {
			return exit
		}
	}
	if ctx.Err() != nil {
		return 143
	}
	fmt.Fprintf(sh.err, "%s: %v\n", name, err)
	return 1
}

// exitCall is what the engine says of code that ends itself, with what it gave as its exit code.
var exitCall = regexp.MustCompile(`^the code called (?:process\.)?exit\((.*)\)\. `)

// program runs a program to its end.
func (sh *shell) program(ctx context.Context, speaks localengine.Language, cwd string, args []string, code string) (int, error) {
	k, err := sh.e.newKernel(sh.s, "", speaks, cwd)
	if err != nil {
		return 0, err
	}
	defer sh.e.destroy(k)
	k.turn <- struct{}{} // nobody else knows it
	defer func() { <-k.turn }()
	if _, err := sh.e.run(ctx, sh.s, k, prelude(speaks, args, sh.vars), nil); err != nil {
		return 0, err
	}
	r, err := sh.e.run(ctx, sh.s, k, code, func(event localengine.Event) {
		switch event.Kind {
		case localengine.Stdout:
			_, _ = io.WriteString(sh.out, event.Text) // a full disk is the program's loss
		case localengine.Stderr:
			_, _ = io.WriteString(sh.err, event.Text)
		case localengine.Display:
		}
	})
	switch {
	case err != nil:
		return 0, err
	case ctx.Err() != nil:
		return 143, nil
	case r.lost != "":
		fmt.Fprintln(sh.err, r.lost)
		return 1, nil
	case r.failure == nil:
		return 0, nil
	}
	if given := exitCall.FindStringSubmatch(r.failure.Message); given != nil {
		n, err := strconv.Atoi(given[1])
		switch {
		case err == nil:
			return n & 255, nil
		case given[1] == "":
			return 0, nil
		}
		fmt.Fprintln(sh.err, strings.Trim(given[1], `'"`)) // Python's way to die with a word
		return 1, nil
	}
	fmt.Fprintln(sh.err, strings.TrimRight(cmp.Or(r.failure.Traceback, r.failure.Name+": "+r.failure.Message), "\n"))
	return 1, nil
}

// prelude gives a program its arguments and environment. What JSON writes, both languages read.
func prelude(speaks localengine.Language, args []string, vars map[string]string) string {
	var argv, environ bytes.Buffer
	_ = json.NewEncoder(&argv).Encode(append([]string{}, args...)) // strings have a JSON form
	_ = json.NewEncoder(&environ).Encode(vars)
	if speaks == localengine.Python {
		return "import os, sys\nsys.argv = " + argv.String() + "os.environ.update(" + strings.TrimSpace(environ.String()) + ")\ndel os, sys\n"
	}
	return "process.argv = ['node'].concat(" + strings.TrimSpace(argv.String()) + "); Object.assign(process.env, " + strings.TrimSpace(environ.String()) + "); undefined"
}
