//go:build bundles

package main

import (
	"archive/zip"
	"bytes"
	"context"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
	"github.com/agentrun-tray/agentrun-tray/internal/shim"
)

var (
	bundles = flag.String("bundles", "", "folder with the bundles that were packed")
	bin     = flag.String("bin", "", "folder with our programs for this computer")
)

// unpacked is a bundle in a folder, as a client has it after it was opened there.
type unpacked struct {
	folder string
	manifest
}

func unpack(t *testing.T, target target) unpacked {
	t.Helper()
	archive, err := zip.OpenReader(filepath.Join(*bundles, target.bundle(ourProduct(t))+".mcpb"))
	if err != nil {
		t.Fatalf("%v (make bundles makes it)", err)
	}
	defer archive.Close()
	u := unpacked{folder: filepath.Join(t.TempDir(), "Claude Extensions", "agentrun-tray")}
	for _, f := range archive.File {
		name := filepath.Join(u.folder, filepath.FromSlash(f.Name))
		if f.FileInfo().IsDir() {
			continue
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, f.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	read(t, filepath.Join(u.folder, "manifest.json"), &u.manifest)
	return u
}

// command is what a client starts: with the few variables that it passes on, of a home in which nothing was ever done.
func (u unpacked) command(home, path string) *exec.Cmd {
	name := strings.ReplaceAll(u.Server.Config.Command, "${__dirname}", u.folder)
	cmd := exec.Command(filepath.FromSlash(name), u.Server.Config.Args...)
	cmd.Env = []string{"HOME=" + home, "PATH=" + path, paths.HomeVariable + "=" + filepath.Join(home, "tray")}
	return cmd
}

func TestEachBundleHasTheProgramOfItsSystem(t *testing.T) {
	for _, tc := range []struct {
		target string
		made   func(r io.ReaderAt) ([]string, error)
		want   []string
	}{
		{"linux-x64", elfMachine, []string{elf.EM_X86_64.String()}},
		{"linux-arm64", elfMachine, []string{elf.EM_AARCH64.String()}},
		{"macos", machines, []string{macho.CpuAmd64.String(), macho.CpuArm64.String()}},
		{"windows", peMachine, []string{"x64"}},
	} {
		t.Run(tc.target, func(t *testing.T) {
			target := targets[slices.IndexFunc(targets, func(have target) bool { return have.name == tc.target })]
			u := unpack(t, target)
			if !slices.Equal(u.Compatibility.Platforms, []string{target.platform}) || u.DisplayName != "AgentRun Tray" {
				t.Errorf("the manifest is for %q and of %q", u.Compatibility.Platforms, u.DisplayName)
			}
			program := filepath.Join(u.folder, filepath.FromSlash(u.Server.EntryPoint))
			info, err := os.Stat(program)
			if err != nil || info.Mode().Perm()&0o111 == 0 {
				t.Fatalf("the program is %v (%v), want one that can be started", info, err)
			}
			f, err := os.Open(program)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got, err := tc.made(f); err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("it is for %q (%v), want %q", got, err, tc.want)
			}
			var chinese translation
			read(t, filepath.Join(u.folder, strings.ReplaceAll(u.Localization.Resources, "${locale}", chineseLocale)), &chinese)
			if len(chinese.Prompts) != len(u.Prompts) || chinese.Prompts[0].Text == u.Prompts[0].Text {
				t.Errorf("in Chinese there are the prompts %+v", chinese.Prompts)
			}
		})
	}
}

func elfMachine(r io.ReaderAt) ([]string, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	return []string{f.Machine.String()}, nil
}

func machines(r io.ReaderAt) (all []string, err error) {
	f, err := macho.NewFatFile(r)
	if err != nil {
		return nil, err
	}
	for _, a := range f.Arches {
		all = append(all, a.Cpu.String())
	}
	return all, nil
}

func peMachine(r io.ReaderAt) ([]string, error) {
	f, err := pe.NewFile(r)
	if err != nil {
		return nil, err
	}
	if f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 {
		return []string{"another"}, nil
	}
	return []string{"x64"}, nil
}

// here is the bundle for this computer.
func here(t *testing.T) unpacked {
	t.Helper()
	build := runtime.GOOS + "/" + runtime.GOARCH
	at := slices.IndexFunc(targets, func(have target) bool { return slices.Contains(have.builds, build) })
	if at < 0 {
		t.Fatalf("there is no bundle for %s", build)
	}
	return unpack(t, targets[at])
}

// TestTheBundleRunsCode does what Claude Desktop does after its user has opened the bundle, on a computer on which AgentRun Tray was
// installed and started once.
func TestTheBundleRunsCode(t *testing.T) {
	u := here(t)
	home := t.TempDir()
	dirs, err := paths.FromEnv(func(name string) string {
		return map[string]string{paths.HomeVariable: filepath.Join(home, "tray")}[name]
	}, runtime.GOOS)
	if err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(dirs.Config, "settings.json")
	if err := os.MkdirAll(dirs.Config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, []byte(`{"backend": "local", "http": {"enabled": false}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := shim.Find(dirs).Point(filepath.Join(*bin, shim.Relay)); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		cmd := exec.Command(filepath.Join(*bin, "agentrunctl"), "stop")
		cmd.Env = u.command(home, "").Env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("stop: %v\n%s", err, out)
		}
	}
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "claude-ai", Version: "0.1.0"}, nil).Connect(ctx, &mcp.CommandTransport{Command: u.command(home, "/usr/bin:/bin")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()

	if info := session.InitializeResult().ServerInfo; info.Version != u.Version {
		t.Errorf("the server is version %q, and the bundle says %q", info.Version, u.Version)
	}
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	var served, declared []string
	for _, tool := range tools.Tools {
		served = append(served, tool.Name)
	}
	for _, tool := range u.Tools {
		declared = append(declared, tool.Name)
	}
	if !slices.Equal(served, declared) || len(served) == 0 {
		t.Errorf("the server has the tools %q, and the bundle says %q", served, declared)
	}
	prompts, err := session.ListPrompts(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n, p := range prompts.Prompts {
		if len(prompts.Prompts) != len(u.Prompts) || u.Prompts[n].Name != p.Name || u.Prompts[n].Description != p.Description {
			t.Fatalf("the server has %d prompts, of which one is %s (%s), and the bundle says %+v", len(prompts.Prompts), p.Name, p.Description, u.Prompts)
		}
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "run_code", Arguments: map[string]any{"language": "python", "code": "print(6 * 7)"}})
	if err != nil || result.IsError {
		t.Fatalf("run_code = %+v, %v", result, err)
	}
	if text, _ := json.Marshal(result.StructuredContent); !bytes.Contains(text, []byte(`42`)) {
		t.Errorf("run_code gives %s, want 42", text)
	}
}

// TestABundleWithoutAnInstallationSaysSo: what the user sees in Claude Desktop is the error of the first request.
func TestABundleWithoutAnInstallationSaysSo(t *testing.T) {
	u := here(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "claude-ai", Version: "0.1.0"}, nil).Connect(ctx, &mcp.CommandTransport{Command: u.command(t.TempDir(), t.TempDir())}, nil)
	if err == nil {
		session.Close()
		t.Fatal("without an installation there is a server")
	}
	if !strings.Contains(err.Error(), "install AgentRun Tray, or start it") {
		t.Errorf("without an installation the client gets %q, want what to do", err)
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
