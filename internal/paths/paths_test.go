package paths

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestFolders(t *testing.T) {
	long := "/home/" + strings.Repeat("very-long/", 12)
	for _, tt := range []struct {
		name, goos string
		env        map[string]string
		private    string // the folder which exists and is ours
		want       Dirs
		fails      string
	}{
		{
			name: "linux with only HOME, as editors start us", goos: "linux",
			env: map[string]string{"HOME": "/home/ann"},
			want: Dirs{
				"/home/ann/.config/agentrun-tray", "/home/ann/.cache/agentrun-tray", "/home/ann/.local/share/agentrun-tray",
				"/tmp/agentrun-tray-1000", "/home/ann/.local/state/agentrun-tray", "/home/ann/.local/share/agentrun-tray/bin",
			},
		},
		{
			name: "linux finds the runtime folder even when it is not told", goos: "linux",
			env: map[string]string{"HOME": "/home/ann"}, private: "/run/user/1000",
			want: Dirs{
				"/home/ann/.config/agentrun-tray", "/home/ann/.cache/agentrun-tray", "/home/ann/.local/share/agentrun-tray",
				"/run/user/1000/agentrun-tray", "/home/ann/.local/state/agentrun-tray", "/home/ann/.local/share/agentrun-tray/bin",
			},
		},
		{
			name: "linux with all of XDG and no HOME", goos: "linux",
			env: map[string]string{
				"XDG_CONFIG_HOME": "/x/c", "XDG_CACHE_HOME": "/x/k", "XDG_DATA_HOME": "/x/d", "XDG_STATE_HOME": "/x/s", "XDG_RUNTIME_DIR": "/x/r",
			},
			private: "/run/user/1000",
			want:    Dirs{"/x/c/agentrun-tray", "/x/k/agentrun-tray", "/x/d/agentrun-tray", "/x/r/agentrun-tray", "/x/s/agentrun-tray", "/x/d/agentrun-tray/bin"},
		},
		{
			name: "relative XDG values are ignored", goos: "linux",
			env: map[string]string{"HOME": "/h", "XDG_CONFIG_HOME": "c", "XDG_RUNTIME_DIR": "./r"},
			want: Dirs{
				"/h/.config/agentrun-tray", "/h/.cache/agentrun-tray", "/h/.local/share/agentrun-tray",
				"/tmp/agentrun-tray-1000", "/h/.local/state/agentrun-tray", "/h/.local/share/agentrun-tray/bin",
			},
		},
		{name: "linux without HOME says so", goos: "linux", fails: "HOME is not set"},
		{
			name: "other unix systems follow XDG", goos: "freebsd",
			env: map[string]string{"HOME": "/h"},
			want: Dirs{
				"/h/.config/agentrun-tray", "/h/.cache/agentrun-tray", "/h/.local/share/agentrun-tray",
				"/tmp/agentrun-tray-1000", "/h/.local/state/agentrun-tray", "/h/.local/share/agentrun-tray/bin",
			},
		},
		{
			name: "macOS", goos: "darwin",
			env: map[string]string{"HOME": "/Users/ann", "XDG_CONFIG_HOME": "/x", "TMPDIR": "/var/folders/zz/T/"},
			want: Dirs{
				"/Users/ann/Library/Application Support/agentrun-tray", "/Users/ann/Library/Caches/agentrun-tray",
				"/Users/ann/Library/Application Support/agentrun-tray/data", "/Users/ann/Library/Application Support/agentrun-tray/run",
				"/Users/ann/Library/Logs/agentrun-tray", "/Users/ann/.agentrun-tray/bin",
			},
		},
		{
			name: "a data folder with a space, and a home without", goos: "linux",
			env: map[string]string{"HOME": "/h", "XDG_DATA_HOME": "/my data"},
			want: Dirs{
				"/h/.config/agentrun-tray", "/h/.cache/agentrun-tray", "/my data/agentrun-tray",
				"/tmp/agentrun-tray-1000", "/h/.local/state/agentrun-tray", "/h/.agentrun-tray/bin",
			},
		},
		{
			name: "a home with a space leaves nothing better", goos: "linux",
			env: map[string]string{"HOME": "/home/a b"},
			want: Dirs{
				"/home/a b/.config/agentrun-tray", "/home/a b/.cache/agentrun-tray", "/home/a b/.local/share/agentrun-tray",
				"/tmp/agentrun-tray-1000", "/home/a b/.local/state/agentrun-tray", "/home/a b/.local/share/agentrun-tray/bin",
			},
		},
		{name: "macOS without HOME says so", goos: "darwin", fails: "HOME is not set"},
		{
			name: "Windows", goos: "windows",
			env: map[string]string{"APPDATA": `C:\Users\ann\AppData\Roaming`, "LOCALAPPDATA": `C:\Users\ann\AppData\Local`},
			want: Dirs{
				`C:\Users\ann\AppData\Roaming\agentrun-tray`, `C:\Users\ann\AppData\Local\agentrun-tray\cache`,
				`C:\Users\ann\AppData\Local\agentrun-tray\data`, `C:\Users\ann\AppData\Local\agentrun-tray\run`,
				`C:\Users\ann\AppData\Local\agentrun-tray\log`, `C:\Users\ann\AppData\Local\agentrun-tray\data\bin`,
			},
		},
		{
			name: "Windows with only USERPROFILE", goos: "windows",
			env: map[string]string{"USERPROFILE": `D:\ann\`, "APPDATA": `\relative`},
			want: Dirs{
				`D:\ann\AppData\Roaming\agentrun-tray`, `D:\ann\AppData\Local\agentrun-tray\cache`,
				`D:\ann\AppData\Local\agentrun-tray\data`, `D:\ann\AppData\Local\agentrun-tray\run`,
				`D:\ann\AppData\Local\agentrun-tray\log`, `D:\ann\AppData\Local\agentrun-tray\data\bin`,
			},
		},
		{name: "Windows with nothing says so", goos: "windows", fails: "USERPROFILE"},
		{
			name: "one home for everything on unix", goos: "darwin",
			env:  map[string]string{HomeVariable: "/p", "HOME": "/h"},
			want: Dirs{"/p/config", "/p/cache", "/p/data", "/p/run", "/p/log", "/p/data/bin"},
		},
		{
			name: "one home for everything on Windows", goos: "windows",
			env:  map[string]string{HomeVariable: `E:\portable`},
			want: Dirs{`E:\portable\config`, `E:\portable\cache`, `E:\portable\data`, `E:\portable\run`, `E:\portable\log`, `E:\portable\data\bin`},
		},
		{name: "a relative home is refused", goos: "linux", env: map[string]string{HomeVariable: "here", "HOME": "/h"}, fails: "want an absolute path"},
		{name: "a drive-relative home is refused", goos: "windows", env: map[string]string{HomeVariable: `C:here`}, fails: "want an absolute path"},
		{
			name: "a home too deep for a socket keeps everything but the runtime folder", goos: "linux",
			env:  map[string]string{HomeVariable: long},
			want: Dirs{long + "config", long + "cache", long + "data", "/tmp/agentrun-tray-1000-004206f5a766ede3", long + "log", long + "data/bin"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := system{
				getenv:  func(key string) string { return tt.env[key] },
				goos:    tt.goos,
				uid:     1000,
				private: func(dir string) bool { return dir == tt.private },
			}.find()
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("find() = %v, %v; want an error with %q", got, err, tt.fails)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("find() = %v\n%+v, want\n%+v", err, got, tt.want)
			}
		})
	}
}

func TestASocketFitsIntoEveryRuntimeFolder(t *testing.T) {
	seen := map[string]string{}
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for n := 1; n < 300; n += 7 {
			root := "/"
			if goos == "windows" {
				root = `C:\`
			}
			home := root + strings.Repeat("h", n)
			d, err := FromEnv(func(key string) string {
				switch key {
				case HomeVariable:
					return home
				case "LOCALAPPDATA":
					return `C:\Users\a-name-of-20-letters\AppData\Local`
				}
				return ""
			}, goos)
			if err != nil {
				t.Fatal(err)
			}
			if socket := d.Runtime + "/host.sock"; len(socket) > 103 {
				t.Errorf("%s, home of %d bytes: socket path has %d bytes, want at most 103", goos, len(home), len(socket))
			}
			if other, dup := seen[goos+d.Runtime]; dup {
				t.Errorf("homes %q and %q share %s", other, home, d.Runtime)
			}
			seen[goos+d.Runtime] = home
		}
	}
}

func TestFindUsesTheEnvironment(t *testing.T) {
	home := t.TempDir()
	t.Setenv(HomeVariable, home)
	d, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(home, "config"); d.Config != want {
		t.Errorf("Config = %q, want %q", d.Config, want)
	}
	if entries, err := os.ReadDir(home); err != nil || len(entries) != 0 {
		t.Errorf("Find made %v (%v), want nothing", entries, err)
	}
}

func TestDisplay(t *testing.T) {
	for _, tt := range []struct {
		goos, variable string
		want           bool
	}{
		{"linux", "DISPLAY", true},
		{"linux", "WAYLAND_DISPLAY", true},
		{"linux", "TERM", false},
		{"freebsd", "DISPLAY", true},
		{"darwin", "", true},
		{"windows", "", true},
	} {
		got := hasDisplay(func(key string) string {
			if key == tt.variable {
				return ":0"
			}
			return ""
		}, tt.goos)
		if got != tt.want {
			t.Errorf("on %s with %q set: hasDisplay() = %v, want %v", tt.goos, tt.variable, got, tt.want)
		}
	}
	t.Setenv("DISPLAY", ":7")
	if !HasDisplay() {
		t.Error("HasDisplay() = false with DISPLAY set")
	}
}

func TestEnsurePrivateMakesAFolderForTheOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := EnsurePrivate(dir); err != nil {
			t.Fatalf("EnsurePrivate = %v", err)
		}
	}
	for _, d := range []string{dir, filepath.Dir(dir)} {
		info, err := os.Stat(d)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v, want 0700", d, info.Mode().Perm())
		}
	}
}

func TestEnsurePrivateRefusesAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := EnsurePrivate(name); err == nil || !strings.Contains(err.Error(), "not a folder") {
		t.Errorf("EnsurePrivate = %v, want an error which says that it is not a folder", err)
	}
	if err := EnsurePrivate(filepath.Join(name, "under")); err == nil {
		t.Error("EnsurePrivate under a file succeeded, want an error")
	}
	if err := CheckPrivate(filepath.Join(name, "missing")); err == nil {
		t.Error("CheckPrivate of nothing succeeded, want an error")
	}
}
