package mcpserver

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// runCode is the tool run_code.
func runCode(s *offer) tool {
	return tool{
		name:        "run_code",
		title:       "Run code",
		description: s.runCodeDescription(),
		ownTime:     true,
		hints:       hints{destructive: true, openWorld: s.site.Name() == "agentrun"},
		input: object{
			{name: "code", kind: "string", required: true, about: "the source text. As in a notebook, the value of a last expression is the result"},
			{name: "context_id", kind: "string", about: "the context to run in, from create_context or an earlier result. Absent: your default context for the language, made on first use"},
			s.languageProperty("only without context_id: what the code is written in. Default: " + string(s.traits.Languages[0])),
			s.timeoutProperty(),
		},
		output: append(runProperties(),
			property{name: "run_id", kind: "string", about: "only when the code has not ended yet: what get_result and cancel_run want"},
			property{name: "status", kind: "string", about: "only when the code has not ended yet: running, or waiting for its turn or for a sandbox"},
		),
		run: s.runCode,
	}
}

// timeoutProperty is how long code may run. Where work that takes longer can be done in another way, the limit is not in the schema: it
// is the refusal that says how, and not a client's own words.
func (s *offer) timeoutProperty() property {
	most := s.traits.MaxRunTime.Seconds()
	about := fmt.Sprintf("how long the code may run. Default: %g; at most %g", s.interp.RunTimeout(s.site).Seconds(), most)
	more := map[string]any{"exclusiveMinimum": 0, "maximum": most}
	if s.traits.Shell {
		about += ": work that takes longer goes into a file that run_command runs in the background"
		delete(more, "maximum")
	}
	return property{name: "timeout_seconds", kind: "number", about: about, more: more}
}

// runProperties are what every result of a run says.
func runProperties() object {
	return object{
		{name: "stdout", kind: "string", about: "what was printed", required: true},
		{name: "stderr", kind: "string", about: "what was printed to the error stream, and the traceback of an error", required: true},
		{name: "success", kind: "boolean", about: "false if the code raised, timed out or was stopped", required: true},
		{name: "execution_time", kind: "number", about: "seconds the code ran", required: true},
		{name: "result", kind: "object", about: "the value of the last expression", more: shownSchema},
		{name: "outputs", kind: "array", about: "what the code displayed on the way, in order", more: map[string]any{
			"items": map[string]any{"type": "object", "properties": shownSchema["properties"], "required": shownSchema["required"]},
		}},
		{name: "images", kind: "integer", about: "how many image blocks follow this text"},
		{name: "error", kind: "object", about: "why success is false", more: map[string]any{
			"properties": map[string]any{
				"code":      map[string]any{"type": "string", "description": "EXECUTION_FAILED, TIMEOUT or CANCELLED"},
				"name":      map[string]any{"type": "string", "description": "type of the exception"},
				"message":   map[string]any{"type": "string"},
				"traceback": map[string]any{"type": "string"},
			},
			"required": []string{"code", "name", "message", "traceback"},
		}},
		{name: "context_id", kind: "string", about: "the context it ran in", required: true},
		{name: "backend", kind: "string", about: "where it ran", required: true},
		{name: "warm", kind: "boolean", about: "whether the sandbox was ready beforehand", required: true},
		{name: "truncated", kind: "object", about: "what was shortened here, by name", more: map[string]any{
			"additionalProperties": map[string]any{
				"type": "object",
				"properties": map[string]any{
					"length": map[string]any{"type": "integer", "description": "bytes there were"},
					"kept":   map[string]any{"type": "integer", "description": "bytes of them shown here"},
					"lost":   map[string]any{"type": "integer", "description": "bytes of them that are not kept anywhere"},
					"uri":    map[string]any{"type": "string", "description": "resource that holds the rest"},
				},
				"required": []string{"length", "kept"},
			},
		}},
		{name: "notices", kind: "array", about: "what you must know, such as that variables are gone", more: map[string]any{"items": map[string]any{"type": "string"}}},
	}
}

// shownSchema describes one shown object.
var shownSchema = map[string]any{
	"properties": map[string]any{
		"text": map[string]any{"type": "string", "description": "plain form"},
		"mime": map[string]any{
			"type": "object", "description": "other representations by MIME type; pictures are image blocks instead",
			"additionalProperties": map[string]any{"type": "string"},
		},
	},
	"required": []string{"text"},
}

// runCodeDescription promises what the backend keeps, and nothing else.
func (s *offer) runCodeDescription() string {
	names := make([]string, len(s.traits.Languages))
	for n, l := range s.traits.Languages {
		names[n] = map[sandbox.Language]string{sandbox.Python: "Python", sandbox.JavaScript: "JavaScript"}[l]
	}
	stop := "A run that times out or is cancelled may lose the context's variables; a notice says so."
	if s.traits.KeepsStateOnInterrupt {
		stop = "A run that times out or is cancelled normally leaves variables as they were at that moment; where it does not, a notice says so."
	}
	return strings.Join(nonEmpty(
		"Runs "+strings.Join(names, " or ")+" in a sandbox, like a notebook cell: variables, functions and imports of a context stay from run to run, "+
			"and the value of the last expression comes back as result. "+
			"Code that raises is an answer with success false and the traceback, not an error of the call.",
		"One run at a time per context, in the order of arrival; different contexts run side by side. "+stop,
		"Code that takes longer than a call may goes on: the answer then has a run_id and the status running, and get_result collects the rest. Do not run such code again.",
		s.traits.Note,
	), "\n")
}

type runCodeInput struct {
	Code           string           `json:"code"`
	ContextID      string           `json:"context_id"`
	Language       sandbox.Language `json:"language"`
	TimeoutSeconds *float64         `json:"timeout_seconds"`
}

type runCodeOutput struct {
	Stdout        string               `json:"stdout"`
	Stderr        string               `json:"stderr"`
	Success       bool                 `json:"success"`
	ExecutionTime float64              `json:"execution_time"`
	Result        *shownObject         `json:"result,omitempty"`
	Outputs       []shownObject        `json:"outputs,omitempty"`
	Images        int                  `json:"images,omitempty"`
	Error         *failureObject       `json:"error,omitempty"`
	ContextID     string               `json:"context_id"`
	Backend       string               `json:"backend"`
	Warm          bool                 `json:"warm"`
	Truncated     map[string]cutObject `json:"truncated,omitempty"`
	RunID         string               `json:"run_id,omitempty"`
	Status        interpreter.RunState `json:"status,omitempty"`
	Notices       []string             `json:"notices,omitempty"`
}

type shownObject struct {
	Text string            `json:"text"`
	MIME map[string]string `json:"mime,omitempty"`
}

type failureObject struct {
	Code      sandbox.Code `json:"code"`
	Name      string       `json:"name"`
	Message   string       `json:"message"`
	Traceback string       `json:"traceback"`
}

type cutObject struct {
	Length int64  `json:"length"`
	Kept   int64  `json:"kept"`
	Lost   int64  `json:"lost,omitempty"`
	URI    string `json:"uri,omitempty"`
}

func (s *Server) runCode(ctx context.Context, c *call) (*answer, error) {
	var in runCodeInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	c.about(clean(in.ContextID, 80))
	run, err := s.interp.Begin(ctx, c.caller, interpreter.RunRequest{
		Code: in.Code, ContextID: in.ContextID, Language: sandbox.Language(strings.ToLower(string(in.Language))), Timeout: seconds(in.TimeoutSeconds),
	})
	if err != nil {
		return nil, err
	}
	c.about(run.ContextID())
	switch how, so := s.await(ctx, c, run, s.answerWithin, true); how {
	case runEnded:
	case patienceEnded:
		return s.handle(ctx, c, run, so), nil
	case callerLeft:
		run.Abandon()
		<-run.Done()
	}
	res, err := run.Result()
	if err != nil {
		return nil, err
	}
	return runAnswer(res, c.resultTokens()), nil
}

// seconds turns a number of seconds into a duration; what no duration can hold becomes the longest one.
func seconds(n *float64) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(math.MinInt64)
	switch ns := *n * float64(time.Second); {
	case ns >= math.MaxInt64:
		d = math.MaxInt64
	case ns > math.MinInt64:
		d = time.Duration(ns)
	}
	return &d
}

func nonEmpty(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}
