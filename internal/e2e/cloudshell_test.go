//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// TestLongWorkInTheCloud goes the way that an assistant is sent whose code needs more time than there is.
func TestLongWorkInTheCloud(t *testing.T) {
	t.Parallel()
	a := openAccount(t)
	h := a.newHome(t, inCloud)
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		r := c.call(t, "run_code", args{"code": "train()", "timeout_seconds": 120})
		if !r.isError || r.code() != "INVALID_PARAMS" || !strings.Contains(r.text("error"), "at most 30 s") || !strings.Contains(r.text("error"), `run_command {"command": "python job.py", "background": true}`) {
			t.Fatalf("run_code for two minutes = %v, want the way to do it", r)
		}
		cc := c.create(t, "job-"+era, "python")
		c.do(t, "upload_file", args{"context_id": cc, "path": "job.py", "content": "import time\nprint('begun', flush=True)\ntime.sleep(2)\nopen('result.txt', 'w').write('42')\nprint('ended')"})
		p := c.do(t, "run_command", args{"context_id": cc, "command": "python job.py", "background": true})
		if p.text("status") != "running" || p.text("process_id") == "" || p.text("context_id") != cc {
			t.Fatalf("run_command = %v, want a process", p)
		}
		if now := c.do(t, "get_process", args{"process_id": p.text("process_id"), "wait_seconds": 0}); now.text("status") != "running" {
			t.Errorf("get_process at once = %v", now)
		}
		if side := c.do(t, "run_command", args{"context_id": cc, "command": "ls | head -n 1; echo 'it is here' >&2; exit 3"}); side.text("stdout") != "job.py\n" || side.text("stderr") != "it is here\n" || side.get("exit_code") != 3.0 || side.success() {
			t.Errorf("run_command beside it = %v", side)
		}
		done := c.do(t, "get_process", args{"process_id": p.text("process_id"), "wait_seconds": 40})
		if done.text("status") != "exited" || done.get("exit_code") != 0.0 || !done.success() || done.text("stdout") != "begun\nended\n" {
			t.Errorf("get_process = %v, want that it has exited", done)
		}
		c.wants(t, cc, "open('result.txt').read()", "'42'")
		endless := c.do(t, "run_command", args{"context_id": cc, "command": "echo waiting; sleep 10000", "background": true})
		if stopped := c.do(t, "stop_process", args{"process_id": endless.text("process_id")}); stopped.text("status") != "exited" || stopped.success() || stopped.text("stdout") != "waiting\n" {
			t.Errorf("stop_process = %v", stopped)
		}
		files := c.do(t, "list_files", args{"context_id": cc, "depth": 5})
		if files.get("total") != 2.0 {
			t.Errorf("list_files = %v, want the two files of the job", files)
		}
	})
}

// TestTheToolsFollowTheBackendWhileTheHostRuns: only the cloud has a shell, and editors are told when there is another one.
func TestTheToolsFollowTheBackendWhileTheHostRuns(t *testing.T) {
	t.Parallel()
	a := openAccount(t, "--echo")
	h := a.newHome(t, inCloud)
	h.serve(t)
	for _, era := range []string{legacy, modern} {
		w := h.watcher(t, era)
		names := func() (names []string) {
			t.Helper()
			all, err := w.ListTools(t.Context(), nil)
			if err != nil {
				t.Fatalf("tools/list (%s): %v", era, err)
			}
			for _, tool := range all.Tools {
				names = append(names, tool.Name)
			}
			return names
		}
		if now := names(); !slices.Contains(now, "run_command") || !slices.Contains(now, "get_process") {
			t.Errorf("%s: in the cloud there are %q", era, now)
		}
		far := w.create(t, "far-"+era, "python")
		h.mustCtl(t, "backend", "local")
		w.hears(t, "the switch to local", "tools")
		if now := names(); slices.Contains(now, "run_command") || !slices.Contains(now, "run_code") {
			t.Errorf("%s: here there are %q", era, now)
		}
		if r := w.call(t, "run_command", args{"command": "ls"}); !r.isError || r.code() != "NOT_SUPPORTED" {
			t.Errorf("%s: run_command here = %v", era, r)
		}
		if r := w.call(t, "run_command", args{"command": "echo far", "context_id": far}); r.isError || r.text("stdout") != "far\n" {
			t.Errorf("%s: run_command in the context that stayed in the cloud = %v", era, r)
		}
		h.mustCtl(t, "backend", "agentrun")
		w.hears(t, "the switch back", "tools")
		if now := names(); !slices.Contains(now, "run_command") {
			t.Errorf("%s: back in the cloud there are %q", era, now)
		}
	}
}
