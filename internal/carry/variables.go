package carry

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// The code that runs in contexts.
var (
	//go:embed guest/python.py
	pythonGuest string
	//go:embed guest/javascript.js
	javaScriptGuest string
)

const (
	maxAnswer = 16 << 20 // bytes of what code in a context reports
	cleanTime = 5 * time.Second
	attempts  = 4 // at packing or unpacking: each but the first leaves out the variable that the one before did not survive
)

// request is what the code in a context is asked to do. Its fields are the guest's.
type request struct {
	Do       string            `json:"do"` // name, pack, unpack or clean
	Folder   string            `json:"folder"`
	Seconds  float64           `json:"seconds"`
	Patience float64           `json:"patience"`
	Limit    int64             `json:"limit"`
	Fresh    []string          `json:"fresh"`   // names that an interpreter has from the beginning
	Names    []string          `json:"names"`   // those that may be variables
	Skip     map[string]string `json:"skip"`    // variables to leave out, with the reason
	Folders  []string          `json:"folders"` // to be made
}

// packed is what the code that packs reports. Unpacking reads more of it than is here.
type packed struct {
	Pieces []piece     `json:"pieces"`
	Lost   []guestLoss `json:"lost"`
}

// piece is one packed variable.
type piece struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// unpacked is what the code that unpacks reports.
type unpacked struct {
	Done []string    `json:"done"`
	Lost []guestLoss `json:"lost"`
}

type guestLoss struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Why   string `json:"why"`
	Bytes int64  `json:"bytes"`
}

// cell is code that does what is asked and has no value. It defines no name.
func (r request) cell(language sandbox.Language) (string, error) {
	asked, err := literal(r)
	if err != nil {
		return "", err
	}
	if language == sandbox.JavaScript {
		return "(" + javaScriptGuest + ")(" + asked + "); void 0", nil
	}
	quoted, err := literal(asked)
	if err != nil {
		return "", err
	}
	source, err := literal(pythonGuest)
	if err != nil {
		return "", err
	}
	return `__import__("builtins").exec(` + source + `, {"__name__": "_agentrun_tray_carry", "asked": ` + quoted + `})`, nil
}

// literal writes a value so that JSON, Python and JavaScript read it alike.
func literal(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

const tooLong = "it took too long" // as the guests say it

// guestError is why variables do not move although both sandboxes are well.
type guestError struct {
	why       string
	stateLost bool
}

func (e *guestError) Error() string { return e.why }

// run has a context do something. A guestError means that it did not do it.
func (m *move) run(ctx context.Context, at *Place, r request, limit time.Duration) error {
	r.Folder = m.folder
	r.Seconds = m.limits.RunTime.Seconds() * 2 / 3
	r.Patience = m.limits.Patience.Seconds()
	r.Fresh, r.Names, r.Folders = orEmpty(r.Fresh), orEmpty(r.Names), orEmpty(r.Folders)
	code, err := r.cell(at.Context.Language)
	if err != nil {
		return err
	}
	result, err := at.Session.Run(ctx, at.Context.ID, sandbox.Run{Code: code, Timeout: limit})
	if result.StateLost && at == &m.from {
		m.report.StateLost = true
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && isFatal(ctx, err):
		return err
	case err != nil:
		return &guestError{why: err.Error()}
	case result.Failure == nil:
		return nil
	case result.Failure.Code == sandbox.CodeTimeout:
		return &guestError{why: tooLong, stateLost: result.StateLost}
	}
	return &guestError{why: result.Failure.Name + ": " + result.Failure.Message, stateLost: result.StateLost}
}

// orEmpty makes a list that JSON does not write as null.
func orEmpty(list []string) []string { return append([]string{}, list...) }

// pack has the old context pack its variables. It reports whether there is something to unpack.
func (m *move) pack(ctx context.Context) (bool, error) {
	for _, at := range []*Place{&m.from, &m.to} {
		if err := m.writeText(ctx, at, "mark", "moving"); err != nil {
			return false, err
		}
	}
	var fresh []string
	err := m.run(ctx, &m.to, request{Do: "name"}, m.limits.RunTime)
	if err == nil {
		err = m.readAnswer(ctx, &m.to, "names", &fresh)
	}
	if err != nil {
		return false, m.loseAll(err)
	}
	ask := request{Do: "pack", Limit: m.limits.Variables, Fresh: fresh, Names: m.names, Skip: map[string]string{}}
	if err := m.insist(ctx, &m.from, ask); err != nil {
		return false, m.loseAll(err)
	}
	var answer packed
	if err := m.readAnswer(ctx, &m.from, "packed", &answer); err != nil {
		return false, m.loseAll(err)
	}
	m.lose(answer.Lost)
	m.report.Variables.Count = len(answer.Pieces)
	for _, p := range answer.Pieces {
		m.report.Variables.Bytes += p.Bytes
	}
	return true, nil
}

// unpack brings the packed variables to the new context and has it unpack them.
func (m *move) unpack(ctx context.Context) error {
	var err error
	for _, name := range []string{"variables", "packed"} {
		if err == nil {
			_, err = m.moveFile(ctx, m.folder+"/"+name)
		}
	}
	if err != nil {
		err = m.orGuest(ctx, err)
	} else {
		err = m.insist(ctx, &m.to, request{Do: "unpack", Folders: m.folders, Skip: map[string]string{}})
	}
	var answer unpacked
	if err == nil {
		err = m.readAnswer(ctx, &m.to, "unpacked", &answer)
	}
	if err != nil {
		m.report.Variables = Tally{}
		return m.loseAll(err)
	}
	m.lose(answer.Lost)
	m.report.Variables.Count -= len(answer.Lost)
	for _, l := range answer.Lost {
		m.report.Variables.Bytes -= l.Bytes
	}
	return nil
}

// insist is run for code that may fail because of one variable, which the next attempt leaves out.
func (m *move) insist(ctx context.Context, at *Place, ask request) error {
	for n := 1; ; n++ {
		err := m.run(ctx, at, ask, m.limits.RunTime)
		failed, ok := errors.AsType[*guestError](err)
		if !ok {
			return err
		}
		culprit, readErr := m.readText(ctx, at, "trying")
		if readErr != nil && isFatal(ctx, readErr) {
			return readErr
		}
		if culprit != "" && failed.stateLost && failed.why != tooLong {
			failed.why = "it ended the interpreter"
		}
		_, again := ask.Skip[culprit]
		gone := failed.stateLost && ask.Do == "pack" // with the variables in it
		if culprit == "" || again || gone || n == attempts {
			if culprit != "" {
				failed.why = fmt.Sprintf("copying %s: %s", culprit, failed.why)
			}
			return failed
		}
		ask.Skip[culprit] = failed.why
	}
}

// loseAll notes that no variable moves, if that is all that err means.
func (m *move) loseAll(err error) error {
	failed, ok := errors.AsType[*guestError](err)
	if !ok {
		return err
	}
	m.report.Lost = append(m.report.Lost, Loss{Reason: failed.why})
	return nil
}

func (m *move) lose(lost []guestLoss) {
	for _, l := range lost {
		m.report.Lost = append(m.report.Lost, Loss{Name: l.Name, Type: l.Type, Reason: l.Why, Bytes: l.Bytes})
	}
}

// clean has a context remove what the move put there, and is content when it cannot: that ends with the context.
func (m *move) clean(ctx context.Context, at *Place) {
	_ = m.run(context.WithoutCancel(ctx), at, request{Do: "clean"}, min(cleanTime, m.limits.RunTime))
}

// readAnswer reads what code in a context reported.
func (m *move) readAnswer(ctx context.Context, at *Place, name string, into any) error {
	text, err := m.readText(ctx, at, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return &guestError{why: "what the interpreter reported cannot be read"}
	}
	return nil
}

// readText reads a small file of the move. That it cannot be read is a guestError.
func (m *move) readText(ctx context.Context, at *Place, name string) (string, error) {
	content, _, err := at.Session.ReadFile(ctx, at.Context.ID, m.folder+"/"+name)
	if err != nil {
		return "", m.orGuest(ctx, err)
	}
	data, err := io.ReadAll(io.LimitReader(content, maxAnswer+1))
	if closeErr := content.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return "", m.orGuest(ctx, err)
	case len(data) > maxAnswer:
		return "", &guestError{why: "there are too many variables"}
	}
	return string(data), nil
}

func (m *move) writeText(ctx context.Context, at *Place, name, text string) error {
	_, err := at.Session.WriteFile(ctx, at.Context.ID, m.folder+"/"+name, strings.NewReader(text))
	return err
}

// orGuest makes an error that concerns only what the code in a context did into a guestError.
func (m *move) orGuest(ctx context.Context, err error) error {
	if isFatal(ctx, err) {
		return err
	}
	return &guestError{why: err.Error()}
}
