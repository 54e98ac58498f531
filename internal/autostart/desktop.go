package autostart

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// newDesktop is the way of the XDG autostart specification.
func newDesktop(opt Options) (system, error) {
	folder := opt.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(folder) { // relative values are to be ignored, says the XDG base directory specification
		home := opt.Getenv("HOME")
		if !filepath.IsAbs(home) {
			return nil, errors.New("HOME is not set to an absolute path")
		}
		folder = filepath.Join(home, ".config")
	}
	return file{
		path:   filepath.Join(folder, "autostart", opt.ID+".desktop"),
		encode: func(command []string) []byte { return desktopEntry(opt.ID, opt.Name, command) },
		decode: func(text []byte) []string { return commandOfEntry(text, opt.Getenv) },
	}, nil
}

func desktopEntry(id, name string, command []string) []byte {
	words := make([]string, len(command))
	for n, word := range command {
		words[n] = quoteExec(word)
	}
	return []byte("[Desktop Entry]\nType=Application\nName=" + escapeValue(name) + "\nExec=" + escapeValue(strings.Join(words, " ")) +
		"\nIcon=" + id + "\nTerminal=false\nStartupNotify=false\nX-GNOME-Autostart-enabled=true\n")
}

// quoteExec writes one word of a command. In quotes four characters need a backslash, and a percent sign is doubled everywhere.
func quoteExec(word string) string {
	word = strings.ReplaceAll(word, "%", "%%")
	if word != "" && !strings.ContainsAny(word, " \t\"'\\<>~|&;$*?#()`") {
		return word
	}
	return `"` + strings.NewReplacer(`"`, `\"`, "`", "\\`", `$`, `\$`, `\`, `\\`).Replace(word) + `"`
}

// escapeValue writes the value of a key: a text of any kind has its backslashes doubled, whatever they mean.
func escapeValue(text string) string { return strings.NewReplacer(`\`, `\\`, "\t", `\t`).Replace(text) }

// commandOfEntry reads what an entry starts at a login with an environment; nil if that is nothing. An entry counts as off when it is
// hidden, as desktops leave one that their user has switched off, when it is for other desktops, and when what it asks for is not there.
func commandOfEntry(text []byte, getenv func(string) string) []string {
	values := make(map[string]string)
	ours := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			ours = line == "[Desktop Entry]"
			continue
		}
		if name, value, ok := strings.Cut(line, "="); ok && ours && !strings.HasPrefix(line, "#") {
			values[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	switch {
	case values["Hidden"] == "true", values["X-GNOME-Autostart-enabled"] == "false",
		!shownIn(values, strings.Split(getenv("XDG_CURRENT_DESKTOP"), ":")),
		values["TryExec"] != "" && !executable(unescapeValue(values["TryExec"]), getenv("PATH")):
		return nil
	}
	return splitExec(unescapeValue(values["Exec"]))
}

// shownIn reports whether an entry is for a desktop that goes by some names: the first that the entry knows decides, and if it knows
// none an entry that names its desktops is not for this one.
func shownIn(values map[string]string, desktops []string) bool {
	only, restricted := values["OnlyShowIn"]
	for _, name := range desktops {
		switch {
		case name == "":
		case slices.Contains(strings.Split(only, ";"), name):
			return true
		case slices.Contains(strings.Split(values["NotShowIn"], ";"), name):
			return false
		}
	}
	return !restricted
}

// executable reports whether a program can be started; one without a folder is looked for in those of path.
func executable(program, path string) bool {
	if filepath.IsAbs(program) {
		info, err := os.Stat(program)
		return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
	}
	return slices.ContainsFunc(filepath.SplitList(path), func(folder string) bool {
		return filepath.IsAbs(folder) && executable(filepath.Join(folder, program), "")
	})
}

func unescapeValue(text string) string {
	return strings.NewReplacer(`\\`, `\`, `\s`, " ", `\n`, "\n", `\t`, "\t", `\r`, "\r").Replace(text)
}

// splitExec reads the words of a command.
func splitExec(line string) []string {
	var words []string
	var word strings.Builder
	inWord, quoted := false, false
	for n := 0; n < len(line); n++ {
		switch c := line[n]; {
		case c == '"':
			quoted, inWord = !quoted, true
		case quoted && c == '\\' && n+1 < len(line) && strings.IndexByte("\"`$\\", line[n+1]) >= 0:
			n++
			word.WriteByte(line[n])
		case !quoted && (c == ' ' || c == '\t'):
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		case c == '%' && n+1 < len(line) && line[n+1] == '%':
			n++
			fallthrough
		default:
			inWord = true
			word.WriteByte(c)
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}
