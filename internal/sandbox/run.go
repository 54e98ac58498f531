package sandbox

import "time"

// Run is one execution of code in a context.
type Run struct {
	// Code is the source text, valid UTF-8. Notebook semantics: what it defines stays, and the value of a trailing expression
	// is the result.
	Code string
	// Timeout is how long the code may run; zero means the backend's own limit.
	Timeout time.Duration
	// Emit, if not nil, is handed output as it appears, in order, from one goroutine at a time, and never after Run has
	// returned. It must not block: the code waits for it.
	Emit func(Chunk)
}

// Stream says where text was printed.
type Stream string

// The two streams of a program.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// Chunk is a piece of text printed by running code.
type Chunk struct {
	Stream Stream
	Text   string
}

// Result is what came of a run.
type Result struct {
	// Stdout and Stderr are the captured text: all of it, or its beginning and its end.
	Stdout, Stderr string
	// Cut counts the bytes each stream printed beyond what the backend keeps. They are not kept anywhere.
	Cut struct{ Stdout, Stderr int64 }
	// CutAt says where in Stdout and Stderr the bytes that Cut counts are missing, as an offset in bytes.
	CutAt struct{ Stdout, Stderr int }
	// Value is the value of the trailing expression; nil if there was none.
	Value *Output
	// Displays are the objects the code showed on the way, in order.
	Displays []Output
	// Failure is nil if the code ran to its end.
	Failure *Failure
	// Duration is how long the code ran, measured as near to the engine as the backend can.
	Duration time.Duration
	// StateLost says that the context was given a fresh interpreter: its variables are gone. Its files may remain.
	StateLost bool
}

// Output is one shown object in one or several representations.
type Output struct {
	// Text is the plain form, always there.
	Text string
	// MIME holds the other representations by MIME type, as bytes: an image is the image, not base64.
	MIME map[string][]byte
}

// Failure is why code did not run to its end.
type Failure struct {
	// Code is EXECUTION_FAILED (the code raised or could not be parsed), TIMEOUT or CANCELLED.
	Code Code
	// Name is the exception's type, such as "ValueError"; for a stop it is "TimeoutError", "Cancelled" or similar.
	Name string
	// Message is the exception's text.
	Message string
	// Traceback is as the language prints it, lines with their ends.
	Traceback string
}
