package mcpserver

import (
	"context"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
)

// listContexts is the tool list_contexts.
func listContexts(s *offer) tool {
	return tool{
		name:  "list_contexts",
		title: "List code contexts",
		description: "Lists all contexts of this host, newest first, whoever made them, with what each is doing. Answers at once. " +
			"A context whose status is lost is made anew, empty, at its next use.",
		hints: hints{readOnly: true, idempotent: true},
		input: object{},
		output: object{
			{name: "contexts", kind: "array", about: "newest first", required: true, more: map[string]any{"items": object{
				{name: "context_id", kind: "string", required: true},
				{name: "name", kind: "string", required: true},
				{name: "description", kind: "string", required: true},
				{name: "language", kind: "string", required: true},
				{name: "status", kind: "string", about: "active, running or lost", required: true},
				{name: "created_at", kind: "string", about: "RFC 3339, UTC", required: true},
				{name: "last_used", kind: "string", about: "RFC 3339, UTC", required: true},
				{name: "backend", kind: "string", required: true},
				{name: "client", kind: "string", about: "who made it", required: true},
				{name: "runs", kind: "integer", about: "how often code was run in it", required: true},
				{name: "run_id", kind: "string", about: "the run in progress, for get_result and cancel_run; absent while no code runs"},
			}.schema()}},
			{name: "total", kind: "integer", required: true},
		},
		run: s.listContexts,
	}
}

type listContextsOutput struct {
	Contexts []contextObject `json:"contexts"`
	Total    int             `json:"total"`
}

type contextObject struct {
	ContextID   string `json:"context_id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Language    string `json:"language"`
	Status      string `json:"status"`
	CreatedAt   string `json:"created_at"`
	LastUsed    string `json:"last_used"`
	Backend     string `json:"backend"`
	Client      string `json:"client"`
	Runs        int    `json:"runs"`
	RunID       string `json:"run_id,omitempty"`
}

func (s *Server) listContexts(_ context.Context, c *call) (*answer, error) {
	if err := c.decode(&struct{}{}); err != nil {
		return nil, err
	}
	list := s.interp.Contexts()
	out := listContextsOutput{Contexts: make([]contextObject, len(list)), Total: len(list)}
	for n, cc := range list {
		out.Contexts[n] = newContextObject(cc)
	}
	return &answer{object: out}, nil
}

func newContextObject(cc interpreter.Context) contextObject {
	return contextObject{
		ContextID: cc.ID, Name: cc.Name, Description: cc.Description, Language: string(cc.Language), Status: string(cc.Status),
		CreatedAt: cc.CreatedAt.UTC().Format(utc), LastUsed: cc.LastUsed.UTC().Format(utc), Backend: cc.Backend, Client: cc.Owner, Runs: cc.Runs, RunID: cc.RunID,
	}
}
