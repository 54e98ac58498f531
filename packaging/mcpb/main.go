// Command mcpb lays out the bundles by which Claude Desktop gets AgentRun Tray: for each system a folder with a manifest, the relay, an
// icon, and what the extension is called in other languages. The official tool checks and packs the folders (pack.sh).
//
// What a bundle says is taken from where it is known: name, version and words from FyneApp.toml and the AppStream data, tools and prompts
// from the server, which is asked through the relay as an editor would ask it.
//
// A bundle has the relay alone in it. It finds the host by what the installed programs leave in the data folder, or on the PATH, and
// starts it; so a bundle does not have to follow their versions.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mcpb:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("mcpb", flag.ContinueOnError)
	bin := fs.String("bin", "bin", "folder with our programs for this computer")
	relays := fs.String("relays", "", "folder with the relays of all systems, as OS/PROCESSOR/agentrun-mcp")
	out := fs.String("out", "", "folder in which the folders of the bundles are made")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *relays == "" || *out == "" {
		return errors.New("-relays and -out are needed")
	}
	p, err := readProduct(".")
	if err != nil {
		return err
	}
	said, err := ask(ctx, *bin)
	if err != nil {
		return fmt.Errorf("ask %s what it offers: %w", *bin, err)
	}
	for _, t := range targets {
		if err := layOut(filepath.Join(*out, t.bundle(p)), p, said, t, *relays); err != nil {
			return fmt.Errorf("bundle for %s: %w", t.name, err)
		}
	}
	return nil
}
