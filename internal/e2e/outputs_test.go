//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestOutputOfEveryKindArrives: text in order, tables as HTML, pictures as pictures.
func TestOutputOfEveryKindArrives(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		id := c.create(t, "数据 анализ-1", "python")
		r := c.run(t, id, `import sys
print("out 1 é数😀")
print("err 1", file=sys.stderr)
class Table:
    def __repr__(self): return "a table"
    def _repr_html_(self): return "<table><tr><td>1</td></tr></table>"
display(Table())
print("out 2")
Table()`)
		if !r.success() || r.text("stdout") != "out 1 é数😀\nout 2\n" || r.text("stderr") != "err 1\n" {
			t.Errorf("run_code = %v, want both lines of stdout and the one of stderr", r)
		}
		if r.text("result", "text") != "a table" || !strings.Contains(r.text("result", "mime", "text/html"), "<td>1</td>") {
			t.Errorf("the result is %v, want the plain form and the table as HTML", r.get("result"))
		}
		if outputs, _ := r.object["outputs"].([]any); len(outputs) != 1 || !strings.Contains(fmt.Sprint(outputs[0]), "<td>1</td>") {
			t.Errorf("the outputs are %v, want the table that was displayed", outputs)
		}

		r = c.run(t, id, `import base64
class Picture:
    def __repr__(self): return "a picture"
    def _repr_png_(self): return base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
Picture()`)
		pictures := 0
		for _, block := range r.blocks[1:] {
			if image, ok := block.(*mcp.ImageContent); ok && image.MIMEType == "image/png" && bytes.HasPrefix(image.Data, []byte("\x89PNG")) {
				pictures++
			}
		}
		if !r.success() || pictures != 1 || strings.Contains(r.String(), "iVBOR") {
			t.Errorf("run_code of a picture = %v with the blocks %v, want one image block and no base64 in the JSON", r, r.blocks[1:])
		}
		js := c.create(t, "js", "javascript")
		r = c.run(t, js, "console.log('é数😀'); console.error('err'); ({a: [1, 'x'], b: new Map([[1, 2]])})")
		if r.text("stdout") != "é数😀\n" || r.text("stderr") != "err\n" || !strings.Contains(r.text("result", "text"), "'x'") {
			t.Errorf("run_code in JavaScript = %v, want both streams and the object", r)
		}
	})
}

// TestLongOutputCanBeReadWhole: the result shows what a model can take, and says where the rest is.
func TestLongOutputCanBeReadWhole(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		const lines = 30000
		r := c.run(t, "", fmt.Sprintf("for n in range(%d): print('line', n)", lines))
		var whole strings.Builder
		for n := range lines {
			fmt.Fprintln(&whole, "line", n)
		}
		uri := r.text("truncated", "stdout", "uri")
		if !r.success() || uri == "" || r.get("truncated", "stdout", "length") != float64(whole.Len()) {
			t.Fatalf("run_code that prints %d bytes = %v, want truncated to name the length and a resource", whole.Len(), r.get("truncated"))
		}
		if shown := r.text("stdout"); !strings.HasPrefix(shown, "line 0\n") || !strings.HasSuffix(shown, fmt.Sprintf("line %d\n", lines-1)) || len(shown) >= whole.Len() {
			t.Errorf("stdout shows %d of %d bytes, beginning %q, want beginning and end", len(shown), whole.Len(), clip(shown, 50))
		}
		res, err := c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
		if err != nil || len(res.Contents) != 1 || res.Contents[0].Text != whole.String() {
			t.Errorf("resources/read %s: %v, want all %d bytes", uri, err, whole.Len())
		}
	})
}

// TestLargeFilesGoThrough: several megabytes in one message, unharmed.
func TestLargeFilesGoThrough(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, legacy)
	data := make([]byte, 5<<20)
	for n := range data {
		data[n] = byte(n * n >> 7)
	}
	c.do(t, "upload_file", args{"path": "large.bin", "content": base64.StdEncoding.EncodeToString(data), "encoding": "base64"})
	c.wants(t, "", "data = open('large.bin', 'rb').read()\nlen(data), data[1000], data[-1]", fmt.Sprintf("(%d, %d, %d)", len(data), data[1000], data[len(data)-1]))
	r := c.do(t, "download_file", args{"path": "large.bin"})
	res, err := c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: r.text("uri")})
	if err != nil || len(res.Contents) != 1 || !bytes.Equal(res.Contents[0].Blob, data) {
		t.Errorf("resources/read of what was uploaded (%v): %v, want the same %d bytes", r, err, len(data))
	}
}

// TestManyRunsAtOnce: thirty calls in ten contexts are in flight through one relay, and each gets its own answer.
func TestManyRunsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		ids := make([]string, 10)
		for n := range ids {
			ids[n] = c.create(t, fmt.Sprint("busy ", n), []string{"python", "javascript"}[n%2])
		}
		var wg sync.WaitGroup
		for n := range 30 {
			wg.Go(func() {
				r, err := c.try(t.Context(), "run_code", args{"context_id": ids[n%len(ids)], "code": fmt.Sprintf("%d * 1000", n)}, "")
				if want := fmt.Sprint(n * 1000); err != nil || r.text("result", "text") != want || r.text("context_id") != ids[n%len(ids)] {
					t.Errorf("run_code %d = %v, %v, want %s", n, r, err, want)
				}
			})
		}
		wg.Wait()
		for id, cc := range c.contexts(t) {
			if cc["runs"] != float64(3) || cc["status"] != "active" {
				t.Errorf("list_contexts shows %s as %v, want it active after three runs", id, cc)
			}
			c.do(t, "stop_context", args{"context_id": id})
		}
	})
}
