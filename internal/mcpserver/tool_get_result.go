package mcpserver

import (
	"context"
	"fmt"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// getResult is the tool get_result.
func getResult(s *offer) tool {
	most := s.answerWithin.Seconds()
	return tool{
		name:  "get_result",
		title: "Get the result of a run",
		description: "Collects the result of code that took longer than its call: run_code then answers with a run_id and the status running or waiting. " +
			"Waits until the code has ended, but no longer than wait_seconds, and answers as run_code does, with the status beside it. " +
			"While that is not finished, the answer holds what was printed so far: call again. " +
			"Neither ending this call nor calling it twice touches the run. A result can be collected for about an hour.",
		ownTime: true,
		hints:   hints{readOnly: true, idempotent: true},
		input: object{
			{name: "run_id", kind: "string", about: "the run, from the answer of run_code or from list_contexts", required: true},
			{
				name: "wait_seconds", kind: "number", more: map[string]any{"minimum": 0, "maximum": most},
				about: fmt.Sprintf("how long to wait for the code to end. Default: %g, which is the most; 0 answers at once", most),
			},
		},
		output: append(runProperties(),
			property{name: "run_id", kind: "string", about: "the run", required: true},
			property{name: "status", kind: "string", about: "finished: this is the result; running: the code goes on; waiting: for its turn or for a sandbox", required: true},
		),
		run: s.getResult,
	}
}

type getResultInput struct {
	RunID       string   `json:"run_id"`
	WaitSeconds *float64 `json:"wait_seconds"`
}

func (s *Server) getResult(ctx context.Context, c *call) (*answer, error) {
	var in getResultInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	patience := s.answerWithin
	if asked := seconds(in.WaitSeconds); asked != nil {
		if *asked < 0 || *asked > patience {
			return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "wait_seconds must be from 0 to %s; call get_result again to wait longer", phrase.Duration(patience))
		}
		patience = *asked
	}
	run, err := s.interp.RunByID(in.RunID)
	if err != nil {
		return nil, err
	}
	c.about(run.ContextID())
	switch how, so := s.await(ctx, c, run, patience, false); how {
	case runEnded:
	case callerLeft:
		return nil, leftAlone(ctx)
	case patienceEnded:
		return s.goingAnswer(run, so, c.resultTokens()), nil
	}
	res, err := run.Result()
	if err != nil {
		return nil, err
	}
	out := finishedOutput(res)
	out.RunID, out.Status = run.ID(), interpreter.RunFinished
	if _, there := s.interp.Context(res.ContextID); !there {
		out.Notices = append(out.Notices, "The context of this run has ended, and its resources with it: what is left out here cannot be read any more.")
	}
	return out.answer(res, c.resultTokens()), nil
}
