package main

import (
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// manifestVersion is that of the format; 0.4 adds only what is for Python.
const manifestVersion = "0.3"

// Where clients look for texts in other languages than the manifest's own, and what ours is called.
const (
	translations  = "mcpb-resources/${locale}.json"
	englishLocale = "en-US"
	chineseLocale = "zh-CN"
)

// What a bundle is beside the product itself.
const (
	aboutEnglish = "Connects Claude Desktop with AgentRun Tray. Install AgentRun Tray on this computer first, and start it once; from then on this extension starts it whenever it is needed."
	aboutChinese = "把 Claude Desktop 接到 AgentRun Tray。请先在本机安装 AgentRun Tray 并启动一次；之后需要时本扩展会自动启动它。"
)

// manifest is manifest.json of a bundle, by the specification of MCP bundles.
type manifest struct {
	ManifestVersion string           `json:"manifest_version"`
	Name            string           `json:"name"`
	DisplayName     string           `json:"display_name"`
	Version         string           `json:"version"`
	Description     string           `json:"description"`
	LongDescription string           `json:"long_description"`
	Author          author           `json:"author"`
	Repository      repository       `json:"repository"`
	Homepage        string           `json:"homepage"`
	Documentation   string           `json:"documentation"`
	Support         string           `json:"support"`
	Icon            string           `json:"icon"`
	Localization    localization     `json:"localization"`
	Server          server           `json:"server"`
	Tools           []tool           `json:"tools"`
	ToolsMore       bool             `json:"tools_generated"`
	Prompts         []manifestPrompt `json:"prompts"`
	PromptsMore     bool             `json:"prompts_generated"`
	Keywords        []string         `json:"keywords"`
	License         string           `json:"license"`
	Compatibility   compatibility    `json:"compatibility"`
}

type author struct {
	Name string `json:"name"`
	URL  string `json:"url,omitempty"`
}

type repository struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type localization struct {
	Resources     string `json:"resources"`
	DefaultLocale string `json:"default_locale"`
}

type server struct {
	Type       string    `json:"type"`
	EntryPoint string    `json:"entry_point"`
	Config     mcpConfig `json:"mcp_config"`
}

type mcpConfig struct {
	Command string            `json:"command"`
	Args    []string          `json:"args"`
	Env     map[string]string `json:"env"`
}

type tool struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

type manifestPrompt struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Arguments   []string `json:"arguments,omitempty"`
	Text        string   `json:"text"`
}

type compatibility struct {
	Platforms []string `json:"platforms"`
}

func newManifest(p product, said offer, t target) manifest {
	entry := "server/" + program + t.ending
	m := manifest{
		ManifestVersion: manifestVersion,
		Name:            "agentrun-tray", DisplayName: p.Name, Version: p.Version,
		Description: p.English.summary, LongDescription: long(aboutEnglish, p.English),
		Author:     author{Name: p.Name, URL: p.Website},
		Repository: repository{"git", p.Website + ".git"},
		Homepage:   p.Website, Documentation: p.Website + "#readme", Support: p.Website + "/issues",
		Icon:         iconFile,
		Localization: localization{translations, englishLocale},
		// No settings and no secrets: both are the host's.
		Server:        server{"binary", entry, mcpConfig{Command: "${__dirname}/" + entry, Args: []string{}, Env: map[string]string{}}},
		ToolsMore:     true, // with an account there are more
		PromptsMore:   true, // the server's own have more arguments
		Keywords:      inEnglish(p.Keywords),
		License:       p.License,
		Compatibility: compatibility{[]string{t.platform}},
	}
	for _, known := range said.tools {
		m.Tools = append(m.Tools, newTool(known))
	}
	for _, known := range said.prompts {
		m.Prompts = append(m.Prompts, manifestPrompt{known.name, known.english.description, known.arguments, known.english.text})
	}
	return m
}

// newTool has of a description what people want to know; the rest is for models.
func newTool(t *mcp.Tool) tool {
	line, _, _ := strings.Cut(t.Description, "\n")
	sentence, _, more := strings.Cut(line, ". ")
	if more {
		sentence += "."
	}
	return tool{t.Name, sentence}
}

// translation is what a manifest says, in another language.
type translation struct {
	DisplayName     string           `json:"display_name"`
	Description     string           `json:"description"`
	LongDescription string           `json:"long_description"`
	Author          author           `json:"author"`
	Keywords        []string         `json:"keywords"`
	Prompts         []manifestPrompt `json:"prompts"`
}

// newTranslation is the Chinese one. Tools are described to models, which is done in English alone.
func newTranslation(p product, said offer) translation {
	t := translation{
		DisplayName: p.Name, Description: p.Chinese.summary, LongDescription: long(aboutChinese, p.Chinese),
		Author: author{Name: p.Name}, Keywords: p.Keywords,
	}
	for _, known := range said.prompts {
		t.Prompts = append(t.Prompts, manifestPrompt{known.name, known.chinese.description, known.arguments, known.chinese.text})
	}
	return t
}

func long(about string, w words) string {
	return strings.Join(append([]string{about}, w.paragraphs...), "\n\n")
}

// inEnglish leaves out the keywords of other scripts.
func inEnglish(keywords []string) []string {
	var english []string
	for _, k := range keywords {
		if len(k) == utf8.RuneCountInString(k) {
			english = append(english, k)
		}
	}
	return english
}
