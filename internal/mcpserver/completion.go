package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
)

const (
	// maxCompletions is the protocol's limit.
	maxCompletions = 100
	// completionPatience is how long a list of files is waited for: somebody is typing.
	completionPatience = 2 * time.Second
)

// templateArguments are the variables of each template, in their order.
var templateArguments = map[string][]string{
	contextTemplate: {"id"},
	fileTemplate:    {"id", "path"},
	runTemplate:     {"id", "n"},
	streamTemplate:  {"id", "n", "stream"},
	imageTemplate:   {"id", "n", "k"},
}

// completer completes arguments while somebody types them.
type completer struct{ s *Server }

// shapes say what the parameters of a method have to be.
var shapes = map[mcp.MCPMethod]error{
	mcp.MethodCompletionComplete: errors.New("completion needs a ref of type ref/resource with a uri, or ref/prompt with a name, and an argument with a name and a value"),
	mcp.MethodPromptsGet:         errors.New("a prompt needs its name, and its arguments as strings"),
}

// mendShapes mends the error for parameters of the wrong shape: mcp-go calls them an invalid request, and names types of its own.
func mendShapes(hooks *server.Hooks) {
	hooks.AddOnError(func(ctx context.Context, _ any, method mcp.MCPMethod, _ any, err error) {
		if _, is := errors.AsType[*server.UnparsableMessageError](err); is {
			exchangeOf(ctx).reply.replace(paramsError(ctx, misshapen(method, err)))
		}
	})
}

// misshapen says what is wrong with the parameters of a method.
func misshapen(method mcp.MCPMethod, err error) error {
	if says := shapes[method]; says != nil {
		return says
	}
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is && wrong.Field != "" {
		field := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]
		return fmt.Errorf("%s of %s is of the wrong type: it may not be of the JSON type %s", field, method, wrong.Value)
	}
	return fmt.Errorf("the parameters of %s cannot be read", method)
}

// CompleteResourceArgument implements server.ResourceCompletionProvider.
func (c completer) CompleteResourceArgument(ctx context.Context, uri string, argument mcp.CompleteArgument, known mcp.CompleteContext) (*mcp.Completion, error) {
	names, ok := templateArguments[uri]
	if !ok {
		if _, err := parseResource(uri); err == nil {
			return completion(nil), nil // a resource without anything left to fill in
		}
		return nil, c.refuse(ctx, "there is no resource template %q; resources/templates/list shows those there are", phrase.Clip(uri, 200))
	}
	if !slices.Contains(names, argument.Name) {
		return nil, c.refuse(ctx, "the template %s has no variable %q, only %s", uri, phrase.Clip(argument.Name, 60), strings.Join(names, ", "))
	}
	id, x := known.Arguments["id"], exchangeOf(ctx)
	shows := contextURI(id) + "/runs"
	switch argument.Name {
	case "id":
		shows = allURI
	case "path":
		shows = contextURI(id) + "/files"
	}
	if x.mayRead(shows) != nil {
		return completion(nil), nil // completing would tell what reading does not
	}
	switch argument.Name {
	case "id":
		return completion(c.contexts(argument.Value)), nil
	case "path":
		return completion(c.files(ctx, id, argument.Value)), nil
	case "n":
		return completion(beginning(argument.Value, c.runs(id, uri))), nil
	case "stream":
		return completion(beginning(argument.Value, streams)), nil
	}
	return completion(beginning(argument.Value, c.images(id, known.Arguments["n"]))), nil
}

// CompletePromptArgument implements server.PromptCompletionProvider.
func (c completer) CompletePromptArgument(ctx context.Context, name string, argument mcp.CompleteArgument, known mcp.CompleteContext) (*mcp.Completion, error) {
	p, ok := c.s.prompts[name]
	if !ok {
		return nil, c.refuse(ctx, "there is no prompt %q; prompts/list shows those there are", phrase.Clip(name, 200))
	}
	a, ok := p.argument(argument.Name)
	switch {
	case !ok:
		return nil, c.refuse(ctx, "the prompt %s has no argument %q", p.name, phrase.Clip(argument.Name, 60))
	case a.name == promptLanguage:
		return completion(beginning(argument.Value, []string{english, chinese})), nil
	case a.isID && exchangeOf(ctx).mayRead(allURI) == nil:
		return completion(c.contexts(argument.Value)), nil
	case a.isCode:
		taken := known.Arguments["from"]
		if a.name == "from" {
			taken = known.Arguments["to"]
		}
		rest := slices.DeleteFunc(c.s.languages(), func(l string) bool { return strings.EqualFold(l, taken) })
		return completion(beginning(strings.ToLower(argument.Value), rest)), nil
	}
	return completion(nil), nil
}

// refuse makes the error of a completion that cannot be had.
func (c completer) refuse(ctx context.Context, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	exchangeOf(ctx).reply.replace(paramsError(ctx, err))
	return err
}

// completion makes the answer of all values there are.
func completion(all []string) *mcp.Completion {
	return &mcp.Completion{Values: all[:min(len(all), maxCompletions)], Total: len(all), HasMore: len(all) > maxCompletions}
}

// beginning keeps the values that begin with what was typed.
func beginning(typed string, all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(v string) bool { return !strings.HasPrefix(v, typed) })
}

// contexts are the ids of the contexts whose id or name begins with what was typed, newest first.
func (c completer) contexts(typed string) []string {
	var ids []string
	for _, cc := range c.s.interp.Contexts() {
		if strings.HasPrefix(cc.ID, typed) || strings.HasPrefix(strings.ToLower(cc.Name), strings.ToLower(typed)) {
			ids = append(ids, cc.ID)
		}
	}
	return ids
}

// runs are the numbers of the kept runs of a context, newest first; for pictures only those of runs that have some.
func (c completer) runs(id, template string) []string {
	var numbers []string
	for _, r := range slices.Backward(c.history(id)) {
		if template != imageTemplate || len(runPictures(r.Result)) > 0 {
			numbers = append(numbers, strconv.Itoa(r.Number))
		}
	}
	return numbers
}

// images are the numbers of the pictures of a run.
func (c completer) images(id, run string) []string {
	var numbers []string
	for _, r := range c.history(id) {
		if strconv.Itoa(r.Number) != run {
			continue
		}
		for k := range runPictures(r.Result) {
			numbers = append(numbers, strconv.Itoa(k+1))
		}
	}
	return numbers
}

// history is what is kept of the runs of a context, if there is one.
func (c completer) history(id string) []interpreter.RunRecord {
	runs, err := c.s.interp.History(id)
	if err != nil {
		return nil // nothing to offer
	}
	return runs
}

// files are what is in the folder whose name was typed so far and begins with the rest, folders with a slash behind. A context whose
// sandbox is lost would have to be made anew for that, and is left alone.
func (c completer) files(ctx context.Context, id, typed string) []string {
	if cc, ok := c.s.interp.Context(id); !ok || cc.Status == interpreter.Lost {
		return nil
	}
	folder := ""
	if at := strings.LastIndexByte(typed, '/'); at >= 0 {
		folder = typed[:at]
	}
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	list, _, err := c.s.interp.ListFiles(ctx, exchangeOf(ctx).caller, interpreter.FileRef{ContextID: id, Path: folder, Mute: true}, 1)
	if err != nil {
		return nil // nothing to offer
	}
	var names []string
	for _, f := range list {
		name := path.Clean(f.Path)
		if f.IsFolder {
			name += "/"
		}
		names = append(names, name)
	}
	return beginning(typed, names)
}
