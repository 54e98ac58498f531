// Package carry moves what a context holds, its variables and files, into another context, so that work goes on when a sandbox has
// to end. It knows nothing of backends: it runs code in both contexts and moves files between them, through the contract of package
// sandbox.
//
// What moves: in Python every global that pickles, also functions and classes defined in cells, with imports, the search path, the
// place in the working folder and the state of the random numbers; in JavaScript data of every kind that consists of values, and
// functions and classes declared at the top level. What variables share stays shared, cycles stay cycles. Of the files, those below
// the working folder. All of it has limits, and what is above them stays behind, largest first.
//
// What cannot move is named with its type and the reason: open files, generators, sockets, locks, threads, whatever is bound to
// one interpreter. A move copies: what it leaves is as it was. But it runs code of the user, such as a __reduce__ that raises, prints,
// hangs or exits. All of that costs at most the variable it belongs to, or, where the interpreter itself ends with it, all variables;
// Report says so.
//
// Reading a pickle runs whatever it says. That is safe here because it is done nowhere but in a sandbox, which runs the code of that
// same user anyway; this process only passes the bytes on.
package carry

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Limits bound what is moved. Zero values mean the defaults named beside them.
type Limits struct {
	// Variables is how many bytes the variables may take together, packed: 32 MiB.
	Variables int64
	// Files is how many bytes the files may take together: 64 MiB. FileCount is how many there may be: 1,000.
	Files     int64
	FileCount int
	// RunTime is how long each piece of code that packs or unpacks may run: 30 s. Variables that are not done in two thirds of it are
	// left behind.
	RunTime time.Duration
	// Patience is how long the user's own code may take to copy one variable: 5 s.
	Patience time.Duration
}

func (l Limits) withDefaults() Limits {
	l.Variables = cmp.Or(l.Variables, 32<<20)
	l.Files = cmp.Or(l.Files, 64<<20)
	l.FileCount = cmp.Or(l.FileCount, 1000)
	l.RunTime = cmp.Or(l.RunTime, 30*time.Second)
	l.Patience = cmp.Or(l.Patience, 5*time.Second)
	return l
}

// Place is a context and the session that holds it.
type Place struct {
	Session sandbox.Session
	Context sandbox.CodeContext
}

// Report tells what came of a move.
type Report struct {
	Variables Tally
	Files     Tally
	// Lost is what did not move: variables in the order in which they were found missing, then files, largest first.
	Lost []Loss
	// StateLost says that the interpreter of the context that was left has ended, as code of the user had it do while it was copied or
	// because its backend could not stop that code otherwise. It is set also beside an error.
	StateLost bool
}

// Tally counts what moved.
type Tally struct {
	Count int
	Bytes int64
}

// Loss is something that did not move.
type Loss struct {
	// Name is that of the variable, or the path of the file. Empty: all variables are meant.
	Name string
	// IsFile tells files from variables.
	IsFile bool
	// Type is a variable's, such as "generator"; empty where it is not known.
	Type string
	// Reason is a clause such as "it took too long".
	Reason string
	// Bytes is the size, where that is known.
	Bytes int64
}

// String names the loss in a few words, such as "x (generator)".
func (l Loss) String() string {
	switch {
	case l.Name == "":
		return "all variables (" + l.Reason + ")"
	case l.IsFile:
		return fmt.Sprintf("the file %s (%s)", l.Name, l.Reason)
	}
	return fmt.Sprintf("%s (%s)", l.Name, cmp.Or(l.Type, l.Reason))
}

// Move copies what the context from holds into the context to, which is fresh and of the same language. No code may run in either
// meanwhile, as with any Run. Names are those that variables of JavaScript may have, see [Names].
//
// An error means that the move was given up, because ctx ended or one of the sandboxes failed: to is then not to be used, and from is
// as it was, unless its sandbox is what failed. When ctx ends, from is as its backend leaves a context whose run is cancelled. What
// merely could not be moved is in the Report.
func Move(ctx context.Context, from, to Place, names []string, limits Limits) (Report, error) {
	if from.Context.Language != to.Context.Language {
		return Report{}, fmt.Errorf("move a context: its language is %s and the new one's is %s", from.Context.Language, to.Context.Language)
	}
	m := &move{from: from, to: to, names: names, limits: limits.withDefaults(), folder: ".carry-" + strings.ToLower(rand.Text())}
	if err := m.carryOut(ctx); err != nil {
		return Report{StateLost: m.report.StateLost}, fmt.Errorf("move a context from sandbox %s to %s: %w", from.Session.SandboxID(), to.Session.SandboxID(), err)
	}
	return m.report, nil
}

// move is one in progress.
type move struct {
	from, to Place
	names    []string
	limits   Limits
	folder   string // hidden, in the working folder of either context
	folders  []string
	report   Report
}

// carryOut does the steps. Files go before variables: an import may need them.
func (m *move) carryOut(ctx context.Context) error {
	defer m.clean(ctx, &m.from)
	packed, err := m.pack(ctx)
	if err != nil {
		return err
	}
	lostFiles, err := m.moveFiles(ctx)
	if err != nil {
		return err
	}
	if packed {
		if err := m.unpack(ctx); err != nil {
			return err
		}
	}
	m.report.Lost = append(m.report.Lost, lostFiles...)
	m.clean(ctx, &m.to)
	return nil
}

// isFatal reports whether a move cannot go on after an error of a session, other than of the run or file at hand.
func isFatal(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, sandbox.ErrSessionLost) || errors.Is(err, sandbox.ErrContextNotFound)
}
