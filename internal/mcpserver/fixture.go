//go:build conformance

package mcpserver

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
)

// addFixture adds what the public conformance suites call by name: tools, resources and prompts with prescribed contents. They
// stand beside the real ones on the same server, so that the suites test the edge, the replies, the shield and the MCP sessions
// that real clients meet. Capabilities are declared here in full, whatever the real server declares by now.
func (s *Server) addFixture(hooks *server.Hooks) {
	for _, declare := range []server.ServerOption{
		server.WithToolCapabilities(true),
		server.WithResourceCapabilities(true, true),
		server.WithPromptCapabilities(true),
		server.WithLogging(),
		server.WithCompletions(),
		server.WithPromptCompletionProvider(fixtureCompletions{}),
	} {
		declare(s.mcp)
	}
	watchThePoolInstead(hooks)
	s.addFixtureTools()
	s.addFixtureQuestions()
	s.addFixtureResources()
	s.addFixturePrompts()
}

// fixtureCompletions completes the arguments of the fixture's prompts.
type fixtureCompletions struct{}

func (fixtureCompletions) CompletePromptArgument(_ context.Context, prompt string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	if prompt != "test_prompt_with_arguments" {
		return &mcp.Completion{}, nil
	}
	return &mcp.Completion{Values: []string{argument.Value + "-one", argument.Value + "-two"}, Total: 2}, nil
}

// addFixtureTools adds the tools that answer by themselves.
func (s *Server) addFixtureTools() {
	add := func(name, about string, run server.ToolHandlerFunc, more ...mcp.ToolOption) {
		s.mcp.AddTool(mcp.NewTool(name, append([]mcp.ToolOption{mcp.WithDescription(about)}, more...)...), run)
	}
	answers := func(blocks ...mcp.Content) server.ToolHandlerFunc {
		return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: blocks}, nil
		}
	}
	picture := mcp.NewImageContent(redDot(), "image/png")
	add("test_simple_text", "Answers with text.", answers(mcp.NewTextContent("This is a simple text response for testing.")))
	add("test_image_content", "Answers with an image.", answers(picture))
	add("test_audio_content", "Answers with sound.", answers(mcp.NewAudioContent(silence(), "audio/wav")))
	add("test_embedded_resource", "Answers with a resource.", answers(mcp.NewEmbeddedResource(mcp.TextResourceContents{
		URI: "test://embedded-resource", MIMEType: "text/plain", Text: "This is an embedded resource content.",
	})))
	add("test_multiple_content_types", "Answers with text, an image and a resource.", answers(
		mcp.NewTextContent("Multiple content types test:"), picture,
		mcp.NewEmbeddedResource(mcp.TextResourceContents{
			URI: "test://mixed-content-resource", MIMEType: "application/json", Text: `{"test":"data","value":123}`,
		}),
	))
	add("test_error_handling", "Always fails.", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return nil, fmt.Errorf("This tool intentionally returns an error for testing") //nolint:staticcheck // the suite prescribes the sentence
	})
	add("test_tool_with_logging", "Logs three lines.", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for _, line := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
			if err := logToClient(ctx, mcp.LoggingLevelInfo, line); err != nil {
				return nil, err
			}
			if err := pause(ctx); err != nil {
				return nil, err
			}
		}
		return mcp.NewToolResultText("Three lines were logged."), nil
	})
	add("test_logging_tool", "Logs a line at every level.", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for _, level := range []mcp.LoggingLevel{mcp.LoggingLevelDebug, mcp.LoggingLevelInfo, mcp.LoggingLevelError} {
			if err := logToClient(ctx, level, "This line is of level "+string(level)+"."); err != nil {
				return nil, err
			}
		}
		return mcp.NewToolResultText("Lines were logged for whoever asked for them."), nil
	})
	add("test_tool_with_progress", "Tells its progress three times.", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for _, done := range []int{0, 50, 100} {
			if err := tellProgress(ctx, done); err != nil {
				return nil, err
			}
			if err := pause(ctx); err != nil {
				return nil, err
			}
		}
		return mcp.NewToolResultText("Progress was told."), nil
	})
	add("test_reconnection", "Takes a moment.", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		// There is nothing to reconnect to: streams of this server cannot be resumed, which the protocol leaves open.
		return mcp.NewToolResultText("The stream stayed open."), pause(ctx)
	})
	add("test_missing_capability", "Needs a client that can sample.", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if capabilities(ctx).Sampling == nil {
			return nil, mcp.MissingRequiredClientCapabilityError{Capability: "sampling"}
		}
		return mcp.NewToolResultText("This client can sample."), nil
	})
	add("test_trigger_tool_change", "Changes the list of tools, and changes it back.", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		const passing = "test_passing_tool"
		s.mcp.AddTool(mcp.NewTool(passing, mcp.WithDescription("Is there for a moment.")), answers(mcp.NewTextContent("Here.")))
		s.mcp.DeleteTools(passing)
		return mcp.NewToolResultText("The list of tools was changed twice."), nil
	})
	add("test_trigger_prompt_change", "Changes the list of prompts, and changes it back.", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		const passing = "test_passing_prompt"
		s.mcp.AddPrompt(mcp.NewPrompt(passing), sentencePrompt("Here."))
		s.mcp.DeletePrompts(passing)
		return mcp.NewToolResultText("The list of prompts was changed twice."), nil
	})
	greet := func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText("Hello, " + req.GetString("name", "World") + "!"), nil
	}
	s.mcp.AddTool(mcp.NewToolWithRawSchema("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", json.RawMessage(wideSchema)), greet)
	s.mcp.AddTool(mcp.NewToolWithRawSchema("test_custom_headers", "Has an argument that travels in a header, too.", json.RawMessage(
		`{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}},"additionalProperties":false}`,
	)), greet)
}

// wideSchema uses what JSON Schema 2020-12 offers beyond a list of properties.
const wideSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"$defs": {"address": {
		"$anchor": "addressDef", "type": "object",
		"properties": {"street": {"type": "string"}, "city": {"type": "string"}}
	}},
	"properties": {
		"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"},
		"contactMethod": {"type": "string", "enum": ["phone", "email"]}, "phone": {"type": "string"}, "email": {"type": "string"}
	},
	"allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
	"if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
	"then": {"required": ["phone"]},
	"else": {"required": ["email"]},
	"additionalProperties": false
}`

// addFixtureResources adds what can be read, through the same wrapper as the real resources.
func (s *Server) addFixtureResources() {
	add := func(uri, name string, contents mcp.ResourceContents) {
		read := s.resource(func(context.Context, interpreter.Caller, string) (mcp.ResourceContents, error) { return contents, nil })
		s.mcp.AddResource(mcp.NewResource(uri, name), server.ResourceHandlerFunc(read))
	}
	const text, binary = "test://static-text", "test://static-binary"
	add(text, "Text that stays", mcp.TextResourceContents{URI: text, MIMEType: "text/plain", Text: "This is the content of the static text resource."})
	add(binary, "Bytes that stay", mcp.BlobResourceContents{URI: binary, MIMEType: "image/png", Blob: redDot()})
	add(watchedByFixture, "Something to subscribe to", mcp.TextResourceContents{URI: watchedByFixture, MIMEType: "text/plain", Text: "Nothing has changed."})

	const before, after = "test://template/", "/data"
	s.mcp.AddResourceTemplate(mcp.NewResourceTemplate(before+"{id}"+after, "Data by id", mcp.WithTemplateMIMEType("application/json")),
		s.resource(func(_ context.Context, _ interpreter.Caller, uri string) (mcp.ResourceContents, error) {
			id, err := url.PathUnescape(strings.TrimSuffix(strings.TrimPrefix(uri, before), after))
			if err != nil {
				return nil, errNoResource
			}
			return mcp.TextResourceContents{URI: uri, MIMEType: "application/json", Text: string(compactJSON(map[string]any{
				"id": id, "templateTest": true, "data": "Data for ID: " + id,
			}))}, nil
		}))
}

// watchedByFixture is the resource that the suites subscribe to.
const watchedByFixture = "test://watched-resource"

// watchThePoolInstead makes a subscription to the fixture's resource one to a real resource, before anything else sees it: what
// may be watched is for the real server to say.
func watchThePoolInstead(hooks *server.Hooks) {
	const pool = "agentrun://pool"
	hooks.OnBeforeSubscribe = slices.Insert(hooks.OnBeforeSubscribe, 0, func(_ context.Context, _ any, req *mcp.SubscribeRequest) {
		if req.Params.URI == watchedByFixture {
			req.Params.URI = pool
		}
	})
	hooks.OnBeforeUnsubscribe = slices.Insert(hooks.OnBeforeUnsubscribe, 0, func(_ context.Context, _ any, req *mcp.UnsubscribeRequest) {
		if req.Params.URI == watchedByFixture {
			req.Params.URI = pool
		}
	})
}

// addFixturePrompts adds the prompts.
func (s *Server) addFixturePrompts() {
	add := func(name, about string, get server.PromptHandlerFunc, more ...mcp.PromptOption) {
		s.mcp.AddPrompt(mcp.NewPrompt(name, append([]mcp.PromptOption{mcp.WithPromptDescription(about)}, more...)...), get)
	}
	required := func(name string) mcp.PromptOption { return mcp.WithArgument(name, mcp.RequiredArgument()) }
	add("test_simple_prompt", "Says one sentence.", sentencePrompt("This is a simple prompt for testing."))
	add("test_prompt_with_arguments", "Repeats its arguments.", func(_ context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		a := req.Params.Arguments
		return fixedPrompt(mcp.NewTextContent(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", a["arg1"], a["arg2"]))), nil
	}, required("arg1"), required("arg2"))
	add("test_prompt_with_embedded_resource", "Holds a resource.", func(_ context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return fixedPrompt(
			mcp.NewEmbeddedResource(mcp.TextResourceContents{
				URI: req.Params.Arguments["resourceUri"], MIMEType: "text/plain", Text: "Embedded resource content for testing.",
			}),
			mcp.NewTextContent("Please process the embedded resource above."),
		), nil
	}, required("resourceUri"))
	add("test_prompt_with_image", "Holds an image.", func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return fixedPrompt(mcp.NewImageContent(redDot(), "image/png"), mcp.NewTextContent("Please analyze the image above.")), nil
	})
}

// sentencePrompt is the handler of a prompt of one sentence.
func sentencePrompt(sentence string) server.PromptHandlerFunc {
	return func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return fixedPrompt(mcp.NewTextContent(sentence)), nil
	}
}

// fixedPrompt makes a prompt of blocks, one message each.
func fixedPrompt(blocks ...mcp.Content) *mcp.GetPromptResult {
	res := &mcp.GetPromptResult{}
	for _, block := range blocks {
		res.Messages = append(res.Messages, mcp.NewPromptMessage(mcp.RoleUser, block))
	}
	return res
}

// capabilities are those of the client that made the request, in either era.
func capabilities(ctx context.Context) mcp.ClientCapabilities {
	if session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		return session.GetClientCapabilities()
	}
	return mcp.ClientCapabilities{}
}

// logToClient sends a log line on the request's own stream, if the client asked for lines of its level: for the whole MCP session
// in the older era, for the one request in the newer.
func logToClient(ctx context.Context, level mcp.LoggingLevel, line string) error {
	var wanted mcp.LoggingLevel
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern {
		wanted = info.LogLevel
	} else if session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithLogging); ok {
		wanted = session.GetLogLevel()
	}
	if !level.ShouldSendTo(wanted) {
		return nil
	}
	return exchangeOf(ctx).reply.notify("notifications/message", mcp.LoggingMessageNotificationParams{Level: level, Logger: "fixture", Data: line})
}

// tellProgress sends a note of progress on the request's own stream, if the client asked for them.
func tellProgress(ctx context.Context, done int) error {
	x := exchangeOf(ctx)
	token := x.message.Params.Meta.ProgressToken
	if len(token) == 0 {
		return nil
	}
	return x.reply.notify("notifications/progress", struct {
		Token    json.RawMessage `json:"progressToken"`
		Progress int             `json:"progress"`
		Total    int             `json:"total"`
	}{token, done, 100})
}

// pause is the moment that the suites want between two notes.
func pause(ctx context.Context) error {
	moment := time.NewTimer(50 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-moment.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// redDot is the smallest picture, in base64.
func redDot() string {
	dot := image.NewRGBA(image.Rect(0, 0, 1, 1))
	dot.Set(0, 0, color.RGBA{R: 255, A: 255})
	var b bytes.Buffer
	if err := png.Encode(&b, dot); err != nil {
		panic("mcpserver: " + err.Error())
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// silence is a sound file of a thousandth of a second, in base64: eight samples of 16 bits at 8 kHz.
func silence() string {
	const samples, rate, width = 8, 8000, 2
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, 36+samples*width)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // not compressed
	b = binary.LittleEndian.AppendUint16(b, 1) // one channel
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate*width)
	b = binary.LittleEndian.AppendUint16(b, width)
	b = binary.LittleEndian.AppendUint16(b, 8*width)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, samples*width)
	b = append(b, make([]byte, samples*width)...)
	return base64.StdEncoding.EncodeToString(b)
}
