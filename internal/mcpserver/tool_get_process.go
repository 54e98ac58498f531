package mcpserver

import (
	"context"
	"fmt"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// getProcess is the tool get_process.
func getProcess(s *offer) tool {
	most := s.answerWithin.Seconds()
	return tool{
		name:  "get_process",
		title: "Look at a process",
		shell: true,
		description: "Tells how a command in the background is getting on, and what it has printed so far. Waits until it has exited, but no longer than wait_seconds: " +
			"while the status is running, call again. Neither ending this call nor calling it twice touches the process.",
		hints: hints{readOnly: true, idempotent: true},
		input: object{
			{name: "process_id", kind: "string", about: "the process, from the answer of run_command", required: true},
			{
				name: "wait_seconds", kind: "number", more: map[string]any{"minimum": 0, "maximum": most},
				about: fmt.Sprintf("how long to wait for its end. Default: %g, which is the most; 0 answers at once", most),
			},
		},
		output: append(commandProperties(), processProperties(true)...),
		run:    s.getProcess,
	}
}

type getProcessInput struct {
	ProcessID   string   `json:"process_id"`
	WaitSeconds *float64 `json:"wait_seconds"`
}

func (s *Server) getProcess(ctx context.Context, c *call) (*answer, error) {
	var in getProcessInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	patience := s.answerWithin
	if asked := seconds(in.WaitSeconds); asked != nil {
		if *asked < 0 || *asked > patience {
			return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "wait_seconds must be from 0 to %s; call get_process again to wait longer", phrase.Duration(patience))
		}
		patience = *asked
	}
	c.about(s.interp.ContextOfProcess(in.ProcessID))
	p, err := s.awaitProcess(ctx, c, in.ProcessID, patience)
	if err != nil {
		return nil, err
	}
	return processAnswer(p, c.resultTokens()), nil
}

// awaitProcess waits until a process has exited, for no longer than patience. A client that wants to hear of it is told its newest line.
func (s *Server) awaitProcess(ctx context.Context, c *call, id string, patience time.Duration) (interpreter.Process, error) {
	progress := startProgress(ctx, c.exchange, s.progressEvery, says("the process runs"))
	defer progress.end()
	if progress == nil {
		return s.interp.LookAtProcess(ctx, c.caller, id, patience)
	}
	var (
		notices []string
		heard   int64 // bytes
	)
	for began := time.Now(); ; {
		left := patience - time.Since(began)
		p, err := s.interp.LookAtProcess(ctx, c.caller, id, min(left, s.progressEvery))
		if err != nil {
			return p, err
		}
		p.Notices = append(notices, p.Notices...)
		if p.Status == sandbox.ProcessExited || left <= s.progressEvery {
			return p, nil
		}
		notices = p.Notices
		if now := int64(len(p.Stdout)) + p.Cut.Stdout; now > heard {
			heard = now
			progress.emit(sandbox.Chunk{Stream: sandbox.Stdout, Text: p.Stdout[max(0, len(p.Stdout)-lastLineMemory):]})
		}
	}
}
