// Package notebook shows the runs of one context as the cells of a notebook: what ran, what runs now with its output as it comes, and
// what waits. A [Feed] follows one context at a time for whoever draws it, and [Write] makes a Jupyter notebook of its cells.
package notebook

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// Notebook is the runs of one context at one moment. Nothing in it changes.
type Notebook struct {
	ContextID string
	Name      string // of the context
	Language  sandbox.Language
	Cells     []*Cell // oldest first; a cell that changed is another pointer
}

// CellState is how far a cell has come.
type CellState string

// The states of a cell.
const (
	CellWaiting CellState = "waiting"
	CellRunning CellState = "running"
	CellDone    CellState = "done"
)

// Cell is one run: its code and what came of it so far.
type Cell struct {
	RunID     string
	Number    int // of the run in its context, from 1; 0 before it is its turn
	Code      string
	Client    string
	StartedAt time.Time
	State     CellState
	Result    sandbox.Result // of a running cell: what was printed until now
	Notices   []string       // what whoever ran it was told beside the result, such as that variables are gone; in English
}

// Read gives the notebook of a context as it is now. Without such a context the error says why.
func Read(from *interpreter.Interpreter, contextID string) (*Notebook, error) {
	book, err := from.Book(contextID)
	if err != nil {
		return nil, err
	}
	return read(book, nil), nil
}

// read makes a notebook of a book, with the cells of an earlier notebook of the context, which may be nil, where they are the same.
func read(book interpreter.Book, before *Notebook) *Notebook {
	known := make(map[string]*Cell)
	if before != nil {
		for _, c := range before.Cells {
			known[c.RunID] = c
		}
	}
	n := &Notebook{ContextID: book.Context.ID, Name: book.Context.Name, Language: book.Context.Language, Cells: make([]*Cell, 0, len(book.Ended)+len(book.Others))}
	for _, r := range book.Ended {
		if c := known[r.ID]; c != nil && c.State == CellDone {
			n.Cells = append(n.Cells, c)
			continue
		}
		n.Cells = append(n.Cells, &Cell{RunID: r.ID, Number: r.Number, Code: r.Code, Client: r.Caller, StartedAt: r.StartedAt, State: CellDone, Result: r.Result, Notices: r.Notices})
	}
	for _, r := range book.Others {
		if c := cellOf(r, known[r.ID()]); c != nil {
			n.Cells = append(n.Cells, c)
		}
	}
	slices.SortStableFunc(n.Cells, inOrder)
	return n
}

// inOrder puts what has ended before what has not, by the time, so that a run which came to nothing stands where it was asked for.
func inOrder(a, b *Cell) int {
	if c := cmp.Compare(rank(a), rank(b)); c != 0 || a.State != CellDone {
		return c
	}
	return a.StartedAt.Compare(b.StartedAt)
}

func rank(c *Cell) int { return slices.Index([]CellState{CellDone, CellRunning, CellWaiting}, c.State) }

// cellOf is the cell of a run that the history has not. It is the one from before if that says the same; nil if the run has just ended
// and the history has it by now.
func cellOf(r *interpreter.Run, before *Cell) *Cell {
	if before != nil && before.State == CellDone {
		return before
	}
	code := r.Code() // first, as a run that has ended in the meantime has it no more
	so := r.SoFar()
	c := &Cell{RunID: r.ID(), Number: so.Number, Code: code, Client: r.Caller().Name, StartedAt: so.Since} // with both clocks, so that one that is set does not change how long it runs
	switch so.State {
	case interpreter.RunWaiting:
		c.State = CellWaiting
	case interpreter.RunGoing:
		c.State = CellRunning
		c.Result = soFar(so)
	case interpreter.RunFinished:
		_, err := r.Result()
		if err == nil {
			return before // what there was of it, until the history is read again
		}
		why := sandbox.CodeOf(err, sandbox.CodeExecutionFailed)
		c.State = CellDone
		c.Result.Failure = &sandbox.Failure{Code: why, Name: string(why), Message: err.Error()}
	}
	if before != nil && same(before, c) {
		return before
	}
	return c
}

// soFar puts what a run has printed into the form of a result.
func soFar(so interpreter.SoFar) (res sandbox.Result) {
	res.Stdout, res.Cut.Stdout, res.CutAt.Stdout = joined(so.Stdout)
	res.Stderr, res.Cut.Stderr, res.CutAt.Stderr = joined(so.Stderr)
	return res
}

func joined(e interpreter.Excerpt) (text string, cut int64, at int) {
	if e.Omitted == 0 {
		return strings.ToValidUTF8(e.Head+e.Tail, "\ufffd"), 0, 0 // a character may begin in one and end in the other
	}
	head := strings.ToValidUTF8(e.Head, "\ufffd")
	return head + strings.ToValidUTF8(e.Tail, "\ufffd"), e.Omitted, len(head)
}

// same reports whether two cells of one run that has no result say the same. What was printed only grows.
func same(a, b *Cell) bool {
	return a.State == b.State && a.Number == b.Number && len(a.Result.Stdout) == len(b.Result.Stdout) && len(a.Result.Stderr) == len(b.Result.Stderr) && a.Result.Cut == b.Result.Cut
}
