package mcpserver

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"text/template"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// The languages that prompts speak.
const (
	english = "en"
	chinese = "zh"
)

// promptLanguage is the argument of every prompt for another language than the one the host is set to.
const promptLanguage = "prompt_language"

// maxArgument bounds what a prompt repeats of one argument: it all goes into a model's attention.
const maxArgument = 64 << 10

// promptFiles holds the text of each prompt in each language.
//
//go:embed prompts/en/*.md prompts/zh/*.md
var promptFiles embed.FS

// promptSpec is what a prompt is in every language.
type promptSpec struct {
	name      string
	arguments []promptArgument
	// prepare adds what the text needs to the arguments, and what goes beside it. Nil: nothing.
	prepare func(s *Server, x *exchange, values map[string]any) ([]mcp.PromptMessage, error)
}

type promptArgument struct {
	name     string
	required bool
	isCode   bool // a programming language
	isID     bool // a context
}

// promptSpecs are the prompts there are, by name.
var promptSpecs = []promptSpec{
	{name: "analyse_data", arguments: []promptArgument{{name: "file", required: true}, {name: "question"}}},
	{name: "explain_error", arguments: []promptArgument{{name: "context_id", isID: true}, {name: "traceback"}}, prepare: (*Server).prepareError},
	{name: "plot_data", arguments: []promptArgument{{name: "file", required: true}, {name: "what"}}},
	{
		name:      "port_code",
		arguments: []promptArgument{{name: "code", required: true}, {name: "from", isCode: true}, {name: "to", isCode: true}},
		prepare:   (*Server).preparePort,
	},
}

// prompt is a prompt in all its languages.
type prompt struct {
	promptSpec
	texts map[string]promptText // by language
}

// promptText is a prompt in one language.
type promptText struct {
	title, description string
	arguments          map[string]argumentText
	body               *template.Template
}

type argumentText struct{ title, description string }

// addPrompts registers the prompts, listed in the language of the host.
func (s *Server) addPrompts() error {
	if s.opt.Language != english && s.opt.Language != chinese {
		return fmt.Errorf("mcpserver: there are no prompts in the language %q", s.opt.Language)
	}
	s.prompts = make(map[string]prompt, len(promptSpecs))
	for _, spec := range promptSpecs {
		spec.arguments = append(slices.Clip(spec.arguments), promptArgument{name: promptLanguage})
		p := prompt{promptSpec: spec, texts: make(map[string]promptText, 2)}
		for _, language := range []string{english, chinese} {
			file := path.Join("prompts", language, spec.name+".md")
			text, err := promptFiles.ReadFile(file)
			if err != nil {
				return fmt.Errorf("mcpserver: %w", err)
			}
			if p.texts[language], err = readPrompt(string(text)); err != nil {
				return fmt.Errorf("mcpserver: %s: %w", file, err)
			}
		}
		s.prompts[spec.name] = p
		s.mcp.AddPrompt(p.definition(s.opt.Language), func(ctx context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return s.getPrompt(ctx, p, req.Params.Arguments)
		})
	}
	return nil
}

// readPrompt reads the text of a prompt: lines of "KEY: VALUE", a line of dashes, and what the model is told.
func readPrompt(text string) (promptText, error) {
	head, body, ok := strings.Cut(text, "\n---\n")
	if !ok {
		return promptText{}, errors.New("there is no line of dashes")
	}
	p := promptText{arguments: make(map[string]argumentText)}
	for line := range strings.Lines(head) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			return promptText{}, fmt.Errorf("no KEY: VALUE in %q", line)
		}
		name, isArgument := strings.CutPrefix(key, "argument ")
		switch {
		case isArgument:
			title, about, ok := strings.Cut(value, " | ")
			if !ok {
				return promptText{}, fmt.Errorf("no TITLE | DESCRIPTION in %q", line)
			}
			p.arguments[name] = argumentText{title, about}
		case key == "title":
			p.title = value
		case key == "description":
			p.description = value
		default:
			return promptText{}, fmt.Errorf("%q is not known", key)
		}
	}
	var err error
	p.body, err = template.New("").Option("missingkey=error").Funcs(template.FuncMap{"fenced": fenced}).Parse(body)
	return p, err
}

// fenced puts text between fences that it does not hold.
func fenced(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + strings.TrimRight(text, "\n") + "\n" + fence
}

// definition is the prompt as clients see it.
func (p prompt) definition(language string) mcp.Prompt {
	text := p.texts[language]
	d := mcp.Prompt{Name: p.name, Title: text.title, Description: text.description}
	for _, a := range p.arguments {
		about := text.arguments[a.name]
		d.Arguments = append(d.Arguments, mcp.PromptArgument{Name: a.name, Title: about.title, Description: about.description, Required: a.required})
	}
	return d
}

// argument finds an argument by its name.
func (p prompt) argument(name string) (promptArgument, bool) {
	at := slices.IndexFunc(p.arguments, func(a promptArgument) bool { return a.name == name })
	if at < 0 {
		return promptArgument{}, false
	}
	return p.arguments[at], true
}

// getPrompt fills in a prompt. What is wrong with its arguments is an error of the protocol.
func (s *Server) getPrompt(ctx context.Context, p prompt, given map[string]string) (result *mcp.GetPromptResult, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.LogAttrs(ctx, slog.LevelError, "panic in a prompt", slog.Any("panic", r), slog.String("stack", string(debug.Stack())))
			result, err = nil, fmt.Errorf("this prompt failed because of a mistake in AgentRun Tray, %s", inLog(ctx))
			return
		}
		if err != nil {
			exchangeOf(ctx).reply.replace(paramsError(ctx, err))
		}
	}()
	text, values, err := s.promptValues(p, given)
	if err != nil {
		return nil, err
	}
	var beside []mcp.PromptMessage
	if p.prepare != nil {
		if beside, err = p.prepare(s, exchangeOf(ctx), values); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	if err := text.body.Execute(&b, values); err != nil {
		panic(fmt.Errorf("prompt %s: %w", p.name, err)) // a mistake in the text, not in the arguments
	}
	said := mcp.NewPromptMessage(mcp.RoleUser, mcp.NewTextContent(strings.TrimSpace(b.String())))
	return &mcp.GetPromptResult{Description: text.description, Messages: append([]mcp.PromptMessage{said}, beside...)}, nil
}

// promptValues checks the arguments of a prompt. In what it returns, every argument has a value.
func (s *Server) promptValues(p prompt, given map[string]string) (promptText, map[string]any, error) {
	for name, value := range given {
		if _, ok := p.argument(name); !ok {
			return promptText{}, nil, fmt.Errorf("the prompt %s has no argument %q", p.name, phrase.Clip(name, 60))
		}
		if len(value) > maxArgument {
			return promptText{}, nil, fmt.Errorf("the argument %s has %s and may have at most %s; put it into a file with upload_file and name that",
				name, phrase.Size(int64(len(value))), phrase.Size(maxArgument))
		}
	}
	values := make(map[string]any, len(p.arguments))
	for _, a := range p.arguments {
		value := strings.TrimSpace(given[a.name])
		switch {
		case a.required && value == "":
			return promptText{}, nil, fmt.Errorf("the prompt %s needs the argument %s: %s", p.name, a.name, p.texts[english].arguments[a.name].description)
		case a.isCode && value != "":
			value = strings.ToLower(value)
			if !s.interp.Site().Traits().Speaks(sandbox.Language(value)) {
				return promptText{}, nil, fmt.Errorf("the argument %s must be one of %s, not %q", a.name, strings.Join(s.languages(), ", "), phrase.Clip(value, 60))
			}
		case a.name == "code" || a.name == "traceback":
			value = strings.Trim(given[a.name], "\r\n") // the blanks before the first line mean something
		}
		values[a.name] = value
	}
	language := s.opt.Language
	if other, _ := values[promptLanguage].(string); other != "" {
		language = strings.ToLower(other)
	}
	text, ok := p.texts[language]
	if !ok {
		return promptText{}, nil, fmt.Errorf("the argument %s must be %s or %s, not %q", promptLanguage, english, chinese, phrase.Clip(language, 60))
	}
	return text, values, nil
}

// languages are those that code can be written in.
func (s *Server) languages() []string {
	names := make([]string, len(s.interp.Site().Traits().Languages))
	for n, l := range s.interp.Site().Traits().Languages {
		names[n] = string(l)
	}
	return names
}

// preparePort settles the other language where there is just one.
func (s *Server) preparePort(_ *exchange, values map[string]any) ([]mcp.PromptMessage, error) {
	from, _ := values["from"].(string)
	to, _ := values["to"].(string)
	if from != "" && from == to {
		return nil, fmt.Errorf("from and to are both %s; leave one of them out, or name two languages", from)
	}
	other := func(than string) string {
		rest := slices.DeleteFunc(s.languages(), func(l string) bool { return l == than })
		if than == "" || len(rest) != 1 {
			return ""
		}
		return rest[0]
	}
	if to == "" {
		values["to"] = other(from)
	}
	if from == "" {
		values["from"] = other(to)
	}
	return nil, nil
}

// prepareError finds the last failed run of the context that is named. The run itself goes beside the text.
func (s *Server) prepareError(x *exchange, values map[string]any) ([]mcp.PromptMessage, error) {
	id, _ := values["context_id"].(string)
	given, _ := values["traceback"].(string)
	values["traceback_given"] = given
	for _, name := range []string{"run", "language", "code"} {
		values[name] = ""
	}
	if id == "" {
		if strings.TrimSpace(given) == "" {
			return nil, errors.New("the prompt explain_error needs the argument context_id or traceback: the context whose last failed run is to be explained, or the error as it was printed")
		}
		return nil, nil
	}
	if err := x.mayRead(contextURI(id) + "/runs"); err != nil {
		return nil, err
	}
	runs, err := s.interp.History(id)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Backward(runs) {
		f := r.Result.Failure
		if f == nil {
			continue
		}
		said := f.Traceback
		if strings.TrimSpace(said) == "" { // a run that was ended has none
			said = f.Name + ": " + f.Message
		}
		values["run"], values["code"] = r.Number, shorten(r.Code, maxArgument, "")
		values["traceback"] = shorten(said, maxArgument, "")
		if cc, ok := s.interp.Context(id); ok {
			values["language"] = string(cc.Language)
		}
		whole, is := s.runResource(runURI(id, r.Number), id, r).(mcp.TextResourceContents)
		if !is {
			return nil, nil
		}
		return []mcp.PromptMessage{mcp.NewPromptMessage(mcp.RoleUser, mcp.NewEmbeddedResource(whole))}, nil
	}
	return nil, fmt.Errorf("none of the runs that are kept of context %s has failed; give the error as traceback instead", id)
}
