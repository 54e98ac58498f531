// Command manifest writes dist/manifest.json: manifest [-tool NAME=VERSION]... FOLDER, where FOLDER is that of the package guest.
// With -keep-tools it takes the names of the tools from the manifest that is there, for a build that ran none of them.
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
	keep := flags.Bool("keep-tools", false, "take the names of the tools from the manifest that is there")
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
	if *keep {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("keep the tools: %w", err)
		}
		old, err := manifest.Decode(text)
		if err != nil {
			return fmt.Errorf("keep the tools of %s: %w", path, err)
		}
		tools = old.Tools
	}
	m, err := manifest.Measure(root, tools)
	if err != nil {
		return err
	}
	text, err := m.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil { // #nosec G306 -- a source file like the others
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}
