package editors

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// System is a computer as the table sees it. Tests make one of another operating system, or with another home.
type System struct {
	// GOOS is the operating system, as in runtime.GOOS.
	GOOS string
	// Getenv reads the environment of the user: home, XDG and Windows folders, PATH, and variables of single editors.
	Getenv func(string) string

	// How files are looked at; nil means this computer's own.
	Exists func(name string) bool
	Glob   func(pattern string) []string
	Read   func(name string) ([]byte, error)
}

// complete fills in what was left open, and refuses a system on which nothing can be found.
func (s System) complete() (System, error) {
	if s.Exists == nil {
		s.Exists = func(name string) bool { _, err := os.Stat(name); return err == nil }
	}
	if s.Glob == nil {
		s.Glob = func(pattern string) []string {
			found, _ := filepath.Glob(pattern) // fails only for patterns that are wrong
			return found
		}
	}
	if s.Read == nil {
		s.Read = os.ReadFile
	}
	if !s.absolute(s.home()) {
		variable := "HOME"
		if s.GOOS == "windows" {
			variable = "USERPROFILE"
		}
		return s, errors.New("look for editors: " + variable + " is not set to an absolute path")
	}
	return s, nil
}

// home is the user's home folder, or a folder below it.
func (s System) home(under ...string) string {
	variable := "HOME"
	if s.GOOS == "windows" {
		variable = "USERPROFILE"
	}
	return s.join(append([]string{s.Getenv(variable)}, under...)...)
}

// folder is what a variable names, or else the usual place. Relative values are ignored, as the XDG specification wants it.
func (s System) folder(variable, usual string) string {
	if dir := s.Getenv(variable); s.absolute(dir) {
		return dir
	}
	return usual
}

// xdgConfig is where programs that follow XDG keep their settings, on Windows too.
func (s System) xdgConfig(under ...string) string {
	return s.join(append([]string{s.folder("XDG_CONFIG_HOME", s.home(".config"))}, under...)...)
}

// roaming and local are the folders of Windows for programs' files.
func (s System) roaming(under ...string) string {
	return s.join(append([]string{s.folder("APPDATA", s.home("AppData", "Roaming"))}, under...)...)
}

func (s System) local(under ...string) string {
	return s.join(append([]string{s.folder("LOCALAPPDATA", s.home("AppData", "Local"))}, under...)...)
}

// appConfig is where a program with a window keeps its settings, as Electron has it.
func (s System) appConfig(under ...string) string {
	switch s.GOOS {
	case "windows":
		return s.roaming(under...)
	case "darwin":
		return s.home(append([]string{"Library", "Application Support"}, under...)...)
	default:
		return s.xdgConfig(under...)
	}
}

// bundles are where an application of macOS may be installed.
func (s System) bundles(name string) []string {
	if s.GOOS != "darwin" {
		return nil
	}
	return []string{"/Applications/" + name + ".app", s.home("Applications", name+".app")}
}

// program looks for a program on the PATH and in folders beside it; "" means that it is not there.
func (s System) program(name string, beside ...string) string {
	separator, endings := ":", []string{""}
	if s.GOOS == "windows" {
		separator, endings = ";", []string{".exe", ".cmd"}
	}
	for _, dir := range append(strings.Split(s.Getenv("PATH"), separator), beside...) {
		if !s.absolute(dir) { // nothing is started from wherever we happen to stand
			continue
		}
		for _, ending := range endings {
			if file := s.join(dir, name+ending); s.Exists(file) {
				return file
			}
		}
	}
	return ""
}

// absolute and join follow the rules of s.GOOS, which in tests is not where they run.
func (s System) absolute(dir string) bool {
	if s.GOOS != "windows" {
		return strings.HasPrefix(dir, "/")
	}
	drive := len(dir) > 2 && dir[1] == ':' && (dir[2] == '\\' || dir[2] == '/')
	return drive || strings.HasPrefix(dir, `\\`)
}

func (s System) join(parts ...string) string {
	if s.GOOS != "windows" {
		return path.Join(parts...)
	}
	whole := strings.TrimRight(strings.ReplaceAll(parts[0], "/", `\`), `\`)
	return strings.Join(append([]string{whole}, parts[1:]...), `\`)
}

// base is the last part of a path, which may be of any system: settings files are carried from one computer to another.
func base(name string) string {
	return name[strings.LastIndexAny(name, `/\`)+1:]
}
