// Package paths says where AgentRun Tray keeps its files, on each operating system, and makes
// folders which only their owner may enter. With internal/config it is the only reader of the
// environment; everyone else is handed a Dirs.
package paths

import (
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// app is the name of our folder inside each of the system's.
const app = "agentrun-tray"

// HomeVariable moves every folder under one, for tests and for portable use.
const HomeVariable = "AGENTRUN_TRAY_HOME"

// maxRuntime is the longest runtime folder in which a unix socket can have a name. A socket's
// whole path is limited to 103 bytes on macOS (107 on Linux and Windows); the rest is for the
// separator and the file name.
const maxRuntime = 103 - len("/host.sock")

// Dirs are the folders of one user. They are absolute; none need exist yet, see EnsurePrivate.
type Dirs struct {
	Config  string // settings, meant to be read and edited by people
	Cache   string // may be deleted at any time: unpacked engines
	Data    string // must survive: ledger of sandboxes, contexts' scratch folders
	Runtime string // socket, lock and address of the running host; short enough for a unix socket
	Log     string // what programs without a terminal have to say
	Bin     string // what editors start; without a space in its path wherever that can be had, as some start no such programs
}

// Find returns the folders of the user who runs this process. It creates none.
func Find() (Dirs, error) { return FromEnv(os.Getenv, runtime.GOOS) }

// FromEnv is Find for another environment and operating system (as in runtime.GOOS).
func FromEnv(getenv func(string) string, goos string) (Dirs, error) {
	private := func(dir string) bool { return CheckPrivate(dir) == nil }
	return system{getenv: getenv, goos: goos, uid: os.Getuid(), private: private}.find()
}

// HasDisplay reports whether a window can be shown: always on macOS and Windows, elsewhere when
// the environment names an X or Wayland server.
func HasDisplay() bool { return hasDisplay(os.Getenv, runtime.GOOS) }

func hasDisplay(getenv func(string) string, goos string) bool {
	switch goos {
	case "darwin", "windows":
		return true
	default:
		return getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != ""
	}
}

// system is what the rules below depend on.
type system struct {
	getenv  func(string) string
	goos    string
	uid     int
	private func(dir string) bool // does this folder exist, ours and closed to others?
}

func (s system) find() (Dirs, error) {
	var d Dirs
	var err error
	if home := s.getenv(HomeVariable); home != "" {
		d, err = s.portable(home)
	} else {
		switch s.goos {
		case "windows":
			d, err = s.windows()
		case "darwin":
			d, err = s.darwin()
		default:
			d, err = s.xdg()
		}
	}
	if err != nil {
		return Dirs{}, fmt.Errorf("find the folders of %s: %w", app, err)
	}
	if len(d.Runtime) > maxRuntime {
		d.Runtime = s.shortRuntime(d.Runtime)
	}
	return d, nil
}

func (s system) portable(home string) (Dirs, error) {
	if !s.absolute(home) {
		// Programs started from different folders would each find another home.
		return Dirs{}, fmt.Errorf("%s is %q, want an absolute path", HomeVariable, home)
	}
	return Dirs{
		Config:  s.join(home, "config"),
		Cache:   s.join(home, "cache"),
		Data:    s.join(home, "data"),
		Runtime: s.join(home, "run"),
		Log:     s.join(home, "log"),
		Bin:     s.join(home, "data", "bin"),
	}, nil
}

func (s system) xdg() (Dirs, error) {
	// Relative values are to be ignored, says the XDG base directory specification.
	base := func(variable string, under ...string) string {
		if dir := s.getenv(variable); s.absolute(dir) {
			return s.join(dir, app)
		}
		home := s.getenv("HOME")
		if !s.absolute(home) {
			return ""
		}
		return s.join(append(append([]string{home}, under...), app)...)
	}
	d := Dirs{
		Config:  base("XDG_CONFIG_HOME", ".config"),
		Cache:   base("XDG_CACHE_HOME", ".cache"),
		Data:    base("XDG_DATA_HOME", ".local", "share"),
		Runtime: s.xdgRuntime(),
		Log:     base("XDG_STATE_HOME", ".local", "state"),
	}
	if d.Config == "" || d.Cache == "" || d.Data == "" || d.Log == "" {
		return Dirs{}, errors.New("HOME is not set to an absolute path")
	}
	d.Bin = s.bin(d.Data)
	return d, nil
}

// bin is beside the rest of the data, except where that has a space in its path, as on macOS. A home folder with a space leaves nothing
// better: outside of it, no folder is safe from others for as long as an editor may remember it.
func (s system) bin(data string) string {
	usual := s.join(data, "bin")
	if home := s.getenv("HOME"); strings.Contains(usual, " ") && s.absolute(home) && !strings.Contains(home, " ") {
		return s.join(home, "."+app, "bin")
	}
	return usual
}

// xdgRuntime must give the host and every relay the same answer, or a user ends up with two
// hosts. Editors start relays with a handful of variables, and XDG_RUNTIME_DIR is not one of
// them; so its usual place is looked at too.
func (s system) xdgRuntime() string {
	if dir := s.getenv("XDG_RUNTIME_DIR"); s.absolute(dir) {
		return s.join(dir, app)
	}
	if usual := s.join("/run/user", strconv.Itoa(s.uid)); s.private(usual) {
		return s.join(usual, app)
	}
	return s.temp()
}

func (s system) darwin() (Dirs, error) {
	home := s.getenv("HOME")
	if !s.absolute(home) {
		return Dirs{}, errors.New("HOME is not set to an absolute path")
	}
	library := s.join(home, "Library")
	support := s.join(library, "Application Support", app)
	return Dirs{
		Config: support,
		Cache:  s.join(library, "Caches", app),
		Data:   s.join(support, "data"),
		// Not in Caches, which the system empties when the disk is full.
		Runtime: s.join(support, "run"),
		Log:     s.join(library, "Logs", app),
		Bin:     s.bin(s.join(support, "data")),
	}, nil
}

func (s system) windows() (Dirs, error) {
	roaming, local := s.appData("APPDATA", "Roaming"), s.appData("LOCALAPPDATA", "Local")
	if roaming == "" || local == "" {
		return Dirs{}, errors.New("neither APPDATA and LOCALAPPDATA nor USERPROFILE are set to absolute paths")
	}
	// Only settings roam with the user; the rest belongs to this machine.
	ours := s.join(local, app)
	return Dirs{
		Config:  s.join(roaming, app),
		Cache:   s.join(ours, "cache"),
		Data:    s.join(ours, "data"),
		Runtime: s.join(ours, "run"),
		Log:     s.join(ours, "log"),
		Bin:     s.join(ours, "data", "bin"), // its name without spaces is found where it is used: it takes the disk
	}, nil
}

// appData is one of the two folders in which Windows keeps the files of programs, or "".
func (s system) appData(variable, usual string) string {
	if dir := s.getenv(variable); s.absolute(dir) {
		return dir
	}
	if profile := s.getenv("USERPROFILE"); s.absolute(profile) {
		return s.join(profile, "AppData", usual)
	}
	return ""
}

// shortRuntime stands in for a runtime folder whose path leaves no room for a socket. The name is
// made from the path, so that every program which would have used that folder finds this one, and
// two homes never share a host.
func (s system) shortRuntime(long string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(long)) // never fails
	return s.temp(fmt.Sprintf("%016x", h.Sum64()))
}

// temp is a folder of ours for temporary files, a place every process of the user agrees on: on
// unix not in TMPDIR, which editors do not pass on. /tmp is open to everybody, so the name has the
// user's number, and EnsurePrivate and CheckPrivate refuse the folder when somebody else was there
// first.
func (s system) temp(suffix ...string) string {
	if s.goos == "windows" {
		return s.join(s.appData("LOCALAPPDATA", "Local"), "Temp", strings.Join(append([]string{app}, suffix...), "-"))
	}
	return s.join("/tmp", strings.Join(append([]string{app, strconv.Itoa(s.uid)}, suffix...), "-"))
}

// absolute and join follow the rules of s.goos, which in tests is not where they run.
func (s system) absolute(dir string) bool {
	if s.goos != "windows" {
		return strings.HasPrefix(dir, "/")
	}
	drive := len(dir) > 2 && dir[1] == ':' && (dir[2] == '\\' || dir[2] == '/')
	return drive || strings.HasPrefix(dir, `\\`)
}

func (s system) join(parts ...string) string {
	if s.goos != "windows" {
		return path.Join(parts...)
	}
	for i := range parts {
		parts[i] = strings.TrimRight(strings.ReplaceAll(parts[i], "/", `\`), `\`)
	}
	return strings.Join(parts, `\`)
}
