package mcpserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestConversationOfThePythonServer(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, r *rig, cs *sdk.ClientSession) {
		tools, err := cs.ListTools(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := len(r.Tools()) - 3; len(tools.Tools) != want { // those of the shell
			t.Fatalf("listed %d tools, want %d", len(tools.Tools), want)
		}
		made := do(t, cs, "create_context", map[string]any{"name": "py", "language": "python", "description": "first"})
		id, _ := made["context_id"].(string)
		if !strings.HasPrefix(id, "ctx-") || made["status"] != "active" || made["language"] != "python" || made["backend"] != "fake" {
			t.Errorf("create_context = %v", made)
		}
		js := do(t, cs, "create_context", map[string]any{"name": "js", "language": "javascript"})
		list := do(t, cs, "list_contexts", nil)
		contexts, _ := list["contexts"].([]any)
		if list["total"] != 2.0 || len(contexts) != 2 || contexts[0].(map[string]any)["context_id"] != js["context_id"] {
			t.Errorf("list_contexts = %v, want the newest of two first", list)
		}
		ran := do(t, cs, "run_code", map[string]any{"context_id": id, "code": "set x 42\nprint hello\nget x"})
		if ran["stdout"] != "hello\n" || ran["success"] != true || ran["context_id"] != id || ran["warm"] != true {
			t.Errorf("run_code = %v", ran)
		}
		if value, _ := ran["result"].(map[string]any); value["text"] != "42" {
			t.Errorf("result = %v, want 42", ran["result"])
		}
		if _, ok := ran["execution_time"].(float64); !ok {
			t.Errorf("execution_time = %v, want a number", ran["execution_time"])
		}
		stopped := do(t, cs, "stop_context", map[string]any{"context_id": id})
		if stopped["status"] != "stopped" || stopped["context_id"] != id {
			t.Errorf("stop_context = %v", stopped)
		}
		if code, _ := refused(t, cs, "stop_context", map[string]any{"context_id": id}); code != "CONTEXT_NOT_FOUND" {
			t.Errorf("stopping twice = %s, want CONTEXT_NOT_FOUND", code)
		}
		if left := do(t, cs, "list_contexts", nil); left["total"] != 1.0 {
			t.Errorf("list_contexts after stop = %v, want one", left)
		}
	})
}

func TestStateStaysWithinAContext(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		first := do(t, cs, "run_code", map[string]any{"code": "set x 1"})
		again := do(t, cs, "run_code", map[string]any{"code": "get x", "context_id": nil}) // as some clients write an absent argument
		if first["context_id"] != again["context_id"] || again["success"] != true {
			t.Errorf("second run without a context = %v, want the same default context", again)
		}
		js := do(t, cs, "run_code", map[string]any{"code": "get x", "language": "javascript"})
		if js["context_id"] == first["context_id"] || js["success"] != false {
			t.Errorf("run in the other language = %v, want a context of its own", js)
		}
	})
}

func TestClientsDoNotShareADefaultContext(t *testing.T) {
	r := startRig(t, rigSetup{})
	a := do(t, r.connect(t, Unix, legacy, nil), "run_code", map[string]any{"code": "set x 1"})
	b := do(t, r.connect(t, Unix, legacy, nil), "run_code", map[string]any{"code": "get x"})
	if a["context_id"] == b["context_id"] || b["success"] != false {
		t.Errorf("two clients ran in %v and %v, want two contexts", a["context_id"], b["context_id"])
	}
}

func TestCodeThatRaisesIsAnAnswer(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		ran := do(t, cs, "run_code", map[string]any{"code": "stderr a warning\nraise ValueError <not> a number"})
		failure, _ := ran["error"].(map[string]any)
		if ran["success"] != false || failure["code"] != "EXECUTION_FAILED" || failure["name"] != "ValueError" || failure["message"] != "<not> a number" {
			t.Errorf("run_code = %v", ran)
		}
		stderr, _ := ran["stderr"].(string)
		if !strings.HasPrefix(stderr, "a warning\n") || !strings.Contains(stderr, "Traceback") || !strings.HasSuffix(stderr, "ValueError: <not> a number\n") {
			t.Errorf("stderr = %q, want the warning and the traceback", stderr)
		}
		late := do(t, cs, "run_code", map[string]any{"code": "loop", "timeout_seconds": 0.05})
		if failure, _ := late["error"].(map[string]any); failure["code"] != "TIMEOUT" {
			t.Errorf("endless loop = %v, want TIMEOUT", late)
		}
	})
}

// TestBadInput holds every tool to an error that a person and a program understand.
func TestBadInput(t *testing.T) {
	var many strings.Builder
	for range 501 {
		many.WriteString("d")
	}
	tests := []struct {
		name string
		tool string
		args map[string]any
		code string
		says string
	}{
		{"an unknown context", "run_code", map[string]any{"code": "print 1", "context_id": "ctx-nope"}, "CONTEXT_NOT_FOUND", "ctx-nope"},
		{"a context of another language", "run_code", map[string]any{"code": "print 1", "context_id": "PY", "language": "javascript"}, "INVALID_PARAMS", "javascript"},
		{"an unsupported language", "run_code", map[string]any{"code": "print 1", "language": "cobol"}, "INVALID_LANGUAGE", "cobol"},
		{"empty code", "run_code", map[string]any{"code": ""}, "INVALID_PARAMS", "empty"},
		{"blank code", "run_code", map[string]any{"code": " \n\t"}, "INVALID_PARAMS", "empty"},
		{"no code", "run_code", map[string]any{}, "INVALID_PARAMS", `"code"`},
		{"5 MB of code", "run_code", map[string]any{"code": strings.Repeat("#", 5_000_000)}, "TOO_LARGE", "upload_file"},
		{"a NUL character in code", "run_code", map[string]any{"code": "print \x00"}, "INVALID_PARAMS", "NUL"},
		{"code that is a number", "run_code", map[string]any{"code": 5}, "INVALID_PARAMS", `"code" of run_code must be a string, not a number`},
		{"a negative timeout", "run_code", map[string]any{"code": "print 1", "timeout_seconds": -1}, "INVALID_PARAMS", "timeout_seconds"},
		{"a timeout of nothing", "run_code", map[string]any{"code": "print 1", "timeout_seconds": 0}, "INVALID_PARAMS", "timeout_seconds"},
		{"a timeout beyond the limit", "run_code", map[string]any{"code": "print 1", "timeout_seconds": 100000}, "INVALID_PARAMS", "limit"},
		{"a timeout beyond all numbers", "run_code", map[string]any{"code": "print 1", "timeout_seconds": 1e300}, "INVALID_PARAMS", "limit"},
		{"a timeout that is text", "run_code", map[string]any{"code": "print 1", "timeout_seconds": "30"}, "INVALID_PARAMS", `must be a number, not a string`},
		{"an argument there is not", "run_code", map[string]any{"code": "print 1", "timeout": 5}, "INVALID_PARAMS", `no argument "timeout"; its arguments are: code, context_id, language, timeout_seconds`},
		{"an argument in the wrong case", "run_code", map[string]any{"Code": "print 1"}, "INVALID_PARAMS", `no argument "Code"`},
		{"a run there is not", "get_result", map[string]any{"run_id": "run-nope"}, "INVALID_PARAMS", "run-nope"},
		{"a result of nothing", "get_result", map[string]any{}, "INVALID_PARAMS", `"run_id"`},
		{"a wait that is negative", "get_result", map[string]any{"run_id": "run-nope", "wait_seconds": -1}, "INVALID_PARAMS", "from 0 to 50 s"},
		{"a wait beyond the limit", "get_result", map[string]any{"run_id": "run-nope", "wait_seconds": 51}, "INVALID_PARAMS", "again to wait longer"},
		{"cancelling a run there is not", "cancel_run", map[string]any{"run_id": "run-nope"}, "INVALID_PARAMS", "run-nope"},
		{"cancelling nothing", "cancel_run", map[string]any{}, "INVALID_PARAMS", `"run_id"`},
		{"no name", "create_context", map[string]any{}, "INVALID_PARAMS", `"name"`},
		{"an empty name", "create_context", map[string]any{"name": ""}, "INVALID_CONTEXT_NAME", "empty"},
		{"a name with a slash", "create_context", map[string]any{"name": "a/b"}, "INVALID_CONTEXT_NAME", "'/'"},
		{"a name too long", "create_context", map[string]any{"name": strings.Repeat("n", 65)}, "INVALID_CONTEXT_NAME", "65"},
		{"a description too long", "create_context", map[string]any{"name": "n", "description": many.String()}, "INVALID_PARAMS", "501"},
		{"a context for a language there is not", "create_context", map[string]any{"name": "n", "language": "ruby"}, "INVALID_LANGUAGE", "python or javascript"},
		{"stopping an unknown context", "stop_context", map[string]any{"context_id": "ctx-nope"}, "CONTEXT_NOT_FOUND", "ctx-nope"},
		{"stopping nothing", "stop_context", map[string]any{}, "INVALID_PARAMS", `"context_id"`},
		{"force that is text", "stop_context", map[string]any{"context_id": "PY", "force": "yes"}, "INVALID_PARAMS", `must be a boolean, not a string`},
		{"an argument where there is none", "list_contexts", map[string]any{"all": true}, "INVALID_PARAMS", `no argument "all"; its arguments are: none`},
		{"a folder outside", "list_files", map[string]any{"path": "../.."}, "INVALID_PARAMS", "leads out"},
		{"a depth of nothing", "list_files", map[string]any{"depth": 0}, "INVALID_PARAMS", "depth"},
		{"half a depth", "list_files", map[string]any{"depth": 1.5}, "INVALID_PARAMS", "depth"},
		{"a file outside", "download_file", map[string]any{"path": "../secret"}, "INVALID_PARAMS", "leads out"},
		{"an absolute path", "download_file", map[string]any{"path": "/etc/passwd"}, "INVALID_PARAMS", "absolute"},
		{"a NUL character in a path", "download_file", map[string]any{"path": "a\x00b"}, "INVALID_PARAMS", "path"},
		{"an empty path", "download_file", map[string]any{"path": ""}, "INVALID_PARAMS", "path"},
		{"a file that is not there", "download_file", map[string]any{"path": "none.txt"}, "FILE_NOT_FOUND", "none.txt"},
		{"an upload outside", "upload_file", map[string]any{"path": "../x", "content": "x"}, "INVALID_PARAMS", "leads out"},
		{"an upload of nothing", "upload_file", map[string]any{"path": "x"}, "INVALID_PARAMS", "content or local_path"},
		{"an upload of two things", "upload_file", map[string]any{"path": "x", "content": "x", "local_path": "/x"}, "INVALID_PARAMS", "not both"},
		{"an upload that is not base64", "upload_file", map[string]any{"path": "x", "content": "!!", "encoding": "base64"}, "INVALID_PARAMS", "base64"},
		{"an upload in another encoding", "upload_file", map[string]any{"path": "x", "content": "x", "encoding": "utf-16"}, "INVALID_PARAMS", "encoding"},
		{"an upload too large", "upload_file", map[string]any{"path": "x", "content": strings.Repeat("x", 1<<20+1)}, "TOO_LARGE", "1 MiB"},
		{"an upload from this computer, when none is allowed", "upload_file", map[string]any{"path": "x", "local_path": "/etc/passwd"}, "NOT_SUPPORTED", "allowed_folders in settings.json"},
		{"a download to this computer, when none is allowed", "download_file", map[string]any{"path": "x", "local_path": "/tmp/x"}, "NOT_SUPPORTED", "allowed_folders in settings.json"},
	}
	r := startRig(t, rigSetup{})
	for _, version := range []string{legacy, modern} {
		cs := r.connect(t, Unix, version, nil)
		py := do(t, cs, "create_context", map[string]any{"name": "py"})["context_id"]
		for _, tt := range tests {
			t.Run(version+" "+tt.name, func(t *testing.T) {
				if tt.args["context_id"] == "PY" {
					tt.args = map[string]any{"context_id": py, "code": tt.args["code"], "language": tt.args["language"], "force": tt.args["force"]}
					for name, value := range tt.args {
						if value == nil {
							delete(tt.args, name)
						}
					}
				}
				code, sentence := refused(t, cs, tt.tool, tt.args)
				if code != tt.code || !strings.Contains(sentence, tt.says) {
					t.Errorf("%s = %s: %q, want %s and a sentence with %q", tt.tool, code, sentence, tt.code, tt.says)
				}
			})
		}
	}
}

// TestBadBytes has what no well-behaved client can send.
func TestBadBytes(t *testing.T) {
	r := startRig(t, rigSetup{})
	session := headers{"Mcp-Session-Id": r.initialize(t, Unix, nil)}
	for name, tt := range map[string]struct{ tool, args, code, says string }{
		"code that is not UTF-8":            {"run_code", "{\"code\":\"print \xff\"}", "INVALID_PARAMS", "UTF-8"},
		"half a surrogate pair":             {"run_code", `{"code":"print \ud83d."}`, "INVALID_PARAMS", "surrogate"},
		"the wrong half first":              {"upload_file", `{"path":"x","content":"\udE00\ud83d"}`, "INVALID_PARAMS", "surrogate"},
		"a path that is not UTF-8":          {"download_file", "{\"path\":\"\xc3(\"}", "INVALID_PARAMS", "UTF-8"},
		"arguments that are a list":         {"run_code", `["print 1"]`, "INVALID_PARAMS", "JSON object"},
		"arguments that are text":           {"run_code", `"print 1"`, "INVALID_PARAMS", "JSON object"},
		"no arguments where some are asked": {"run_code", `null`, "INVALID_PARAMS", `"code"`},
		"code that is null":                 {"run_code", `{"code":null}`, "INVALID_PARAMS", `"code"`},
		"a depth no int can hold":           {"list_files", `{"depth":1e30}`, "INVALID_PARAMS", "depth"},
	} {
		t.Run(name, func(t *testing.T) {
			body, hs := modernCall("1", tt.tool, tt.args)
			for era, a := range map[string]answerTo{modern: r.post(t, Unix, body, hs), legacy: r.post(t, Unix, legacyCall("1", tt.tool, tt.args), session)} {
				m := a.final(t)
				var object errorObject
				if m.Result == nil || json.Unmarshal(m.Result.Structured, &object) != nil || !m.Result.IsError || string(object.Code) != tt.code || !strings.Contains(object.Error, tt.says) {
					t.Errorf("%s: %d %s, want %s and a sentence with %q", era, a.status, a.body, tt.code, tt.says)
				}
			}
		})
	}
}

func TestFilesGoInAndOut(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		id := do(t, cs, "create_context", map[string]any{"name": "files"})["context_id"]
		up := do(t, cs, "upload_file", map[string]any{"context_id": id, "path": "data/größe.csv", "content": "a,b\n1,2\n"})
		if up["path"] != "data/größe.csv" || up["size"] != 8.0 {
			t.Errorf("upload_file = %v", up)
		}
		ran := do(t, cs, "run_code", map[string]any{"context_id": id, "code": "read data/größe.csv"})
		if value, _ := ran["result"].(map[string]any); value["text"] != "a,b\n1,2\n" {
			t.Errorf("code read %v", ran["result"])
		}
		do(t, cs, "upload_file", map[string]any{"context_id": id, "path": "raw.bin", "content": "AP8A\nAQ==", "encoding": "base64"})
		files, _ := do(t, cs, "list_files", map[string]any{"context_id": id, "depth": 2})["files"].([]any)
		var names []string
		for _, f := range files {
			names = append(names, fmt.Sprint(f.(map[string]any)["path"], " ", f.(map[string]any)["folder"]))
		}
		if got, want := strings.Join(names, ", "), "data true, data/größe.csv false, raw.bin false"; got != want {
			t.Errorf("list_files = %s, want %s", got, want)
		}
		text := do(t, cs, "download_file", map[string]any{"context_id": id, "path": "data/größe.csv"})
		if text["content"] != "a,b\n1,2\n" || text["mime_type"] != "text/csv" {
			t.Errorf("download_file of text = %v", text)
		}

		object, res := invoke(t, cs, "download_file", map[string]any{"context_id": id, "path": "raw.bin"})
		link, ok := res.Content[len(res.Content)-1].(*sdk.ResourceLink)
		if !ok || link.URI != object["uri"] || *link.Size != 4 || object["content"] != nil {
			t.Fatalf("download_file of bytes = %v, %v, want a link", object, res.Content)
		}
		read, err := cs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: link.URI})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(read.Contents[0].Blob); got != "\x00\xff\x00\x01" {
			t.Errorf("resource = %q", got)
		}
	})
}

func TestLinksToTheDefaultContextWork(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		do(t, cs, "upload_file", map[string]any{"path": "b 1/#?.bin", "content": "AP8=", "encoding": "base64"})
		object := do(t, cs, "download_file", map[string]any{"path": "b 1/#?.bin"})
		if object["uri"] != "agentrun://contexts/default/files/b%201/%23%3F.bin" {
			t.Errorf("uri = %v", object["uri"])
		}
		for _, uri := range []string{object["uri"].(string), "agentrun://contexts/default/files/b 1/%23%3F.bin"} {
			read, err := cs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
			if err != nil || string(read.Contents[0].Blob) != "\x00\xff" {
				t.Errorf("read %s = %v, %v", uri, read, err)
			}
		}
	})
}

func TestResourcesThatAreNotThere(t *testing.T) {
	r := startRig(t, rigSetup{})
	for version, want := range map[string]int64{legacy: -32002, modern: -32602} {
		cs := r.connect(t, Unix, version, nil)
		id := do(t, cs, "run_code", map[string]any{"code": "print 1"})["context_id"].(string)
		for _, uri := range []string{
			"agentrun://nothing", "agentrun://contexts/ctx-nope/files/x", "agentrun://contexts/" + id + "/files/none.txt",
			"agentrun://contexts/" + id + "/files/../../etc/passwd", "agentrun://contexts/" + id + "/runs/99/stdout",
			"agentrun://contexts/" + id + "/runs/1/nope", "agentrun://contexts/" + id + "/runs/one/stdout", "agentrun://contexts/" + id + "/files/%zz",
		} {
			_, err := cs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
			wire, ok := errors.AsType[*jsonrpc.Error](err)
			if !ok || wire.Code != want {
				t.Errorf("%s: read %s = %v, want %d", version, uri, err, want)
			}
		}
	}
}
