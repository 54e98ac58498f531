package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// asker asks for what is to be typed. Where there is no terminal it reads the answers, one a line, and asks nothing.
type asker struct {
	in       io.Reader
	terminal *os.File // in, if it is one; nil: it is not
	out      io.Writer
}

func newAsker(in io.Reader, out io.Writer) *asker {
	a := &asker{in: in, out: out}
	if file, ok := in.(*os.File); ok && term.IsTerminal(descriptor(file)) {
		a.terminal = file
	}
	return a
}

func descriptor(file *os.File) int { return int(file.Fd()) } //nolint:gosec // descriptors are small numbers

// line asks for something that may be seen.
func (a *asker) line(ctx context.Context, question string) (string, error) {
	if a.terminal != nil {
		fmt.Fprint(a.out, question)
	}
	return a.await(ctx, func() (string, error) { return readLine(a.in) })
}

// secret asks for something that nobody may see while it is typed.
func (a *asker) secret(ctx context.Context, question string) (string, error) {
	if a.terminal == nil {
		return a.line(ctx, question)
	}
	fd := descriptor(a.terminal)
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("turn off what the terminal shows: %w", err)
	}
	fmt.Fprint(a.out, question)
	text, err := a.await(ctx, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return strings.TrimSpace(string(text)), err
	})
	fmt.Fprintln(a.out) // the key that ended it was not shown either
	if ctx.Err() != nil {
		err = errors.Join(err, term.Restore(fd, before)) // the read goes on, and would leave the terminal silent
	}
	return text, err
}

// yes asks a question that has no for an answer unless it is y or yes.
func (a *asker) yes(ctx context.Context, question string) (bool, error) {
	answer, err := a.line(ctx, question+" [y/N] ")
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), err
}

// await reads until the user interrupts. A read from a terminal cannot be called off: it ends with the program.
func (a *asker) await(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := read()
		got <- answer{text, err}
	}()
	select {
	case answer := <-got:
		return answer.text, answer.err
	case <-ctx.Done():
		return "", errInterrupted
	}
}

var errInterrupted = errors.New("interrupted; nothing was changed")

// maxLine is longer than any answer can be, in bytes.
const maxLine = 8192

// readLine reads a line byte by byte: what comes after it is for the next who reads. The last line may lack its end.
func readLine(r io.Reader) (string, error) {
	var text []byte
	b := make([]byte, 1)
	for len(text) < maxLine {
		n, err := r.Read(b)
		switch {
		case n == 1 && b[0] == '\n':
			return strings.TrimSpace(string(text)), nil
		case n == 1:
			text = append(text, b[0])
		case errors.Is(err, io.EOF) && len(text) > 0:
			return strings.TrimSpace(string(text)), nil
		case err != nil:
			return "", err
		}
	}
	return "", fmt.Errorf("a line is longer than %d bytes", maxLine)
}
