package mcpserver

import (
	"context"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// cancelRun is the tool cancel_run.
func cancelRun(s *offer) tool {
	kept := "may lose the context's variables; its result says so."
	if s.traits.KeepsStateOnInterrupt {
		kept = "normally leaves the context's variables as they were at that moment."
	}
	return tool{
		name:  "cancel_run",
		title: "Cancel a run",
		description: "Ends code that runs, or takes back code that waits for its turn, and keeps the context. Cancelling " + kept + " " +
			"What was printed until then can be collected with get_result. Cancelling a run that has ended already changes nothing and is no error: the status is then finished.",
		ownTime: true,
		hints:   hints{destructive: true, idempotent: true},
		input: object{
			{name: "run_id", kind: "string", about: "the run, from the answer of run_code or from list_contexts", required: true},
		},
		output: object{
			{name: "run_id", kind: "string", required: true},
			{name: "status", kind: "string", about: "cancelled, or finished when the code had ended already", required: true},
			{name: "context_id", kind: "string", about: "the context it ran in", required: true},
			{name: "message", kind: "string", required: true},
		},
		run: s.cancelRun,
	}
}

type cancelRunInput struct {
	RunID string `json:"run_id"`
}

type cancelRunOutput struct {
	RunID     string `json:"run_id"`
	Status    string `json:"status"`
	ContextID string `json:"context_id"`
	Message   string `json:"message"`
}

func (s *Server) cancelRun(ctx context.Context, c *call) (*answer, error) {
	var in cancelRunInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	run, err := s.interp.RunByID(in.RunID)
	if err != nil {
		return nil, err
	}
	c.about(run.ContextID())
	out := cancelRunOutput{RunID: run.ID(), ContextID: run.ContextID()}
	select {
	case <-run.Done():
		out.finish("The run had ended before. Its result can be collected with get_result.")
		return &answer{object: out}, nil
	default:
	}
	run.Cancel()
	switch how, _ := s.await(ctx, c, run, s.answerWithin, false); how {
	case runEnded:
	case callerLeft:
		return nil, leftAlone(ctx)
	case patienceEnded:
		out.Status, out.Message = "cancelled", "The code was told to end and has not ended yet. Call get_result to see when it has."
		return &answer{object: out}, nil
	}
	res, err := run.Result()
	if wasCancelled(res, err) {
		out.Status, out.Message = "cancelled", "The run has ended. What was printed until then can be collected with get_result."
	} else {
		out.finish("The run ended by itself before it could be cancelled. Its result can be collected with get_result.")
	}
	return &answer{object: out}, nil
}

func (out *cancelRunOutput) finish(message string) {
	out.Status, out.Message = string(interpreter.RunFinished), message
}

// wasCancelled reports whether a run came to its end because somebody ended it.
func wasCancelled(res interpreter.RunResult, err error) bool {
	if err != nil {
		return sandbox.CodeOf(err, "") == sandbox.CodeCancelled
	}
	return res.Failure != nil && res.Failure.Code == sandbox.CodeCancelled
}
