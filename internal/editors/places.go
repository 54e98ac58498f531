package editors

// Where editors keep their settings, as far as it takes more than one line to say.

// claudeDesktopFiles are all that an installation may read: on Windows the one from the store, which is the usual one, has its
// own view of the roaming folder. On Linux there is no official build, and only what somebody made is looked for.
func claudeDesktopFiles(s System) []string {
	const file = "claude_desktop_config.json"
	var found []string
	if s.GOOS == "darwin" || s.Exists(s.appConfig("Claude")) {
		found = append(found, s.appConfig("Claude", file))
	}
	if s.GOOS == "windows" {
		for _, folder := range s.Glob(s.local("Packages", "Claude_*")) {
			found = append(found, s.join(folder, "LocalCache", "Roaming", "Claude", file))
		}
	}
	return found
}

func claudeCodeFile(s System) string {
	return s.join(s.folder("CLAUDE_CONFIG_DIR", s.home()), ".claude.json")
}

func devinFolder(s System) string {
	if s.GOOS == "windows" {
		return s.roaming("devin")
	}
	return s.xdgConfig("devin")
}

// windsurfFiles: the product was renamed, and reads the files of both names where they are.
func windsurfFiles(s System) []string {
	var found []string
	if s.Exists(s.home(".codeium", "windsurf")) {
		found = append(found, s.home(".codeium", "windsurf", "mcp_config.json"))
	}
	if plugin := s.home(".codeium", "mcp_config.json"); s.Exists(plugin) {
		found = append(found, plugin)
	}
	if s.Exists(devinFolder(s)) || len(found) == 0 {
		found = append(found, s.join(devinFolder(s), "mcp_config.json"))
	}
	return found
}

func zedFolder(s System) string {
	switch s.GOOS {
	case "windows":
		return s.roaming("Zed")
	case "darwin":
		return s.home(".config", "zed")
	default:
		return s.join(s.folder("FLATPAK_XDG_CONFIG_HOME", s.xdgConfig()), "zed")
	}
}

// userFolders are those of VS Code and of editors made from it, in which extensions keep their files.
func userFolders(s System) []string {
	var all []string
	for _, name := range []string{"Code", "Code - Insiders", "Cursor", "Windsurf", "VSCodium"} {
		all = append(all, s.appConfig(name, "User"))
	}
	return all
}

// extensionFolders are where an extension keeps its files, in each editor in which it is installed.
func extensionFolders(s System, extension string) []string {
	var found []string
	for _, user := range userFolders(s) {
		if folder := s.join(user, "globalStorage", extension); s.Exists(folder) {
			found = append(found, folder)
		}
	}
	return found
}

func clineFolders(s System) []string { return extensionFolders(s, "saoudrizwan.claude-dev") }
func clineHome(s System) string      { return s.folder("CLINE_DIR", s.home(".cline")) }

// clineFiles are those of the extension in every editor, and that of the command line.
func clineFiles(s System) []string {
	const file = "cline_mcp_settings.json"
	var found []string
	for _, folder := range clineFolders(s) {
		found = append(found, s.join(folder, "settings", file))
	}
	if home := clineHome(s); s.Exists(home) {
		found = append(found, s.join(home, "data", "settings", file))
	}
	return found
}

func rooFolders(s System) []string { return extensionFolders(s, "rooveterinaryinc.roo-cline") }

func rooFiles(s System) []string {
	var found []string
	for _, folder := range rooFolders(s) {
		found = append(found, s.join(folder, "settings", "mcp_settings.json"))
	}
	return found
}

func codexFolder(s System) string   { return s.folder("CODEX_HOME", s.home(".codex")) }
func copilotFolder(s System) string { return s.folder("COPILOT_HOME", s.home(".copilot")) }

func gooseFolder(s System) string {
	if s.GOOS == "windows" {
		return s.roaming("Block", "goose", "config")
	}
	return s.xdgConfig("goose")
}

func crushFolder(s System) string {
	if s.GOOS == "windows" {
		return s.local("crush")
	}
	return s.xdgConfig("crush")
}

// lmStudioFolder follows the file in which LM Studio writes that its home was moved.
func lmStudioFolder(s System) string {
	if text, err := s.Read(s.home(".lmstudio-home-pointer")); err == nil {
		if moved := trimmed(text); s.absolute(moved) {
			return moved
		}
	}
	return s.home(".lmstudio")
}

func lmStudioFiles(s System) []string {
	if old := s.home(".cache", "lm-studio", "mcp.json"); s.Exists(old) && !s.Exists(lmStudioFolder(s)) {
		return []string{old}
	}
	return []string{s.join(lmStudioFolder(s), "mcp.json")}
}

// opencodeFiles are those that are there: opencode reads both and puts one over the other, and either may be older than our entry.
func opencodeFiles(s System) []string {
	plain, commented := s.xdgConfig("opencode", "opencode.json"), s.xdgConfig("opencode", "opencode.jsonc")
	switch {
	case !s.Exists(commented):
		return []string{plain}
	case !s.Exists(plain):
		return []string{commented}
	}
	return []string{plain, commented}
}

// amazonFiles: the first is read by default, the others where the extension's own dialog has made them.
func amazonFiles(s System) []string {
	found := []string{s.home(".aws", "amazonq", "mcp.json")}
	for _, file := range []string{s.home(".aws", "amazonq", "default.json"), s.home(".aws", "amazonq", "agents", "default.json")} {
		if s.Exists(file) {
			found = append(found, file)
		}
	}
	return found
}

func lingmaFiles(s System) []string {
	var found []string
	if s.Exists(s.appConfig("Lingma")) {
		found = append(found, s.appConfig("Lingma", "SharedClientCache", "mcp.json"))
	}
	if s.Exists(s.home(".lingma")) {
		found = append(found, s.home(".lingma", "lingma_mcp.json"))
	}
	return found
}

// qoderFiles are those that are there: sources disagree about the place, so none is made; see qoderLink.
func qoderFiles(s System) []string {
	var found []string
	for _, file := range []string{s.appConfig("Qoder", "SharedClientCache", "mcp.json"), s.home(".qoder", "mcp.json")} {
		if s.Exists(file) {
			found = append(found, file)
		}
	}
	return found
}

// antigravityFiles are those that are there, else the one that its maker names since the file was moved in 2026.
func antigravityFiles(s System) []string {
	newer, older := s.home(".gemini", "config", "mcp_config.json"), s.home(".gemini", "antigravity", "mcp_config.json")
	switch n, o := s.Exists(newer), s.Exists(older); {
	case n && o:
		return []string{newer, older}
	case o:
		return []string{older}
	default:
		return []string{newer}
	}
}
