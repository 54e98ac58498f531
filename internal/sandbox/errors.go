package sandbox

import (
	"errors"
	"fmt"
)

// Code is an error code of the tool contract: a promise to programs, with the sentence beside it for people.
type Code string

// The codes of the tool contract.
const (
	CodeInvalidParams         Code = "INVALID_PARAMS"
	CodeContextNotFound       Code = "CONTEXT_NOT_FOUND"
	CodeInvalidContextName    Code = "INVALID_CONTEXT_NAME"
	CodeInvalidLanguage       Code = "INVALID_LANGUAGE"
	CodeServerNotReady        Code = "SERVER_NOT_READY"
	CodeContextCreationFailed Code = "CONTEXT_CREATION_FAILED"
	CodeStopFailed            Code = "STOP_FAILED"
	CodeExecutionFailed       Code = "EXECUTION_FAILED"
	CodeTimeout               Code = "TIMEOUT"
	CodeCancelled             Code = "CANCELLED"
	CodeNotAllowed            Code = "NOT_ALLOWED"
	CodeNotSupported          Code = "NOT_SUPPORTED"
	CodeFileNotFound          Code = "FILE_NOT_FOUND"
	CodeTooLarge              Code = "TOO_LARGE"
	CodeSessionLost           Code = "SESSION_LOST"
	CodeCredentialsRejected   Code = "CREDENTIALS_REJECTED"
	CodeQuotaExceeded         Code = "QUOTA_EXCEEDED"
)

// Error is a failure with a code of the tool contract. Message is a sentence for the person or model who will read it: what
// happened and what to do next.
type Error struct {
	Code    Code
	Message string
	Why     string // Message without the advice to try again, for where that is done by itself; empty: it gives none
	Err     error  // the cause, for logs; may be nil
}

// Errors to compare with errors.Is, which looks at the code alone.
var (
	ErrContextNotFound = &Error{Code: CodeContextNotFound, Message: "there is no such context"}
	ErrSessionLost     = &Error{Code: CodeSessionLost, Message: "the sandbox is gone"}
	ErrFileNotFound    = &Error{Code: CodeFileNotFound, Message: "there is no such file"}
	ErrTooLarge        = &Error{Code: CodeTooLarge, Message: "too large"}
)

// Errorf makes an Error. As with fmt.Errorf, an argument for %w becomes its cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// CodeOf finds the code of an error, or fallback if it carries none.
func CodeOf(err error, fallback Code) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return fallback
}
