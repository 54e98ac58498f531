package mcpserver

import "context"

// stopProcess is the tool stop_process.
func stopProcess(s *offer) tool {
	return tool{
		name:        "stop_process",
		title:       "Stop a process",
		shell:       true,
		description: "Ends a command in the background with everything it has started, and tells what it printed. Stopping one that has exited changes nothing and is no error.",
		hints:       hints{destructive: true, idempotent: true},
		input: object{
			{name: "process_id", kind: "string", about: "the process, from the answer of run_command", required: true},
		},
		output: append(commandProperties(), processProperties(true)...),
		run:    s.stopProcess,
	}
}

type stopProcessInput struct {
	ProcessID string `json:"process_id"`
}

func (s *Server) stopProcess(ctx context.Context, c *call) (*answer, error) {
	var in stopProcessInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	c.about(s.interp.ContextOfProcess(in.ProcessID))
	progress := startProgress(ctx, c.exchange, s.progressEvery, says("ending the process"))
	p, err := s.interp.StopProcess(ctx, c.caller, in.ProcessID)
	progress.end()
	if err != nil {
		return nil, err
	}
	return processAnswer(p, c.resultTokens()), nil
}
