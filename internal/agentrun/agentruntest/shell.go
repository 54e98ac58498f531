package agentruntest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
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
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// shell runs what the package comment says a command can be.
type shell struct {
	e        *Emulator
	s        *sandbox
	p        *process
	cwd      string // absolute
	out, err io.Writer
	in       io.Reader // nil: nothing
	vars     map[string]string
	args     []string // with the name in front
	last     int      // exit code
	lastJob  int      // pid
	jobs     []*process
}

// group is that of the processes which this shell starts.
func (sh *shell) group() int {
	sh.s.mu.Lock()
	defer sh.s.mu.Unlock()
	return sh.p.group
}

// script runs a whole script and gives its exit code.
func (sh *shell) script(ctx context.Context, script string) int {
	all, err := parse(script)
	if err != nil {
		fmt.Fprintf(sh.err, "sh: %v\n", err)
		return 2
	}
	sh.list(ctx, all)
	return sh.last
}

// list runs one item after another, and says whether one of them was to be the last of all.
func (sh *shell) list(ctx context.Context, all list) (exit bool) {
	for _, one := range all {
		switch {
		case ctx.Err() != nil:
			return true
		case one.background:
			sh.background(one)
		case sh.item(ctx, one):
			return true
		}
	}
	return false
}

// background runs an item beside the command.
func (sh *shell) background(one item) {
	if !sh.e.begin() {
		return
	}
	ctx, p := sh.e.start(sh.s, "", sh.cwd, sh.group())
	job := sh.inner()
	job.p = p
	for _, w := range []*io.Writer{&job.out, &job.err} {
		if _, ofRequest := (*w).(*output); ofRequest {
			*w = io.Discard // unless it is sent elsewhere
		}
	}
	sh.jobs, sh.lastJob, sh.last = append(sh.jobs, p), p.pid, 0
	go func() { // with nothing of sh, which goes on beside it
		defer job.e.jobs.Done()
		job.item(ctx, one)
		job.s.end(p, job.last)
	}()
}

// inner is a shell for a part of the script that changes nothing outside.
func (sh *shell) inner() *shell {
	copied := *sh
	copied.vars, copied.jobs = maps.Clone(sh.vars), nil
	return &copied
}

// item runs pipelines joined by && and ||.
func (sh *shell) item(ctx context.Context, one item) (exit bool) {
	for n, pipe := range one.pipelines {
		if n > 0 && (one.joints[n-1] == "&&") != (sh.last == 0) {
			continue
		}
		if ctx.Err() != nil || sh.pipeline(ctx, pipe) {
			return true
		}
	}
	return false
}

func (sh *shell) pipeline(ctx context.Context, pipe pipeline) (exit bool) {
	last := len(pipe.commands) - 1
	if last == 0 {
		exit = sh.run(ctx, pipe.commands[0])
	} else {
		var before sync.WaitGroup
		in := sh.in
		var ends []*io.PipeReader
		for _, c := range pipe.commands[:last] {
			part := sh.inner()
			reader, writer := io.Pipe()
			part.in = in
			ends = append(ends, reader)
			in = reader
			before.Go(func() {
				defer func() { _ = writer.Close() }() // never fails
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				part.out = &pipeWriter{writer, cancel}
				part.run(ctx, c)
			})
		}
		part := sh.inner()
		part.in = in
		part.run(ctx, pipe.commands[last])
		for _, end := range ends {
			_ = end.Close() // who still writes is told
		}
		before.Wait()
		sh.last = part.last
	}
	if pipe.not {
		sh.last = btoi(sh.last == 0)
	}
	return exit
}

// run runs one command with its redirections.
func (sh *shell) run(ctx context.Context, c command) (exit bool) {
	within := *sh
	for _, r := range c.redirects {
		target := ""
		if r.target != nil {
			target = strings.Join(sh.expand(ctx, r.target, false), " ")
		}
		if err := within.redirect(r.op, target); err != nil {
			fmt.Fprintf(sh.err, "sh: %v\n", err)
			sh.last = 1
			return false
		}
	}
	switch c.kind {
	case "":
		exit = within.simple(ctx, sh, c.words)
	case "(":
		part := within.inner()
		part.list(ctx, c.parts[0])
		sh.last = part.last
		return false
	default:
		exit = within.structure(ctx, c)
	}
	sh.cwd, sh.vars, sh.last, sh.lastJob, sh.jobs = within.cwd, within.vars, within.last, within.lastJob, within.jobs
	return exit
}

// pipeWriter ends who writes to a pipe that nobody reads any more.
type pipeWriter struct {
	io.Writer
	broken func()
}

// Write implements [io.Writer].
func (w *pipeWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.broken()
	}
	return n, err
}

// structure runs lists as a control structure has it.
func (sh *shell) structure(ctx context.Context, c command) (exit bool) {
	switch c.kind {
	case "{":
		return sh.list(ctx, c.parts[0])
	case "if":
		for parts := c.parts; len(parts) > 0; parts = parts[2:] {
			if len(parts) == 1 {
				return sh.list(ctx, parts[0])
			}
			if sh.list(ctx, parts[0]) {
				return true
			}
			if sh.last == 0 {
				return sh.list(ctx, parts[1])
			}
		}
		sh.last = 0
	case "while", "until":
		last := 0
		for ctx.Err() == nil {
			if sh.list(ctx, c.parts[0]) {
				return true
			}
			if (sh.last == 0) != (c.kind == "while") {
				break
			}
			if sh.list(ctx, c.parts[1]) {
				return true
			}
			last = sh.last
		}
		sh.last = last
	case "for":
		sh.last = 0
		for _, w := range c.words {
			for _, value := range sh.expand(ctx, w, true) {
				sh.vars[c.name] = value
				if ctx.Err() != nil || sh.list(ctx, c.parts[0]) {
					return true
				}
			}
		}
	}
	return ctx.Err() != nil
}

// expand gives what a word stands for. With split, what is not quoted may be several words, or none.
func (sh *shell) expand(ctx context.Context, w word, split bool) []string {
	var (
		words []string
		b     strings.Builder
		in    bool // a word, which may be empty
	)
	for i, p := range w {
		var value string
		switch {
		case p.inner != nil:
			value = sh.substitute(ctx, p.inner)
		case p.expand:
			value = sh.value(p.text)
		default:
			value = p.text
			if i == 0 && !p.quoted && (value == "~" || strings.HasPrefix(value, "~/")) {
				value = homeFolder + value[1:]
			}
			b.WriteString(value)
			in = true
			continue
		}
		if p.quoted || !split {
			b.WriteString(value)
			in = true
			continue
		}
		fields := strings.Fields(value)
		for n, field := range fields {
			if n > 0 || in && strings.TrimLeft(value, " \t\n") != value {
				words = append(words, b.String())
				b.Reset()
			}
			b.WriteString(field)
			in = true
		}
	}
	if in {
		words = append(words, b.String())
	}
	return words
}

// substitute gives what commands print.
func (sh *shell) substitute(ctx context.Context, inner list) string {
	var out output
	part := sh.inner()
	part.out = &out
	part.list(ctx, inner)
	sh.last = part.last
	return strings.TrimRight(out.String(), "\n")
}

func (sh *shell) value(name string) string {
	if n, err := strconv.Atoi(name); err == nil {
		if n < len(sh.args) {
			return sh.args[n]
		}
		return ""
	}
	switch name {
	case "?":
		return strconv.Itoa(sh.last)
	case "!":
		if sh.lastJob == 0 {
			return ""
		}
		return strconv.Itoa(sh.lastJob)
	case "$":
		return strconv.Itoa(sh.p.pid)
	case "#":
		return strconv.Itoa(max(0, len(sh.args)-1))
	case "@", "*":
		return strings.Join(sh.args[min(1, len(sh.args)):], " ")
	case "PWD":
		return sh.cwd
	case "HOME":
		return homeFolder
	}
	return sh.vars[name]
}

// simple runs one command by its words. What it sets for itself only does not concern outer, whose variables are else shared.
func (sh *shell) simple(ctx context.Context, outer *shell, all []word) (exit bool) {
	var words []string
	set := map[string]string{}
	for _, w := range all {
		if name, value, ok := sh.assignment(ctx, w); ok && len(words) == 0 {
			set[name] = value
			continue
		}
		words = append(words, sh.expand(ctx, w, true)...)
	}
	if len(words) == 0 {
		if !slices.ContainsFunc(all, word.substitutes) {
			sh.last = 0
		}
		maps.Copy(sh.vars, set)
		return false
	}
	if len(set) > 0 {
		sh.vars = maps.Clone(sh.vars)
		maps.Copy(sh.vars, set)
	}
	sh.last, exit = sh.command(ctx, words)
	sh.vars = outer.vars
	return exit
}

// substitutes reports whether commands run to make the word, of which the last then tells how it went.
func (w word) substitutes() bool {
	return slices.ContainsFunc(w, func(p piece) bool { return p.inner != nil })
}

// assignment reads a word that gives a variable its value.
func (sh *shell) assignment(ctx context.Context, w word) (name, value string, ok bool) {
	if len(w) == 0 || w[0].expand || w[0].inner != nil || w[0].quoted {
		return "", "", false
	}
	name, beginning, ok := strings.Cut(w[0].text, "=")
	if !ok || !isVariable(name) {
		return "", "", false
	}
	rest := append(word{{text: beginning}}, w[1:]...)
	return name, strings.Join(sh.expand(ctx, rest, false), ""), true
}

// redirect sends output to a file, or takes input from one.
func (sh *shell) redirect(op, target string) error {
	switch op {
	case "2>&1":
		sh.err = sh.out
		return nil
	case ">&2":
		sh.out = sh.err
		return nil
	}
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
		data, err := sh.s.files.read(name)
		sh.in = bytes.NewReader(data)
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
		"cp": sh.cp, "touch": sh.touch, "head": sh.head, "tail": sh.tail, "wc": sh.wc, "base64": sh.base64, "date": sh.date, "test": sh.test, "[": sh.bracket, "sleep": sh.sleep, "kill": sh.kill, "wait": sh.wait, "export": sh.export, "whoami": sh.whoami,
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
	case "nohup":
		if len(args) == 0 {
			return 0, false
		}
		return sh.command(ctx, args)
	case "exec":
		if len(args) == 0 {
			return 0, false
		}
		code, _ := sh.command(ctx, args) // in place of what comes after it
		return code, true
	case "command":
		if len(args) == 2 && args[0] == "-v" {
			return sh.which(args[1]), false
		}
		if len(args) == 0 {
			return 0, false
		}
		return sh.command(ctx, args)
	case "setsid":
		if len(args) == 0 {
			return 2, false
		}
		return sh.leading(ctx, func(ctx context.Context, sh *shell) int {
			code, _ := sh.command(ctx, args)
			return code
		}), false
	case "sh", "bash":
		return sh.nested(ctx, name, args), false
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
	if errors.Is(err, io.ErrClosedPipe) {
		return 141, false // nobody reads any more
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
	if len(args) == 0 && sh.in != nil {
		_, err := io.Copy(sh.out, sh.in)
		return err
	}
	for _, target := range args {
		data, err := sh.content(target)
		if err != nil {
			return err
		}
		if _, err := sh.out.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// content reads a file, or the input where none is named.
func (sh *shell) content(target string) ([]byte, error) {
	if target == "" {
		if sh.in == nil {
			return nil, nil
		}
		return io.ReadAll(sh.in)
	}
	name, err := home(target, sh.cwd)
	if err != nil {
		return nil, wrapFile(target, err)
	}
	data, err := sh.s.files.read(name)
	return data, wrapFile(target, err)
}

// portion reads the arguments of head and tail: a number of bytes or, after -n, lines.
func portion(args []string) (unit, count, target string, err error) {
	unit, count = "-n", "10"
	if len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		unit, count, args = args[0][:2], args[0][2:], args[1:]
		if count == "" && len(args) > 0 {
			count, args = args[0], args[1:]
		}
	}
	if len(args) > 0 {
		target, args = args[0], args[1:]
	}
	if _, err = strconv.Atoi(count); unit != "-n" && unit != "-c" || len(args) > 0 || err != nil {
		return "", "", "", errUnsupported("heads and tails of that kind")
	}
	return unit, count, target, nil
}

func (sh *shell) head(_ context.Context, args []string) error {
	unit, count, target, err := portion(args)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(count) // it was checked
	in := sh.in
	if target != "" || in == nil {
		data, err := sh.content(target)
		if err != nil {
			return err
		}
		in = bytes.NewReader(data)
	}
	if unit == "-c" {
		_, err = io.CopyN(sh.out, in, int64(max(0, n)))
	}
	for lines := bufio.NewReader(in); unit == "-n" && n > 0 && err == nil; n-- {
		var line []byte
		if line, err = lines.ReadBytes('\n'); err == nil || errors.Is(err, io.EOF) {
			_, failed := sh.out.Write(line)
			err = cmp.Or(failed, err)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (sh *shell) tail(_ context.Context, args []string) error {
	unit, count, target, err := portion(args)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(count) // it was checked
	data, err := sh.content(target)
	if err != nil {
		return err
	}
	if unit == "-n" {
		lines := bytes.SplitAfter(data, []byte("\n"))
		if last := len(lines) - 1; len(lines[last]) == 0 {
			lines = lines[:last]
		}
		_, err = sh.out.Write(bytes.Join(lines[after(n, len(lines), count):], nil))
		return err
	}
	_, err = sh.out.Write(data[after(n, len(data), count):])
	return err
}

// after says where a tail begins among so many.
func after(n, of int, count string) int {
	if strings.HasPrefix(count, "+") {
		return min(max(0, n-1), of)
	}
	return max(0, of-max(n, -n))
}

// wc counts bytes or lines.
func (sh *shell) wc(_ context.Context, args []string) error {
	if len(args) == 0 || len(args) > 2 || args[0] != "-c" && args[0] != "-l" {
		return errUnsupported("counts but those of bytes and lines")
	}
	target := strings.Join(args[1:], "")
	data, err := sh.content(target)
	if err != nil {
		return err
	}
	n := len(data)
	if args[0] == "-l" {
		n = bytes.Count(data, []byte("\n"))
	}
	_, err = io.WriteString(sh.out, strings.TrimSpace(strconv.Itoa(n)+" "+target)+"\n")
	return err
}

// base64 encodes, in lines as the program does.
func (sh *shell) base64(_ context.Context, args []string) error {
	if len(args) > 1 || len(args) == 1 && strings.HasPrefix(args[0], "-") {
		return errUnsupported("options of base64")
	}
	data, err := sh.content(strings.Join(args, ""))
	if err != nil {
		return err
	}
	const line = 57 // bytes that make 76 letters
	for len(data) > 0 {
		n := min(line, len(data))
		if _, err := io.WriteString(sh.out, base64.StdEncoding.EncodeToString(data[:n])+"\n"); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

func (sh *shell) date(_ context.Context, args []string) error {
	said := sh.s.files.now().UTC()
	text := said.Format(time.UnixDate)
	if len(args) > 0 {
		if args[0] != "+%s" {
			return errUnsupported("dates but +%s")
		}
		text = strconv.FormatInt(said.Unix(), 10)
	}
	_, err := io.WriteString(sh.out, text+"\n")
	return err
}

// which says whether there is a command, and where.
func (sh *shell) which(name string) int {
	if !slices.Contains(programs, name) {
		return 1
	}
	fmt.Fprintln(sh.out, "/usr/bin/"+name)
	return 0
}

// programs are the commands there are.
var programs = []string{
	"[", "base64", "bash", "cat", "cp", "date", "echo", "env", "false", "head", "kill", "ls", "mkdir", "mv", "node", "nohup", "printf", "pwd", "python", "python3",
	"rm", "setsid", "sh", "sleep", "tail", "test", "timeout", "touch", "true", "wc", "whoami",
}

// nested runs a script as another shell would: one after -c, or in a file.
func (sh *shell) nested(ctx context.Context, name string, args []string) int {
	within := sh.inner()
	within.lastJob, within.last = 0, 0
	script := ""
	switch {
	case len(args) >= 2 && args[0] == "-c":
		script = args[1]
		within.args = append([]string{name}, args[2:]...)
		if len(args) > 2 {
			within.args = args[2:]
		}
	case len(args) > 0 && strings.HasPrefix(args[0], "-"):
		fmt.Fprintf(sh.err, "%s: the emulator knows no option %s\n", name, args[0])
		return 2
	default:
		within.args = args
		data, err := sh.content(strings.Join(args[:min(1, len(args))], ""))
		if err != nil {
			fmt.Fprintf(sh.err, "%s: %v\n", name, err)
			return 127
		}
		script = string(data)
	}
	return within.script(ctx, script)
}

// leading runs something in a process that leads a group of its own.
func (sh *shell) leading(ctx context.Context, do func(ctx context.Context, sh *shell) int) int {
	sh.s.mu.Lock()
	own := sh.p.background // a job becomes what it runs
	if own {
		sh.p.group = sh.p.pid
	}
	sh.s.mu.Unlock()
	if own {
		return do(ctx, sh)
	}
	mine, p := sh.e.start(sh.s, "", sh.cwd, -1)
	defer context.AfterFunc(ctx, p.cancel)()
	within := sh.inner()
	within.p = p
	code := do(mine, within)
	return sh.s.end(p, code)
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

// comparisons say which outcomes of a comparison an operator of test is true for.
var comparisons = map[string]func(int) bool{
	"-eq": func(c int) bool { return c == 0 }, "-ne": func(c int) bool { return c != 0 }, "-lt": func(c int) bool { return c < 0 },
	"-le": func(c int) bool { return c <= 0 }, "-gt": func(c int) bool { return c > 0 }, "-ge": func(c int) bool { return c >= 0 },
}

func (sh *shell) test(ctx context.Context, args []string) error {
	yes := false
	switch {
	case len(args) > 1 && args[0] == "!":
		err := sh.test(ctx, args[1:])
		if status, said := errors.AsType[exitStatus](err); err != nil && (!said || status != 1) {
			return err
		}
		yes = err != nil
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
	case len(args) == 3 && comparisons[args[1]] != nil:
		a, err := strconv.Atoi(args[0])
		if err != nil {
			return fmt.Errorf("%q is no number", args[0])
		}
		b, err := strconv.Atoi(args[2])
		if err != nil {
			return fmt.Errorf("%q is no number", args[2])
		}
		yes = comparisons[args[1]](cmp.Compare(a, b))
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

// kill ends processes, or groups of them, or with -0 asks for them.
func (sh *shell) kill(ctx context.Context, args []string) error {
	signal := 15
	if len(args) > 1 && args[0] == "-s" {
		args = append([]string{"-" + args[1]}, args[2:]...)
	}
	if len(args) > 0 && args[0] != "--" && strings.HasPrefix(args[0], "-") {
		known := map[string]int{"0": 0, "1": 1, "2": 2, "9": 9, "15": 15, "HUP": 1, "INT": 2, "KILL": 9, "TERM": 15}
		var ok bool
		if signal, ok = known[strings.TrimPrefix(args[0][1:], "SIG")]; !ok {
			return errUnsupported("signal " + args[0][1:])
		}
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		if err != nil || pid == 0 {
			return fmt.Errorf("%q is no process", arg)
		}
		found := sh.s.signal(pid, signal)
		if len(found) == 0 {
			return fmt.Errorf("(%d) - No such process", pid)
		}
		for _, p := range found {
			if p == sh.p || signal == 0 {
				continue
			}
			select {
			case <-p.over:
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// wait waits for what this command has put into the background, or for one of it.
func (sh *shell) wait(ctx context.Context, args []string) error {
	for _, p := range sh.jobs {
		if len(args) > 0 && args[0] != strconv.Itoa(p.pid) {
			continue
		}
		select {
		case <-p.over:
		case <-ctx.Done():
			return exitStatus(143)
		}
		if len(args) > 0 {
			return exitStatus(p.code)
		}
	}
	if len(args) > 0 {
		return exitStatus(127)
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
	return sh.leading(ctx, func(ctx context.Context, sh *shell) int {
		limited, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		code, _ := sh.command(limited, args[1:])
		if ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
			code = 124
			for _, p := range sh.s.group(sh.group()) {
				if p != sh.p {
					sh.s.signal(p.pid, 15)
					<-p.over
				}
			}
		}
		return code
	}), false
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
		data, err := sh.content("")
		if err != nil {
			fmt.Fprintf(sh.err, "%s: %v\n", name, err)
			return 1
		}
		code = string(data)
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
