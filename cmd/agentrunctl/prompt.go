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
	out      io.Writer
	terminal *os.File       // in, if it is one; nil: it is not
	screen   *term.Terminal // shows what is typed, where it may be seen, in place of the terminal itself
}

func newAsker(in io.Reader, out io.Writer) *asker {
	a := &asker{in: in, out: out}
	if file, ok := in.(*os.File); ok && term.IsTerminal(descriptor(file)) {
		a.terminal = file
		a.screen = term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{in, out}, "")
		if width, height, err := term.GetSize(descriptor(file)); err == nil && width > 0 {
			_ = a.screen.SetSize(width, height) // writes nothing yet
		}
	}
	return a
}

func descriptor(file *os.File) int { return int(file.Fd()) }

// quietly lets ask ask. The terminal shows nothing by itself meanwhile, also not of answers that are pasted together or typed ahead.
func (a *asker) quietly(ask func() error) error {
	if a.terminal == nil {
		return ask()
	}
	before, err := term.MakeRaw(descriptor(a.terminal))
	if err != nil {
		return fmt.Errorf("turn off what the terminal shows: %w", err)
	}
	err = ask()
	if failed := term.Restore(descriptor(a.terminal), before); failed != nil {
		err = errors.Join(err, fmt.Errorf("turn on again what the terminal shows: %w", failed))
	}
	if err != nil {
		fmt.Fprintln(a.out) // what comes next begins a line
	}
	return err
}

// say shows a line between questions, on a terminal.
func (a *asker) say(text string) {
	if a.terminal != nil {
		fmt.Fprintln(a.screen, text)
	}
}

// line asks for something that may be seen, within quietly. Without an answer (Ctrl-C, Ctrl-D, the end of the input) the error is
// io.EOF.
func (a *asker) line(ctx context.Context, prompt string) (string, error) {
	return a.await(ctx, func() (string, error) {
		if a.terminal == nil {
			return readLine(a.in)
		}
		a.screen.SetPrompt(prompt)
		return a.screen.ReadLine()
	})
}

// secret asks for something that nobody may see while it is typed, as line does.
func (a *asker) secret(ctx context.Context, prompt string) (string, error) {
	return a.await(ctx, func() (string, error) {
		if a.terminal == nil {
			return readLine(a.in)
		}
		return a.screen.ReadPassword(prompt)
	})
}

// yes asks a question that has no for an answer unless it is y or yes.
func (a *asker) yes(ctx context.Context, question string) (yes bool, err error) {
	err = a.quietly(func() error {
		a.say(question)
		answer, err := a.line(ctx, "[y/N] ")
		yes = strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes")
		return err
	})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return yes, err
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
		return strings.TrimSpace(answer.text), answer.err
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
			return string(text), nil
		case n == 1:
			text = append(text, b[0])
		case errors.Is(err, io.EOF) && len(text) > 0:
			return string(text), nil
		case err != nil:
			return "", err
		}
	}
	return "", fmt.Errorf("a line is longer than %d bytes", maxLine)
}
