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

// runAnswer makes the result of a run: the text shortened to so many tokens, and pictures in the room that is left.
func runAnswer(res interpreter.RunResult, tokens int) *answer {
	return finishedOutput(res).answer(res, tokens)
}

// finishedOutput is the object for a run that has ended, without its texts.
func finishedOutput(res interpreter.RunResult) *runOutput {
	return &runOutput{runCodeOutput: runCodeOutput{
		Success: res.Failure == nil, ExecutionTime: res.Duration.Seconds(),
		ContextID: res.ContextID, Backend: res.Backend, Warm: res.Warm, Notices: slices.Clip(res.Notices),
	}}
}

// runOutput is the object of a result and what is known of the texts in it beyond the result itself.
type runOutput struct {
	runCodeOutput
	seams map[string]seam // by stream, of a run that still goes on
}

// seam is where something is missing from a text already.
type seam struct {
	gap  int64 // bytes
	most int   // how much of the text may be kept without showing both sides of the gap as one
}

// answer fills the object with what came of the run.
func (out *runOutput) answer(res interpreter.RunResult, tokens int) *answer {
	displays := res.Displays
	if over := len(displays) - maxShown; over > 0 {
		displays = displays[:maxShown]
		out.Notices = append(out.Notices, fmt.Sprintf("%d more displayed objects were left out.", over))
	}
	pictures := runPictures(res.Result)
	notices := out.Notices
	budget := perToken * tokens
	for {
		out.Notices = notices
		out.fill(res, displays, budget)
		out.Images = len(pictures)
		room := maxWireText
		if len(pictures) == 0 {
			room = maxResult
		}
		object := compactJSON(out.runCodeOutput)
		size := wireSize(object)
		if size > room && budget > 1<<10 {
			budget /= 2
			continue
		}
		if len(pictures) == 0 {
			return &answer{object: object}
		}
		blocks, said := pictureBlocks(pictures, maxResult-size-min(len(pictures), maxPictures)<<10, func(k int) string { return imageURI(res.ContextID, res.Number, k) })
		out.Images = len(blocks)
		out.Notices = append(slices.Clip(notices), said...)
		return &answer{object: compactJSON(out.runCodeOutput), blocks: blocks}
	}
}

// fill sets the texts of a run, shortened to a budget that they share.
func (out *runOutput) fill(res interpreter.RunResult, displays []sandbox.Output, budget int) {
	out.Truncated = nil
	f := fitter{out: out, res: res, room: min(2*maxMIME, budget/3)}
	out.Stdout, out.Stderr = res.Stdout, res.Stderr
	f.add("stdout", &out.Stdout)
	f.tear(res.Cut.Stdout, res.CutAt.Stdout)
	if failure := res.Failure; failure != nil {
		out.Error = &failureObject{Code: failure.Code, Name: failure.Name, Message: failure.Message, Traceback: failure.Traceback}
		f.add("error.message", &out.Error.Message)
		f.add("error.traceback", &out.Error.Traceback)
		if !strings.Contains(out.Stderr, strings.TrimSpace(failure.Traceback)) {
			if out.Stderr != "" && !strings.HasSuffix(out.Stderr, "\n") {
				out.Stderr += "\n"
			}
			out.Stderr += failure.Traceback // where older clients look for it
		}
	}
	f.add("stderr", &out.Stderr)
	f.tear(res.Cut.Stderr, res.CutAt.Stderr)
	if res.Value != nil {
		out.Result = f.show("result", *res.Value)
		f.add("result", &out.Result.Text)
	}
	out.Outputs = make([]shownObject, len(displays))
	for n, o := range displays {
		name := fmt.Sprintf("outputs[%d]", n)
		out.Outputs[n] = *f.show(name, o)
		f.add(name, &out.Outputs[n].Text)
	}
	f.fit(budget)
}

// fitter shortens the texts of a result together.
type fitter struct {
	out   *runOutput
	res   interpreter.RunResult
	texts []fitted
	room  int // what representations other than the plain one may take, all of them together
	mime  int // what they take so far
}

type fitted struct {
	name string
	text *string
	size int   // bytes of the text
	lost int64 // bytes that the backend did not keep
}

func (f *fitter) add(name string, text *string) {
	f.texts = append(f.texts, fitted{name: name, text: text, size: len(*text)})
}

// tear says in the text that was added last that the backend did not keep some of it.
func (f *fitter) tear(lost int64, at int) {
	t := &f.texts[len(f.texts)-1]
	t.lost = lost
	*t.text = torn(*t.text, lost, at)
}

// torn puts a line into a text where bytes of it are missing.
func torn(text string, lost int64, at int) string {
	if lost <= 0 {
		return text
	}
	at = min(at, len(text))
	return fmt.Sprintf("%s\n[… %s more were printed here and are not kept anywhere …]\n%s", text[:at], phrase.Size(lost), text[at:])
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
		case len(data) > maxMIME || f.mime+weight(string(data)) > f.room:
			f.cut(name+" "+mime, cutObject{Length: int64(len(data))})
		default:
			f.mime += weight(string(data))
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
		wants[n] = weight(*t.text)
	}
	for n, most := range shares(wants, max(budget-f.mime, 0)) {
		t := f.texts[n]
		seam, seamed := f.out.seams[t.name]
		if wants[n] <= most && t.lost == 0 && !seamed {
			continue
		}
		c := cutObject{Length: int64(t.size) + t.lost + seam.gap, Lost: t.lost}
		kept := t.size
		if seamed {
			most = min(most, seam.most)
		}
		if wants[n] > most || seamed {
			switch t.name {
			case "stdout", "stderr", "result":
				if f.res.Number > 0 { // a run that goes on is not in the history yet
					c.URI = outputURI(f.res.ContextID, f.res.Number, t.name)
				}
			}
			*t.text, kept = cut(*t.text, most, wholeAt(c.URI, t.lost), seam.gap+t.lost)
		}
		c.Kept = int64(kept)
		f.cut(t.name, c)
	}
}

// runPictures are the pictures of a run in the order in which results and resources count them, from 1: those that the code
// displayed, and then that of its value.
func runPictures(res sandbox.Result) []picture {
	var pictures []picture
	for _, o := range res.Displays {
		pictures = append(pictures, picturesOf(o)...)
	}
	if res.Value != nil {
		pictures = append(pictures, picturesOf(*res.Value)...)
	}
	return pictures
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
