//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

func TestTheMockMarksItsResults(t *testing.T) {
	t.Parallel()
	h := coldHome(t, "")
	h.serve(t, "--backend", "mock", "--listen", "off").ready(t)
	c := h.connect(t, legacy)
	for _, language := range []string{"python", "javascript"} {
		r := c.run(t, c.create(t, "pretended", language), "print(6 * 7)")
		if !r.success() || !strings.HasPrefix(r.text("stdout"), "[MOCK]") || r.text("backend") != "mock" {
			t.Errorf("run_code in %s = %v, want a result of the mock backend marked [MOCK]", language, r)
		}
	}
}

// problem waits for a problem in the status and returns it.
func (h *home) problem(t *testing.T, code status.ProblemCode) status.Problem {
	t.Helper()
	var found status.Problem
	h.sees(t, "the problem "+string(code), func(s status.Snapshot) bool {
		for _, p := range s.Problems {
			if p.Code == code {
				found = p
				return true
			}
		}
		return false
	})
	return found
}

func TestATakenPortIsReplacedAndReported(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, taken, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	h := coldHome(t, fmt.Sprintf(`{"backend": "mock", "http": {"port": %s}}`, taken))
	h.serve(t).ready(t)
	p := h.problem(t, "port-taken")
	url := h.sees(t, "an address", func(s status.Snapshot) bool { return s.Addresses.HTTP != "" }).Addresses.HTTP
	if used := port(t, url); used == taken || !strings.Contains(p.What, taken) || !strings.Contains(p.What, used) || p.Todo == "" {
		t.Errorf("with port %s taken the address is %s and the problem %+v, want another port, both named, and what to do", taken, url, p)
	}
	token := strings.TrimSpace(h.mustCtl(t, "token", "x"))
	if got := post(t, url, map[string]string{"Authorization": "Bearer " + token}); got != http.StatusOK {
		t.Errorf("POST to the other port = %d, want %d", got, http.StatusOK)
	}
	if people := h.mustCtl(t, "status"); !strings.Contains(people, p.What) {
		t.Errorf("agentrunctl status does not show the problem:\n%s", people)
	}
}

func TestBrokenSettingsAreKeptAside(t *testing.T) {
	t.Parallel()
	const broken = `{"pool": {"warm": 1,`
	h := coldHome(t, broken)
	h.serve(t, "--backend", "mock", "--listen", "off").ready(t)
	p := h.problem(t, "settings")
	files, err := os.ReadDir(h.dirs.Config)
	if err != nil {
		t.Fatal(err)
	}
	kept := ""
	for _, file := range files {
		if text, err := os.ReadFile(filepath.Join(h.dirs.Config, file.Name())); err == nil && string(text) == broken && file.Name() != "settings.json" {
			kept = file.Name()
		}
	}
	if kept == "" || filepath.Base(p.Args.File) != kept || !strings.Contains(p.Todo, p.Args.File) || !strings.Contains(p.Why, "line 1") {
		t.Errorf("after broken settings the folder holds %v and the problem is %+v, want them kept under a name that is told", files, p)
	}
	if s, err := h.look(); err != nil || s.Pool.Warm != 3 {
		t.Errorf("the pool keeps %d warm, %v, want the default, 3", s.Pool.Warm, err)
	}
}

func TestABadSettingIsReportedAndTheRestHolds(t *testing.T) {
	t.Parallel()
	const settings = `{"pool": {"warm": 2, "isolation": "padded"}, "backend": "mock", "http": {"enabled": false}, "colour": "blue"}`
	h := coldHome(t, settings)
	h.serve(t).ready(t)
	s := h.sees(t, "two problems", func(s status.Snapshot) bool { return len(s.Problems) == 2 })
	var all []string
	for _, p := range s.Problems {
		all = append(all, p.What)
	}
	if text := strings.Join(all, "\n"); !strings.Contains(text, "pool.isolation") || !strings.Contains(text, "colour") {
		t.Errorf("the problems are %q, want pool.isolation and colour named", all)
	}
	if s.Pool.Warm != 2 || s.Backend.Name != "mock" {
		t.Errorf("the good settings gave %+v %+v, want two mock sessions", s.Pool, s.Backend)
	}
	if text, err := os.ReadFile(h.settingsFile()); err != nil || string(text) != settings {
		t.Errorf("the settings file now holds %s, %v, want it untouched", text, err)
	}
}

// TestEveryProgramFindsTheSameFolders: an editor passes on few variables, and paths may be longer than a socket's can be.
func TestEveryProgramFindsTheSameFolders(t *testing.T) {
	t.Parallel()
	long := filepath.Join(t.TempDir(), strings.Repeat("a-long-name-", 15))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	deep, err := openHome(long)
	if err != nil {
		t.Fatal(err)
	}
	usual := t.TempDir()
	plain, err := openHomeWith(usual, "XDG_RUNTIME_DIR="+filepath.Join(usual, "run"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(usual, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]*home{"a long path": deep, "no variable of ours": plain} {
		t.Run(name, func(t *testing.T) {
			h.settle(t, mocked)
			c := h.connect(t, legacy)
			id := c.create(t, "found", "python")
			s := h.sees(t, "the client's context", func(s status.Snapshot) bool { return len(s.Contexts) == 1 })
			if s.Contexts[0].ID != id || s.Backend.Name != "mock" || s.Addresses.Socket != h.socket() {
				t.Errorf("agentrunctl status = %+v, want the mock backend by the settings, context %s and the socket %s", s, id, h.socket())
			}
			if info, err := os.Stat(h.dirs.Runtime); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the folder of the socket: %v, %v, want mode 0700", info, err)
			}
		})
	}
}

func TestMisuseIsExplained(t *testing.T) {
	t.Parallel()
	h := coldHome(t, quiet)
	for _, words := range []string{"", "dance", "serve --backend cobol", "serve --log-level loud", "serve --idle-exit -1s", "serve now", "serve --listen somewhere", "token a/b"} {
		out, err := h.ctl(strings.Fields(words)...)
		if err != nil || out.code == 0 || len(out.stderr) < 20 || out.stdout != "" {
			t.Errorf("agentrunctl %s = %+v, %v, want a refusal on standard error", words, out, err)
		}
	}
	if out := h.mustCtl(t, "version"); strings.TrimSpace(out) == "" {
		t.Errorf("agentrunctl version printed nothing")
	}
	if out := h.mustCtl(t, "help"); !strings.Contains(out, "serve") || !strings.Contains(out, "status") {
		t.Errorf("agentrunctl help = %q, want the commands", out)
	}
}
