package agentrun

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"
)

// CommandSpec is a line for the sandbox's shell.
type CommandSpec struct {
	Command string
	Cwd     string        // default: HomeFolder
	Timeout time.Duration // at most MaxRunTime, in whole seconds, rounded up; 0: MaxRunTime
}

// Command is what a command gave.
type Command struct {
	ExecutionID string        `json:"executionId,omitempty"`
	Status      string        `json:"status,omitempty"` // "completed"
	Result      CommandResult `json:"result"`
	TimeMS      Int           `json:"executionTimeMs,omitempty"` // milliseconds
}

// CommandResult is how a command ended.
type CommandResult struct {
	ExitCode Int    `json:"exitCode"`
	Stdout   string `json:"stdout"`
	Stderr   string `json:"stderr"`
	Cwd      string `json:"cwd,omitempty"`
	TimeMS   Int    `json:"executionTimeMs,omitempty"` // milliseconds
}

// OK reports whether the command came to its end and succeeded. One that did not come to its end may have the exit code 0.
func (c Command) OK() bool { return strings.EqualFold(c.Status, "completed") && c.Result.ExitCode == 0 }

// RunCommand runs a command and waits for it. The service does not keep to the timeout (reported): end the command with one of
// its own, such as timeout(1); after 30 s the gateway gives up, and the command goes on. Sent once, whatever happens.
func (c *Client) RunCommand(ctx context.Context, sandboxID string, command CommandSpec) (Command, error) {
	cl := call{op: "RunCommand", plane: Data, method: http.MethodPost, path: inside(sandboxID, "processes", "cmd")}
	limit, failed := c.runLimit(cl, command.Timeout)
	if failed != nil {
		return Command{}, failed
	}
	cl.limit = limit
	cl.body = struct {
		Command string  `json:"command"`
		Cwd     string  `json:"cwd"`
		Timeout Seconds `json:"timeout"`
	}{command.Command, cmp.Or(command.Cwd, HomeFolder), secondsOf(limit - runMargin)}
	var done Command
	err := c.do(ctx, cl, &done)
	return done, err
}

// Process is a process that the service knows. It knows none that were started by code or in the background of a command.
type Process struct {
	ID          ProcessID         `json:"processId"`
	Status      string            `json:"status,omitempty"`
	Command     string            `json:"command,omitempty"`
	Tag         string            `json:"tag"`
	CreatedAt   Time              `json:"createdAt,omitzero"`
	Cwd         string            `json:"working_dir,omitempty"`
	Environment map[string]string `json:"environment,omitempty"`
	Usage       *ResourceUsage    `json:"resourceUsage,omitempty"`
}

// ResourceUsage is what a process takes.
type ResourceUsage struct {
	CPUPercent float64 `json:"cpuPercent"`
	MemoryMB   float64 `json:"memoryMb"`
}

type processList struct {
	Items []Process
}

// UnmarshalJSON implements [json.Unmarshaler].
func (l *processList) UnmarshalJSON(b []byte) (err error) {
	l.Items, err = list[Process](b, "items")
	return err
}

// ListProcesses lists the processes of a sandbox.
func (c *Client) ListProcesses(ctx context.Context, sandboxID string) ([]Process, error) {
	var found processList
	err := c.do(ctx, call{op: "ListProcesses", plane: Data, method: http.MethodGet, path: inside(sandboxID, "processes"), repeat: reading}, &found)
	return found.Items, err
}

// GetProcess looks at a process.
func (c *Client) GetProcess(ctx context.Context, sandboxID string, id ProcessID) (Process, error) {
	var found Process
	err := c.do(ctx, call{op: "GetProcess", plane: Data, method: http.MethodGet, path: inside(sandboxID, "processes", string(id)), repeat: reading}, &found)
	return found, err
}

// Killed is what became of a process.
type Killed struct {
	ID        ProcessID `json:"pid"`
	Stopped   bool      `json:"stopped"`
	StoppedAt Time      `json:"stopped_at,omitzero"`
	Message   string    `json:"message,omitempty"`
}

// KillProcess ends a process, kindly at first. Sent once.
func (c *Client) KillProcess(ctx context.Context, sandboxID string, id ProcessID) (Killed, error) {
	var killed Killed
	err := c.do(ctx, call{op: "KillProcess", plane: Data, method: http.MethodDelete, path: inside(sandboxID, "processes", string(id))}, &killed)
	return killed, err
}
