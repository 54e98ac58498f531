package mcpserver

import "context"

// stopContext is the tool stop_context.
func stopContext(s *offer) tool {
	return tool{
		name:  "stop_context",
		title: "Stop code context",
		description: "Ends a context for good: " + aboutLoss(s.traits) + " A run in progress gets up to 30 s to finish; force interrupts it at once. " +
			"Stopping a context that is not there is the error CONTEXT_NOT_FOUND.",
		hints: hints{destructive: true, idempotent: true},
		input: object{
			{name: "context_id", kind: "string", about: "the context to end", required: true},
			{name: "force", kind: "boolean", about: "interrupt a run in progress at once. Default: false"},
		},
		output: object{
			{name: "context_id", kind: "string", required: true},
			{name: "status", kind: "string", about: "stopped", required: true},
			{name: "message", kind: "string", required: true},
		},
		run: s.stopContext,
	}
}

type stopContextInput struct {
	ContextID string `json:"context_id"`
	Force     bool   `json:"force"`
}

type stopContextOutput struct {
	ContextID string `json:"context_id"`
	Status    string `json:"status"`
	Message   string `json:"message"`
}

func (s *Server) stopContext(ctx context.Context, c *call) (*answer, error) {
	var in stopContextInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	c.about(clean(in.ContextID, 80))
	progress := startProgress(ctx, c.exchange, s.progressEvery, says("waiting for the run in progress to end"))
	site := s.interp.SiteOf(c.caller, in.ContextID)
	err := s.interp.StopContext(ctx, in.ContextID, in.Force)
	progress.end()
	if err != nil {
		return nil, err
	}
	return &answer{object: stopContextOutput{ContextID: in.ContextID, Status: "stopped", Message: "The context has ended: " + aboutLoss(site.Traits())}}, nil
}
