package mcpserver

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"pgregory.net/rapid"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/sandboxtest"
)

type sandboxTraits = sandbox.Traits

func TestLongOutputIsShortenedAndTheWholeCanBeRead(t *testing.T) {
	setup := rigSetup{fake: sandboxtest.FakeOptions{OutputLimit: 4 << 20}}
	eachPeer(t, setup, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		ran := do(t, cs, "run_code", map[string]any{"code": "print first\nflood 1000000\nprint \nprint last"})
		stdout, _ := ran["stdout"].(string)
		if weight(stdout) > perToken*defaultResultTokens+500 || !strings.HasPrefix(stdout, "first\n") || !strings.HasSuffix(stdout, "\nlast\n") {
			t.Fatalf("stdout has %d bytes, from %.20q to %q", len(stdout), stdout, stdout[len(stdout)-20:])
		}
		cutInfo, _ := ran["truncated"].(map[string]any)["stdout"].(map[string]any)
		uri, _ := cutInfo["uri"].(string)
		if cutInfo["length"] != 1000012.0 || uri != fmt.Sprintf("agentrun://contexts/%s/runs/1/stdout", ran["context_id"]) || !strings.Contains(stdout, uri) {
			t.Errorf("truncated = %v", ran["truncated"])
		}
		whole, err := cs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil {
			t.Fatal(err)
		}
		if text := whole.Contents[0].Text; len(text) != 1000012 || !strings.HasPrefix(text, "first\nxxx") || whole.Contents[0].MIMEType != "text/plain" {
			t.Errorf("the whole has %d bytes", len(text))
		}
	})
}

func TestOutputBeyondTheBackendsLimitIsSaidToBeLost(t *testing.T) {
	r := startRig(t, rigSetup{fake: sandboxtest.FakeOptions{OutputLimit: 1000}})
	cs := r.connect(t, Unix, legacy, nil)
	ran := do(t, cs, "run_code", map[string]any{"code": "flood 5000"})
	cutInfo, _ := ran["truncated"].(map[string]any)["stdout"].(map[string]any)
	stdout, _ := ran["stdout"].(string)
	if cutInfo["length"] != 5000.0 || cutInfo["kept"] != 1000.0 || cutInfo["lost"] != 4000.0 || !strings.HasSuffix(stdout, "[… 3.9 KiB more were printed here and are not kept anywhere …]\n") {
		t.Errorf("run_code = %v", ran)
	}
	whole, err := cs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: outputURI(ran["context_id"].(string), 1, "stdout")})
	if err != nil || !strings.Contains(whole.Contents[0].Text, "not kept anywhere") {
		t.Errorf("resource = %v, %v", whole, err)
	}
	if at := wholeAt("agentrun://x", 4000); strings.Contains(at, "whole") {
		t.Errorf("a text of which some was lost: %q, but it is not whole anywhere", at)
	}
}

// noisy is a picture that no format makes small.
func noisy(w, h int) *image.RGBA {
	r := rand.New(rand.NewPCG(1, 2))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for n := range img.Pix {
		img.Pix[n] = uint8(r.Uint32())
	}
	for n := 3; n < len(img.Pix); n += 4 {
		img.Pix[n] = 255
	}
	return img
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func imagesIn(res *sdk.CallToolResult) (images []*sdk.ImageContent) {
	for _, c := range res.Content {
		if img, ok := c.(*sdk.ImageContent); ok {
			images = append(images, img)
		}
	}
	return images
}

func TestPicturesAreBlocksAndNeverInTheJSON(t *testing.T) {
	// the fake takes no more code than its limit
	setup := rigSetup{fake: sandboxtest.FakeOptions{Traits: func(tr *sandboxTraits) { tr.MaxCodeSize = 32 << 20 }}}
	eachPeer(t, setup, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		small := base64.StdEncoding.EncodeToString(pngOf(t, noisy(20, 10)))
		large := base64.StdEncoding.EncodeToString(pngOf(t, noisy(540, 420)))
		svg := base64.StdEncoding.EncodeToString([]byte("<svg/>"))
		object, res := invoke(t, cs, "run_code", map[string]any{"code": fmt.Sprintf("show image/png %s\nshow image/svg+xml %s\nvalue image/png %s", large, svg, small)})
		text, _ := json.Marshal(object)
		if strings.Contains(string(text), small[:40]) || strings.Contains(string(text), large[:40]) {
			t.Error("a picture is in the JSON too")
		}
		images := imagesIn(res)
		if len(images) != 2 || object["images"] != 2.0 {
			t.Fatalf("%d image blocks and images = %v, want 2", len(images), object["images"])
		}
		size, err := png.DecodeConfig(bytes.NewReader(images[0].Data))
		if err != nil || size.Width >= 540 || size.Width < 100 || len(images[0].Data) > maxPicture*3/4 {
			t.Errorf("large picture came as %dx%d in %d bytes (%v)", size.Width, size.Height, len(images[0].Data), err)
		}
		if got := base64.StdEncoding.EncodeToString(images[1].Data); got != small {
			t.Error("the small picture was changed")
		}
		uri := fmt.Sprintf("agentrun://contexts/%s/runs/1/images/1", object["context_id"])
		if notices := fmt.Sprint(object["notices"]); !strings.Contains(notices, "Picture 1 was scaled down from 540×420 to ") || !strings.Contains(notices, "the original is at "+uri) {
			t.Errorf("notices = %s", notices)
		}
		outputs, _ := object["outputs"].([]any)
		if mime, _ := outputs[1].(map[string]any)["mime"].(map[string]any); mime["image/svg+xml"] != "<svg/>" {
			t.Errorf("outputs = %v, want the SVG as text", outputs)
		}
	})
}

func TestPictureFileIsShown(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		data := pngOf(t, noisy(30, 30))
		do(t, cs, "upload_file", map[string]any{"path": "plot.png", "content": base64.StdEncoding.EncodeToString(data), "encoding": "base64"})
		object, res := invoke(t, cs, "download_file", map[string]any{"path": "plot.png"})
		images := imagesIn(res)
		if len(images) != 1 || !bytes.Equal(images[0].Data, data) || images[0].MIMEType != "image/png" || object["content"] != nil || object["uri"] != nil {
			t.Errorf("download_file = %v with %d images", object, len(images))
		}
	})
}

func TestPictureFileThatIsScaledDownSaysWhereItIs(t *testing.T) {
	eachPeer(t, rigSetup{}, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		data := pngOf(t, noisy(540, 420))
		id := do(t, cs, "create_context", map[string]any{"name": "plots"})["context_id"]
		do(t, cs, "upload_file", map[string]any{"context_id": id, "path": "my plot.png", "content": base64.StdEncoding.EncodeToString(data), "encoding": "base64"})
		object, res := invoke(t, cs, "download_file", map[string]any{"context_id": id, "path": "my plot.png"})
		uri := fmt.Sprintf("agentrun://contexts/%s/files/my%%20plot.png", id)
		if notices := fmt.Sprint(object["notices"]); len(imagesIn(res)) != 1 || !strings.Contains(notices, "was scaled down") || !strings.Contains(notices, "the original is at "+uri) {
			t.Errorf("download_file = %v", object)
		}
		read, err := cs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil || !bytes.Equal(read.Contents[0].Blob, data) {
			t.Errorf("the original cannot be read: %v", err)
		}
	})
}

func TestTextFileTooLongToShowIsALink(t *testing.T) {
	r := startRig(t, rigSetup{})
	cs := r.connect(t, Unix, modern, nil)
	do(t, cs, "upload_file", map[string]any{"path": "long.txt", "content": strings.Repeat("x", perToken*defaultResultTokens+1)})
	object, _ := invoke(t, cs, "download_file", map[string]any{"path": "long.txt"})
	if object["content"] != nil || object["uri"] != "agentrun://contexts/default/files/long.txt" || object["mime_type"] != "text/plain" {
		t.Errorf("download_file = %v, want a link", object)
	}
}

func TestLargeFileIsALinkAndSaysHowToGetIt(t *testing.T) {
	setup := rigSetup{fake: sandboxtest.FakeOptions{Traits: func(tr *sandboxTraits) { tr.MaxFileSize = 64 << 20 }}}
	folder, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	setup.options.AllowedFolders = func() []string { return []string{folder} }
	eachPeer(t, setup, func(t *testing.T, _ *rig, cs *sdk.ClientSession) {
		for name, mime := range map[string]string{"big.bin": "application/octet-stream", "big.png": "image/png", "big.txt": "text/plain"} {
			here := filepath.Join(folder, name)
			if err := os.WriteFile(here, make([]byte, maxResource+1), 0o600); err != nil {
				t.Fatal(err)
			}
			do(t, cs, "upload_file", map[string]any{"path": name, "local_path": here})
			object, res := invoke(t, cs, "download_file", map[string]any{"path": name})
			link, ok := res.Content[len(res.Content)-1].(*sdk.ResourceLink)
			if !ok || *link.Size != maxResource+1 || object["mime_type"] != mime || object["uri"] != link.URI || object["size"] != float64(maxResource+1) {
				t.Fatalf("download_file of %s = %v, want a link", name, object)
			}
			if notices := fmt.Sprint(object["notices"]); !strings.Contains(notices, "local_path") || !strings.Contains(notices, "run_code") {
				t.Errorf("notices = %s, want how to get the file", notices)
			}
			_, err := cs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: link.URI})
			if err == nil || !strings.Contains(err.Error(), "local_path") || !strings.Contains(err.Error(), "allowed_folders") || !strings.Contains(err.Error(), "in parts with run_code") {
				t.Errorf("resource of %s: %v, want a refusal that says how to get it", name, err)
			}
			back := filepath.Join(folder, "back-"+name)
			do(t, cs, "download_file", map[string]any{"path": name, "local_path": back})
			if info, err := os.Stat(back); err != nil || info.Size() != maxResource+1 {
				t.Errorf("download to %s = %v, %v", back, info, err)
			}
		}
	})
}

func TestFileIsReadNoFurtherThanNeeded(t *testing.T) {
	for _, have := range []int{0, 3, sniffed} {
		source := &endless{}
		data, err := readUpTo(source, make([]byte, have), sniffed)
		if err != nil || len(data) != sniffed || source.taken.Load() > sniffed {
			t.Errorf("readUpTo with %d = %d bytes, %v; %d were taken", have, len(data), err, source.taken.Load())
		}
	}
	out := downloadFileOutput{MIMEType: "text/plain"}
	if a := showFile(out, make([]byte, 11), 10, defaultResultTokens, "uri"); a != nil {
		t.Errorf("a file that has grown is shown: %s", a.object)
	}
}

func TestFileCallsSayWhereTheyWere(t *testing.T) {
	r := startRig(t, rigSetup{})
	for n, call := range []struct{ tool, args string }{
		{"upload_file", `{"path":"a.txt","content":"x"}`}, {"list_files", `{}`}, {"download_file", `{"path":"a.txt"}`},
	} {
		relay := headers{"Agentrun-Relay": fmt.Sprint("relay-", n)}
		send := func(tool, args string) map[string]any {
			t.Helper()
			body, hs := modernCall("1", tool, args)
			maps.Copy(hs, relay)
			m := r.post(t, Unix, body, hs).final(t)
			var object map[string]any
			if m.Result == nil || m.Result.IsError || json.Unmarshal(m.Result.Structured, &object) != nil {
				t.Fatalf("%s = %+v", tool, m)
			}
			return object
		}
		made := contextOf(t, func() answerTo {
			body, hs := modernCall("1", "run_code", `{"code":"write a.txt x"}`)
			maps.Copy(hs, relay)
			return r.post(t, Unix, body, hs)
		}())
		relay["Agentrun-Reconnected"] = "1"
		if got := send(call.tool, call.args); got["context_id"] != made {
			t.Errorf("%s = %v, want it in %s", call.tool, got, made)
		}
	}
	fresh := startRig(t, rigSetup{}) // the host after the restart
	for n, call := range []struct{ tool, args string }{{"upload_file", `{"path":"a.txt","content":"x"}`}, {"list_files", `{}`}} {
		body, hs := modernCall("1", call.tool, call.args)
		hs["Agentrun-Relay"], hs["Agentrun-Reconnected"] = fmt.Sprint("relay-", n), "1"
		if m := fresh.post(t, Unix, body, hs).final(t); m.Result == nil || !strings.Contains(string(m.Result.Structured), `"notices":["AgentRun Tray was restarted`) {
			t.Errorf("%s after a restart = %s, want a notice", call.tool, m.Result.Structured)
		}
	}
}

// runOf makes a run's result.
func runOf(res sandbox.Result) interpreter.RunResult {
	return interpreter.RunResult{Result: res, ContextID: "ctx-1", Backend: "fake", Number: 3}
}

// wire is a result as it goes out.
func wire(t testing.TB, a *answer) []byte {
	t.Helper()
	res, err := a.result()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNoResultIsLargerThanOneMebibyte(t *testing.T) {
	pictureOf := func(w, h int) sandbox.Output {
		return sandbox.Output{Text: "<picture>", MIME: map[string][]byte{"image/png": pngOf(t, noisy(w, h)), "text/plain": []byte("<picture>")}}
	}
	for _, tt := range []struct {
		name string
		res  sandbox.Result
	}{
		{"control characters", sandbox.Result{Stdout: strings.Repeat("\x01", 2<<20)}},
		{"markup", sandbox.Result{Stdout: strings.Repeat("<&>", 1<<20), Stderr: strings.Repeat(`"\`, 1<<20)}},
		{"bytes that are not text", sandbox.Result{Stdout: strings.Repeat("\xffa", 1<<20)}},
		{"everything long", sandbox.Result{
			Stdout: strings.Repeat("o", 1<<20), Stderr: strings.Repeat("e", 1<<20), Value: &sandbox.Output{Text: strings.Repeat("v", 1<<20)},
			Failure: &sandbox.Failure{Message: strings.Repeat("m", 1<<20), Traceback: strings.Repeat("t", 1<<20)},
		}},
		{"many displays", sandbox.Result{Displays: slices.Repeat([]sandbox.Output{{Text: strings.Repeat("d", 10_000)}}, 1000)}},
		{"long tables", sandbox.Result{Value: &sandbox.Output{Text: "table", MIME: map[string][]byte{"text/html": bytes.Repeat([]byte("<td>"), 100_000), "application/json": []byte(`{"a":1}`)}}}},
		{"many large pictures and long text", sandbox.Result{Stdout: strings.Repeat("<", 1<<20), Displays: slices.Repeat([]sandbox.Output{pictureOf(500, 400)}, 25)}},
		{"a picture that is none", sandbox.Result{Value: &sandbox.Output{Text: "x", MIME: map[string][]byte{"image/png": bytes.Repeat([]byte("x"), 2<<20)}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			started := time.Now()
			a := runAnswer(runOf(tt.res), defaultResultTokens)
			data := wire(t, a)
			if len(data) > 1<<20 {
				t.Errorf("%d bytes", len(data))
			}
			var out runCodeOutput
			if err := json.Unmarshal(a.object.(json.RawMessage), &out); err != nil {
				t.Fatal(err)
			}
			if out.Truncated == nil && out.Notices == nil {
				t.Errorf("nothing says that something is missing: %.300s", a.object)
			}
			if out.Images != len(a.blocks) {
				t.Errorf("images = %d beside %d blocks", out.Images, len(a.blocks))
			}
			t.Logf("%d bytes in %v, %d pictures, truncated %v, notices %.200v", len(data), time.Since(started).Round(time.Millisecond), len(a.blocks), out.Truncated, out.Notices)
		})
	}
}

// textsOf are all texts in a result, as a model reads them.
func textsOf(out runCodeOutput) (n int) {
	texts := append([]string{out.Stdout, out.Stderr}, out.Notices...)
	shown := slices.Clone(out.Outputs)
	if out.Result != nil {
		shown = append(shown, *out.Result)
	}
	for _, o := range shown {
		texts = append(texts, o.Text)
		texts = slices.AppendSeq(texts, maps.Values(o.MIME))
	}
	if out.Error != nil {
		texts = append(texts, out.Error.Message, out.Error.Traceback)
	}
	for _, text := range texts {
		n += weight(text)
	}
	return n
}

func TestAResultKeepsToItsTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			piece := rapid.SampledFrom([]string{"x", "word ", "漢", "é\n", "\"\\", "\x00", "\xff", "😀"}).Draw(t, name)
			return strings.Repeat(piece, rapid.IntRange(0, 60_000/len(piece)).Draw(t, name+" times"))
		}
		tokens := rapid.SampledFrom([]int{100, 2_000, defaultResultTokens, 100_000}).Draw(t, "tokens")
		res := runOf(sandbox.Result{Stdout: text("stdout"), Stderr: text("stderr"), Value: &sandbox.Output{Text: text("value"), MIME: map[string][]byte{"text/html": []byte(text("html"))}}})
		for range rapid.IntRange(0, 3).Draw(t, "displays") {
			res.Displays = append(res.Displays, sandbox.Output{Text: text("display"), MIME: map[string][]byte{"text/markdown": []byte(text("markdown"))}})
		}
		if rapid.Bool().Draw(t, "fails") {
			res.Failure = &sandbox.Failure{Message: text("message"), Traceback: text("traceback")}
		}
		a := runAnswer(res, tokens)
		var out runCodeOutput
		if err := json.Unmarshal(a.object.(json.RawMessage), &out); err != nil {
			t.Fatal(err)
		}
		const marks = 250 // what says that something is missing, for each text
		if got, most := textsOf(out), perToken*tokens+marks*(6+len(out.Outputs)); got > most {
			t.Fatalf("the texts take %d quarters of a token of %d", got, most)
		}
		if res, err := a.result(); err != nil {
			t.Fatal(err)
		} else if data, err := json.Marshal(res); err != nil || len(data) > 1<<20 {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		for name, c := range out.Truncated {
			if c.Kept > c.Length || c.Kept+c.Lost > c.Length {
				t.Fatalf("%s: %+v", name, c)
			}
		}
		if len(res.Stdout) > 0 && out.Truncated["stdout"] == (cutObject{}) && out.Stdout != strings.ToValidUTF8(res.Stdout, "\ufffd") {
			t.Fatal("stdout was changed, and nothing says so")
		}
	})
}

func TestOtherScriptsTakeMoreOfTheBudget(t *testing.T) {
	for name, tt := range map[string]struct {
		letter     string
		characters int
	}{"English": {"a", 4 * defaultResultTokens}, "Chinese": {"漢", defaultResultTokens}} {
		var out runCodeOutput
		if err := json.Unmarshal(runAnswer(runOf(sandbox.Result{Stdout: strings.Repeat(tt.letter, 300_000)}), defaultResultTokens).object.(json.RawMessage), &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.Stdout, tt.letter); n < tt.characters-100 || n > tt.characters+50 {
			t.Errorf("%s: %d characters are shown, want about %d", name, n, tt.characters)
		}
		if got := out.Truncated["stdout"].Kept; got < int64(len(tt.letter)*(tt.characters-100)) || got > int64(len(tt.letter)*tt.characters) {
			t.Errorf("%s: %d bytes are said to be kept", name, got)
		}
	}
}

func TestPicturesThatAreLeftOutSayWhereTheyAre(t *testing.T) {
	png := func(n int) sandbox.Output {
		return sandbox.Output{Text: "p", MIME: map[string][]byte{"image/png": pngOf(t, noisy(4, n+1))}}
	}
	for _, tt := range []struct {
		pictures int
		says     string
	}{
		{20, "<nil>"},
		{21, "Picture 21 was left out, as a result carries 20; it is at agentrun://contexts/ctx-1/runs/3/images/21."},
		{70, "50 more pictures were left out, as a result carries 20; they are at agentrun://contexts/ctx-1/runs/3/images/21 to agentrun://contexts/ctx-1/runs/3/images/70."},
	} {
		var res sandbox.Result
		for n := range tt.pictures - 1 {
			res.Displays = append(res.Displays, png(n))
		}
		last := png(tt.pictures - 1)
		res.Value = &last
		a := runAnswer(runOf(res), defaultResultTokens)
		var out map[string]any
		if err := json.Unmarshal(a.object.(json.RawMessage), &out); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(out["notices"]); len(a.blocks) != 20 || !strings.Contains(got, tt.says) {
			t.Errorf("%d pictures: %d blocks and notices %s", tt.pictures, len(a.blocks), got)
		}
		if all := runPictures(res); len(all) != tt.pictures || !bytes.Equal(all[tt.pictures-1].data, last.MIME["image/png"]) {
			t.Errorf("runPictures gave %d of %d", len(all), tt.pictures)
		}
	}
	broken := sandbox.Result{Value: &sandbox.Output{Text: "x", MIME: map[string][]byte{"image/png": bytes.Repeat([]byte("x"), 2<<20)}}}
	if a := runAnswer(runOf(broken), defaultResultTokens); !strings.Contains(string(a.object.(json.RawMessage)), "The original is at agentrun://contexts/ctx-1/runs/3/images/1.") {
		t.Errorf("a picture that is none: %s", a.object)
	}
}

func TestShortResultIsLeftAsItIs(t *testing.T) {
	a := runAnswer(runOf(sandbox.Result{Stdout: "<b> & \"q\" é\u2028\n", Stderr: "warn", Value: &sandbox.Output{Text: "1", MIME: map[string][]byte{"text/html": []byte("<b>1</b>"), "text/plain": []byte("1")}}, Duration: 1500 * time.Microsecond}), defaultResultTokens)
	want := `{"stdout":"<b> & \"q\" é\u2028\n","stderr":"warn","success":true,"execution_time":0.0015,"result":{"text":"1","mime":{"text/html":"<b>1</b>"}},"context_id":"ctx-1","backend":"fake","warm":false}`
	if got := string(a.object.(json.RawMessage)); got != want {
		t.Errorf("result = %s\nwant     %s", got, want)
	}
}

func TestTracebackIsInStderrOnce(t *testing.T) {
	failure := &sandbox.Failure{Code: sandbox.CodeExecutionFailed, Name: "E", Message: "m", Traceback: "Traceback:\n  E: m\n"}
	for stderr, want := range map[string]string{
		"":                         "Traceback:\n  E: m\n",
		"warn":                     "warn\nTraceback:\n  E: m\n",
		"warn\nTraceback:\n  E: m": "warn\nTraceback:\n  E: m",
	} {
		var out runCodeOutput
		if err := json.Unmarshal(runAnswer(runOf(sandbox.Result{Stderr: stderr, Failure: failure}), defaultResultTokens).object.(json.RawMessage), &out); err != nil {
			t.Fatal(err)
		}
		if out.Stderr != want {
			t.Errorf("stderr %q became %q, want %q", stderr, out.Stderr, want)
		}
	}
}

func TestCutKeepsBothEndsAndWholeCharacters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 400, 2000).Draw(t, "text")
		keep := rapid.IntRange(0, 500).Draw(t, "keep")
		got, kept := cut(text, keep, "", 0)
		if weight(text) <= keep {
			if got != text || kept != len(text) {
				t.Fatalf("cut(%q, %d) = %q, want it whole", text, keep, got)
			}
			return
		}
		if !utf8.ValidString(got) {
			t.Fatalf("cut(%q, %d) = %q, which is not UTF-8", text, keep, got)
		}
		head, tail, ok := strings.Cut(got, "\n[… ")
		if _, end, found := strings.Cut(tail, " …]\n"); !ok || !found || !strings.HasPrefix(text, head) || !strings.HasSuffix(text, end) || weight(head)+weight(end) > keep || kept < len(head)+len(end) || kept > len(head)+len(end)+1 {
			t.Fatalf("cut(%q, %d) = %q, %d", text, keep, got, kept)
		}
	})
}

func TestSharesNeverExceedTheBudgetOrTheWants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wants := rapid.SliceOfN(rapid.IntRange(0, 1000), 0, 10).Draw(t, "wants")
		budget := rapid.IntRange(0, 3000).Draw(t, "budget")
		got, sum, all := shares(wants, budget), 0, 0
		for n := range wants {
			if got[n] < 0 || got[n] > wants[n] {
				t.Fatalf("shares(%v, %d) = %v", wants, budget, got)
			}
			sum, all = sum+got[n], all+wants[n]
		}
		if sum > budget || sum < min(all, budget-len(wants)) {
			t.Fatalf("shares(%v, %d) = %v, which is %d", wants, budget, got, sum)
		}
	})
}

func TestWireSizeIsWhatGoesOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object, err := encode(map[string]string{"s": rapid.String().Draw(t, "s")})
		if err != nil {
			t.Fatal(err)
		}
		a := answer{object: object}
		res, err := a.result()
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(res)
		if err != nil {
			t.Fatal(err)
		}
		around := len(`{"content":[{"type":"text","text":""}],"structuredContent":}`)
		if got := len(data) - around; got > wireSize(object)+10 {
			t.Fatalf("%s takes %d bytes, reckoned %d", object, got, wireSize(object))
		}
	})
}

func TestPicturesAreScaledDownFaithfully(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 600, 400)) // left half red, right half blue, with noise that keeps it large
	copy(img.Pix, noisy(600, 400).Pix)
	for y := range 400 {
		for x := range 600 {
			c := img.RGBAAt(x, y)
			if x < 300 {
				c.R, c.G, c.B = 200+c.R/8, c.G/8, c.B/8
			} else {
				c.R, c.G, c.B = c.R/8, c.G/8, 200+c.B/8
			}
			img.SetRGBA(x, y, c)
		}
	}
	var asJPEG bytes.Buffer
	if err := jpeg.Encode(&asJPEG, img, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []picture{{"image/png", pngOf(t, img)}, {"image/jpeg", asJPEG.Bytes()}} {
		small, notice, err := p.fit(40 << 10)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := image.Decode(bytes.NewReader(small.data))
		if err != nil {
			t.Fatal(err)
		}
		b := out.Bounds()
		left, right := color.RGBAModel.Convert(out.At(b.Dx()/4, b.Dy()/2)).(color.RGBA), color.RGBAModel.Convert(out.At(b.Dx()*3/4, b.Dy()/2)).(color.RGBA)
		if len(small.data) > 40<<10 || small.mime != p.mime || left.R < 180 || left.B > 60 || right.B < 180 || right.R > 60 {
			t.Errorf("%s: %d bytes of %s, left %v, right %v; %s", p.mime, len(small.data), small.mime, left, right, notice)
		}
		if ratio := float64(b.Dx()) / float64(b.Dy()); ratio < 1.45 || ratio > 1.55 {
			t.Errorf("%s: %v, want sides of 3 to 2", p.mime, b)
		}
	}
}

func TestPictureThatWouldFillMemoryIsLeftOut(t *testing.T) {
	huge := append(pngOf(t, noisy(8, 8)), make([]byte, 1<<20)...) // only a large one is looked at
	binary.BigEndian.PutUint32(huge[16:], 10_000)
	binary.BigEndian.PutUint32(huge[20:], 6_000)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	if _, _, err := (picture{"image/png", huge}).fit(1000); err == nil || !strings.Contains(err.Error(), "10000 by 6000 pixels") {
		t.Errorf("fit = %v, want a refusal", err)
	}
}
