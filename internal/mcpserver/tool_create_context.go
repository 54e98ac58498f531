package mcpserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// createContext is the tool create_context.
func createContext(s *offer) tool {
	return tool{
		name:  "create_context",
		title: "Create code context",
		description: "Makes a named code context: an interpreter of its own whose variables and imports no other context sees. " + s.aboutFiles() +
			" run_code keeps working without one, in your default context; make contexts to keep tasks or languages apart. " +
			"A context lives until stop_context, until it is not used for long, or until its sandbox ends; the next use says so if it was lost.",
		hints: hints{},
		input: object{
			{
				name: "name", kind: "string", required: true, more: map[string]any{"minLength": 1, "maxLength": 64},
				about: "1 to 64 characters: letters of any script, digits, spaces, dots, underscores, hyphens. It need not be unique",
			},
			s.languageProperty("what the context speaks. Default: " + string(s.traits.Languages[0])),
			{name: "description", kind: "string", about: "what it is for, to be shown in lists; at most 500 characters", more: map[string]any{"maxLength": 500}},
		},
		output: object{
			{name: "context_id", kind: "string", about: "names the context in other calls", required: true},
			{name: "name", kind: "string", required: true},
			{name: "language", kind: "string", required: true},
			{name: "description", kind: "string", required: true},
			{name: "created_at", kind: "string", about: "RFC 3339, UTC", required: true},
			{name: "status", kind: "string", about: "active", required: true},
			{name: "message", kind: "string", required: true},
			{name: "backend", kind: "string", about: "where it runs", required: true},
		},
		run: s.createContext,
	}
}

type createContextInput struct {
	Name        string           `json:"name"`
	Language    sandbox.Language `json:"language"`
	Description string           `json:"description"`
}

type createContextOutput struct {
	ContextID   string           `json:"context_id"`
	Name        string           `json:"name"`
	Language    sandbox.Language `json:"language"`
	Description string           `json:"description"`
	CreatedAt   string           `json:"created_at"`
	Status      string           `json:"status"`
	Message     string           `json:"message"`
	Backend     string           `json:"backend"`
}

func (s *Server) createContext(ctx context.Context, c *call) (*answer, error) {
	var in createContextInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	progress := startProgress(ctx, c.exchange, s.progressEvery, says("waiting for a sandbox"))
	made, err := s.interp.CreateContext(ctx, c.caller, interpreter.NewContext{
		Name: in.Name, Description: in.Description, Language: sandbox.Language(strings.ToLower(string(in.Language))),
	})
	progress.end()
	if err != nil {
		return nil, err
	}
	c.about(made.ID)
	return &answer{object: createContextOutput{
		ContextID: made.ID, Name: made.Name, Language: made.Language, Description: made.Description,
		CreatedAt: made.CreatedAt.UTC().Format(utc), Status: string(interpreter.Active), Backend: made.Backend,
		Message: strings.TrimSpace(fmt.Sprintf("Context %q is ready for %s. %s", made.Name, made.Language, made.Instead)),
	}}, nil
}
