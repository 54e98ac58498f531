//go:build linux

// Command window shows, for package bench, what the desktop program is measured against and what cannot be measured from outside of
// it. It stands apart, for bench itself links no window system.
//
//	window bare     the toolkit alone, with a tray item and a window that is never shown, until its input ends
//	window draw     the window of the desktop program takes views of 20 sessions and 1,000 contexts; what that took is printed as JSON
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"fyne.io/fyne/v2"     //nolint:depguard // what is measured draws on it
	"fyne.io/fyne/v2/app" //nolint:depguard // what is measured draws on it
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "window:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New("say what to show: bare or draw")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	views := fs.Int("views", 100, "how many views are drawn at each place, each way")
	if err := fs.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "bare":
		return bare(stdin)
	case "draw":
		return draw(*views, stdout)
	}
	return fmt.Errorf("%q is neither bare nor draw", args[0])
}

// newApp starts the toolkit, which would look for FyneApp.toml if it were not told what is in there.
func newApp(name string) fyne.App {
	id := "io.github.agentruntray.bench." + name
	app.SetMetadata(fyne.AppMetadata{ID: id, Name: name})
	return app.NewWithID(id)
}
