//go:build conformance

package mcpserver

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// addFixtureQuestions adds the tools and the prompt that ask their client back. They are written for the newer era, in which the
// client repeats its request with the answers; mcp-go asks clients of the older era while their request waits.
func (s *Server) addFixtureQuestions() {
	seal := newStateSeal()
	add := func(name, about string, run server.ToolHandlerFunc, more ...mcp.ToolOption) {
		s.mcp.AddTool(mcp.NewTool(name, append([]mcp.ToolOption{mcp.WithDescription(about)}, more...)...), run)
	}

	add("test_sampling", "Has the client's model answer a prompt.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if answer := server.SamplingResponse(req.Params.InputResponses, "reply"); answer != nil {
			return mcp.NewToolResultText("LLM response: " + textOf(answer.Content)), nil
		}
		return server.NewInputRequestBuilder("").Sample("reply", sampling(req.GetString("prompt", ""), 100)).ToolResult(), nil
	}, mcp.WithString("prompt", mcp.Required()))
	add("test_elicitation", "Asks the user for a name and an address.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return askOnce(req, "User response", req.GetString("message", ""), `{"type":"object","properties":{
			"username":{"type":"string","description":"User's response"},
			"email":{"type":"string","description":"User's email address"}
		},"required":["username","email"]}`)
	}, mcp.WithString("message", mcp.Required()))
	add("test_elicitation_sep1034_defaults", "Asks with a default for every kind of value.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return askOnce(req, "Elicitation completed", "Please look these values over.", `{"type":"object","properties":{
			"name":{"type":"string","default":"John Doe"},
			"age":{"type":"integer","default":30},
			"score":{"type":"number","default":95.5},
			"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},
			"verified":{"type":"boolean","default":true}
		}}`)
	})
	add("test_elicitation_sep1330_enums", "Asks with every kind of choice.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return askOnce(req, "Elicitation completed", "Please choose.", `{"type":"object","properties":{
			"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},
			"titledSingle":{"type":"string","oneOf":[
				{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"},{"const":"value3","title":"Third Option"}]},
			"legacyEnum":{"type":"string","enum":["opt1","opt2","opt3"],"enumNames":["Option One","Option Two","Option Three"]},
			"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},
			"titledMulti":{"type":"array","items":{"anyOf":[
				{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"},{"const":"value3","title":"Third Choice"}]}}
		}}`)
	})
	add("test_streaming_elicitation", "Tells its progress and then asks the user.", func(ctx context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if err := tellProgress(ctx, 0); err != nil {
			return nil, err
		}
		return askOnce(req, "Elicitation completed", "Shall it go on?", confirmation)
	})

	add("test_input_required_result_elicitation", "Asks the user for a name.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if name, ok := elicited(req.Params.InputResponses, "user_name", "name"); ok {
			return mcp.NewToolResultText(fmt.Sprintf("Hello, %v!", name)), nil
		}
		return server.NewInputRequestBuilder("").Elicit("user_name", elicitation("What is your name?", nameForm)).ToolResult(), nil
	})
	add("test_input_required_result_sampling", "Asks the client's model a question.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if answer := server.SamplingResponse(req.Params.InputResponses, "capital_question"); answer != nil {
			return mcp.NewToolResultText("The model says: " + textOf(answer.Content)), nil
		}
		return server.NewInputRequestBuilder("").Sample("capital_question", sampling("What is the capital of France?", 100)).ToolResult(), nil
	})
	add("test_input_required_result_list_roots", "Asks the client for its roots.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		if answer := server.RootsResponse(req.Params.InputResponses, "client_roots"); answer != nil {
			return mcp.NewToolResultText("The roots are: " + string(compactJSON(answer.Roots))), nil
		}
		return server.NewInputRequestBuilder("").Roots("client_roots").ToolResult(), nil
	})
	for name, word := range map[string]string{"test_input_required_result_request_state": "state-ok", "test_input_required_result_tampered_state": "untouched"} {
		add(name, "Asks the user to confirm, and wants its state back as it was.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if _, ok := elicited(req.Params.InputResponses, "confirm", "ok"); ok {
				if _, err := seal.open(req.Params.RequestState); err != nil {
					return nil, err
				}
				return mcp.NewToolResultText("The state came back: " + word), nil
			}
			return server.NewInputRequestBuilder(seal.close(name)).Elicit("confirm", elicitation("Please confirm", confirmation)).ToolResult(), nil
		})
	}
	add("test_input_required_result_multiple_inputs", "Asks for three things at once.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		got := req.Params.InputResponses
		name, named := elicited(got, "user_name", "name")
		greeting, roots := server.SamplingResponse(got, "greeting"), server.RootsResponse(got, "client_roots")
		if named && greeting != nil && roots != nil {
			if _, err := seal.open(req.Params.RequestState); err != nil {
				return nil, err
			}
			return mcp.NewToolResultText(fmt.Sprintf("%v: %s, %d roots", name, textOf(greeting.Content), len(roots.Roots))), nil
		}
		return server.NewInputRequestBuilder(seal.close("asked")).
			Elicit("user_name", elicitation("What is your name?", nameForm)).
			Sample("greeting", sampling("Generate a greeting", 50)).
			Roots("client_roots").ToolResult(), nil
	})
	add("test_input_required_result_multi_round", "Asks the user twice.", func(_ context.Context, req mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		state, err := seal.open(req.Params.RequestState)
		if req.Params.RequestState != "" && err != nil {
			return nil, err
		}
		name, named := elicited(req.Params.InputResponses, "step1", "name")
		hue, chosen := elicited(req.Params.InputResponses, "step2", "color")
		known, second := strings.CutPrefix(state, "name ")
		switch {
		case second && chosen:
			return mcp.NewToolResultText(fmt.Sprintf("%s likes %v.", known, hue)), nil
		case second, state == "begun" && named:
			if !second {
				known = fmt.Sprint(name)
			}
			return server.NewInputRequestBuilder(seal.close("name "+known)).Elicit("step2", elicitation("Step 2: What is your favorite color?",
				`{"type":"object","properties":{"color":{"type":"string"}},"required":["color"]}`)).ToolResult(), nil
		}
		return server.NewInputRequestBuilder(seal.close("begun")).Elicit("step1", elicitation("Step 1: What is your name?", nameForm)).ToolResult(), nil
	})
	add("test_input_required_result_capabilities", "Asks only what the client can answer.", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		can, ask, none := capabilities(ctx), server.NewInputRequestBuilder(""), true
		if can.Sampling != nil {
			ask, none = ask.Sample("greeting", sampling("Generate a greeting", 50)), false
		}
		if can.Elicitation != nil {
			ask, none = ask.Elicit("user_name", elicitation("What is your name?", nameForm)), false
		}
		if none {
			return mcp.NewToolResultText("There is nothing this client could be asked."), nil
		}
		return ask.ToolResult(), nil
	})

	s.mcp.AddPrompt(mcp.NewPrompt("test_input_required_result_prompt", mcp.WithPromptDescription("Asks the user before it says anything.")),
		func(_ context.Context, req mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			if about, ok := elicited(req.Params.InputResponses, "user_context", "context"); ok {
				return fixedPrompt(mcp.NewTextContent(fmt.Sprintf("The context is: %v", about))), nil
			}
			return server.NewInputRequestBuilder("").Elicit("user_context", elicitation("What context should the prompt use?",
				`{"type":"object","properties":{"context":{"type":"string"}},"required":["context"]}`)).PromptResult(), nil
		})
}

// The forms that several questions have.
const (
	nameForm     = `{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`
	confirmation = `{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}`
)

// askOnce asks the user to fill in a form and answers with what came of it.
func askOnce(req mcp.CallToolRequest, title, message, form string) (*mcp.CallToolResult, error) {
	answer := server.ElicitationResponse(req.Params.InputResponses, "answer")
	if answer == nil {
		return server.NewInputRequestBuilder("").Elicit("answer", elicitation(message, form)).ToolResult(), nil
	}
	return mcp.NewToolResultText(fmt.Sprintf("%s: action=%s, content=%s", title, answer.Action, compactJSON(answer.Content))), nil
}

func elicitation(message, form string) mcp.ElicitationParams {
	return mcp.ElicitationParams{Message: message, RequestedSchema: json.RawMessage(form)}
}

func sampling(text string, most int) mcp.CreateMessageParams {
	return mcp.CreateMessageParams{Messages: []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent(text)}}, MaxTokens: most}
}

// elicited is one field of a form that the user has filled in.
func elicited(got mcp.InputResponses, id, field string) (value any, ok bool) {
	answer := server.ElicitationResponse(got, id)
	if answer == nil || answer.Action != mcp.ElicitationResponseActionAccept {
		return nil, false
	}
	form, _ := answer.Content.(map[string]any)
	value, ok = form[field]
	return value, ok
}

// textOf is the text in what a model has answered, which may be typed or not.
func textOf(content any) string {
	var block struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(compactJSON(content), &block) != nil {
		return ""
	}
	return block.Text
}

// stateSeal signs the state that a client keeps for us between two requests: nobody but this server can have made it.
type stateSeal struct{ key []byte }

func newStateSeal() stateSeal { return stateSeal{[]byte(rand.Text())} }

func (s stateSeal) sign(state string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(state))
	return hex.EncodeToString(h.Sum(nil))
}

func (s stateSeal) close(state string) string { return s.sign(state) + " " + state }

func (s stateSeal) open(sealed string) (string, error) {
	signature, state, _ := strings.Cut(sealed, " ")
	if !hmac.Equal([]byte(signature), []byte(s.sign(state))) {
		return "", fmt.Errorf("the requestState was not made by this server: %w", mcp.ErrInvalidParams)
	}
	return state, nil
}
