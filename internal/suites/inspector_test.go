//go:build suites

package suites

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/paths"
)

// inspectorIsError is the exit code of the Inspector for a tool call whose result says isError.
const inspectorIsError = 5

// inspections are what the Inspector does over every transport and in both eras.
var inspections = []struct {
	name  string
	args  []string
	code  int
	check func(t *testing.T, era string, result json.RawMessage)
}{
	{"tools", []string{"--method", "tools/list", "--strict"}, 0, hasTools},
	{"call", []string{"--method", "tools/call", "--tool-name", "run_code", "--tool-arg", "code=print('six by seven')\n6*7"}, 0, hasRun},
	{"call that cannot be carried out", []string{"--method", "tools/call", "--tool-name", "stop_context", "--tool-arg", "context_id=ctx-nope"}, inspectorIsError, hasFailed},
	{"resources", []string{"--method", "resources/list"}, 0, hasList("resources")},
	{"resource templates", []string{"--method", "resources/templates/list"}, 0, hasTemplates},
	{"prompts", []string{"--method", "prompts/list"}, 0, hasList("prompts")},
}

// inspect runs the MCP Inspector against the programs, through the relay and by URL.
func inspect(t *testing.T, h *host) {
	for transport, target := range map[string][]string{
		"stdio": {h.program("agentrun-mcp"), "-e", paths.HomeVariable + "=" + h.home},
		"HTTP":  {"--server-url", h.url, "--transport", "http", "--header", "Authorization: Bearer " + h.token},
	} {
		for _, era := range []string{"legacy", "modern"} {
			t.Run(transport+" "+era, func(t *testing.T) {
				t.Parallel()
				asWanted := 0
				for _, i := range inspections {
					if t.Run(i.name, func(t *testing.T) {
						i.check(t, era, runInspector(t, i.code, slices.Concat(target, []string{"--protocol-era", era}, i.args)))
					}) {
						asWanted++
					}
				}
				summary.add(t, fmt.Sprintf("inspector %s --strict, the real programs over %s, %s era: %d of %d commands as wanted",
					packageVersion(t, inspectorFolder()), transport, era, asWanted, len(inspections)))
			})
		}
	}
}

func inspectorFolder() string {
	return filepath.Join(*folder, "node_modules", "@modelcontextprotocol", "inspector")
}

// runInspector runs one command of the Inspector and returns the result that it prints.
func runInspector(t *testing.T, code int, args []string) json.RawMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	program := filepath.Join(inspectorFolder(), "clients", "launcher", "build", "index.js")
	cmd := exec.CommandContext(ctx, node, slices.Concat([]string{program, "--cli"}, args, []string{"--format", "json"})...)
	home := t.TempDir()
	cmd.Env, cmd.Dir = []string{"PATH=" + filepath.Dir(node), "HOME=" + home}, home
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	_, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && (!failed || ctx.Err() != nil) {
		t.Fatalf("the Inspector did not run to its end: %v\n%s", err, stderr.Bytes())
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("mcp-inspector %s = exit code %d, want %d; it said:\n%s%s", strings.Join(args, " "), got, code, stdout.Bytes(), stderr.Bytes())
	}
	var out struct {
		Result json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil || len(out.Result) == 0 {
		t.Fatalf("mcp-inspector %s printed no result: %v\n%s", strings.Join(args, " "), err, stdout.Bytes())
	}
	return out.Result
}

// decode reads a result into a struct.
func decode[T any](t *testing.T, result json.RawMessage) T {
	t.Helper()
	var into T
	if err := json.Unmarshal(result, &into); err != nil {
		t.Fatalf("the result %s: %v", result, err)
	}
	return into
}

func hasTools(t *testing.T, _ string, result json.RawMessage) {
	t.Helper()
	list := decode[struct {
		Tools []struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Annotations map[string]any  `json:"annotations"`
			Input       json.RawMessage `json:"inputSchema"`
			Output      json.RawMessage `json:"outputSchema"`
		} `json:"tools"`
	}](t, result)
	wanted := map[string]bool{
		"run_code": true, "create_context": true, "stop_context": true, "list_contexts": true,
		"list_files": true, "upload_file": true, "download_file": true,
	}
	for _, tool := range list.Tools {
		delete(wanted, tool.Name)
		if tool.Description == "" || len(tool.Annotations) < 5 || len(tool.Input) == 0 || len(tool.Output) == 0 {
			t.Errorf("the tool %s has description %q, annotations %v, input schema %s and output schema %s, want all of them",
				tool.Name, tool.Description, tool.Annotations, tool.Input, tool.Output)
		}
	}
	if len(wanted) > 0 {
		t.Errorf("tools/list = %s, where %v are missing", result, wanted)
	}
}

// callResult is the result of a tool call.
type callResult struct {
	Meta              map[string]any `json:"_meta"`
	Content           []struct{ Text string }
	StructuredContent json.RawMessage `json:"structuredContent"`
	IsError           bool            `json:"isError"`
}

func hasRun(t *testing.T, era string, result json.RawMessage) {
	t.Helper()
	call := decode[callResult](t, result)
	run := decode[struct {
		Stdout string
		Result struct{ Text string }
	}](t, call.StructuredContent)
	if call.IsError || run.Stdout != "six by seven\n" || run.Result.Text != "42" || len(call.Content) == 0 || call.Content[0].Text != string(call.StructuredContent) {
		t.Errorf("run_code = %s, want what it printed and 42, as structured content and as text", result)
	}
	// Results name the server in the newer era only, in which there is no initialize that could.
	if _, named := call.Meta["io.modelcontextprotocol/serverInfo"]; named != (era == "modern") {
		t.Errorf("run_code was answered with the _meta %v, which is not that of the %s era", call.Meta, era)
	}
}

func hasFailed(t *testing.T, _ string, result json.RawMessage) {
	t.Helper()
	call := decode[callResult](t, result)
	if why := decode[struct{ Code string }](t, call.StructuredContent); !call.IsError || why.Code != "CONTEXT_NOT_FOUND" {
		t.Errorf("stop_context of a context that is not there = %s, want isError and CONTEXT_NOT_FOUND", result)
	}
}

func hasTemplates(t *testing.T, _ string, result json.RawMessage) {
	t.Helper()
	if want := `"uriTemplate":"agentrun://contexts/{id}/files/{+path}"`; !strings.Contains(string(result), want) {
		t.Errorf("resources/templates/list = %s, want %s among them", result, want)
	}
}

// hasList wants a list, which may be empty.
func hasList(name string) func(*testing.T, string, json.RawMessage) {
	return func(t *testing.T, _ string, result json.RawMessage) {
		t.Helper()
		if list, ok := decode[map[string]any](t, result)[name].([]any); !ok {
			t.Errorf("the result %s has the %s %v, want a list", result, name, list)
		}
	}
}
