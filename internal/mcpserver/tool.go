package mcpserver

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/activity"
	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// tools are the tools there are, in no order that matters: clients get them sorted by name.
var tools = []func(*offer) tool{
	runCode, getResult, cancelRun, createContext, stopContext, listContexts,
	listFiles, uploadFile, downloadFile,
	runCommand, getProcess, stopProcess,
}

// tool is something a client can ask for.
type tool struct {
	name        string // at most 24 characters: editors put the server's name before it and drop what gets too long
	title       string
	description string
	hints       hints
	shell       bool // it is for backends with a shell, and not listed where the current one has none
	ownTime     bool // it minds its time by itself: the work goes on after the call, or may take long where the client sees that it goes on
	input       object
	output      object
	run         func(ctx context.Context, c *call) (*answer, error)
}

// hints tell a client how careful it has to be with a tool. All four are always sent: what is left out counts as the worst.
type hints struct {
	readOnly    bool // changes nothing
	destructive bool // may replace or remove what is there
	idempotent  bool // the same call again changes nothing more
	openWorld   bool // reaches things beyond this host
}

// call is one call of a tool.
type call struct {
	*exchange
	tool   tool
	args   json.RawMessage
	interp *interpreter.Interpreter
}

// decode reads the arguments.
func (c *call) decode(into any) error { return c.tool.input.decode(c.tool.name, c.args, into) }

// about notes which context the call is about, for the log. Its name is looked up now, as the call may end it.
func (c *call) about(contextID string) {
	c.contextID, c.context = contextID, ""
	if cc, ok := c.interp.Context(contextID); ok {
		c.context = cc.Name
	}
}

// failed notes that code or a command did not come to its end, which is a result for whoever called.
func (c *call) failed(failure *sandbox.Failure) {
	if failure != nil {
		c.outcome, c.raised = string(failure.Code), activity.NameOfError(failure.Name)
	}
}

// answer is what came of a call: one object, and blocks that cannot be part of it.
type answer struct {
	object any
	blocks []mcp.Content
}

// addTools registers all tools, also those that are not listed at the moment.
func (s *Server) addTools() {
	for _, define := range tools {
		t := define(s.offer())
		s.tools[t.name] = t
		s.mcp.AddTool(t.definition(), func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if !t.ownTime {
				limited, done := s.timed(ctx)
				defer done()
				ctx = limited
			}
			a, err := t.run(ctx, &call{exchange: exchangeOf(ctx), tool: t, args: req.Params.RawArguments, interp: s.interp})
			if err != nil {
				return nil, err
			}
			return a.result()
		})
	}
}

// answerLate is what a call may take longer than its client is kept waiting, for what it has learned by then to arrive. Editors give up
// after a minute.
const answerLate = 5 * time.Second

// timed gives a call its time, which everything shares that is asked on its behalf.
func (s *Server) timed(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.answerWithin+answerLate)
}

// timedUnless is timed for a call whose client may see how it goes on, and waits as long as it does.
func (s *Server) timedUnless(ctx context.Context, p *progress) (context.Context, context.CancelFunc) {
	if p != nil {
		return context.WithCancel(ctx)
	}
	return s.timed(ctx)
}

// definition is the tool as clients see it.
func (t tool) definition() mcp.Tool {
	return mcp.Tool{
		Name: t.name, Title: t.title, Description: t.description,
		RawInputSchema: t.input.schema(), RawOutputSchema: t.output.resultSchema(),
		Annotations: mcp.ToolAnnotation{
			Title: t.title, ReadOnlyHint: &t.hints.readOnly, DestructiveHint: &t.hints.destructive,
			IdempotentHint: &t.hints.idempotent, OpenWorldHint: &t.hints.openWorld,
		},
	}
}

// result renders an answer: the same JSON, encoded once, as structured content and as the first text block, and the blocks
// after it.
func (a *answer) result() (*mcp.CallToolResult, error) {
	text, is := a.object.(json.RawMessage)
	if !is {
		var err error
		if text, err = encode(a.object); err != nil {
			return nil, err
		}
	}
	return &mcp.CallToolResult{
		Content:           append([]mcp.Content{mcp.NewTextContent(string(text))}, a.blocks...),
		StructuredContent: text,
	}, nil
}

// aboutFiles says whose files a context sees and how long they stay.
func (s *offer) aboutFiles() string {
	if s.traits.SharesFiles {
		return "The files of a context are those of its sandbox, which other contexts may share, and stay until the sandbox ends."
	}
	return "A context has a working folder of its own, whose files stay until it ends."
}

// aboutLoss says what ends with a context.
func aboutLoss(traits sandbox.Traits) string {
	if traits.SharesFiles {
		return "its variables are gone; files stay in the sandbox until that ends."
	}
	return "its variables and files are gone."
}

// contextIDProperty is the argument that names a context in the file tools.
func contextIDProperty(what string) property {
	return property{name: "context_id", kind: "string", about: "the context " + what + ". Absent: your default Python context, which is made on first use"}
}

// languageProperty is the argument that names a language.
func (s *offer) languageProperty(about string) property {
	return property{name: "language", kind: "string", about: about, more: map[string]any{"enum": s.traits.Languages}}
}

// fileRef names a file of the caller.
func fileRef(contextID, file string) interpreter.FileRef {
	return interpreter.FileRef{ContextID: contextID, Path: file}
}

// whereProperties are what every result about files says of where it happened.
func whereProperties() object {
	return object{
		{name: "context_id", kind: "string", about: "the context it was in", required: true},
		{name: "notices", kind: "array", about: "what you must know, such as that files are gone", more: map[string]any{"items": map[string]any{"type": "string"}}},
	}
}

// whereObject is where a call about files happened.
type whereObject struct {
	ContextID string   `json:"context_id"`
	Notices   []string `json:"notices,omitempty"`
}

func newWhereObject(w interpreter.Where) whereObject {
	return whereObject{w.ContextID, slices.Clip(w.Notices)}
}

// utc writes a time as the tool contract has it.
const utc = "2006-01-02T15:04:05Z"

// fileObject is a file in results.
type fileObject struct {
	Path     string `json:"path"`
	Size     int64  `json:"size"`
	Folder   bool   `json:"folder"`
	Modified string `json:"modified,omitempty"`
}

func newFileObject(f sandbox.File) fileObject {
	o := fileObject{Path: f.Path, Size: f.Size, Folder: f.IsFolder}
	if !f.Modified.IsZero() {
		o.Modified = f.Modified.UTC().Format(utc)
	}
	return o
}
