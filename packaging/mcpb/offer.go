package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// offer is what a server on this computer, without an account, says that it can do.
type offer struct {
	tools   []*mcp.Tool
	prompts []promptOffer
}

// promptOffer is a prompt with its texts, in which "${arguments.NAME}" stands for what a user will say.
type promptOffer struct {
	name             string
	arguments        []string
	english, chinese promptText
}

type promptText struct{ description, text string }

// promptLanguage is the argument by which a prompt is had in another language.
const promptLanguage = "prompt_language"

// ask starts a host in a home of its own, and asks it through the relay.
func ask(ctx context.Context, bin string) (said offer, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	home, err := os.MkdirTemp("", "agentrun-mcpb-")
	if err != nil {
		return offer{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(home)) }()
	command := func(ctx context.Context, name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...) //nolint:gosec // our own programs
		cmd.Env = []string{"HOME=" + home, "AGENTRUN_TRAY_HOME=" + home}
		cmd.Stderr = os.Stderr
		return cmd
	}
	settings := filepath.Join(home, "config", "settings.json")
	if err := errors.Join(os.MkdirAll(filepath.Dir(settings), 0o700), os.WriteFile(settings, []byte(`{"backend": "local", "http": {"enabled": false}}`), 0o600)); err != nil {
		return offer{}, err
	}
	defer func() { err = errors.Join(err, command(context.WithoutCancel(ctx), "agentrunctl", "stop").Run()) }()
	client := mcp.NewClient(&mcp.Implementation{Name: "mcpb", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.CommandTransport{Command: command(ctx, program)}, nil)
	if err != nil {
		return offer{}, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()

	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		return offer{}, err
	}
	prompts, err := session.ListPrompts(ctx, nil)
	if err != nil {
		return offer{}, err
	}
	said.tools = tools.Tools
	for _, p := range prompts.Prompts {
		one, err := askPrompt(ctx, session, p)
		if err != nil {
			return offer{}, err
		}
		said.prompts = append(said.prompts, one)
	}
	return said, nil
}

// askPrompt gets the texts of a prompt. An argument that must be more than a text, such as the name of a language, cannot stand open in
// them: it is left out, and the server asks for it.
func askPrompt(ctx context.Context, session *mcp.ClientSession, p *mcp.Prompt) (promptOffer, error) {
	o := promptOffer{name: p.Name}
	get := func(language string, arguments []string) (promptText, error) {
		params := &mcp.GetPromptParams{Name: p.Name, Arguments: map[string]string{promptLanguage: language}}
		for _, a := range arguments {
			params.Arguments[a] = placeholder(a)
		}
		got, err := session.GetPrompt(ctx, params)
		if err != nil {
			return promptText{}, err
		}
		if len(got.Messages) != 1 {
			return promptText{}, fmt.Errorf("the prompt %s has %d messages", p.Name, len(got.Messages))
		}
		text, ok := got.Messages[0].Content.(*mcp.TextContent)
		if !ok {
			return promptText{}, fmt.Errorf("the prompt %s is no text", p.Name)
		}
		return promptText{got.Description, text.Text}, nil
	}
	for _, a := range p.Arguments {
		if a.Required {
			o.arguments = append(o.arguments, a.Name)
		}
	}
	for _, a := range p.Arguments {
		if a.Required || a.Name == promptLanguage {
			continue
		}
		more := append(slices.Clone(o.arguments), a.Name)
		if text, err := get("en", more); err == nil && strings.Contains(text.text, placeholder(a.Name)) {
			o.arguments = more
		}
	}
	var err error
	if o.english, err = get("en", o.arguments); err != nil {
		return promptOffer{}, err
	}
	o.chinese, err = get("zh", o.arguments)
	return o, err
}

// placeholder is what a manifest has in place of an argument.
func placeholder(argument string) string { return "${arguments." + argument + "}" }
