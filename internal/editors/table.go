package editors

import "github.com/agentrun-tray/agentrun-tray/internal/editors/configedit"

// ID names an editor on the command line and in our files.
type ID string

// row is what is known of one editor. Functions get a system that is complete.
type row struct {
	id   ID
	name string // as its maker writes it

	// signs are files and folders one of which is there if the editor is; programs are looked for on the PATH beside.
	signs    func(s System) []string
	programs []string

	// files are the settings files to be written of an editor that was found: all places that it may read.
	files  func(s System) []string
	format configedit.Format
	// section is the key below which MCP servers stand.
	section string
	// fresh is what a new file has to begin with to be taken by the editor; hinders says why none may be made.
	fresh   string
	hinders func(s System) string
	// stdio, http and socket are the shapes of our entry; nil: the editor has no such thing.
	stdio  func(command string) entry
	http   func(url, token string) entry
	socket func(path string) entry

	// off says whether an entry is switched off in the editor.
	off func(found map[string]any) bool
	// spaceless editors cannot start a program with a space in its path.
	spaceless bool
	// expands editors take a dollar sign for the beginning of a variable.
	expands bool
	// sparing editors pass nothing on to what they start but the PATH, and what our entry says.
	sparing bool

	// cli is how the editor's own command line is used instead of its file; link is an address that makes the editor ask its user to
	// add us, used where there is no file to write; card is a text to paste where there is neither.
	cli  *cli
	link func(e entry) string
	card bool
	// retired editors are only disconnected.
	retired bool

	// after is what the user does in the editor for a change to be seen.
	after string
}

// switchedOff is how most editors write that a server is not to be started.
func switchedOff(found map[string]any) bool {
	return found["disabled"] == true || found["enabled"] == false
}

// table lists the editors in the order in which they are shown. To add one, add its row, and run the tests with -update for its
// folder in testdata.
var table = []row{
	{
		id: "claude-desktop", name: "Claude Desktop",
		signs: func(s System) []string {
			return append(append(s.bundles("Claude"), s.appConfig("Claude")), s.Glob(s.local("Packages", "Claude_*"))...)
		},
		files: claudeDesktopFiles,
		// it reads nothing but plain JSON
		format: configedit.StrictJSON(), section: "mcpServers",
		stdio: plainStdio,
		after: "Quit Claude Desktop completely, not only its window, and open it again.",
	},
	{
		id: "claude-code", name: "Claude Code",
		signs: func(s System) []string {
			return []string{s.home(".claude"), claudeCodeFile(s), s.home(".local", "bin", "claude")}
		},
		programs: []string{"claude"},
		files:    func(s System) []string { return []string{claudeCodeFile(s)} },
		format:   configedit.StrictJSON(), section: "mcpServers",
		stdio: typedStdio,
		http:  byURL("url", fixed("type", "http")),
		cli:   claudeCLI,
		after: "Sessions that run already do not see it; start a new one, or use /mcp there.",
	},
	{
		id: "cursor", name: "Cursor",
		signs: func(s System) []string {
			return append(s.bundles("Cursor"), s.home(".cursor"), s.local("Programs", "cursor"))
		},
		programs: []string{"cursor"},
		files:    func(s System) []string { return []string{s.home(".cursor", "mcp.json")} },
		format:   configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		http:  byURL("url"),
		after: "Cursor loads it at once; look in Settings › MCP.",
	},
	vsCode("vscode", "VS Code", "Code", "code", "Visual Studio Code"),
	vsCode("vscode-insiders", "VS Code Insiders", "Code - Insiders", "code-insiders", "Visual Studio Code - Insiders"),
	{
		id: "windsurf", name: "Devin Desktop (Windsurf)",
		signs: func(s System) []string {
			return append(append(s.bundles("Windsurf"), s.bundles("Devin")...), devinFolder(s), s.home(".codeium", "windsurf"), s.home(".codeium", "mcp_config.json"))
		},
		files:  windsurfFiles,
		format: configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		http:  byURL("serverUrl"),
		after: "Press the refresh button among Cascade's MCP servers.",
	},
	{
		id: "zed", name: "Zed",
		signs:    func(s System) []string { return append(s.bundles("Zed"), zedFolder(s)) },
		programs: []string{"zeditor"}, // zed is also a part of ZFS
		files:    func(s System) []string { return []string{s.join(zedFolder(s), "settings.json")} },
		format:   configedit.JSON(), section: "context_servers",
		stdio: plainStdio,
		http:  byURL("url"),
		after: "Zed loads it at once.",
	},
	{
		id: "cline", name: "Cline",
		signs:  func(s System) []string { return append(clineFolders(s), clineHome(s)) },
		files:  clineFiles,
		format: configedit.JSON(), section: "mcpServers",
		stdio: switchedStdio,
		http:  also(byURL("url", fixed("type", "streamableHttp")), loose("disabled", false)),
		off:   switchedOff,
		after: "Cline loads it at once.",
	},
	{
		id: "continue", name: "Continue",
		signs:  func(s System) []string { return []string{s.home(".continue")} },
		files:  func(s System) []string { return []string{s.home(".continue", "config.yaml")} },
		format: configedit.YAMLList(marksOf("continue")), section: "mcpServers",
		fresh: "name: Local Assistant\nversion: 1.0.0\nschema: v1\n",
		hinders: func(s System) string {
			if s.Exists(s.home(".continue", "config.yaml")) || !s.Exists(s.home(".continue", "config.json")) {
				return ""
			}
			return "its settings are still in config.json, which a config.yaml would put out of use; let Continue convert them first"
		},
		stdio: func(command string) entry {
			return append(entry{fixed("name", Name)}, typedStdio(command)...)
		},
		http: func(url, token string) entry {
			return entry{
				fixed("name", Name), fixed("type", "streamable-http"), fixed("url", url),
				fixed("requestOptions", entry{fixed("headers", bearer(token))}),
			}
		},
		after: "Continue loads it when its configuration is reloaded.",
	},
	{
		id: "gemini", name: "Gemini CLI",
		// its folder alone says nothing: Antigravity makes it too
		signs:    func(s System) []string { return []string{s.home(".gemini", "settings.json")} },
		programs: []string{"gemini"},
		files:    func(s System) []string { return []string{s.home(".gemini", "settings.json")} },
		format:   configedit.JSON(), section: "mcpServers",
		stdio:   plainStdio,
		http:    byURL("httpUrl"),
		expands: true,
		after:   "Sessions that run already do not see it; start a new one.",
	},
	{
		id: "codex", name: "Codex",
		signs:    func(s System) []string { return []string{codexFolder(s)} },
		programs: []string{"codex"},
		files:    func(s System) []string { return []string{s.join(codexFolder(s), "config.toml")} },
		format:   configedit.TOML(marksOf("codex")), section: "mcp_servers",
		stdio: plainStdio,
		http: func(url, token string) entry {
			return entry{fixed("url", url), fixed("http_headers", bearer(token))}
		},
		off:   switchedOff,
		after: "Start Codex anew; its command line, extension and app share the entry.",
	},
	{
		id: "junie", name: "Junie",
		signs:  func(s System) []string { return []string{s.home(".junie")} },
		files:  func(s System) []string { return []string{s.home(".junie", "mcp", "mcp.json")} },
		format: configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		http:  byURL("url"),
		off:   switchedOff,
		after: "Junie's plugin and its command line share the entry.",
	},
	{
		id: "goose", name: "Goose",
		// its folder alone: there is another program of its name, for databases
		signs:  func(s System) []string { return append(s.bundles("Goose"), gooseFolder(s)) },
		files:  func(s System) []string { return []string{s.join(gooseFolder(s), "config.yaml")} },
		format: configedit.YAML(marksOf("goose")), section: "extensions",
		stdio: func(command string) entry {
			return entry{
				fixed("name", Name), fixed("type", "stdio"), fixed("cmd", command), fixed("args", none),
				loose("enabled", true), loose("timeout", 300),
			}
		},
		http: func(url, token string) entry {
			return entry{
				fixed("name", Name), fixed("type", "streamable_http"), fixed("uri", url), fixed("headers", bearer(token)),
				loose("enabled", true), loose("timeout", 300),
			}
		},
		off:   switchedOff,
		after: "Sessions that run already do not see it; start a new one.",
	},
	{
		id: "lm-studio", name: "LM Studio",
		signs: func(s System) []string {
			return append(s.bundles("LM Studio"), lmStudioFolder(s), s.home(".lmstudio-home-pointer"), s.home(".cache", "lm-studio"))
		},
		files:  lmStudioFiles,
		format: configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		http:  byURL("url"),
		after: "LM Studio loads it at once.",
	},
	{
		id: "opencode", name: "opencode",
		signs:    func(s System) []string { return []string{s.xdgConfig("opencode")} },
		programs: []string{"opencode"},
		files:    opencodeFiles,
		format:   configedit.JSON(), section: "mcp",
		stdio: func(command string) entry {
			return entry{fixed("type", "local"), fixed("command", []string{command}), loose("enabled", true)}
		},
		http:  also(byURL("url", fixed("type", "remote")), loose("enabled", true)),
		off:   switchedOff,
		after: "Start opencode anew.",
	},
	{
		id: "amazon-q", name: "Amazon Q Developer",
		// its folder alone: programs called q are many, and its own is Kiro now
		signs:  func(s System) []string { return []string{s.home(".aws", "amazonq")} },
		files:  amazonFiles,
		format: configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		off:   switchedOff,
		after: "Start the chat anew.",
	},
	{
		id: "kiro", name: "Kiro",
		signs:    func(s System) []string { return append(s.bundles("Kiro"), s.home(".kiro")) },
		programs: []string{"kiro", "kiro-cli"},
		files:    func(s System) []string { return []string{s.home(".kiro", "settings", "mcp.json")} },
		format:   configedit.JSON(), section: "mcpServers",
		stdio: switchedStdio,
		http:  byURL("url"),
		off:   switchedOff,
		after: "Kiro loads it at once.",
	},
	trae("trae", "Trae", "Trae"),
	trae("trae-cn", "Trae CN", "Trae CN"),
	{
		id: "qwen", name: "Qwen Code",
		signs:    func(s System) []string { return []string{s.home(".qwen")} },
		programs: []string{"qwen"},
		files:    func(s System) []string { return []string{s.home(".qwen", "settings.json")} },
		format:   configedit.JSON(), section: "mcpServers",
		stdio:   plainStdio,
		http:    byURL("httpUrl"),
		expands: true,
		after:   "Sessions that run already do not see it; start a new one.",
	},
	{
		id: "lingma", name: "Tongyi Lingma",
		signs:  func(s System) []string { return []string{s.appConfig("Lingma"), s.home(".lingma")} },
		files:  lingmaFiles,
		format: configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		after: "Start Lingma anew. Where it reads its settings is known from users' reports only; if it does not show agentrun, add it there by hand.",
	},
	{
		id: "qoder", name: "Qoder",
		signs:  func(s System) []string { return append(s.bundles("Qoder"), s.appConfig("Qoder"), s.home(".qoder")) },
		files:  qoderFiles,
		format: configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		http: func(url, token string) entry {
			return entry{fixed("type", "http"), fixed("url", url), fixed("headers", bearer(token))}
		},
		link:  qoderLink,
		after: "Qoder shows it in Settings › MCP.",
	},
	{
		id: "warp", name: "Warp",
		signs:    func(s System) []string { return append(s.bundles("Warp"), s.home(".warp")) },
		programs: []string{"warp-terminal"},
		files:    func(s System) []string { return []string{s.home(".warp", ".mcp.json")} },
		format:   configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		http:  byURL("url"),
		after: "Warp starts it by itself; look in Settings › MCP servers.",
	},
	{
		id: "crush", name: "Crush",
		signs:    func(s System) []string { return []string{crushFolder(s)} },
		programs: []string{"crush"},
		files:    func(s System) []string { return []string{s.join(crushFolder(s), "crush.json")} },
		format:   configedit.JSON(), section: "mcp",
		stdio:   typedStdio,
		http:    byURL("url", fixed("type", "http")),
		off:     switchedOff,
		expands: true,
		after:   "Start Crush anew.",
	},
	{
		id: "antigravity", name: "Antigravity",
		signs: func(s System) []string {
			return append(s.bundles("Antigravity"), s.home(".gemini", "antigravity"), s.home(".gemini", "config", "mcp_config.json"))
		},
		programs: []string{"antigravity"},
		files:    antigravityFiles,
		format:   configedit.JSON(), section: "mcpServers",
		stdio: plainStdio,
		http:  byURL("serverUrl"),
		off:   switchedOff,
		after: "Press Refresh under Manage MCP Servers.",
	},
	{
		id: "copilot-cli", name: "GitHub Copilot CLI",
		// its folder alone: a program of Amazon has its name too
		signs:  func(s System) []string { return []string{copilotFolder(s)} },
		files:  func(s System) []string { return []string{s.join(copilotFolder(s), "mcp-config.json")} },
		format: configedit.JSON(), section: "mcpServers",
		stdio: func(command string) entry {
			return append(append(entry{fixed("type", "local")}, plainStdio(command)...), loose("tools", []string{"*"}))
		},
		http:    also(byURL("url", fixed("type", "http")), loose("tools", []string{"*"})),
		sparing: true,
		after:   "Sessions that run already do not see it; start a new one.",
	},
	{
		id: "cherry-studio", name: "Cherry Studio",
		signs:  func(s System) []string { return append(s.bundles("Cherry Studio"), s.appConfig("CherryStudio")) },
		format: configedit.JSON(),
		stdio: func(command string) entry {
			return append(entry{fixed("name", Name)}, typedStdio(command)...)
		},
		link:  cherryLink,
		after: "Cherry Studio keeps servers in a database of its own; take ours out under Settings › MCP servers.",
	},
	{
		id: "jetbrains-ai", name: "JetBrains AI Assistant",
		signs:  func(s System) []string { return []string{s.appConfig("JetBrains")} },
		format: configedit.JSON(),
		stdio:  plainStdio,
		card:   true,
		after:  "Paste it into Settings › Tools › AI Assistant › Model Context Protocol (MCP) › Add › As JSON. \"Import from Claude\" there also finds us once Claude Desktop is connected.",
	},
	{
		id: "roo-code", name: "Roo Code",
		signs: rooFolders, files: rooFiles,
		format: configedit.JSON(), section: "mcpServers",
		stdio: func(command string) entry {
			return append(plainStdio(command), loose("alwaysAllow", none), loose("disabled", false))
		},
		http:    also(byURL("url", fixed("type", "streamable-http")), loose("disabled", false)),
		off:     switchedOff,
		retired: true,
		after:   "Roo Code is no longer made; Cline reads the same settings.",
	},
}

// vsCode is the row of one build of VS Code. It reaches the host by its socket without a token, which nobody else can open.
func vsCode(id ID, name, folder, program, bundle string) row {
	return row{
		id: id, name: name,
		signs:    func(s System) []string { return append(s.bundles(bundle), s.appConfig(folder, "User")) },
		programs: []string{program},
		files:    func(s System) []string { return []string{s.appConfig(folder, "User", "mcp.json")} },
		format:   configedit.JSON(), section: "servers",
		stdio: typedStdio,
		http:  byURL("url", fixed("type", "http")),
		socket: func(path string) entry {
			return entry{fixed("type", "http"), fixed("url", "unix://"+path+"#/mcp")}
		},
		after: name + " asks at the first use whether you trust it. Profiles of your own have a list of their own: connect there by the command MCP: Add Server.",
	}
}

// trae is the row of one edition of Trae, which takes an entry with a type for a mistake.
func trae(id ID, name, folder string) row {
	return row{
		id: id, name: name,
		signs:  func(s System) []string { return append(s.bundles(name), s.appConfig(folder, "User")) },
		files:  func(s System) []string { return []string{s.appConfig(folder, "User", "mcp.json")} },
		format: configedit.JSON(), section: "mcpServers",
		stdio:     plainStdio,
		http:      byURL("url"),
		off:       switchedOff,
		spaceless: true,
		after:     name + " loads it at once.",
	}
}
