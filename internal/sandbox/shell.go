package sandbox

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// Shell is what sessions can do whose backend says Traits.Shell: run commands beside code. It is found by a type assertion on a
// [Session]. Methods are safe for concurrent use. Commands of one context go side by side with each other and with code; they
// share its files and nothing else.
//
// Errors are as those of Session. Besides, what Traits.CheckCommand refuses is refused, a working folder that is not there is
// [CodeFileNotFound], and a process that is not there is [CodeInvalidParams].
type Shell interface {
	// RunCommand runs a command in a context's working folder and waits for it. A command that ends by itself is a result, with
	// whatever exit code; one that takes longer than its time or is cancelled is a result with Failure set. Ending ctx, or
	// StopContext meanwhile, stops the command with everything it has started (Failure.Code is then CANCELLED). Close meanwhile
	// makes it [ErrSessionLost]. A command is never repeated by anybody: it may have had effects.
	RunCommand(ctx context.Context, contextID string, command Command) (CommandResult, error)

	// StartProcess starts a command in the background of a context and does not wait for it. The process goes on when ctx ends. It
	// ends by itself, after its timeout, by StopProcess, or with its context. Of those that have ended the oldest make room
	// for others; a context with [MaxProcesses] that go on is [CodeQuotaExceeded]. Not to be repeated blindly: after a lost answer
	// the process may run.
	StartProcess(ctx context.Context, contextID string, command Command) (Process, error)

	// LookAtProcess tells how a process is getting on. It waits until the process has ended, but no longer than patience; none
	// answers at once. May be repeated.
	LookAtProcess(ctx context.Context, contextID, processID string, patience time.Duration) (Process, error)

	// ListProcesses lists the processes of a context, oldest first, without what they have printed.
	ListProcesses(ctx context.Context, contextID string) ([]Process, error)

	// StopProcess ends a process with everything it has started, kindly at first, and returns what it has become. Stopping one
	// that has ended changes nothing. May be repeated.
	StopProcess(ctx context.Context, contextID, processID string) (Process, error)
}

const (
	// MaxProcesses is how many processes a context has at once at most.
	MaxProcesses = 16
	// MaxCommandSize is the longest command, in bytes. What is longer belongs in a file.
	MaxCommandSize = 16 << 10
)

// Command is a line, or several, for a shell.
type Command struct {
	// Line is what the shell is to run, valid UTF-8.
	Line string
	// Folder is where it runs, among the context's files; see CleanFolder. Empty: the context's working folder.
	Folder string
	// Timeout is how long it may take. Zero: Traits.MaxCommandTime for a command that is waited for; for a process, as long as
	// its context lives.
	Timeout time.Duration
}

// Printed is what a command has printed: all of it, or the beginning and the end of each stream.
type Printed struct {
	Stdout, Stderr string
	// Cut counts the bytes that are missing from each stream.
	Cut struct{ Stdout, Stderr int64 }
	// CutAt says where they are missing, as an offset in bytes.
	CutAt struct{ Stdout, Stderr int }
}

// CommandResult is what came of a command.
type CommandResult struct {
	Printed
	// ExitCode is as the shell has it: 0 for success, 128 and the number of a signal for a command that was killed.
	ExitCode int
	// Failure is nil if the command came to its end, with whatever exit code. Otherwise its code is TIMEOUT or CANCELLED.
	Failure *Failure
	// Duration is how long the command took.
	Duration time.Duration
}

// ProcessStatus says whether a process goes on.
type ProcessStatus string

// The states of a process in the tool contract.
const (
	ProcessRunning ProcessStatus = "running"
	ProcessExited  ProcessStatus = "exited"
)

// Process is a command in the background of a context, as it was when it was looked at.
type Process struct {
	Printed
	// ID names the process in its context.
	ID      string
	Command string
	Status  ProcessStatus
	// ExitCode is that of a process that has exited; see CommandResult. It is -1 where the process was ended so hard that there
	// is none.
	ExitCode  int
	StartedAt time.Time
	// Duration is how long it has run, about: where it has exited, until that was noticed.
	Duration time.Duration
}

// CheckCommand refuses a command that is beyond the backend's limits: [CodeTooLarge] for its length, [CodeInvalidParams] for
// anything else. Backends call it first.
func (t Traits) CheckCommand(command Command, background bool) error {
	switch _, err := CleanFolder(command.Folder); {
	case strings.TrimSpace(command.Line) == "":
		return Errorf(CodeInvalidParams, "command is empty; send the line to run, such as ls -la")
	case len(command.Line) > MaxCommandSize:
		return Errorf(CodeTooLarge, "the command has %d bytes and the limit is %d; put it into a file with upload_file and run that, such as sh job.sh", len(command.Line), MaxCommandSize)
	case strings.ContainsRune(command.Line, 0) || !utf8.ValidString(command.Line):
		return Errorf(CodeInvalidParams, "the command is not valid UTF-8 without NUL characters, which no shell takes")
	case command.Timeout < 0:
		return Errorf(CodeInvalidParams, "timeout_seconds must be more than 0")
	case !background && command.Timeout > t.MaxCommandTime:
		return Errorf(CodeInvalidParams, "a command that is waited for has at most %s here; start this one with background: true, and look at it with get_process", inSeconds(t.MaxCommandTime))
	default:
		return err
	}
}

// CommandTime is how long a command that passed [Traits.CheckCommand] may be waited for.
func (t Traits) CommandTime(command Command) time.Duration {
	if command.Timeout == 0 {
		return t.MaxCommandTime
	}
	return command.Timeout
}
