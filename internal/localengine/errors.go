package localengine

import (
	"errors"
	"fmt"
	"io/fs"
)

// What a call may come back with, besides the errors of its context. All of them are wrapped with what was attempted.
var (
	// ErrClosed says that the engine was closed.
	ErrClosed = errors.New("the local engine is closed")
	// ErrUnknownInstance says that no instance has this ID: it was destroyed, was lost, or never was.
	ErrUnknownInstance = errors.New("no such instance")
	// ErrBusy says that the instance is running a cell already.
	ErrBusy = errors.New("the instance is running another cell")
	// ErrUnknownLanguage says that the engine has no kernel for the language.
	ErrUnknownLanguage = errors.New("unknown language")
	// ErrInvalidCode says that the code is not text an interpreter could read.
	ErrInvalidCode = errors.New("invalid code")
	// ErrTooLarge says that the code, or the file that was asked for, is over its limit.
	ErrTooLarge = errors.New("too large")
	// ErrStateLost says that the instance is gone, and its variables with it. The error is a *StateLostError.
	ErrStateLost = errors.New("the state of the instance is lost")

	// ErrOutside says that a path leaves the scratch folder.
	ErrOutside = errors.New("the path is outside the scratch folder")
	// ErrQuota says that a limit of the scratch folder is reached.
	ErrQuota = errors.New("the limit of the scratch folder is reached")
	// ErrIsFolder says that a file was wanted where a folder is.
	ErrIsFolder = errors.New("is a folder")
	// ErrNotFolder says that a folder was wanted where a file is.
	ErrNotFolder = errors.New("is not a folder")
	// ErrNotEmpty says that a folder holds something and was not to be removed with it.
	ErrNotEmpty = errors.New("the folder is not empty")
	// ErrName says that a name cannot be used on every system the engine runs on.
	ErrName = errors.New("the name cannot be used")
)

// Reason says why an instance is gone.
type Reason string

// The reasons.
const (
	Killed    Reason = "killed"    // it did not react to the interrupt
	Exited    Reason = "exited"    // the code ended the interpreter itself, as os._exit does
	Crashed   Reason = "crashed"   // the interpreter failed
	Destroyed Reason = "destroyed" // Destroy or Close came while it ran
)

// StateLostError is what a run ends with when its instance did not survive it. The ID is no longer known.
type StateLostError struct {
	// Reason says which of the ways to lose an instance it was.
	Reason Reason
	// Detail is a sentence for the person who reads the result.
	Detail string
	// Result is what the cell had given until then: how long it ran, and what was cut from its output.
	Result Result
}

func (e *StateLostError) Error() string { return e.Detail }

// Is makes errors.Is(err, ErrStateLost) true.
func (e *StateLostError) Is(target error) bool { return target == ErrStateLost }

// pathError names a path of the scratch folder and what was tried on it.
func pathError(attempt, path string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: attempt, Path: path, Err: err}
}

func unknown(id ID) error { return fmt.Errorf("instance %d: %w", id, ErrUnknownInstance) }
