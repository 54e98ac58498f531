// Command manifest writes dist/manifest.json: manifest [-tool NAME=VERSION]... FOLDER, where FOLDER is that of the package guest.
// With -library it renews only what concerns the Python library in the manifest that is there.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine/guest/manifest"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "manifest:", err)
		os.Exit(1)
	}
}

func run(args []string, usage io.Writer) error {
	flags := flag.NewFlagSet("manifest", flag.ContinueOnError)
	flags.SetOutput(usage)
	library := flags.Bool("library", false, "only the Python library was built: keep the rest of the manifest")
	tools := map[string]string{}
	flags.Func("tool", "NAME=VERSION of a program that did the work (repeatable)", func(text string) error {
		name, version, ok := strings.Cut(text, "=")
		if !ok || version == "" {
			return fmt.Errorf("%q is not NAME=VERSION", text)
		}
		tools[name] = version
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("want the folder of the package guest, got %q", flags.Args())
	}
	root := flags.Arg(0)
	path := filepath.Join(root, "dist", "manifest.json")
	m, err := manifest.Measure(root, tools)
	if err != nil {
		return err
	}
	if *library {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("keep the rest of the manifest: %w", err)
		}
		old, err := manifest.Decode(text)
		if err != nil {
			return fmt.Errorf("keep the rest of %s: %w", path, err)
		}
		m = old.WithLibrary(m)
	}
	text, err := m.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // a source file like the others, which the caller names
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}
