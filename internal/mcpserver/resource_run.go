package mcpserver

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// maxRunText is how much of the texts of a run its resource has, in quarters of a token; see weight. The whole of each stream is a resource of its own.
const maxRunText = 96 << 10

// runOf finds the run that a URI names.
func (s *Server) runOf(ref resourceRef) (interpreter.RunRecord, error) {
	runs, err := s.interp.History(ref.contextID)
	if err != nil {
		return interpreter.RunRecord{}, err
	}
	for _, r := range runs {
		if r.Number == ref.run {
			return r, nil
		}
	}
	return interpreter.RunRecord{}, fmt.Errorf("run %d of this context is not in its history (the last runs are kept): %w", ref.run, errNoResource)
}

// partOfRun is a run, or one of its streams or pictures.
func (s *Server) partOfRun(uri string, ref resourceRef) (mcp.ResourceContents, error) {
	r, err := s.runOf(ref)
	switch {
	case err != nil:
		return nil, err
	case ref.kind == aRun:
		return s.runResource(uri, ref.contextID, r), nil
	case ref.kind == aStream:
		return streamResource(uri, ref.stream, r), nil
	}
	return imageResource(uri, ref.image, r)
}

// outcomeOK is the outcome of a run that came to its end.
const outcomeOK = "ok"

// listedRun is a run among those kept of a context.
type listedRun struct {
	Number    int      `json:"number"`
	RunID     string   `json:"run_id,omitempty"`
	StartedAt string   `json:"started_at"`
	Duration  float64  `json:"duration"` // seconds
	Outcome   string   `json:"outcome"`  // ok, or the code of what ended it
	Client    string   `json:"client"`
	URI       string   `json:"uri"`
	StdoutURI string   `json:"stdout_uri,omitempty"` // of each only where there is something
	StderrURI string   `json:"stderr_uri,omitempty"`
	ResultURI string   `json:"result_uri,omitempty"`
	Images    []string `json:"image_uris,omitempty"`
}

func newListedRun(contextID string, r interpreter.RunRecord) listedRun {
	l := listedRun{
		Number: r.Number, RunID: r.ID, StartedAt: r.StartedAt.UTC().Format(utc), Duration: r.Result.Duration.Seconds(), Outcome: outcomeOK,
		Client: r.Caller, URI: runURI(contextID, r.Number),
	}
	if f := r.Result.Failure; f != nil {
		l.Outcome = string(f.Code)
	}
	for _, stream := range []struct {
		name, text string
		uri        *string
	}{{streamOut, r.Result.Stdout, &l.StdoutURI}, {streamErr, r.Result.Stderr, &l.StderrURI}, {streamResult, valueOf(r.Result), &l.ResultURI}} {
		if stream.text != "" {
			*stream.uri = outputURI(contextID, r.Number, stream.name)
		}
	}
	for k := range runPictures(r.Result) {
		l.Images = append(l.Images, imageURI(contextID, r.Number, k+1))
	}
	return l
}

// valueOf is the plain text of the value of a run.
func valueOf(r sandbox.Result) string {
	if r.Value == nil {
		return ""
	}
	return r.Value.Text
}

// wholeRun is a run as it can be read.
type wholeRun struct {
	listedRun
	ContextID string         `json:"context_id"`
	Language  string         `json:"language,omitempty"`
	Code      string         `json:"code"`
	Stdout    string         `json:"stdout"`
	Stderr    string         `json:"stderr"`
	Result    *string        `json:"result,omitempty"`
	Outputs   []string       `json:"outputs,omitempty"`
	Error     *failureObject `json:"error,omitempty"`
	Notices   []string       `json:"notices,omitempty"`
}

// runResource is a run with its texts, which share a budget and say where the whole of them is.
func (s *Server) runResource(uri, contextID string, r interpreter.RunRecord) mcp.ResourceContents {
	o := wholeRun{
		listedRun: newListedRun(contextID, r), ContextID: contextID, Code: r.Code, Stdout: r.Result.Stdout, Stderr: r.Result.Stderr, Notices: r.Notices,
	}
	if cc, ok := s.interp.Context(contextID); ok {
		o.Language = string(cc.Language)
	}
	o.Stdout, o.Stderr = torn(o.Stdout, r.Result.Cut.Stdout, r.Result.CutAt.Stdout), torn(o.Stderr, r.Result.Cut.Stderr, r.Result.CutAt.Stderr)
	type text struct {
		text  *string
		whole string
		lost  int64
	}
	texts := []text{{&o.Code, "", 0}, {&o.Stdout, o.StdoutURI, r.Result.Cut.Stdout}, {&o.Stderr, o.StderrURI, r.Result.Cut.Stderr}}
	if f := r.Result.Failure; f != nil {
		o.Error = &failureObject{Code: f.Code, Name: f.Name, Message: f.Message, Traceback: f.Traceback}
		texts = append(texts, text{&o.Error.Message, "", 0}, text{&o.Error.Traceback, "", 0})
	}
	if r.Result.Value != nil {
		value := r.Result.Value.Text
		o.Result = &value
		texts = append(texts, text{o.Result, o.ResultURI, 0})
	}
	displays := r.Result.Displays[:min(len(r.Result.Displays), maxShown)]
	o.Outputs = make([]string, len(displays))
	for n, d := range displays {
		o.Outputs[n] = d.Text
		texts = append(texts, text{&o.Outputs[n], "", 0})
	}
	wants := make([]int, len(texts))
	for n, t := range texts {
		*t.text = strings.ToValidUTF8(*t.text, "\ufffd")
		wants[n] = weight(*t.text)
	}
	for n, most := range shares(wants, maxRunText) {
		t := texts[n]
		*t.text = shorten(*t.text, most, wholeAt(t.whole, t.lost))
	}
	return jsonResource(uri, o)
}

// streamResource is the whole of a stream of a run.
func streamResource(uri, stream string, r interpreter.RunRecord) mcp.ResourceContents {
	var text string
	switch stream {
	case streamOut:
		text = torn(r.Result.Stdout, r.Result.Cut.Stdout, r.Result.CutAt.Stdout)
	case streamErr:
		text = torn(r.Result.Stderr, r.Result.Cut.Stderr, r.Result.CutAt.Stderr)
	case streamResult:
		text = valueOf(r.Result)
	}
	return mcp.TextResourceContents{URI: uri, MIMEType: "text/plain", Text: text}
}

// imageResource is the k-th picture of a run, as it was made.
func imageResource(uri string, k int, r interpreter.RunRecord) (mcp.ResourceContents, error) {
	pictures := runPictures(r.Result)
	if k > len(pictures) {
		return nil, fmt.Errorf("run %d has shown %d pictures, not %d: %w", r.Number, len(pictures), k, errNoResource)
	}
	p := pictures[k-1]
	if len(p.data) > maxResource {
		return nil, sandbox.Errorf(sandbox.CodeTooLarge, "the picture has %s and a resource may have at most %s: save it to a file and %s",
			phrase.Size(int64(len(p.data))), phrase.Size(maxResource), howToGetLarge)
	}
	return mcp.BlobResourceContents{URI: uri, MIMEType: p.mime, Blob: base64.StdEncoding.EncodeToString(p.data)}, nil
}

// shorten cuts a text that is too long.
func shorten(text string, keep int, whole string) string {
	short, _ := cut(text, keep, whole, 0)
	return short
}
