package sandboxtest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// step is one line of the fake's language.
type step struct {
	line int
	text string
	verb verb
	args []string
}

// verb is one command: how many words it takes, of which the last is the rest of the line, whether they make sense, and what
// it does. A nil ending means that the next step follows.
type verb struct {
	words int
	check func(args []string) error
	do    func(m *machine, args []string) *ending
}

// ending is why a run does not go on: a failure, or an error of the session.
type ending struct {
	failure *sandbox.Failure
	err     error
}

func verbs() map[string]verb {
	return map[string]verb{
		"print":  {words: 1, do: func(m *machine, args []string) *ending { return m.print(sandbox.Stdout, args[0]+"\n") }},
		"stderr": {words: 1, do: func(m *machine, args []string) *ending { return m.print(sandbox.Stderr, args[0]+"\n") }},
		"set":    {words: 2, do: (*machine).set},
		"get":    {words: 1, do: (*machine).get},
		"value":  {words: 2, check: isMIME, do: (*machine).shows},
		"show":   {words: 2, check: isMIME, do: (*machine).shows},
		"write":  {words: 2, do: (*machine).write},
		"read":   {words: 1, do: (*machine).read},
		"cat":    {words: 1, do: (*machine).cat},
		"await":  {words: 1, do: (*machine).await},
		"sleep":  {words: 1, check: isDuration, do: (*machine).sleep},
		"loop":   {do: func(m *machine, _ []string) *ending { return m.wait(nil) }},
		"ignore": {do: func(m *machine, _ []string) *ending { m.deaf = true; return nil }},
		"raise":  {words: 2, do: func(m *machine, args []string) *ending { return m.raise(args[0], args[1]) }},
		"flood":  {words: 1, check: isCount, do: (*machine).flood},
		"exit":   {words: 1, check: isCount, do: (*machine).exit},
		"lose":   {do: (*machine).lose},
	}
}

func isMIME(args []string) error {
	_, err := base64.StdEncoding.DecodeString(args[1])
	return err
}

func isDuration(args []string) error {
	_, err := time.ParseDuration(args[0])
	return err
}

func isCount(args []string) error {
	_, err := strconv.ParseUint(args[0], 10, 31)
	return err
}

// parse reads a whole program, so that nothing is run of one with a mistake.
func parse(code string) ([]step, *sandbox.Failure) {
	known := verbs()
	var steps []step
	for i, text := range strings.Split(code, "\n") {
		text = strings.TrimSpace(text)
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		word, rest, _ := strings.Cut(text, " ")
		s := step{line: i + 1, text: text}
		var err error
		if s.verb, err = look(known, word); err == nil {
			s.args, err = s.verb.split(rest)
		}
		if err != nil {
			return nil, &sandbox.Failure{
				Code: sandbox.CodeExecutionFailed, Name: "SyntaxError", Message: fmt.Sprintf("%v (line %d)", err, s.line),
				Traceback: fmt.Sprintf("  line %d\n    %s\nSyntaxError: %v\n", s.line, text, err),
			}
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func look(known map[string]verb, word string) (verb, error) {
	v, ok := known[word]
	if !ok {
		return verb{}, fmt.Errorf("there is no command %q; the commands are %s", word, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	return v, nil
}

func (v verb) split(rest string) ([]string, error) {
	if v.words == 0 {
		if rest != "" {
			return nil, fmt.Errorf("%q is more than the command takes", rest)
		}
		return nil, nil
	}
	args := strings.SplitN(rest, " ", v.words)
	for len(args) < v.words {
		args = append(args, "") // an empty text or value
	}
	if v.words > 1 && args[0] == "" {
		return nil, errors.New("the command needs a word after it")
	}
	if v.check != nil {
		return args, v.check(args)
	}
	return args, nil
}

// errTimeUp is the cause with which a run's context ends at its deadline.
var errTimeUp = errors.New("the run took longer than it was allowed to")

// machine carries out one run. Only the goroutine of the run uses it.
type machine struct {
	session *fakeSession
	cc      *fakeContext
	ctx     context.Context // ended by the caller, or by errTimeUp
	emit    func(sandbox.Chunk)
	began   time.Time
	folder  string      // what paths are relative to; empty: the working folder
	shared  *sync.Mutex // guards what was printed of a command, which can be looked at meanwhile; nil for a run

	now            step
	deaf           bool
	stdout, stderr capture
	held           []sandbox.Chunk // what Emit is given at the end where the fake does not stream
	value          *sandbox.Output
	displays       []sandbox.Output
	stateLost      bool
	exitCode       int
}

func (m *machine) run(steps []step) (sandbox.Result, error) {
	end := m.over()
	for _, s := range steps {
		if end != nil {
			break
		}
		m.now, m.value = s, nil
		end = s.verb.do(m, s.args)
		if end == nil {
			end = m.over()
		}
	}
	if m.emit != nil {
		for _, chunk := range m.held {
			m.emit(chunk)
		}
	}
	result := sandbox.Result{
		Stdout: m.stdout.String(), Stderr: m.stderr.String(), Displays: m.displays, Duration: time.Since(m.began), StateLost: m.stateLost,
	}
	result.Cut.Stdout, result.Cut.Stderr = m.stdout.cut, m.stderr.cut
	result.CutAt.Stdout, result.CutAt.Stderr = len(result.Stdout), len(result.Stderr)
	if end == nil {
		result.Value = m.value
		return result, nil
	}
	result.Failure = end.failure
	return result, end.err
}

// wait lets the run stand still until done gives something or the run is over. A nil channel never gives anything.
func (m *machine) wait(done <-chan time.Time) *ending {
	select {
	case <-done:
	case <-m.session.gone:
	case <-m.cc.stopped:
	case <-m.ctx.Done():
	}
	return m.over()
}

// over says what ends the run from outside, if anything has.
func (m *machine) over() *ending {
	select {
	case <-m.session.gone:
		return &ending{err: m.session.lost()}
	default:
	}
	select {
	case <-m.cc.stopped:
		return m.interrupted(sandbox.CodeCancelled, "Cancelled", "the context was stopped")
	default:
	}
	switch cause := context.Cause(m.ctx); {
	case cause == nil:
		return nil
	case errors.Is(cause, errTimeUp):
		return m.interrupted(sandbox.CodeTimeout, "TimeoutError", cause.Error())
	default:
		return m.interrupted(sandbox.CodeCancelled, "Cancelled", "the run was cancelled")
	}
}

func (m *machine) interrupted(code sandbox.Code, name, message string) *ending {
	if m.deaf || !m.session.fake.traits.KeepsStateOnInterrupt {
		m.stateLost = true
		clear(m.cc.vars)
	}
	return &ending{failure: m.failure(code, name, message)}
}

func (m *machine) raise(name, message string) *ending {
	return &ending{failure: m.failure(sandbox.CodeExecutionFailed, name, message)}
}

func (m *machine) failure(code sandbox.Code, name, message string) *sandbox.Failure {
	return &sandbox.Failure{
		Code: code, Name: name, Message: message,
		Traceback: fmt.Sprintf("Traceback (most recent call last):\n  line %d\n    %s\n%s: %s\n", m.now.line, m.now.text, name, message),
	}
}

func (m *machine) print(stream sandbox.Stream, text string) *ending {
	if m.shared != nil {
		m.shared.Lock()
		defer m.shared.Unlock()
	}
	if stream == sandbox.Stderr {
		m.stderr.write(text)
	} else {
		m.stdout.write(text)
	}
	chunk := sandbox.Chunk{Stream: stream, Text: text}
	switch {
	case !m.session.fake.traits.Streams:
		m.held = append(m.held, chunk)
	case m.emit != nil:
		m.emit(chunk)
	}
	return nil
}

func (m *machine) set(args []string) *ending {
	m.cc.vars[args[0]] = args[1]
	return nil
}

func (m *machine) get(args []string) *ending {
	value, ok := m.cc.vars[args[0]]
	if !ok {
		return m.raise("NameError", fmt.Sprintf("name '%s' is not defined", args[0]))
	}
	m.value = &sandbox.Output{Text: value}
	return nil
}

func (m *machine) shows(args []string) *ending {
	data, err := base64.StdEncoding.DecodeString(args[1])
	if err != nil {
		return m.raise("ValueError", err.Error())
	}
	out := sandbox.Output{Text: fmt.Sprintf("<%s, %d bytes>", args[0], len(data)), MIME: map[string][]byte{args[0]: data}}
	if strings.HasPrefix(m.now.text, "show ") {
		m.displays = append(m.displays, out)
	} else {
		m.value = &out
	}
	return nil
}

func (m *machine) write(args []string) *ending {
	if _, err := m.cc.files.Write(path.Join(m.folder, args[0]), strings.NewReader(args[1])); err != nil {
		return m.raise("OSError", err.Error())
	}
	return nil
}

func (m *machine) read(args []string) *ending {
	content, end := m.contentOf(args[0])
	if end == nil {
		m.value = &sandbox.Output{Text: content}
	}
	return end
}

func (m *machine) cat(args []string) *ending {
	content, end := m.contentOf(args[0])
	if end == nil {
		end = m.print(sandbox.Stdout, content)
	}
	return end
}

func (m *machine) contentOf(name string) (string, *ending) {
	reader, _, err := m.cc.files.Read(path.Join(m.folder, name))
	if errors.Is(err, sandbox.ErrFileNotFound) {
		return "", m.raise("FileNotFoundError", err.Error())
	}
	if err != nil {
		return "", m.raise("OSError", err.Error())
	}
	content, err := io.ReadAll(reader)
	if err := errors.Join(err, reader.Close()); err != nil {
		return "", m.raise("OSError", err.Error())
	}
	return string(content), nil
}

// await lets the run stand still until a file is there.
func (m *machine) await(args []string) *ending {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		reader, _, err := m.cc.files.Read(path.Join(m.folder, args[0]))
		switch {
		case err == nil:
			_ = reader.Close() // it was only looked for
			return nil
		case !errors.Is(err, sandbox.ErrFileNotFound):
			return m.raise("OSError", err.Error())
		}
		if end := m.wait(again.C); end != nil {
			return end
		}
	}
}

func (m *machine) sleep(args []string) *ending {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return m.raise("ValueError", err.Error())
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	return m.wait(timer.C)
}

func (m *machine) flood(args []string) *ending {
	left, err := strconv.Atoi(args[0])
	if err != nil {
		return m.raise("ValueError", err.Error())
	}
	piece := strings.Repeat("x", min(left, 16<<10))
	for ; left > 0; left -= len(piece) {
		piece = piece[:min(left, len(piece))]
		m.print(sandbox.Stdout, piece)
		if end := m.over(); end != nil {
			return end
		}
	}
	return nil
}

func (m *machine) exit(args []string) *ending {
	code, err := strconv.Atoi(args[0])
	if err != nil {
		return m.raise("ValueError", err.Error())
	}
	m.exitCode = code
	return &ending{}
}

func (m *machine) lose([]string) *ending {
	m.session.fake.KillSession(m.session.id)
	return m.wait(nil)
}

// capture keeps the beginning of a stream and counts the rest.
type capture struct {
	strings.Builder
	limit int
	cut   int64
}

func (c *capture) write(text string) {
	kept := text[:min(len(text), c.limit-c.Len())]
	c.WriteString(kept)
	c.cut += int64(len(text) - len(kept))
}
