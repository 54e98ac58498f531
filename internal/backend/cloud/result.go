package cloud

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// resultOf turns the items of an answer into the contract's terms, and hands out what was printed.
func resultOf(answer agentrun.Result, emit func(sandbox.Chunk)) sandbox.Result {
	var (
		result         sandbox.Result
		stdout, stderr strings.Builder
		value          = -1 // where in the displays the last item is that stands for a value, if it is one
	)
	printed := func(stream sandbox.Stream, to *strings.Builder, text string) {
		if text == "" {
			return
		}
		text = sandbox.EndLine(text) // the service cuts that off
		to.WriteString(text)
		if emit != nil {
			emit(sandbox.Chunk{Stream: stream, Text: text})
		}
	}
	for _, item := range answer.Items {
		switch item.Type {
		case agentrun.ItemStdout:
			printed(sandbox.Stdout, &stdout, item.Text)
		case agentrun.ItemStderr:
			printed(sandbox.Stderr, &stderr, item.Text)
		case agentrun.ItemResult:
			value = -1
			for _, forms := range (agentrun.Result{Items: []agentrun.Item{item}}).Values() { // none of an item that stands for no value
				value = len(result.Displays)
				result.Displays = append(result.Displays, sandbox.NewOutput(forms))
			}
		case agentrun.ItemError, agentrun.ItemEnd, agentrun.ItemTimeout:
		default: // of a service that is newer than this program: better seen as it is than not at all
			result.Displays = append(result.Displays, sandbox.Output{Text: string(item.Raw())})
		}
	}
	result.Stdout, result.Stderr = stdout.String(), stderr.String()
	switch answer.Outcome() {
	case agentrun.OutcomeOK:
		// Displays and the value come alike. The value comes last, or something in its place that stands for none.
		if value >= 0 {
			shown := result.Displays[value]
			result.Value = &shown
			result.Displays = slices.Delete(result.Displays, value, value+1)
		}
	case agentrun.OutcomeTimeout:
		result.Failure = &sandbox.Failure{Code: sandbox.CodeTimeout, Name: "TimeoutError", Message: "the code took longer than the time it was given"}
	case agentrun.OutcomeError:
		result.Failure = failureOf(answer.Error())
	}
	if len(result.Displays) == 0 {
		result.Displays = nil
	}
	return result
}

// failureOf words an error of the code. Some answers have one text in place of a name, a message and a traceback.
func failureOf(e *agentrun.CodeError) *sandbox.Failure {
	if e == nil {
		const message = "the code failed, and AgentRun does not say why"
		return &sandbox.Failure{Code: sandbox.CodeExecutionFailed, Name: "Error", Message: message, Traceback: "Error: " + message + "\n"}
	}
	failure := &sandbox.Failure{Code: sandbox.CodeExecutionFailed, Name: e.Name, Message: e.Message, Traceback: e.Traceback}
	whole := e.Message
	if e.Name != "" {
		whole = e.Name + ": " + e.Message
	}
	if failure.Traceback == "" && strings.Contains(whole, "\n") {
		failure.Traceback = whole
		failure.Name, failure.Message = headline(whole)
	}
	failure.Name = cmp.Or(failure.Name, "Error")
	failure.Message = cmp.Or(failure.Message, failure.Name)
	failure.Traceback = sandbox.EndLine(cmp.Or(failure.Traceback, failure.Name+": "+failure.Message))
	return failure
}

// headline finds the line of a text that names an error. JavaScript begins with it, Python ends with it.
func headline(whole string) (name, message string) {
	all := strings.Split(strings.TrimRight(whole, "\n"), "\n")
	for _, line := range []string{all[0], all[len(all)-1]} {
		word, rest, found := strings.Cut(line, ": ")
		if found && word != "" && !strings.ContainsAny(word, " \t\"'(") {
			return word, rest
		}
	}
	return "", all[len(all)-1]
}

// diedOf reports whether a failure may be the end of an interpreter and not only of code.
func diedOf(failure *sandbox.Failure) bool {
	if failure == nil {
		return false
	}
	switch failure.Name {
	case "KernelDied", "DeadKernelError", "SystemExit", "KernelRestarted":
		return true
	}
	return false
}
