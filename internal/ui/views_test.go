package ui

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/config"
	"github.com/agentrun-tray/agentrun-tray/internal/notebook"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// noon is when all views of the tests are drawn.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

func emptyView() View {
	return View{
		Snapshot: status.Snapshot{
			Version: "1.0", PID: 4711, StartedAt: noon, Phase: status.Starting,
			Backend:   status.Backend{Name: "local", Setting: "auto"},
			Addresses: status.Addresses{HTTP: "http://127.0.0.1:7411/mcp", Socket: "/run/user/1000/agentrun-tray/host.sock"},
			Pool:      status.Pool{Warm: 3, Max: 20},
		},
		Now: noon,
		Settings: &Settings{
			Values: config.Default().Values(), File: "/home/u/.config/agentrun-tray/settings.json", LogFolder: "/home/u/.local/state/agentrun-tray",
		},
		Editors: &Editors{},
		Account: Account{Keychain: secrets.Available},
	}
}

func busyView() View {
	v := emptyView()
	v.Phase = status.Ready
	v.Backend = status.Backend{Name: "agentrun", Setting: "auto", Region: "cn-hangzhou", Template: "agentrun-tray"}
	v.Pool = status.Pool{Warm: 3, Max: 20, Ready: 3, Starting: 1}
	v.Sessions = []status.Session{
		{ID: 1, Backend: "agentrun", SandboxID: "01KAW3F0Q2ZC8f2c", State: "leased", CreatedAt: noon.Add(-56 * time.Minute), ReadyAt: at(-56 * time.Minute), ExpiresAt: at(4*time.Minute + 10*time.Second), Contexts: 1},
		{ID: 2, Backend: "agentrun", SandboxID: "01KAX7G1R3ZC11d0", State: "leased", CreatedAt: noon.Add(-13 * time.Minute), ReadyAt: at(-13 * time.Minute), ExpiresAt: at(47 * time.Minute), Contexts: 2},
		{ID: 3, Backend: "agentrun", SandboxID: "01KAX8H2S4ZCa9e4", State: "ready", CreatedAt: noon.Add(-2 * time.Minute), ReadyAt: at(-2 * time.Minute), ExpiresAt: at(58 * time.Minute)},
		{ID: 4, Backend: "agentrun", SandboxID: "01KAY9J3T5ZCc03b", State: "starting", CreatedAt: noon.Add(-6 * time.Second)},
	}
	v.Contexts = []status.Context{
		{ID: "c1", Name: "data-analysis 数据分析", Language: "python", Status: "running", Backend: "agentrun", SandboxID: "01KAW3F0Q2ZC8f2c", Client: "cursor-vscode", LastUsed: noon, Runs: 17, RunID: "r17"},
		{ID: "c2", Name: "web-scraping-task", Language: "javascript", Status: "active", Backend: "agentrun", SandboxID: "01KAX7G1R3ZC11d0", Client: "claude-ai", LastUsed: noon.Add(-2 * time.Minute), Runs: 4},
		{ID: "c3", Name: "default (VS Code)", Language: "python", Status: "active", Backend: "agentrun", SandboxID: "01KAX7G1R3ZC11d0", Client: "Visual Studio Code", LastUsed: noon.Add(-6 * time.Minute), Runs: 13},
	}
	v.Runs = []status.Run{
		{ID: "r17", Tool: "run_code", ContextID: "c1", Context: "data-analysis 数据分析", Client: "cursor-vscode", AskedAt: noon.Add(-3 * time.Second), StartedAt: at(-3 * time.Second)},
		{ID: "r18", Tool: "run_code", ContextID: "c1", Context: "data-analysis 数据分析", Client: "claude-ai", AskedAt: noon.Add(-time.Second)},
	}
	v.Clients = []status.Client{
		{Name: "claude-ai", Via: "relay", Calls: 84, LastSeen: noon.Add(-12 * time.Second)},
		{Name: "cursor-vscode", Via: "relay", Calls: 31, LastSeen: noon},
		{Name: "Visual Studio Code", Via: "socket", Calls: 1, LastSeen: noon.Add(-6 * time.Minute)},
	}
	v.Tokens = []status.Token{{Client: "cursor", CreatedAt: noon.Add(-48 * time.Hour), LastSeen: noon.Add(-5 * time.Minute), Calls: 40}, {Client: "n8n", CreatedAt: noon}}
	v.Cost = &status.Cost{Currency: "CNY", Today: status.Spending{SandboxSeconds: 7920, Estimate: 0.84}, Month: status.Spending{Estimate: 11.2}, DailyCap: 5}
	v.Figures = &Figures{
		RunsToday: 128, FailedToday: 2, RunsPer: []int{4, 6, 5, 9, 7, 10, 15, 9, 7, 11, 13, 8, 6, 10, 14, 12, 9, 7, 10, 13},
		RunTimes: waves(20, 38*time.Millisecond), RunP50: 38 * time.Millisecond, RunP99: 412 * time.Millisecond,
		AcquireTimes: waves(20, 3*time.Millisecond), AcquireP50: 2 * time.Millisecond, AcquireP99: 41 * time.Millisecond,
		UsualStart: 14 * time.Second, UsualLoad: 3 * time.Second,
		LastRun: map[string]time.Duration{"01KAW3F0Q2ZC8f2c": 41 * time.Millisecond, "01KAX7G1R3ZC11d0": 38 * time.Millisecond},
	}
	v.Notebook = &notebook.Notebook{ContextID: "c1", Cells: []*notebook.Cell{
		{
			RunID: "r15", Number: 15, Client: "cursor-vscode", State: notebook.CellDone, Code: "import json\nrows = json.load(open('missing.json'))  # 读取数据",
			Result: sandbox.Result{Duration: 4 * time.Millisecond, Failure: &sandbox.Failure{Code: sandbox.CodeExecutionFailed, Name: "FileNotFoundError", Message: "[Errno 2] No such file or directory: 'missing.json'", Traceback: "Traceback (most recent call last):\n  File \"<cell 15>\", line 2, in <module>\nFileNotFoundError: [Errno 2] No such file or directory: 'missing.json'"}},
		},
		{
			RunID: "r16", Number: 16, Client: "cursor-vscode", State: notebook.CellDone, Code: "import pandas as pd\ndf = pd.read_csv(\"sales.csv\")\ndf.total.describe()[[\"mean\", \"max\"]]",
			Result: sandbox.Result{Duration: 210 * time.Millisecond, Value: &sandbox.Output{Text: "mean    19400.6\nmax     20114.0"}},
		},
		{
			RunID: "r17", Number: 17, Client: "cursor-vscode", State: notebook.CellRunning, StartedAt: noon.Add(-3 * time.Second), Code: "for epoch in range(20):\n    loss = step(model, batch)\n    print(epoch, round(loss, 4))",
			Result: sandbox.Result{Stdout: "0 0.6931\n1 0.5127\n2 0.4410\n"},
		},
	}}
	v.Calls = calls(40)
	v.Editors = &Editors{
		Found: []Editor{
			{ID: "claude-desktop", Name: "Claude Desktop", State: EditorConnected, Route: RouteFile, Form: FormProgram, Forms: []EditorForm{FormProgram}, Undo: true},
			{ID: "cursor", Name: "Cursor", State: EditorConnected, Route: RouteFile, Form: FormURL, Forms: []EditorForm{FormProgram, FormURL}, Undo: true},
			{ID: "vscode", Name: "VS Code", State: EditorConnected, Route: RouteFile, Form: FormSocket, Forms: []EditorForm{FormProgram, FormSocket, FormURL}},
			{ID: "zed", Name: "Zed", State: EditorOff, Route: RouteFile, Forms: []EditorForm{FormProgram, FormURL}},
			{ID: "codex", Name: "Codex", State: EditorStale, Route: RouteFile, Form: FormProgram, Forms: []EditorForm{FormProgram, FormURL}, Why: WhyProgramGone, What: "/opt/old/agentrun-mcp", Lost: true},
		},
		NotFound: []string{"Windsurf", "Cline", "Continue", "Gemini CLI", "Goose", "LM Studio", "opencode", "Kiro", "Trae", "Qwen Code", "Warp"},
	}
	v.Account = Account{AccessKeyID: "LTAI…4f2a", AccountID: "1234567890123456", Region: "cn-hangzhou", Source: secrets.FromKeychain, Keychain: secrets.Available}
	v.Settings = &Settings{Values: config.Default().Values(), File: v.Settings.File, LogFolder: v.Settings.LogFolder, Autostart: true}
	v.Settings.Values["allowed_folders"] = []any{"/home/u/projects/sales", "/home/u/下载"}
	return v
}

func waves(n int, base time.Duration) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = base + time.Duration(float64(base)*0.3*math.Sin(float64(i)*1.7))
	}
	out[n/3] *= 2
	return out
}

func calls(n int) []Call {
	outcomes := []string{"ok", "ok", "ok", "EXECUTION_FAILED", "ok", "TIMEOUT", "ok", "CANCELLED"}
	tools := []string{"run_code", "run_code", "list_contexts", "run_code", "upload_file"}
	clients := []string{"cursor-vscode", "claude-ai", "Visual Studio Code"}
	names := []string{"data-analysis 数据分析", "web-scraping-task", ""}
	out := make([]Call, n)
	for i := range out {
		out[i] = Call{
			ID: fmt.Sprintf("q%d", i), At: noon.Add(time.Duration(i-n) * 17 * time.Second), Client: clients[i%3], Tool: tools[i%5], Context: names[i%3],
			ContextID: []string{"c1", "c2", ""}[i%3],
			Took:      time.Duration(3+i*37%900) * time.Millisecond, Outcome: outcomes[i%8], Detail: fmt.Sprintf("request_id  q%d\nrun_id      r%d", i, i),
		}
		if out[i].Outcome == "EXECUTION_FAILED" {
			out[i].Raised = []string{"NameError", "ModuleNotFoundError", "sqlalchemy.exc.IntegrityConstraintError"}[i/8%3]
		}
	}
	return out
}

func problemView() View {
	v := busyView()
	v.Phase = status.Troubled
	v.Pool.Ready, v.Pool.Starting = 0, 0
	v.Sessions = []status.Session{{ID: 9, Backend: "agentrun", SandboxID: "01KAY9J3T5ZCc03b", State: "retiring", CreatedAt: noon.Add(-time.Hour), ReadyAt: at(-time.Hour), ExpiresAt: at(0), Contexts: 1}}
	v.Problems = []status.Problem{
		{
			Code: status.NoSandbox, What: "Sandboxes cannot be made at the moment.", Why: "could not create a sandbox: there is no connection to fc.example.com", Todo: "AgentRun Tray tries again by itself; the log has the details.",
			Reason: "cloud-unreachable", Args: status.Args{Host: "fc.example.com"},
		},
		{
			Code: status.PortTaken, What: "Port 7411 is used by another program; AgentRun Tray listens on 127.0.0.1:7412 instead.", Why: "listen tcp 127.0.0.1:7411: bind: address already in use", Todo: "Choose another in the settings, or end that program.",
			Reason: "port-used", Args: status.Args{Port: "7411", Address: "127.0.0.1:7412"},
		},
	}
	return v
}

// lockedView is of a computer whose keychain does not open.
func lockedView() View {
	v := emptyView()
	v.Account = Account{Keychain: secrets.Locked}
	v.Problems = []status.Problem{{Code: status.Credentials, What: "The AgentRun credentials cannot be used.", Why: "the keychain is locked", Todo: "unlock it", Reason: "keychain-locked"}}
	return v
}

// badView has everything wrong that code runs with all the same.
func badView() View {
	v := lockedView()
	v.Addresses.HTTP = "http://127.0.0.1:43127/mcp"
	v.Problems = append([]status.Problem{
		{
			Code: status.Settings, What: "The settings cannot be used.", Reason: "settings-broken",
			Args: status.Args{Detail: "it is not valid JSON: line 3, unexpected end of JSON input", File: "/home/u/.config/agentrun-tray/settings.json.broken-20261127-120000"},
		},
		{Code: status.Settings, What: "A setting cannot be used.", Reason: "setting-default", Args: status.Args{Setting: "pool.warm", Detail: "-1 is not between 0 and 100, so the default is used"}},
		{Code: status.Settings, What: "A setting cannot be used.", Reason: "setting-default", Args: status.Args{Setting: "colour", Detail: "there is no such setting, so it was ignored"}},
		{Code: status.PortTaken, What: "Port 7411 is used.", Reason: "port-used", Args: status.Args{Port: "7411", Address: "127.0.0.1:43127"}},
	}, v.Problems...)
	return v
}

// manyView has sessions and contexts in numbers nobody has.
func manyView(sessions, contexts int) View {
	v := busyView()
	v.Sessions, v.Contexts = nil, nil
	for i := range sessions {
		v.Sessions = append(v.Sessions, status.Session{
			ID: uint64(i), Backend: "agentrun", SandboxID: fmt.Sprintf("01KAW3F0Q2ZC%04x", i), State: []string{"ready", "leased", "leased"}[i%3],
			CreatedAt: noon.Add(-time.Hour), ReadyAt: at(-30 * time.Minute), ExpiresAt: at(time.Duration(6+i*2) * time.Minute), Contexts: i % 3 * 7,
		})
	}
	for i := range contexts {
		v.Contexts = append(v.Contexts, status.Context{
			ID: fmt.Sprintf("m%d", i), Name: fmt.Sprintf("task-%04d 任务", i), Language: []string{"python", "javascript"}[i%2], Status: []string{"active", "active", "active", "running"}[i%4],
			Backend: "agentrun", SandboxID: fmt.Sprintf("01KAW3F0Q2ZC%04x", i%max(1, sessions)), Client: "claude-ai", LastUsed: noon.Add(-time.Duration(i*i) * time.Second), Runs: i % 97,
		})
	}
	return v
}

// plot is a picture as code shows one.
func plot() []byte {
	img := image.NewNRGBA(image.Rect(0, 0, 480, 200))
	for x := range 480 {
		y := 100 + 70*math.Sin(float64(x)/40)
		for d := -2; d <= 2; d++ {
			img.Set(x, int(y)+d, color.NRGBA{R: 62, G: 99, B: 221, A: 255})
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// fixCRC makes the check sum of a PNG's header right again.
func fixCRC(data []byte) {
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
}

// everyState is an editor in each state and on each route.
func everyState() []Editor {
	both := []EditorForm{FormProgram, FormURL}
	return []Editor{
		{ID: "cursor", Name: "Cursor", State: EditorConnected, Route: RouteFile, Form: FormProgram, Forms: both, Undo: true},
		{ID: "zed", Name: "Zed", State: EditorOff, Route: RouteFile, Forms: both},
		{ID: "gemini", Name: "Gemini CLI", State: EditorOff, Route: RouteFile, Forms: both, Lost: true},
		{ID: "codex", Name: "Codex", State: EditorStale, Route: RouteFile, Form: FormProgram, Forms: both, Why: WhyProgramGone, What: "/opt/old/agentrun-mcp", Lost: true},
		{ID: "kiro", Name: "Kiro", State: EditorEdited, Route: RouteFile, Forms: both, Why: WhyMembers, What: "args", Lost: true},
		{ID: "goose", Name: "Goose", State: EditorSilent, Route: RouteFile, Forms: both, Detail: "it is switched off in Goose"},
		{ID: "qwen", Name: "Qwen Code", State: EditorUnread, Route: RouteFile, Forms: both, Detail: "line 3: unexpected end of file"},
		{ID: "crush", Name: "Crush", State: EditorElsewhere, Route: RouteFile, Forms: both, Why: WhyTwice, What: "\"sandbox\""},
		{ID: "cherry-studio", Name: "Cherry Studio", State: EditorOff, Route: RouteLink},
		{ID: "jetbrains-ai", Name: "JetBrains AI Assistant", State: EditorOff, Route: RouteCard},
		{ID: "roo-code", Name: "Roo Code", State: EditorOff, Route: RouteRemove},
	}
}

// statesView has them all.
func statesView() View {
	v := busyView()
	v.Editors = &Editors{Found: everyState(), NotFound: v.Editors.NotFound}
	return v
}

// lostView has the problems that come of them.
func lostView() View {
	v := statesView()
	v.Problems = []status.Problem{
		{Code: status.EditorLost, Args: status.Args{Editor: "gemini"}, What: "Gemini CLI is not connected to AgentRun Tray any more."},
		{Code: status.EditorStale, Args: status.Args{Editor: "codex"}, What: "The entry of AgentRun Tray in Codex is out of date."},
		{Code: status.EditorChanged, Args: status.Args{Editor: "kiro"}, What: "The entry of AgentRun Tray in Kiro was changed by hand."},
	}
	return v
}

// checkedFindings are those of a check that fails at its last step.
func checkedFindings() []Finding {
	return []Finding{
		{Check: "programs", Title: "Programs", Verdict: VerdictGood, What: "Editors start /home/u/.local/share/agentrun-tray/bin/agentrun-mcp, version 1.0."},
		{Check: "copies", Title: "Other copies", Verdict: VerdictWarning, What: "There are other copies of agentrun-mcp: /usr/local/bin/agentrun-mcp.", Todo: "Remove those that are not used."},
		{Check: "engine", Title: "Engine", Verdict: VerdictSkipped, What: "Whether code can run shows when an editor connects."},
		{Check: "run", Title: "Code", Verdict: VerdictBad, What: "It does not run code: there was no answer within 90 s.", Todo: "See agentrunctl status."},
	}
}
