package mcpserver

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// runCommand is the tool run_command.
func runCommand(s *offer) tool {
	most := s.traits.MaxCommandTime.Seconds()
	return tool{
		name:  "run_command",
		title: "Run a command",
		shell: true,
		description: "Runs a command with the shell of a context's sandbox, in its working folder, beside code that runs there. A command that fails is an answer with success false and its exit code. " +
			"What takes longer than " + fmt.Sprintf("%g", most) + " s belongs in the background: the answer then has a process_id at once, get_process tells how it is getting on, and stop_process ends it. " +
			"A process sees the files of its context and not the variables of code, and ends with the context. For example, write job.py with upload_file and run python job.py in the background.",
		ownTime: true,
		hints:   hints{destructive: true, openWorld: true},
		input: object{
			{name: "command", kind: "string", required: true, about: "the line, or lines, for the shell"},
			{name: "cwd", kind: "string", about: "the folder to run it in, relative to the context's working folder. Default: the working folder itself"},
			{
				name: "timeout_seconds", kind: "number", more: map[string]any{"exclusiveMinimum": 0},
				about: fmt.Sprintf("how long it may take. Default: %g, which is the most; with background: as long as its context lives", most),
			},
			contextIDProperty("to run it in"),
			{name: "background", kind: "boolean", about: "start it and answer at once. Default: false, wait for its end"},
		},
		output: append(commandProperties(), processProperties(false)...),
		run:    s.runCommand,
	}
}

// commandProperties are what every result of a command says.
func commandProperties() object {
	return append(object{
		{name: "stdout", kind: "string", about: "what was printed", required: true},
		{name: "stderr", kind: "string", about: "what was printed to the error stream", required: true},
		{name: "exit_code", kind: "integer", about: "as the shell has it; only when the command has ended"},
		{name: "success", kind: "boolean", about: "false if the exit code is not 0, or the command took too long or was stopped", required: true},
		{name: "execution_time", kind: "number", about: "seconds the command ran", required: true},
		{name: "error", kind: "object", about: "why the command did not come to its end", more: map[string]any{
			"properties": map[string]any{
				"code":    map[string]any{"type": "string", "description": "TIMEOUT or CANCELLED"},
				"message": map[string]any{"type": "string"},
			},
			"required": []string{"code", "message"},
		}},
		{name: "backend", kind: "string", about: "where it ran", required: true},
		{name: "truncated", kind: "object", about: "which of the texts were cut: their length, how much is kept, and what is not kept anywhere (lost), in bytes. Send long output to a file and read that in parts"},
	}, whereProperties()...)
}

// processProperties are what is said besides of a process.
func processProperties(required bool) object {
	return object{
		{name: "process_id", kind: "string", about: "of a process in the background: what get_process and stop_process want", required: required},
		{name: "status", kind: "string", about: "of a process in the background: running or exited", required: required},
	}
}

type runCommandInput struct {
	Command        string   `json:"command"`
	Cwd            string   `json:"cwd"`
	TimeoutSeconds *float64 `json:"timeout_seconds"`
	ContextID      string   `json:"context_id"`
	Background     bool     `json:"background"`
}

type commandOutput struct {
	Stdout        string                `json:"stdout"`
	Stderr        string                `json:"stderr"`
	ExitCode      *int                  `json:"exit_code,omitempty"`
	Success       bool                  `json:"success"`
	ExecutionTime float64               `json:"execution_time"`
	Error         *commandFailure       `json:"error,omitempty"`
	Backend       string                `json:"backend"`
	Truncated     map[string]cutObject  `json:"truncated,omitempty"`
	ProcessID     string                `json:"process_id,omitempty"`
	Status        sandbox.ProcessStatus `json:"status,omitempty"`
	whereObject
}

type commandFailure struct {
	Code    sandbox.Code `json:"code"`
	Message string       `json:"message"`
}

func (s *Server) runCommand(ctx context.Context, c *call) (*answer, error) {
	var in runCommandInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	c.about(clean(in.ContextID, 80))
	req := interpreter.CommandRequest{Line: in.Command, Folder: in.Cwd, ContextID: in.ContextID, Timeout: seconds(in.TimeoutSeconds)}
	progress := startProgress(ctx, c.exchange, s.progressEvery, says("the command runs, or waits for its sandbox"))
	defer progress.end()
	if progress == nil {
		req.Patience = s.answerWithin
	}
	if in.Background {
		ctx, done := s.timed(ctx)
		defer done()
		return s.startProcess(ctx, c, req)
	}
	ctx, done := s.timedUnless(ctx, progress)
	defer done()
	res, err := s.interp.RunCommand(ctx, c.caller, req)
	if err != nil {
		return nil, err
	}
	c.about(res.ContextID)
	out := &commandOutput{
		ExitCode: &res.ExitCode, Success: res.ExitCode == 0 && res.Failure == nil, ExecutionTime: res.Duration.Seconds(),
		Backend: res.Backend, whereObject: newWhereObject(res.Where),
	}
	if res.Failure != nil {
		out.Error = &commandFailure{res.Failure.Code, res.Failure.Message}
	}
	return out.answer(res.Printed, c.resultTokens()), nil
}

// startProcess answers with the handle of a process. Where that answer cannot be delivered the process is ended, as nobody knows its id.
func (s *Server) startProcess(ctx context.Context, c *call, req interpreter.CommandRequest) (*answer, error) {
	p, err := s.interp.StartProcess(ctx, c.caller, req)
	if err != nil {
		return nil, err
	}
	c.about(p.ContextID)
	c.reply.insist()
	c.lost = func() {
		s.log.LogAttrs(ctx, slog.LevelInfo, "process ended, as nobody took its handle", slog.String("context_id", p.ContextID), slog.String("process_id", p.ID))
		if _, err := s.interp.StopProcess(context.WithoutCancel(ctx), c.caller, p.ID); err != nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "process that nobody knows goes on until its context ends", slog.String("process_id", p.ID), slog.Any("error", err))
		}
	}
	return processAnswer(p, c.resultTokens()), nil
}

// processAnswer is the answer about a process as it is now.
func processAnswer(p interpreter.Process, tokens int) *answer {
	out := &commandOutput{
		Success: true, ExecutionTime: p.Duration.Seconds(), Backend: p.Backend, ProcessID: p.ID, Status: p.Status, whereObject: newWhereObject(p.Where),
	}
	if p.Status == sandbox.ProcessExited {
		out.ExitCode, out.Success = &p.ExitCode, p.ExitCode == 0
	}
	return out.answer(p.Printed, tokens)
}

// answer fills the object with what was printed, shortened to so many tokens.
func (out *commandOutput) answer(printed sandbox.Printed, tokens int) *answer {
	for budget := perToken * tokens; ; budget /= 2 {
		texts := &runOutput{}
		f := fitter{out: texts}
		out.Stdout, out.Stderr = printed.Stdout, printed.Stderr
		f.add("stdout", &out.Stdout)
		f.tear(printed.Cut.Stdout, printed.CutAt.Stdout)
		f.add("stderr", &out.Stderr)
		f.tear(printed.Cut.Stderr, printed.CutAt.Stderr)
		f.fit(budget)
		out.Truncated = texts.Truncated
		object := compactJSON(out)
		if wireSize(object) <= maxResult || budget <= 1<<10 {
			return &answer{object: object}
		}
	}
}
