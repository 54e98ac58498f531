package notebook

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// The structs below are the notebook format 4.5 as far as it is needed here.

type document struct {
	Cells    []documentCell `json:"cells"`
	Metadata metadata       `json:"metadata"`
	Major    int            `json:"nbformat"`
	Minor    int            `json:"nbformat_minor"`
}

type metadata struct {
	Kernel   kernel   `json:"kernelspec"`
	Language language `json:"language_info"`
	Title    string   `json:"title,omitempty"`
}

type kernel struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name"`
	Language    string `json:"language"`
}

type language struct {
	Name      string `json:"name"`
	MIME      string `json:"mimetype"`
	Extension string `json:"file_extension"`
}

type documentCell struct {
	Kind     string       `json:"cell_type"`
	ID       string       `json:"id"`
	Count    *int         `json:"execution_count"`
	Metadata cellMetadata `json:"metadata"`
	Source   []string     `json:"source"`
	Outputs  []any        `json:"outputs"`
}

type cellMetadata struct {
	Execution *execution `json:"execution,omitempty"`
}

// execution is when a cell ran, with the names that JupyterLab gives these times.
type execution struct {
	Busy string `json:"iopub.status.busy"`
	Idle string `json:"iopub.status.idle,omitempty"`
}

type stream struct {
	Kind string   `json:"output_type"`
	Name string   `json:"name"`
	Text []string `json:"text"`
}

type shown struct {
	Kind     string         `json:"output_type"`
	Data     map[string]any `json:"data"`
	Metadata struct{}       `json:"metadata"`
}

type result struct {
	shown
	Count *int `json:"execution_count"`
}

type failure struct {
	Kind      string   `json:"output_type"`
	Name      string   `json:"ename"`
	Value     string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

// spoken is what the format says of each language. The kernels are those that people are likely to have.
var spoken = map[sandbox.Language]metadata{
	sandbox.Python:     {Kernel: kernel{"python3", "Python 3", "python"}, Language: language{"python", "text/x-python", ".py"}},
	sandbox.JavaScript: {Kernel: kernel{"deno", "Deno", "typescript"}, Language: language{"javascript", "text/javascript", ".js"}},
}

// Write writes a notebook as a Jupyter notebook (.ipynb, format 4.5).
func Write(to io.Writer, n *Notebook) error {
	doc := document{Cells: []documentCell{}, Metadata: spoken[n.Language], Major: 4, Minor: 5}
	doc.Metadata.Title = n.Name
	for at, c := range n.Cells {
		doc.Cells = append(doc.Cells, cell(c, at))
	}
	enc := json.NewEncoder(to)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ") // as Jupyter writes them, so that versions of one file compare well
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("write the notebook: %w", err)
	}
	return nil
}

var cellID = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

func cell(c *Cell, at int) documentCell {
	d := documentCell{Kind: "code", ID: c.RunID, Source: lines(c.Code), Outputs: []any{}}
	if !cellID.MatchString(d.ID) {
		d.ID = fmt.Sprintf("cell-%d", at)
	}
	if c.Number > 0 {
		d.Count = &c.Number
	}
	if c.State != CellWaiting && !c.StartedAt.IsZero() {
		d.Metadata.Execution = &execution{Busy: c.StartedAt.UTC().Format(time.RFC3339Nano)}
		if c.State == CellDone {
			d.Metadata.Execution.Idle = c.StartedAt.Add(c.Result.Duration).UTC().Format(time.RFC3339Nano)
		}
	}
	res := c.Result
	for _, s := range []struct {
		name, text string
		cut        int64
		at         int
	}{{"stdout", res.Stdout, res.Cut.Stdout, res.CutAt.Stdout}, {"stderr", res.Stderr, res.Cut.Stderr, res.CutAt.Stderr}} {
		if text := mended(s.text, s.cut, s.at); text != "" {
			d.Outputs = append(d.Outputs, stream{Kind: "stream", Name: s.name, Text: lines(text)})
		}
	}
	for _, o := range res.Displays {
		d.Outputs = append(d.Outputs, shown{Kind: "display_data", Data: bundle(o)})
	}
	if res.Value != nil {
		d.Outputs = append(d.Outputs, result{shown{Kind: "execute_result", Data: bundle(*res.Value)}, d.Count})
	}
	if f := res.Failure; f != nil {
		d.Outputs = append(d.Outputs, failure{Kind: "error", Name: f.Name, Value: f.Message, Traceback: traceback(f)})
	}
	return d
}

// mended says in a text how much of it is missing, and where.
func mended(text string, cut int64, at int) string {
	if cut == 0 {
		return text
	}
	at = min(max(at, 0), len(text))
	return text[:at] + fmt.Sprintf("\n[%d bytes were not kept]\n", cut) + text[at:]
}

// traceback is a traceback in lines without their ends. Where there is none, Jupyter would show nothing at all.
func traceback(f *sandbox.Failure) []string {
	text := strings.TrimRight(f.Traceback, "\n")
	if text == "" {
		text = f.Name + ": " + f.Message
	}
	return strings.Split(strings.ToValidUTF8(text, "\ufffd"), "\n")
}

// bundle is an output in all its forms: text in lines, JSON as it is, and anything else in base64.
func bundle(o sandbox.Output) map[string]any {
	data := map[string]any{"text/plain": lines(o.Text)}
	for _, form := range slices.Sorted(maps.Keys(o.MIME)) {
		content := o.MIME[form]
		kind, _, err := mime.ParseMediaType(form)
		if err != nil {
			continue // nobody could show it
		}
		switch {
		case kind == "application/json" || strings.HasSuffix(kind, "+json"):
			if json.Valid(content) {
				data[form] = json.RawMessage(content)
			}
		case utf8.Valid(content) && isText(kind):
			data[form] = lines(string(content))
		default:
			data[form] = base64.StdEncoding.EncodeToString(content)
		}
	}
	return data
}

// isText reports whether a form is text in notebooks, by its type without parameters.
func isText(kind string) bool {
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+xml") || kind == "application/javascript" || kind == "application/xml"
}

// lines cuts a text after each line end, as notebooks keep texts.
func lines(text string) []string {
	if text == "" {
		return []string{}
	}
	all := strings.SplitAfter(strings.ToValidUTF8(text, "\ufffd"), "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}
