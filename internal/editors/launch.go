package editors

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Launch is what an editor does to reach us.
type Launch struct {
	// Command, Args and Env are a program that it starts; Env is what its settings add to its own environment, as NAME=value.
	Command string
	Args    []string
	Env     []string
	// Sparing says that of its own environment it passes the PATH on, and nothing else.
	Sparing bool
	// URL and Token are an address that it connects to, which may be a unix socket (unix://PATH#/mcp).
	URL   string
	Token string
	// File is where it says so; empty if the editor is not connected, and this is what it would do if it was.
	File string
}

// Launch reads in an editor's settings what it does to reach us.
func (s *Set) Launch(id ID) (Launch, error) {
	r, err := rowOf(id)
	if err != nil {
		return Launch{}, err
	}
	for _, path := range s.files(r) {
		img, err := look(path)
		if err != nil {
			return Launch{}, fmt.Errorf("%s: %w: %s: %w", r.name, ErrUnreadable, path, err)
		}
		tree, err := r.format.Parse(img.text)
		if err != nil {
			return Launch{}, fmt.Errorf("%s: %w: %s: %w", r.name, ErrUnreadable, path, err)
		}
		found, there, err := tree.Find(r.at())
		if err != nil {
			return Launch{}, fmt.Errorf("%s: %w: %s: %w", r.name, ErrUnreadable, path, err)
		}
		if there {
			l := launchOf(found, path)
			l.Sparing = r.sparing
			return l, nil
		}
	}
	return Launch{Command: s.opt.Command, Sparing: r.sparing}, nil
}

// launchOf reads an entry in any editor's words.
func launchOf(found map[string]any, path string) Launch {
	l := Launch{File: path, Command: commandOf(found), URL: addressOf(found)}
	if l.URL != "" {
		l.Token, l.Command = tokenOf(found), ""
		return l
	}
	if whole, ok := found["command"].([]any); ok && len(whole) > 0 { // opencode has the arguments in the same list
		l.Args = texts(whole[1:])
	}
	if args, ok := found["args"].([]any); ok {
		l.Args = append(l.Args, texts(args)...)
	}
	for _, name := range []string{"env", "envs", "environment"} {
		if env, ok := found[name].(map[string]any); ok {
			for _, variable := range slices.Sorted(maps.Keys(env)) {
				l.Env = append(l.Env, fmt.Sprintf("%s=%v", variable, env[variable]))
			}
		}
	}
	return l
}

func texts(list []any) []string {
	var all []string
	for _, item := range list {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

// inherited are the variables that editors pass on to what they start, as the reference implementations of MCP have it.
var inherited = map[bool][]string{
	false: {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"},
	true: {
		"APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATH", "PROCESSOR_ARCHITECTURE", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP",
		"USERNAME", "USERPROFILE",
	},
}

// Environment is what a program gets that an editor starts. Where an editor is started from a menu, the PATH is the system's own.
func (l Launch) Environment(sys System) []string {
	var env []string
	for _, name := range inherited[sys.GOOS == "windows"] {
		if l.Sparing && name != "PATH" {
			continue
		}
		value := sys.Getenv(name)
		if name == "PATH" && sys.GOOS != "windows" {
			value = "/usr/bin:/bin:/usr/sbin:/sbin"
		}
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	return append(env, l.Env...)
}

// String is what is started or connected to, without the token.
func (l Launch) String() string {
	if l.URL != "" {
		return l.URL
	}
	return strings.Join(append([]string{l.Command}, l.Args...), " ")
}
