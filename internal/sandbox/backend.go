package sandbox

import (
	"context"
	"io"
	"slices"
	"time"
)

// Language is a programming language a context can speak. The strings are those of the tool contract.
type Language string

// The languages of the tool contract.
const (
	Python     Language = "python"
	JavaScript Language = "javascript"
)

// Backend makes sandboxes. Its methods are safe for concurrent use.
type Backend interface {
	// Name is the word that settings, results and logs use for this backend: "agentrun", "local" or "mock".
	Name() string

	// Traits says what every session of this backend can do. It never changes and costs nothing to ask.
	Traits() Traits

	// Open makes one sandbox, waits until code could run in it, and returns our hold on it. It may take from milliseconds
	// (local) to minutes (a cloud template that is still being built). Ending ctx gives up; a sandbox that was made all the
	// same is then ended by the backend itself, so the caller never owns what it did not get. Open may be called many times
	// at once and may be called again after an error. The caller owns the session and must Close it.
	Open(ctx context.Context) (Session, error)
}

// Traits are the fixed abilities and limits of a backend.
type Traits struct {
	// Languages a context can be made for, the default one first.
	Languages []Language
	// MaxRunTime is the longest a single run may be allowed to take.
	MaxRunTime time.Duration
	// MaxContexts is how many contexts one session holds at most.
	MaxContexts int
	// MaxCodeSize is the longest source text of one run, in bytes.
	MaxCodeSize int
	// MaxFileSize is the largest file that can be moved in or out in one piece, in bytes.
	MaxFileSize int64
	// Lifetime is when a session should be renewed; zero means that it does not age.
	Lifetime time.Duration
	// HardLimit is when the backend ends a session whatever it is doing; zero means never.
	HardLimit time.Duration
	// KeepsStateOnInterrupt says that a run which is cancelled or times out normally leaves its context's variables as they
	// were at that moment. Where it is false, or where a run ignored the interrupt, Result.StateLost tells.
	KeepsStateOnInterrupt bool
	// Streams says that Run.Emit is called while the code runs, not only at its end.
	Streams bool
	// EndsLines says that printed text which does not end in a line end comes back with one: the backend cannot tell the difference.
	EndsLines bool
	// Shell says that sessions are a [Shell] too.
	Shell bool
	// MaxCommandTime is the longest a command of the shell may be waited for.
	MaxCommandTime time.Duration
	// SharesFiles says that the contexts of one session see the same files. Otherwise each has a folder of its own.
	SharesFiles bool
	// Note is one or two sentences for the person or model that writes the code: what is and is not there.
	Note string
}

// Speaks reports whether contexts can be made for the language.
func (t Traits) Speaks(l Language) bool { return slices.Contains(t.Languages, l) }

// Session is our live hold on one sandbox. Its methods are safe for concurrent use; runs in different contexts go side by
// side, and it is the caller who keeps runs of one context apart (a second one meanwhile is refused with [CodeExecutionFailed]).
//
// An error that matches [ErrSessionLost] means that the sandbox is gone with everything in it: only Close is worth calling
// then. Errors are of type *[Error] where the caller could do something about them.
type Session interface {
	// SandboxID names the sandbox in the backend's own terms, for people and logs.
	SandboxID() string

	// CreateContext makes an empty context. A language that is not among the traits is INVALID_LANGUAGE, one context more than
	// Traits.MaxContexts is QUOTA_EXCEEDED. An error leaves nothing behind. Not to be repeated blindly: after a lost answer a
	// context may exist, which ends with the session.
	CreateContext(ctx context.Context, language Language) (CodeContext, error)

	// Run executes code in a context and returns what came of it. Code that raises, times out or is cancelled is a Result with
	// Failure set, not an error: an error means that the run could not be carried out or that its outcome is unknown. Ending
	// ctx, or StopContext meanwhile, stops the code (Failure.Code is then CANCELLED); Run still returns what was printed until
	// then. Close meanwhile makes it [ErrSessionLost]. What Traits.CheckRun refuses is refused. Run is never repeated by
	// anybody: the code may have had effects.
	Run(ctx context.Context, contextID string, run Run) (Result, error)

	// StopContext ends a context and frees what it held, stopping a run in progress, its commands and its processes. A context that is not there is
	// [ErrContextNotFound]. May be repeated.
	StopContext(ctx context.Context, contextID string) error

	// ListFiles lists what is below a folder of the context's files, folders included, depth levels deep (1: the folder's own
	// entries; less is INVALID_PARAMS), sorted by path. Files can be listed and moved while code runs. Paths that lead outside
	// are INVALID_PARAMS, see CleanFolder and CleanFile.
	ListFiles(ctx context.Context, contextID, folder string, depth int) ([]File, error)

	// ReadFile opens a file of the context. The caller closes the reader. The File says how large it is.
	ReadFile(ctx context.Context, contextID, path string) (io.ReadCloser, File, error)

	// WriteFile makes or replaces a file of the context, with the folders above it, and returns it as it now is. After an
	// error the file's content is not defined. More than Traits.MaxFileSize is TOO_LARGE. May be repeated with the same content.
	WriteFile(ctx context.Context, contextID, path string, content io.Reader) (File, error)

	// Check asks the sandbox whether it is alive, cheaply and without touching any context. May be repeated, also while code
	// runs.
	Check(ctx context.Context) error

	// Close ends the sandbox and everything in it. May be repeated; ending what is gone already is a success.
	Close(ctx context.Context) error
}

// CodeContext is one interpreter inside a session. Its ID means something only to the session that made it.
type CodeContext struct {
	ID       string
	Language Language
}

// File is one file or folder of a context. Paths are slash-separated and relative to the context's working folder.
type File struct {
	Path     string
	Size     int64 // bytes; 0 for a folder
	IsFolder bool
	Modified time.Time
}
