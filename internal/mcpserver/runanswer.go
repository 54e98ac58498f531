package mcpserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	// maxShown is how many displayed objects a result carries.
	maxShown = 50
	// maxMIME is how long a representation other than the plain one may be: half an HTML table is of no use to anybody.
	maxMIME = 16 << 10
)

// runAnswer makes the result of a run: the text shortened to what clients take, and pictures in the room that is left.
func runAnswer(res interpreter.RunResult) *answer {
	var pictures []picture
	out := runCodeOutput{
		Success: res.Failure == nil, ExecutionTime: res.Duration.Seconds(),
		ContextID: res.ContextID, Backend: res.Backend, Warm: res.Warm, Notices: slices.Clip(res.Notices),
	}
	displays := res.Displays
	if over := len(displays) - maxShown; over > 0 {
		displays = displays[:maxShown]
		out.Notices = append(out.Notices, fmt.Sprintf("%d more displayed objects were left out.", over))
	}
	for _, o := range displays {
		pictures = append(pictures, picturesOf(o)...)
	}
	if res.Value != nil {
		pictures = append(pictures, picturesOf(*res.Value)...)
	}

	notices := out.Notices
	budget := maxResultText
	for {
		out.Notices = notices
		out.fill(res, displays, budget)
		out.Images = len(pictures)
		room := maxWireText
		if len(pictures) == 0 {
			room = maxResult
		}
		object := compactJSON(out)
		size := wireSize(object)
		if size > room && budget > 1<<10 {
			budget /= 2
			continue
		}
		if len(pictures) == 0 {
			return &answer{object: object}
		}
		blocks, said := pictureBlocks(pictures, maxResult-size-len(pictures)<<10)
		out.Images = len(blocks)
		out.Notices = append(slices.Clip(notices), said...)
		return &answer{object: compactJSON(out), blocks: blocks}
	}
}

// fill sets the texts of a run, shortened to a budget that they share.
func (out *runCodeOutput) fill(res interpreter.RunResult, displays []sandbox.Output, budget int) {
	out.Truncated = nil
	f := fitter{out: out, res: res}
	out.Stdout, out.Stderr = res.Stdout, res.Stderr
	f.add("stdout", &out.Stdout, res.Cut.Stdout)
	if failure := res.Failure; failure != nil {
		out.Error = &failureObject{Code: failure.Code, Name: failure.Name, Message: failure.Message, Traceback: failure.Traceback}
		f.add("error.message", &out.Error.Message, 0)
		f.add("error.traceback", &out.Error.Traceback, 0)
		if !strings.Contains(out.Stderr, strings.TrimSpace(failure.Traceback)) {
			if out.Stderr != "" && !strings.HasSuffix(out.Stderr, "\n") {
				out.Stderr += "\n"
			}
			out.Stderr += failure.Traceback // where older clients look for it
		}
	}
	f.add("stderr", &out.Stderr, res.Cut.Stderr)
	if res.Value != nil {
		out.Result = f.show("result", *res.Value)
		f.add("result", &out.Result.Text, 0)
	}
	out.Outputs = make([]shownObject, len(displays))
	for n, o := range displays {
		name := fmt.Sprintf("outputs[%d]", n)
		out.Outputs[n] = *f.show(name, o)
		f.add(name, &out.Outputs[n].Text, 0)
	}
	f.fit(budget)
}

// fitter shortens the texts of a result together.
type fitter struct {
	out   *runCodeOutput
	res   interpreter.RunResult
	texts []fitted
	mime  int // bytes of other representations so far
}

type fitted struct {
	name string
	text *string
	lost int64 // bytes that the backend did not keep
}

func (f *fitter) add(name string, text *string, lost int64) {
	f.texts = append(f.texts, fitted{name, text, lost})
}

// show makes the object for something shown. Representations other than the plain one are taken whole or not at all.
func (f *fitter) show(name string, o sandbox.Output) *shownObject {
	shown := &shownObject{Text: o.Text}
	for _, mime := range slices.Sorted(maps.Keys(o.MIME)) {
		data := o.MIME[mime]
		switch {
		case isPicture(mime) || mime == "text/plain":
		case !utf8.Valid(data):
			f.cut(name+" "+mime, cutObject{Length: int64(len(data))})
		case len(data) > maxMIME || f.mime+len(data) > 2*maxMIME:
			f.cut(name+" "+mime, cutObject{Length: int64(len(data))})
		default:
			f.mime += len(data)
			if shown.MIME == nil {
				shown.MIME = make(map[string]string)
			}
			shown.MIME[mime] = string(data)
		}
	}
	return shown
}

func (f *fitter) cut(name string, c cutObject) {
	if f.out.Truncated == nil {
		f.out.Truncated = make(map[string]cutObject)
	}
	f.out.Truncated[name] = c
}

// fit shortens what is too long and says so.
func (f *fitter) fit(budget int) {
	wants := make([]int, len(f.texts))
	for n, t := range f.texts {
		*t.text = strings.ToValidUTF8(*t.text, "\ufffd")
		wants[n] = len(*t.text)
	}
	for n, most := range shares(wants, max(budget-f.mime, 0)) {
		t := f.texts[n]
		if wants[n] <= most && t.lost == 0 {
			continue
		}
		c := cutObject{Length: int64(wants[n]) + t.lost, Kept: int64(min(wants[n], most)), Lost: t.lost}
		if wants[n] > most {
			switch t.name {
			case "stdout", "stderr", "result":
				c.URI = outputURI(f.res.ContextID, f.res.Number, t.name)
			}
			*t.text = cut(*t.text, most, c.URI)
		}
		if t.lost > 0 {
			*t.text += fmt.Sprintf("\n[… %s more were printed and are not kept]\n", phrase.Size(t.lost))
		}
		f.cut(t.name, c)
	}
}

// picturesOf takes the picture out of something shown: one of its representations, the best that clients show.
func picturesOf(o sandbox.Output) []picture {
	for _, mime := range []string{"image/png", "image/jpeg", "image/webp", "image/gif"} {
		if data := o.MIME[mime]; len(data) > 0 {
			return []picture{{mime, data}}
		}
	}
	return nil
}
