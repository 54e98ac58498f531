package cloud

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestEveryShapeOfAnswersBecomesAResult(t *testing.T) {
	png := []byte("\x89PNG")
	raised := func(name, message, traceback string) *sandbox.Failure {
		return &sandbox.Failure{Code: sandbox.CodeExecutionFailed, Name: name, Message: message, Traceback: traceback}
	}
	tests := []struct {
		name   string
		answer string
		want   sandbox.Result
	}{
		{"nothing at all", `{"results":[]}`, sandbox.Result{}},
		{"the real output that is known", `{"results":[{"type":"stdout","text":"line1\nline2"},{"type":"result","data":{"text/plain":"Code executed successfully"},"executionCount":1}]}`, sandbox.Result{Stdout: "line1\nline2\n"}},
		{"the documented placeholder", `{"results":[{"type":"stdout","text":"x\n"},{"type":"result","text":"None"},{"type":"endOfExecution","status":"ok"}]}`, sandbox.Result{Stdout: "x\n"}},
		{"pieces of both streams", `{"results":[{"type":"stdout","text":"a"},{"type":"stderr","text":"w"},{"type":"stdout","text":""},{"type":"stdout","text":"b\n"}]}`, sandbox.Result{Stdout: "a\nb\n", Stderr: "w\n"}},
		{"a value as text", `{"results":[{"type":"result","text":"3"}]}`, sandbox.Result{Value: &sandbox.Output{Text: "3"}}},
		{"a value in an envelope that was opened, with an image", `{"results":[{"type":"result","data":{"text/plain":"<Figure>","image/png":"iVBO\nRw=="}}]}`, sandbox.Result{Value: &sandbox.Output{Text: "<Figure>", MIME: map[string][]byte{"image/png": png}}}},
		{
			"displays before a value", `{"results":[{"type":"result","data":{"text/plain":"one","text/html":"<b>"}},{"type":"result","data":{"text/plain":"two"}},{"type":"result","data":{"text/plain":"3"}}]}`,
			sandbox.Result{Value: &sandbox.Output{Text: "3"}, Displays: []sandbox.Output{{Text: "one", MIME: map[string][]byte{"text/html": []byte("<b>")}}, {Text: "two"}}},
		},
		{"displays and no value", `{"results":[{"type":"result","text":"one"},{"type":"result","text":"None"}]}`, sandbox.Result{Displays: []sandbox.Output{{Text: "one"}}}},
		{
			"a display before an error is no value", `{"results":[{"type":"result","text":"one"},{"type":"error","text":"ValueError: no"}]}`,
			sandbox.Result{Displays: []sandbox.Output{{Text: "one"}}, Failure: raised("ValueError", "no", "ValueError: no\n")},
		},
		{"an image that is none, and no text", `{"results":[{"type":"result","data":{"image/png":"not base64!","application/pdf":"AQI=","text/html":"x"}}]}`, sandbox.Result{Value: &sandbox.Output{Text: "<application/pdf>", MIME: map[string][]byte{"application/pdf": {1, 2}, "text/html": []byte("x")}}}},
		{
			"an error in fields", `{"results":[{"type":"error","name":"KeyError","value":"'a'","traceback":["Traceback:","  line","KeyError: 'a'"]}]}`,
			sandbox.Result{Failure: raised("KeyError", "'a'", "Traceback:\n  line\nKeyError: 'a'\n")},
		},
		{
			"an error in Python's text", `{"results":[{"type":"error","text":"Traceback (most recent call last):\n  File \"<cell>\", line 1\nZeroDivisionError: division by zero"}]}`,
			sandbox.Result{Failure: raised("ZeroDivisionError", "division by zero", "Traceback (most recent call last):\n  File \"<cell>\", line 1\nZeroDivisionError: division by zero\n")},
		},
		{
			"an error in JavaScript's text", `{"results":[{"type":"error","text":"TypeError: no\n    at <cell>:1"}]}`,
			sandbox.Result{Failure: raised("TypeError", "no", "TypeError: no\n    at <cell>:1\n")},
		},
		{
			"a syntax error without a traceback", `{"results":[{"type":"error","text":"  File \"<cell>\", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax"}]}`,
			sandbox.Result{Failure: raised("SyntaxError", "invalid syntax", "  File \"<cell>\", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax\n")},
		},
		{"an error in no words", `{"results":[{"type":"error"}]}`, sandbox.Result{Failure: raised("Error", "Error", "Error: Error\n")}},
		{"an end that is an error", `{"results":[{"type":"endOfExecution","status":"error"}]}`, sandbox.Result{Failure: raised("Error", "the code failed, and AgentRun does not say why", "Error: the code failed, and AgentRun does not say why\n")}},
		{
			"a timeout of old", `{"results":[{"type":"stdout","text":"started"},{"type":"timeout"}]}`,
			sandbox.Result{Stdout: "started\n", Failure: &sandbox.Failure{Code: sandbox.CodeTimeout, Name: "TimeoutError", Message: "the code took longer than the time it was given"}},
		},
		{
			"a timeout at the end", `{"results":[{"type":"endOfExecution","status":"timeout"}]}`,
			sandbox.Result{Failure: &sandbox.Failure{Code: sandbox.CodeTimeout, Name: "TimeoutError", Message: "the code took longer than the time it was given"}},
		},
		{"something that nobody knows", `{"results":[{"type":"widget","id":7},{"type":"result","text":"3"}]}`, sandbox.Result{Value: &sandbox.Output{Text: "3"}, Displays: []sandbox.Output{{Text: `{"type":"widget","id":7}`}}}},
		{"something that nobody knows at the end", `{"results":[{"type":"result","text":"3"},{"type":"widget","id":7}]}`, sandbox.Result{Value: &sandbox.Output{Text: "3"}, Displays: []sandbox.Output{{Text: `{"type":"widget","id":7}`}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var answer agentrun.Result
			if err := json.Unmarshal([]byte(test.answer), &answer); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr strings.Builder
			got := resultOf(answer, func(c sandbox.Chunk) {
				if c.Stream == sandbox.Stderr {
					stderr.WriteString(c.Text)
				} else {
					stdout.WriteString(c.Text)
				}
			})
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("resultOf(%s) = %+v (%+v, %+v), want %+v (%+v, %+v)", test.answer, got, got.Value, got.Failure, test.want, test.want.Value, test.want.Failure)
			}
			if stdout.String() != got.Stdout || stderr.String() != got.Stderr {
				t.Errorf("Emit was given %q and %q, want what the result holds", stdout.String(), stderr.String())
			}
		})
	}
}
