package notebook

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
	"pgregory.net/rapid"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// valid fails the test if a text is not a notebook by the schema.
func valid(t interface {
	Helper()
	Fatalf(string, ...any)
}, schema *jsonschema.Resolved, text []byte,
) {
	t.Helper()
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if err := schema.Validate(doc); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
}

func readSchema(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "nbformat45.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

// busy has an output of every kind.
func busy() *Notebook {
	at := time.Date(2026, 11, 27, 9, 30, 0, 500e6, time.FixedZone("CST", 8*3600))
	long := sandbox.Result{Stdout: "beginend", Duration: time.Second}
	long.Cut.Stdout, long.CutAt.Stdout = 1234, 5
	return &Notebook{ContextID: "ctx-1", Name: "数据 <分析>", Language: sandbox.Python, Cells: []*Cell{
		{RunID: "run-1", Number: 1, Code: "print('é')\nx", StartedAt: at, State: CellDone, Result: sandbox.Result{
			Stdout: "é\nno end", Stderr: "warning\n", Duration: 1500 * time.Millisecond,
			Value: &sandbox.Output{Text: "<Table>", MIME: map[string][]byte{
				"text/html": []byte("<b>1</b>\n<i>2</i>"), "application/json": []byte(`{"a": [1, null]}`), "application/vnd.x+json": []byte(`"s"`), "image/svg+xml": []byte("<svg/>"),
				"application/bad+json": []byte("{"), "not a type;": []byte("x"),
			}},
			Displays: []sandbox.Output{{Text: "<Figure>", MIME: map[string][]byte{"image/png": []byte("\x89PNG\r\n\x1a\n")}}, {Text: "plain"}},
		}},
		{RunID: "not an id!", Number: 2, Code: "1/0", StartedAt: at, State: CellDone, Result: sandbox.Result{
			Failure: &sandbox.Failure{Code: sandbox.CodeExecutionFailed, Name: "ZeroDivisionError", Message: "division by zero", Traceback: "Traceback:\n  line 1\nZeroDivisionError: division by zero\n"},
		}},
		{RunID: "run-3", Number: 3, Code: "", StartedAt: at, State: CellDone, Result: long},
		{RunID: "run-4", Number: 4, Code: "loop()", StartedAt: at, State: CellRunning, Result: sandbox.Result{Stdout: "so far\n"}},
		{RunID: "run-5", Code: "later()", StartedAt: at, State: CellWaiting},
		{RunID: "run-6", Code: "never()", StartedAt: at, State: CellDone, Result: sandbox.Result{Failure: &sandbox.Failure{Code: sandbox.CodeCancelled, Name: "CANCELLED", Message: "the run was cancelled"}}},
	}}
}

func TestANotebookIsWrittenForJupyter(t *testing.T) {
	schema := readSchema(t)
	for name, n := range map[string]*Notebook{"python": busy(), "empty": {ContextID: "ctx-2", Name: "js", Language: sandbox.JavaScript}} {
		var b bytes.Buffer
		if err := Write(&b, n); err != nil {
			t.Fatal(err)
		}
		valid(t, schema, b.Bytes())
		golden := filepath.Join("testdata", name+".ipynb")
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s is written as\n%s\nwant (go test -update writes it anew)\n%s", name, b.String(), want)
		}
	}
}

// TestTheSchemaOfTheTestsRefusesWhatIsNoNotebook keeps the test above from passing whatever is written.
func TestTheSchemaOfTheTestsRefusesWhatIsNoNotebook(t *testing.T) {
	schema := readSchema(t)
	var b bytes.Buffer
	if err := Write(&b, busy()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ old, new string }{
		{`"nbformat_minor": 5`, `"nbformat_minor": 4`},
		{`"id": "run-1"`, `"id": "run 1"`},
		{`"execution_count": 1,`, `"execution_count": "1",`},
		{`"output_type": "stream"`, `"output_type": "streams"`},
		{`"ename": "ZeroDivisionError"`, `"name": "ZeroDivisionError"`},
		{`"name": "python3"`, `"name": 3`},
		{`"image/png": "iVBORw0KGgo="`, `"image/png": 1`},
	} {
		text := strings.Replace(b.String(), tc.old, tc.new, 1)
		if text == b.String() {
			t.Fatalf("what is written lacks %s:\n%s", tc.old, text)
		}
		var doc any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatal(err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("with %s in place of %s it passes", tc.new, tc.old)
		}
	}
}

func TestWhateverCodePrintsANotebookCanBeMadeOfIt(t *testing.T) {
	schema := readSchema(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		code, out := text.Draw(t, "code"), text.Draw(t, "output")
		c := &Cell{RunID: text.Draw(t, "id"), Code: code, State: CellDone, Number: 1, StartedAt: time.Unix(0, 0)}
		c.Result.Stdout, c.Result.Cut.Stdout, c.Result.CutAt.Stdout = out, rapid.Int64Range(0, 10).Draw(t, "cut"), rapid.IntRange(-5, 50).Draw(t, "at")
		o := sandbox.Output{Text: text.Draw(t, "text"), MIME: map[string][]byte{
			rapid.OneOf(rapid.SampledFrom([]string{"text/html", "image/png", "application/json", "a/b+json", "image/svg+xml"}), rapid.String()).Draw(t, "form"): rapid.SliceOf(rapid.Byte()).Draw(t, "content"),
		}}
		c.Result.Displays, c.Result.Value = []sandbox.Output{o}, &o
		c.Result.Failure = &sandbox.Failure{Name: text.Draw(t, "name"), Message: text.Draw(t, "message"), Traceback: text.Draw(t, "traceback")}
		var b bytes.Buffer
		if err := Write(&b, &Notebook{Name: text.Draw(t, "title"), Language: sandbox.Python, Cells: []*Cell{c}}); err != nil {
			t.Fatal(err)
		}
		valid(t, schema, b.Bytes())
		var doc struct{ Cells []struct{ Source []string } }
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(doc.Cells[0].Source, ""); utf8.ValidString(code) && got != code {
			t.Fatalf("the code %q is %q in the notebook", code, got)
		}
	})
}

// full is a disk with no room left.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestANotebookThatCannotBeWrittenSaysSo(t *testing.T) {
	if err := Write(full{}, busy()); err == nil || err.Error() != "write the notebook: no space left on device" {
		t.Errorf("Write to a full disk = %v", err)
	}
}
