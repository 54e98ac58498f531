//go:build clients

package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long one command of a client may take; the slowest needs ten seconds on a busy machine.
const patience = time.Minute

var (
	folder = flag.String("clients", "", "folder with the installed clients (see packaging/npm.sh)")
	node   = flag.String("node", "node", "the node that clients run on")

	// Where our programs are; set before any test runs.
	programs string
)

// The programs and parsers of editors, below node_modules.
const (
	claudeCode     = "@anthropic-ai/claude-code/cli.js"
	codex          = "@openai/codex/vendor/x86_64-unknown-linux-musl/codex/codex"
	continueParser = "@continuedev/config-yaml/package.json"
	copilot        = "@github/copilot/index.js"
	gemini         = "@google/gemini-cli/bundle/gemini.js"
	opencode       = "opencode-linux-x64-baseline/bin/opencode"
	qwen           = "@qwen-code/qwen-code/cli.js"
	vscodeParser   = "jsonc-parser/package.json"
)

// minimumNode is the oldest that all of the clients run on.
const minimumNode = 22

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(withPrograms(m.Run))
}

func withPrograms(run func() int) int {
	dir, err := os.MkdirTemp("", "agentrun-clients-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	if err := errors.Join(findClients(), build()); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		return 1
	}
	return run()
}

func findClients() (err error) {
	if *folder == "" {
		return errors.New("where are the clients? make clients installs them and says so by -clients FOLDER")
	}
	if *folder, err = filepath.Abs(*folder); err != nil {
		return err
	}
	var missing []string
	for _, name := range []string{claudeCode, codex, continueParser, copilot, gemini, opencode, qwen, vscodeParser} {
		if _, err := os.Stat(module(name)); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not installed in %s, so that none is run: %s; make clients installs them", *folder, strings.Join(missing, ", "))
	}
	if *node, err = exec.LookPath(*node); err != nil {
		return err
	}
	out, err := exec.Command(*node, "-p", "process.versions.node").Output()
	if err != nil {
		return fmt.Errorf("%s: %w", *node, err)
	}
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < minimumNode {
		return fmt.Errorf("%s is version %s, and the clients need %d or newer, so that none is run; make clients uses the node of the public suites", *node, version, minimumNode)
	}
	return nil
}

// module is a file of an npm package.
func module(name string) string {
	return filepath.Join(*folder, "node_modules", filepath.FromSlash(name))
}

func build() error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", programs+string(filepath.Separator), "./cmd/agentrun-mcp", "./cmd/agentrunctl")
	cmd.Dir = filepath.Join("..", "..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// home is a user's home folder in which agentrunctl and a client run.
type home struct {
	dir string
	url string // of a host that serves it; empty: none runs
}

// newHome makes a home with the client's settings file, whose name is relative to it.
func newHome(t *testing.T, file, text string) *home {
	t.Helper()
	h := &home{dir: t.TempDir()}
	for name, text := range map[string]string{
		"tray/config/settings.json": `{"backend": "mock", "http": {"enabled": false}}`,
		"work/README":               "",
		"bin/claude":                "#!/bin/sh\nexec '" + *node + "' '" + module(claudeCode) + "' \"$@\"\n",
		file:                        text,
	} {
		name = filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if out, err := h.command(context.Background(), filepath.Join(programs, "agentrunctl"), "stop").CombinedOutput(); err != nil {
			t.Errorf("stop: %v\n%s", err, out)
		}
	})
	return h
}

func (h *home) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{
		"HOME=" + h.dir, "AGENTRUN_TRAY_HOME=" + filepath.Join(h.dir, "tray"), "PATH=" + strings.Join([]string{filepath.Join(h.dir, "bin"), filepath.Dir(*node), os.Getenv("PATH")}, ":"),
		"NO_COLOR=1", "CI=1", "DISABLE_AUTOUPDATER=1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
		"OPENCODE_DISABLE_AUTOUPDATE=1", "OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_DEFAULT_PLUGINS=1", "OPENCODE_DISABLE_LSP_DOWNLOAD=1",
	}
	cmd.Dir = filepath.Join(h.dir, "work")
	return cmd
}

// run runs a program in the home and returns what it prints.
func (h *home) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := h.command(ctx, name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v; it said:\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

func (h *home) ctl(t *testing.T, args ...string) string {
	t.Helper()
	return h.run(t, filepath.Join(programs, "agentrunctl"), args...)
}

func (h *home) read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// shim is the path that editors are given.
func (h *home) shim() string { return filepath.Join(h.dir, "tray", "data", "bin", "agentrun-mcp") }

// serve starts a host with an address, and ends with the test.
func (h *home) serve(t *testing.T) {
	t.Helper()
	cmd := h.command(context.Background(), filepath.Join(programs, "agentrunctl"), "serve", "--listen", "127.0.0.1:0", "--quiet")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // before it, newHome's has told it to stop
	h.stopWith(t)
	deadline := time.After(patience)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		out, err := h.command(ctx, filepath.Join(programs, "agentrunctl"), "status", "--json").Output()
		cancel()
		var s struct{ Addresses struct{ HTTP string } }
		if err == nil && json.Unmarshal(out, &s) == nil && s.Addresses.HTTP != "" {
			h.url = s.Addresses.HTTP
			return
		}
		select {
		case <-deadline:
			t.Fatalf("the host does not serve: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stopWith ends the host before the cleanup that waits for it.
func (h *home) stopWith(t *testing.T) {
	t.Cleanup(func() {
		_ = h.command(context.Background(), filepath.Join(programs, "agentrunctl"), "stop").Run() // a host that is gone is what is wanted
	})
}

// wants looks for a pattern in what a client has printed.
func wants(t *testing.T, out, pattern string) {
	t.Helper()
	if !regexp.MustCompile(pattern).MatchString(out) {
		t.Errorf("the client prints\n%s\nwant %s", out, pattern)
	}
}

func TestClaudeCode(t *testing.T) {
	t.Parallel()
	h := newHome(t, ".claude.json", `{"mcpServers": {"other": {"type": "stdio", "command": "/bin/false", "args": []}}}`)
	out := h.ctl(t, "connect", "claude-code")
	wants(t, out, `claude mcp add-json --scope user agentrun`)
	list := h.run(t, filepath.Join(h.dir, "bin", "claude"), "mcp", "list")
	wants(t, list, `agentrun: `+regexp.QuoteMeta(h.shim())+` +- [✓✔] Connected`)
	wants(t, h.run(t, filepath.Join(h.dir, "bin", "claude"), "mcp", "get", "agentrun"), `Scope: User config`)
	if out := h.ctl(t, "connect", "claude-code"); !strings.Contains(out, "connected already") {
		t.Errorf("connect again = %q", out)
	}
	wants(t, h.ctl(t, "disconnect", "claude-code"), `claude mcp remove --scope user agentrun`)
	if list := h.run(t, filepath.Join(h.dir, "bin", "claude"), "mcp", "list"); strings.Contains(list, "agentrun") || !strings.Contains(list, "other") {
		t.Errorf("after disconnect the client lists\n%s", list)
	}
	wants(t, h.ctl(t, "undo", "claude-code"), `as it was before`)
	wants(t, h.ctl(t, "editors"), `claude-code +Claude Code +connected`)
}

func TestClaudeCodeByURL(t *testing.T) {
	t.Parallel()
	h := newHome(t, ".claude.json", `{}`)
	h.serve(t)
	h.ctl(t, "connect", "claude-code", "--http")
	wants(t, h.run(t, filepath.Join(h.dir, "bin", "claude"), "mcp", "list"), `agentrun: `+h.url+` \(HTTP\) - [✓✔] Connected`)
}

// geminiSettings trust the folder that the test runs in: in others Gemini starts no server.
const geminiSettings = `// settings of a user
{
  "security": { "folderTrust": { "enabled": false } },
  "mcpServers": {}
}
`

func TestGemini(t *testing.T) {
	t.Parallel()
	h := newHome(t, ".gemini/settings.json", geminiSettings)
	before := h.read(t, ".gemini/settings.json")
	h.ctl(t, "connect", "gemini")
	wants(t, h.says(t, *node, module(gemini), "mcp", "list"), `✓ agentrun: `+regexp.QuoteMeta(h.shim())+` +\(stdio\) - Connected`)
	h.ctl(t, "disconnect", "gemini")
	if after := h.read(t, ".gemini/settings.json"); after != before {
		t.Errorf("after disconnect the settings are\n%s\nwant\n%s", after, before)
	}
}

func TestGeminiByURL(t *testing.T) {
	t.Parallel()
	h := newHome(t, ".gemini/settings.json", geminiSettings)
	h.serve(t)
	h.ctl(t, "connect", "gemini", "--http")
	wants(t, h.says(t, *node, module(gemini), "mcp", "list"), `✓ agentrun: `+h.url+` \(http\) - Connected`)
}

func TestQwen(t *testing.T) {
	t.Parallel()
	h := newHome(t, ".qwen/settings.json", geminiSettings)
	h.ctl(t, "connect", "qwen")
	wants(t, h.says(t, *node, module(qwen), "mcp", "list"), `✓ agentrun: `+regexp.QuoteMeta(h.shim())+` +\(stdio\) - Connected`)
	h.ctl(t, "disconnect", "qwen")
	// It has put its own version into the file in the meantime, which stays, as do the comments.
	if after := h.read(t, ".qwen/settings.json"); strings.Contains(after, "agentrun") || !strings.HasPrefix(after, "// settings of a user\n") || !strings.Contains(after, `"$version"`) {
		t.Errorf("after disconnect the settings are\n%s", after)
	}
}

func TestQwenByURL(t *testing.T) {
	t.Parallel()
	h := newHome(t, ".qwen/settings.json", geminiSettings)
	h.serve(t)
	h.ctl(t, "connect", "qwen", "--http")
	wants(t, h.says(t, *node, module(qwen), "mcp", "list"), `✓ agentrun: `+h.url+` \(http\) - Connected`)
}

func TestOpencode(t *testing.T) {
	t.Parallel()
	h := newHome(t, ".config/opencode/opencode.jsonc", "// settings of a user\n{\n  \"$schema\": \"https://opencode.ai/config.json\",\n}\n")
	before := h.read(t, ".config/opencode/opencode.jsonc")
	h.ctl(t, "connect", "opencode")
	wants(t, h.says(t, module(opencode), "mcp", "list"), `✓ agentrun connected\n.* +`+regexp.QuoteMeta(h.shim())+`\n`)
	h.ctl(t, "status") // it has ended all that it started, and all that they did: the host is none of these
	h.ctl(t, "stop")
	h.serve(t)
	h.ctl(t, "connect", "opencode", "--http")
	wants(t, h.says(t, module(opencode), "mcp", "list"), `✓ agentrun connected\n.* +`+h.url+`\n`)
	h.ctl(t, "disconnect", "opencode")
	if after := h.read(t, ".config/opencode/opencode.jsonc"); after != before {
		t.Errorf("after disconnect the settings are\n%s\nwant\n%s", after, before)
	}
}

// TestCopilot: it lists servers and does not connect to them.
func TestCopilot(t *testing.T) {
	t.Parallel()
	h := newHome(t, ".copilot/mcp-config.json", `{"mcpServers": {"other": {"type": "local", "command": "/bin/false", "args": [], "tools": ["*"]}}}`)
	h.ctl(t, "connect", "copilot-cli")
	list := func() string { return h.says(t, *node, module(copilot), "mcp", "list") }
	wants(t, list(), `agentrun \(local\)`)
	h.serve(t)
	h.ctl(t, "connect", "copilot-cli", "--http")
	wants(t, list(), `agentrun \(http\)`)
	h.ctl(t, "disconnect", "copilot-cli")
	if out := list(); strings.Contains(out, "agentrun") || !strings.Contains(out, "other") {
		t.Errorf("after disconnect the client lists\n%s", out)
	}
}

// style is what terminals take for colours and the like, which some clients send to others as well.
var style = regexp.MustCompile("\x1b\\[[0-9;]*m")

// says runs a client and returns what it says on either stream, without colours.
func (h *home) says(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := h.command(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return style.ReplaceAllString(string(out), "")
}

func TestCodex(t *testing.T) {
	t.Parallel()
	before, err := os.ReadFile(filepath.Join("..", "testdata", "codex", "realistic.before"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t, ".codex/config.toml", string(before))
	h.ctl(t, "connect", "codex")
	type server struct {
		Name      string `json:"name"`
		Enabled   bool   `json:"enabled"`
		Transport struct {
			Type    string            `json:"type"`
			Command string            `json:"command"`
			URL     string            `json:"url"`
			Headers map[string]string `json:"http_headers"`
		} `json:"transport"`
	}
	list := func() map[string]server {
		t.Helper()
		var all []server
		out := h.run(t, module(codex), "mcp", "list", "--json")
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatalf("codex mcp list --json = %q: %v", out, err)
		}
		byName := map[string]server{}
		for _, s := range all {
			byName[s.Name] = s
		}
		return byName
	}
	servers := list()
	if s := servers["agentrun"]; !s.Enabled || s.Transport.Type != "stdio" || s.Transport.Command != h.shim() || servers["memory"].Transport.Command != "npx" {
		t.Errorf("Codex sees %+v", servers)
	}
	h.serve(t)
	h.ctl(t, "connect", "codex", "--http")
	if s := list()["agentrun"]; s.Transport.Type != "streamable_http" || s.Transport.URL != h.url || !strings.HasPrefix(s.Transport.Headers["Authorization"], "Bearer art_") {
		t.Errorf("by URL, Codex sees the type %q and the address %q", s.Transport.Type, s.Transport.URL)
	}
	// Codex takes out what we have put in, and then we do not find anything of ours; and the other way round.
	h.run(t, module(codex), "mcp", "remove", "agentrun")
	wants(t, h.ctl(t, "editors"), `codex +Codex +not connected`)
	h.ctl(t, "connect", "codex")
	h.ctl(t, "disconnect", "codex")
	if _, there := list()["agentrun"]; there {
		t.Error("after disconnect Codex still sees us")
	}
}

// TestVSCode reads with VS Code's own parser what VS Code would read.
func TestVSCode(t *testing.T) {
	t.Parallel()
	before, err := os.ReadFile(filepath.Join("..", "testdata", "vscode", "realistic.before"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHome(t, ".config/Code/User/mcp.json", string(before))
	for _, tc := range []struct {
		flags []string
		want  map[string]any
	}{
		{nil, map[string]any{"type": "stdio", "command": h.shim()}},
		{[]string{"--http"}, map[string]any{"type": "http", "url": "unix://" + filepath.Join(h.dir, "tray", "run", "host.sock") + "#/mcp"}},
	} {
		h.ctl(t, append([]string{"connect", "vscode"}, tc.flags...)...)
		var answer struct {
			Errors []any                     `json:"errors"`
			Value  map[string]map[string]any `json:"value"`
		}
		h.javascript(t, `const { parse } = require("jsonc-parser"); const errors = [];
			const { servers } = parse(require("fs").readFileSync(process.argv[1], "utf8"), errors, { allowTrailingComma: true, disallowComments: false });
			console.log(JSON.stringify({ errors, value: servers }));`, ".config/Code/User/mcp.json", &answer)
		for name, want := range tc.want {
			if answer.Value["agentrun"][name] != want {
				t.Errorf("VS Code's parser sees %v, want %s %v", answer.Value["agentrun"], name, want)
			}
		}
		if len(answer.Errors) > 0 || answer.Value["memory"] == nil {
			t.Errorf("VS Code's parser says %+v", answer)
		}
	}
}

// TestContinue reads with Continue's own parser what Continue would read, from a file that was there and from one that we made.
func TestContinue(t *testing.T) {
	t.Parallel()
	before, err := os.ReadFile(filepath.Join("..", "testdata", "continue", "realistic.before"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(before), ""} {
		h := newHome(t, ".continue/config.yaml", text)
		h.serve(t)
		for _, tc := range []struct {
			flags []string
			name  string
			want  string
		}{{nil, "command", h.shim()}, {[]string{"--http"}, "url", h.url}} {
			h.ctl(t, append([]string{"connect", "continue"}, tc.flags...)...)
			var servers []map[string]any
			h.javascript(t, `const { parseConfigYaml } = require("@continuedev/config-yaml");
				console.log(JSON.stringify(parseConfigYaml(require("fs").readFileSync(process.argv[1], "utf8")).mcpServers));`, ".continue/config.yaml", &servers)
			if len(servers) == 0 || servers[0]["name"] != "agentrun" || servers[0][tc.name] != tc.want {
				t.Errorf("Continue's parser sees %v, want %s %s", servers, tc.name, tc.want)
			}
		}
	}
}

// javascript runs a script on a file of the home and reads the JSON that it prints.
func (h *home) javascript(t *testing.T, script, file string, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := h.command(ctx, *node, "-e", script, filepath.Join(h.dir, file))
	cmd.Dir = *folder // where packages are found
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", file, err, out, said.String())
	}
}
