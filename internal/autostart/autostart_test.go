package autostart

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// ways are the systems that keep a file, each below the same home.
var ways = map[string]struct {
	make func(Options) (system, error)
	path string // below the home
}{
	"desktop entry": {newDesktop, ".config/autostart/io.example.Program.desktop"},
	"launch agent":  {newAgent, "Library/LaunchAgents/io.example.Program.plist"},
}

func options(home string) Options {
	return Options{
		ID: "io.example.Program", Name: "Program", Program: "/opt/some folder/program", Args: []string{"--background"},
		Getenv: func(name string) string {
			return map[string]string{"HOME": home, "XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}[name]
		},
	}
}

func TestAProgramIsStartedAtLoginOrNot(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			open := func(change func(*Options)) *Entry {
				opt := options(home)
				if change != nil {
					change(&opt)
				}
				s, err := way.make(opt)
				if err != nil {
					t.Fatal(err)
				}
				return &Entry{opt, s}
			}
			is := func(e *Entry, want bool) {
				t.Helper()
				if on, err := e.On(); on != want || err != nil {
					t.Errorf("On = %v, %v; want %v", on, err, want)
				}
			}
			e := open(nil)
			path := filepath.Join(home, filepath.FromSlash(way.path))
			if e.Where() != path {
				t.Errorf("Where = %s, want %s", e.Where(), path)
			}
			is(e, false)
			for range 2 {
				if err := e.Set(true); err != nil {
					t.Fatal(err)
				}
				is(e, true)
			}
			if command, err := e.system.read(); err != nil || !slices.Equal(command, []string{"/opt/some folder/program", "--background"}) {
				t.Errorf("%q is started, %v", command, err)
			}
			moved := open(func(o *Options) { o.Program = "/elsewhere/program" })
			is(moved, false)
			if err := moved.Set(true); err != nil {
				t.Fatal(err)
			}
			is(moved, true)
			is(e, false)
			for range 2 {
				if err := moved.Set(false); err != nil {
					t.Fatal(err)
				}
				is(moved, false)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("the entry is still there")
			}
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if err := os.MkdirAll(path, 0o700); err != nil {
				t.Fatal(err)
			}
			if on, err := e.On(); on || err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("On of what cannot be read = %v, %v; want an error that names it", on, err)
			}
			if err := e.Set(true); err == nil || !strings.HasPrefix(err.Error(), "start at login: ") {
				t.Errorf("Set where it cannot be written = %v", err)
			}
		})
	}
}

func TestWhatTheUserSwitchedOffElsewhereIsOff(t *testing.T) {
	for name, tc := range map[string]struct {
		make      func(Options) (system, error)
		old, with string
	}{
		"hidden by the desktop":           {newDesktop, "Terminal=false\n", "Terminal=false\nHidden=true\n"},
		"off in GNOME":                    {newDesktop, "enabled=true", "enabled=false"},
		"another section":                 {newDesktop, "[Desktop Entry]", "[Desktop Action x]"},
		"no command":                      {newDesktop, "Exec=", "TryExec="},
		"not at login":                    {newAgent, "<true/>", "<false/>"},
		"disabled":                        {newAgent, "<key>ProcessType</key>", "<key>Disabled</key><true/><key>ProcessType</key>"},
		"no property list":                {newAgent, "</array>", "</dict>"},
		"arguments of something else":     {newAgent, "ProgramArguments", "WatchPaths"},
		"an entry with a comment of it":   {newDesktop, "Exec=", "# Exec="},
		"for another desktop":             {newDesktop, "Terminal=false\n", "OnlyShowIn=KDE;XFCE;\n"},
		"for all desktops but this one":   {newDesktop, "Terminal=false\n", "NotShowIn=KDE;GNOME;\n"},
		"for a program that is not there": {newDesktop, "Terminal=false\n", "TryExec=/nowhere/program\n"},
	} {
		t.Run(name, func(t *testing.T) {
			opt := options(t.TempDir())
			s, err := tc.make(opt)
			if err != nil {
				t.Fatal(err)
			}
			e := &Entry{opt, s}
			if err := e.Set(true); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(e.Where())
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), tc.old) {
				t.Fatalf("the entry lacks %q:\n%s", tc.old, text)
			}
			if err := os.WriteFile(e.Where(), []byte(strings.Replace(string(text), tc.old, tc.with, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if on, err := e.On(); on || err != nil {
				t.Errorf("On = %v, %v", on, err)
			}
			if err := e.Set(true); err != nil {
				t.Fatal(err)
			}
			if on, err := e.On(); !on || err != nil {
				t.Errorf("after it was switched on again On = %v, %v", on, err)
			}
		})
	}
}

func TestTheEnvironmentSaysWhere(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		way  func(Options) (system, error)
		want string // empty: an error
	}{
		{"a folder for settings of its own", map[string]string{"HOME": "/home/u", "XDG_CONFIG_HOME": "/cfg"}, newDesktop, "/cfg/autostart/io.example.Program.desktop"},
		{"a relative one is ignored", map[string]string{"HOME": "/home/u", "XDG_CONFIG_HOME": "cfg"}, newDesktop, "/home/u/.config/autostart/io.example.Program.desktop"},
		{"no home", nil, newDesktop, ""},
		{"no home on macOS", nil, newAgent, ""},
	} {
		opt := options("")
		opt.Getenv = func(name string) string { return tc.env[name] }
		s, err := tc.way(opt)
		if tc.want == "" {
			if err == nil || !strings.Contains(err.Error(), "HOME") {
				t.Errorf("%s: %v", tc.name, err)
			}
			continue
		}
		if err != nil || s.where() != tc.want {
			t.Errorf("%s: %v, %v; want %s", tc.name, s, err, tc.want)
		}
	}
}

func TestWhatCannotBeStarted(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no id":                 func(o *Options) { o.ID = "" },
		"an id that is a path":  func(o *Options) { o.ID = "../x.y" },
		"a name in two lines":   func(o *Options) { o.Name = "a\nExec=b" },
		"a relative path":       func(o *Options) { o.Program = "program" },
		"a word in two lines":   func(o *Options) { o.Args = []string{"a\nb"} },
		"no environment at all": func(o *Options) { o.Getenv = nil },
	} {
		opt := options("/home/u")
		change(&opt)
		if _, err := New(opt); err == nil || !strings.HasPrefix(err.Error(), "start at login: ") {
			t.Errorf("%s: New = %v", name, err)
		}
	}
	if e, err := New(options(t.TempDir())); err != nil || e.Where() == "" {
		t.Errorf("New = %v, %v", e, err)
	}
}

// TestWhichDesktopsStartAnEntry is the order of the Desktop Entry Specification.
func TestWhichDesktopsStartAnEntry(t *testing.T) {
	programs := t.TempDir()
	if err := os.WriteFile(filepath.Join(programs, "there"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(programs, "text"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		keys, desktop string
		want          bool
	}{
		{"", "GNOME", true},
		{"OnlyShowIn=GNOME;", "ubuntu:GNOME", true},
		{"OnlyShowIn=GNOME;", "KDE", false},
		{"OnlyShowIn=GNOME;", "", false},
		{"OnlyShowIn=", "GNOME", false},
		{"NotShowIn=KDE;", "KDE", false},
		{"NotShowIn=KDE;", "", true},
		{"NotShowIn=GNOME;\nOnlyShowIn=ubuntu;", "ubuntu:GNOME", true},
		{"NotShowIn=ubuntu;\nOnlyShowIn=GNOME;", "ubuntu:GNOME", false},
		{"TryExec=there", "GNOME", true},
		{"TryExec=" + filepath.Join(programs, "there"), "GNOME", true},
		{"TryExec=text", "GNOME", false},
		{"TryExec=nowhere", "GNOME", false},
		{"TryExec=" + programs, "GNOME", false},
	} {
		env := map[string]string{"XDG_CURRENT_DESKTOP": tc.desktop, "PATH": "relative" + string(filepath.ListSeparator) + programs}
		entry := "[Desktop Entry]\nExec=/opt/program\n" + tc.keys + "\n"
		if got := commandOfEntry([]byte(entry), func(name string) string { return env[name] }); (len(got) > 0) != tc.want {
			t.Errorf("with %q on the desktop %q it is started: %q, want %v", tc.keys, tc.desktop, got, tc.want)
		}
	}
}

func noEnv(string) string { return "" }

// TestAnyCommandComesBack: what is written is read as the same words, whatever is in them.
func TestAnyCommandComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(
			rapid.SampledFrom([]string{"", " ", "%", "%u", "$HOME", "`id`", `\`, `\\`, `"`, `'`, "a b", `C:\x\`, "数据", "é", "&amp;", "<a>", "--x=y", "#", "\t"}),
			rapid.StringMatching(`[ -~]{0,12}`), rapid.StringOf(rapid.RuneFrom([]rune(` "\$%&'<>;`+"`"))),
		)
		command := rapid.SliceOfN(word, 1, 5).Draw(t, "command")
		if got := commandOfEntry(desktopEntry("io.example.Program", "Program", command), noEnv); !slices.Equal(got, command) {
			t.Fatalf("desktop entry: %q came back as %q:\n%s", command, got, desktopEntry("id", "n", command))
		}
		if got := commandOfAgent(launchAgent("io.example.Program", command)); !slices.Equal(got, command) {
			t.Fatalf("launch agent: %q came back as %q", command, got)
		}
	})
}

func TestALaunchAgentIsWellFormed(t *testing.T) {
	var plist struct {
		Dict struct {
			Keys []string `xml:"key"`
		} `xml:"dict"`
	}
	if err := xml.Unmarshal(launchAgent("io.example.Program", []string{"/a & b/<c>"}), &plist); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Label", "ProgramArguments", "RunAtLoad", "ProcessType", "LimitLoadToSessionType"}; !slices.Equal(plist.Dict.Keys, want) {
		t.Errorf("keys are %q, want %q", plist.Dict.Keys, want)
	}
}

func TestADesktopEntryIsAsItsSpecificationHasIt(t *testing.T) {
	want := `[Desktop Entry]
Type=Application
Name=Program
Exec="/opt/a b/prog\\$ram" --background 100%% "say \\"hi\\""
Icon=io.example.Program
Terminal=false
StartupNotify=false
X-GNOME-Autostart-enabled=true
`
	if got := string(desktopEntry("io.example.Program", "Program", []string{"/opt/a b/prog$ram", "--background", "100%", `say "hi"`})); got != want {
		t.Errorf("the entry is\n%s\nwant\n%s", got, want)
	}
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte("[Desktop Entry]\nExec=\"a\\\\\" b"))
	f.Add(launchAgent("a.b", []string{"/x"}))
	f.Fuzz(func(_ *testing.T, text []byte) {
		commandOfEntry(text, noEnv)
		commandOfAgent(text)
	})
}
