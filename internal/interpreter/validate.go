package interpreter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	maxNameLength        = 64  // characters
	maxDescriptionLength = 500 // characters
)

// checkNewContext refuses what cannot be a context and fills in the language.
func (i *Interpreter) checkNewContext(spec *NewContext) error {
	if problem := nameProblem(spec.Name); problem != "" {
		return sandbox.Errorf(sandbox.CodeInvalidContextName,
			"the name %s; use 1 to %d letters, digits, spaces, dots, underscores or hyphens", problem, maxNameLength)
	}
	if n := utf8.RuneCountInString(spec.Description); n > maxDescriptionLength {
		return sandbox.Errorf(sandbox.CodeInvalidParams, "the description has %d characters; at most %d are kept", n, maxDescriptionLength)
	}
	var err error
	spec.Language, err = i.Site().language(spec.Language)
	return err
}

func nameProblem(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "is not valid UTF-8"
	case strings.TrimSpace(name) == "":
		return "is empty"
	case utf8.RuneCountInString(name) > maxNameLength:
		return fmt.Sprintf("has %d characters", utf8.RuneCountInString(name))
	}
	at := strings.IndexFunc(name, func(r rune) bool {
		// marks belong to letters: many scripts write vowels as marks
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" ._-", r)
	})
	if at >= 0 {
		r, _ := utf8.DecodeRuneInString(name[at:])
		return fmt.Sprintf("contains %q", r)
	}
	return ""
}

// language fills in the site's first language and refuses one that it does not speak.
func (s *Site) language(l sandbox.Language) (sandbox.Language, error) {
	if l == "" {
		return s.traits.Languages[0], nil
	}
	if s.traits.Speaks(l) {
		return l, nil
	}
	names := make([]string, len(s.traits.Languages))
	for n, known := range s.traits.Languages {
		names[n] = string(known)
	}
	return "", sandbox.Errorf(sandbox.CodeInvalidLanguage, "%q is not a language of the %s backend; use %s",
		phrase.Clip(string(l), 40), s.Name(), strings.Join(names, " or "))
}

// checkCode refuses source text that the backend could not run.
func (s *Site) checkCode(code string) error {
	switch {
	case strings.TrimSpace(code) == "":
		return sandbox.Errorf(sandbox.CodeInvalidParams, "code is empty; send the source text to run")
	case strings.ContainsRune(code, 0):
		return sandbox.Errorf(sandbox.CodeInvalidParams, "the code contains a NUL character, which no program text may; write it as \\0 inside a string")
	case !utf8.ValidString(code):
		return sandbox.Errorf(sandbox.CodeInvalidParams, "the code is not valid UTF-8; send it as UTF-8 text")
	}
	return s.traits.CheckRun(sandbox.Run{Code: code})
}

// runTimeout is the time a run may take: what was asked for, or the usual time.
func (s *Site) runTimeout(asked *time.Duration, usual time.Duration) (time.Duration, error) {
	if asked == nil {
		return min(usual, s.traits.MaxRunTime), nil
	}
	return *asked, s.traits.CheckTimeout(*asked)
}

// cancelled is the error of a call that ended before its code ran.
func cancelled(ctx context.Context) error {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errClosing):
		return errClosing
	case errors.Is(cause, errStopped):
		return sandbox.Errorf(sandbox.CodeContextNotFound, "the context was stopped before the code ran")
	case errors.Is(cause, errCancelled):
		return &sandbox.Error{Code: sandbox.CodeCancelled, Message: "the run was cancelled before its code ran", Err: cause}
	case errors.Is(cause, errInterrupted):
		return &sandbox.Error{Code: sandbox.CodeCancelled, Message: "it was interrupted from elsewhere, before it ran", Err: cause}
	case errors.Is(cause, context.DeadlineExceeded):
		return &sandbox.Error{Code: sandbox.CodeServerNotReady, Message: "the time that a call may take was up before its context was ready; nothing was done. Try again in a moment", Err: cause}
	}
	return &sandbox.Error{Code: sandbox.CodeCancelled, Message: "the call was cancelled before the code ran", Err: context.Cause(ctx)}
}

// overdue words the failure of a call whose own time was up while a sandbox was asked. Other failures stay as they are.
func overdue(ctx context.Context, err error, known string) error {
	if _, said := errors.AsType[*sandbox.Error](err); err == nil || said || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return err
	}
	return &sandbox.Error{Code: sandbox.CodeTimeout, Message: "the sandbox did not answer in the time that a call may take; " + known, Err: err}
}

func because(cause error) string {
	if cause == nil {
		return ""
	}
	return " (" + strings.TrimSuffix(cause.Error(), ".") + ")"
}

// failing says why sessions cannot be made, if that is so now.
func failing(stats pool.Stats[sandbox.Session]) string {
	if stats.Failures == 0 {
		return ""
	}
	return "; the last attempt failed: " + strings.TrimSuffix(stats.LastFailure.Error(), ".")
}
