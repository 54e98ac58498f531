package editors

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/editors/configedit"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
)

// cli is an editor's own command line. It is used for editors that write their settings files themselves while they run: what
// another program puts there in the meantime could get lost.
type cli struct {
	// name is what a person types.
	name string
	// program is where it is; empty if it is not there.
	program func(s System) string
	// add and remove are the words that add an entry, as JSON, and take it away.
	add    func(json string) []string
	remove []string
}

// claudeCLI is that of Claude Code. It has no way to replace an entry: the old one is removed first.
var claudeCLI = &cli{
	name:    "claude",
	program: func(s System) string { return s.program("claude", s.home(".local", "bin")) },
	add: func(json string) []string {
		return []string{"mcp", "add-json", "--scope", "user", Name, json}
	},
	remove: []string{"mcp", "remove", "--scope", "user", Name},
}

// cliPatience is how long a command of an editor may take.
const cliPatience = 30 * time.Second

// run carries out a command of the editor. What it has printed is in the error.
func (c *cli) run(ctx context.Context, s *Set, words []string) error {
	ctx, cancel := context.WithTimeout(ctx, cliPatience)
	defer cancel()
	program := c.program(s.sys)
	if rereads(program, words) {
		return fmt.Errorf("%s: the command interpreter of Windows would take a character of the path for its own", base(program))
	}
	cmd := exec.CommandContext(ctx, program, words...) //nolint:gosec // the editor's own program, from the user's PATH
	cmd.Env = s.opt.Environ
	cmd.Dir = s.sys.home() // it keeps settings of the folder it is started in
	cmd.WaitDelay = time.Second
	said, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return fmt.Errorf("%s %s: %w: %s", base(cmd.Path), strings.Join(words[:2], " "), err, phrase.Clip(lines[len(lines)-1], 200))
}

// rereads says that a program is a script of Windows' command interpreter, which reads the words once more, and that they have something
// for it in them: what stands behind it would be carried out.
func rereads(program string, words []string) bool {
	name := strings.ToLower(program)
	return (strings.HasSuffix(name, ".cmd") || strings.HasSuffix(name, ".bat")) && strings.ContainsAny(strings.Join(words, " "), "&|<>^%!\r\n")
}

// connectByCLI connects an editor by its own command line, or by its file where that fails.
func (s *Set) connectByCLI(ctx context.Context, r row, e entry, wish Wish, out Outcome) (Outcome, error) {
	edit := func(_ *journal, img image) (edited, error) { return s.connected(r, e, wish, img) }
	return s.changeByCLI(ctx, r, purpose{Connecting, wish.Form}, wish, out, edit, func(there bool) [][]string {
		var commands [][]string
		if there {
			commands = append(commands, r.cli.remove)
		}
		return append(commands, r.cli.add(e.Line()))
	})
}

// disconnectByCLI is the way back.
func (s *Set) disconnectByCLI(ctx context.Context, r row, wish Wish, out Outcome) (Outcome, error) {
	edit := func(j *journal, img image) (edited, error) { return s.disconnected(j, r, wish, img) }
	return s.changeByCLI(ctx, r, toDisconnect, wish, out, edit, func(bool) [][]string { return [][]string{r.cli.remove} })
}

// changeByCLI makes a change by commands. The edit says what shall come of them: whether anything is to be done, whether it may be,
// and afterwards whether it was.
func (s *Set) changeByCLI(ctx context.Context, r row, to purpose, wish Wish, out Outcome, edit func(*journal, image) (edited, error), commands func(there bool) [][]string) (Outcome, error) {
	if wish.DryRun {
		out, err := s.change(ctx, r, to, wish, out, edit)
		if err == nil && len(out.Files) > 0 {
			img, err := look(out.Files[0].Path)
			if err != nil {
				return out, err
			}
			out.Commands = r.cli.lines(commands(s.has(r, img)))
		}
		return out, err
	}
	lock, err := s.begin(ctx, r)
	if err != nil {
		return out, err
	}
	defer func() { _ = lock.Close() }()
	j, list, err := s.plan(r, edit)
	if err != nil {
		return out, err
	}
	if len(list) == 0 {
		return s.changeLocked(ctx, r, to, ByCLI, out, edit)
	}
	words := commands(s.has(r, list[0].before))
	rec, err := j.begin(to, ByCLI, list)
	if err != nil {
		return out, fmt.Errorf("%s: %w", r.name, nothingChanged(err))
	}
	now, err := s.obey(ctx, r, words, edit)
	if err != nil {
		// What the commands have done or not done, the file says: from there on it is changed by hand.
		out.Remarks = append(out.Remarks, byFile(r.name, err))
		if err := j.dropLast(); err != nil {
			return out, err
		}
		return s.changeLocked(ctx, r, to, ByFile, out, edit)
	}
	rec.Files[0].After = now.sum()
	out.Commands = r.cli.lines(words)
	out.Files = j.describe(rec, []alteration{{list[0].before, edited{image: now}}})
	return out, j.save()
}

// obey runs commands and looks whether the file says what it should.
func (s *Set) obey(ctx context.Context, r row, commands [][]string, edit func(*journal, image) (edited, error)) (image, error) {
	for _, words := range commands {
		if err := r.cli.run(ctx, s, words); err != nil {
			return image{}, err
		}
	}
	_, left, err := s.plan(r, edit)
	if err != nil {
		return image{}, err
	}
	if len(left) > 0 {
		return image{}, errors.New("it reported success, and nothing changed")
	}
	return look(s.files(r)[0])
}

// lines are commands as a person would type them.
func (c *cli) lines(commands [][]string) []string {
	var all []string
	for _, words := range commands {
		line := []string{c.name}
		for _, word := range words {
			if strings.ContainsAny(word, `{}" `) {
				word = "'" + word + "'"
			}
			line = append(line, word)
		}
		all = append(all, strings.Join(line, " "))
	}
	return all
}

// undoByCLI gives an editor the entry that it had before, or none. The rest of its file is its own, and changes all the time.
func (s *Set) undoByCLI(ctx context.Context, r row, j *journal, rec record, out *Outcome) error {
	if len(rec.Files) == 0 {
		return nil
	}
	was, err := j.before(rec.Files[0])
	if err != nil {
		return err
	}
	tree, err := r.format.Parse(was.text)
	if err != nil {
		return err
	}
	old, there, err := tree.Find(r.at())
	if err != nil {
		return err
	}
	now, err := look(rec.Files[0].Path)
	if err != nil {
		return err
	}
	var then image
	if !there {
		edit := func(j *journal, img image) (edited, error) { return s.disconnected(j, r, Wish{Force: true}, img) }
		if !s.has(r, now) {
			return nil
		}
		if then, err = s.obey(ctx, r, [][]string{r.cli.remove}, edit); err != nil {
			return err
		}
	} else {
		// by the file: words of a command can be seen by others, and what stood there may have been a secret
		text, err := r.format.Put(now.text, r.at(), configedit.EntryOf(old), nil)
		if err != nil {
			return err
		}
		then = image{path: now.path, exists: true, text: text, mode: now.mode}
		if then.is(now) {
			return nil
		}
		if _, err := then.write(now); err != nil {
			return leftAlone(now.path, err)
		}
	}
	out.Files = append(out.Files, FileChange{Path: now.path, Diff: difference(now, then)})
	return nil
}
