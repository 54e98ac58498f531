package bridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestLinesAreCutWhereverTheyAreLong(t *testing.T) {
	in := newLineReader(iotest.OneByteReader(strings.NewReader("a\n\nbc\r\n" + strings.Repeat("d", 200<<10) + "\nlast")))
	var got []line
	for {
		ln, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ln)
	}
	if len(got) != 5 || string(got[0].data) != "a\n" || string(got[1].data) != "\n" || string(got[2].data) != "bc\r\n" ||
		len(got[3].data) != 200<<10+1 || string(got[4].data) != "last" || !got[4].cut || got[3].cut {
		t.Errorf("got %d lines: %.200v", len(got), got)
	}
}

func TestALineTooLongKeepsItsEnds(t *testing.T) {
	text := "head" + strings.Repeat("x", 300<<10) + "tail"
	in := newLineReader(strings.NewReader(text + "\nnext\n"))
	in.max = 100 << 10
	ln, err := in.next()
	if err != nil || !ln.tooLong || len(ln.data) != keptHead || len(ln.tail) != keptTail ||
		!bytes.HasPrefix(ln.data, []byte("head")) || !bytes.HasSuffix(ln.tail, []byte("tail\n")) {
		t.Errorf("next = %d + %d bytes, tooLong %v, %v", len(ln.data), len(ln.tail), ln.tooLong, err)
	}
	if ln, err = in.next(); err != nil || string(ln.data) != "next\n" || ln.tooLong {
		t.Errorf("the next line is %q, %v", ln.data, err)
	}
}

func TestAReadErrorIsNoEnd(t *testing.T) {
	in := newLineReader(iotest.TimeoutReader(strings.NewReader(strings.Repeat("x", 100<<10))))
	if _, err := in.next(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("next = %v, want the reader's error", err)
	}
}

func TestFindID(t *testing.T) {
	pad := strings.Repeat(" ", 5000)
	for _, tt := range []struct{ name, text, want string }{
		{"first, as Python writes it", `{"jsonrpc":"2.0","id":7,"method":"m","params":"` + pad + `"}`, "7"},
		{"last, as TypeScript writes it", `{"method":"m","params":"` + pad + `","jsonrpc":"2.0","id":"x\"y"}`, `"x\"y"`},
		{"last, with something behind", `{"method":"m","params":"` + pad + `","id":8,"jsonrpc":"2.0"} ` + "\r", "8"},
		{"deep inside is another's", `{"method":"m","params":{"a":"` + pad + `","id":5}}`, ""},
		{"deep inside and then the real one", `{"method":"m","params":{"a":"` + pad + `","id":5},"id":6}`, "6"},
		{"in a string is none", `{"method":"m","params":"` + pad + `\"id\":5}"}`, ""},
		{"null is none", `{"method":"m","params":"` + pad + `","id":null}`, ""},
		{"nothing to be found", pad, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := newLineReader(strings.NewReader(tt.text + "\n"))
			in.max = 4000
			ln, err := in.next()
			if err != nil || !ln.tooLong {
				t.Fatalf("next = %+v, %v", ln, err)
			}
			if got := string(ln.findID()); got != tt.want {
				t.Errorf("findID() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestHeaderValue(t *testing.T) {
	for _, tt := range [][2]string{
		{"run_code", "run_code"},
		{"", ""},
		{"a b", "a b"},
		{" a", "=?base64?IGE=?="},
		{"a\t", "=?base64?YQk=?="},
		{"a\nb", "=?base64?YQpi?="},
		{"é", "=?base64?w6k=?="},
		{"\x7f", "=?base64?fw==?="},
		{"=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="},
		{"=?base64?x", "=?base64?x"},
	} {
		if got := headerValue(tt[0]); got != tt[1] {
			t.Errorf("headerValue(%q) = %q, want %q", tt[0], got, tt[1])
		}
	}
}

func TestWithID(t *testing.T) {
	for _, tt := range [][2]string{
		{`{"id":1,"a":{"id":2}}`, `{"id":"n","a":{"id":2}}`},
		{`{"a":{"id":2}, "id" : null }`, `{"a":{"id":2}, "id" : "n" }`},
		{`{ "a":1}`, `{"id":"n", "a":1}`},
		{`{ }`, `{"id":"n" }`},
		{`{"i\u0064":3}`, `{"i\u0064":"n"}`},
	} {
		if got := string(withID([]byte(tt[0]), []byte(`"n"`))); got != tt[1] {
			t.Errorf("withID(%s) = %s, want %s", tt[0], got, tt[1])
		}
	}
}

func TestHeaderText(t *testing.T) {
	if got := headerText("Code Helper\r\né\x00" + strings.Repeat("x", 200)); strings.ContainsAny(got, "\r\n\x00é") || len(got) > 110 {
		t.Errorf("headerText = %q", got)
	}
}

// Whatever comes in, parse neither panics nor takes what JSON does not, and what it takes it reads
// as encoding/json does.
func FuzzFrame(f *testing.F) {
	for _, seed := range []string{
		hello, callLine(1, "echo", `{"text":"\"\\"}`, true), `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`,
		`{"id":"h1.1","result":{}}`, `[1]`, `{`, `{"a":[{"b":"}]\\\""}],"id":-1e5,"method":"x"}`, "\xef\xbb\xbf{}\r", `{"id":1,"id":"2","method":"m"}`,
		`{"method":"tools/call","params":{"name":" x","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}},"id":0}`, `{"":{},"id" :1 , "method" : "a" }`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
		f.Add([]byte(seed+"\xff"), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, tooLong bool) {
		ln := line{data: data, tooLong: tooLong}
		if tooLong {
			ln.tail = last(data, keptTail)
		}
		fr, no := parse(ln)
		if no != nil {
			if no.id != nil && (!json.Valid(no.id) || !isID(no.id) || !utf8.Valid(no.id)) {
				t.Errorf("refused under the id %q", no.id)
			}
			text := errorMessage(no.id, no.code, no.text)
			if no.tool != "" {
				text = failedCall(no.id, no.modern, no.tool, no.text)
			}
			if !json.Valid(text) || no.tool != "" && no.id == nil {
				t.Errorf("the refusal is %q", text)
			}
			return
		}
		if fr.kind == nothing {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(fr.raw, &want); err != nil {
			t.Fatalf("took %q: %v", fr.raw, err)
		}
		if (fr.id != nil) != (want["id"] != nil) || fr.id != nil && !bytes.Equal(fr.id, want["id"]) {
			t.Errorf("id of %q is %q, want %q", fr.raw, fr.id, want["id"])
		}
		var method string
		json.Unmarshal(want["method"], &method)
		if fr.method != method {
			t.Errorf("method of %q is %q, want %q", fr.raw, fr.method, method)
		}
		again := withID(fr.raw, []byte(`"new"`))
		var got map[string]json.RawMessage
		if err := json.Unmarshal(again, &got); err != nil || string(got["id"]) != `"new"` {
			t.Errorf("withID(%q) = %q, %v", fr.raw, again, err)
		}
		for key, value := range want {
			if key != "id" && !bytes.Equal(got[key], value) {
				t.Errorf("withID(%q) changed %q to %q", fr.raw, key, got[key])
			}
		}
		for _, kv := range fr.header {
			if strings.ContainsAny(kv[1], "\r\n\x00") || strings.TrimSpace(kv[1]) != kv[1] || len(kv[1]) > 2*maxName {
				t.Errorf("header %q", kv)
			}
		}
	})
}

// field agrees with encoding/json on every path of every valid document.
func FuzzField(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,{"c":"}\""}],"d":null},"e":true,"a":{"x":-1.5e-3}}`))
	f.Add([]byte(`[{"a":1}]`))
	f.Add([]byte(` { "é" : "\ud83d\ude00" } `))
	f.Fuzz(func(t *testing.T, data []byte) {
		eachField(data, func(string, int, int) {}) // must not panic or hang, valid or not
		if !json.Valid(data) || !utf8.Valid(data) {
			return
		}
		var want map[string]json.RawMessage
		if json.Unmarshal(data, &want) != nil {
			want = nil
		}
		seen := map[string]bool{}
		eachField(data, func(key string, from, to int) {
			seen[key] = true
			if !json.Valid(data[from:to]) {
				t.Errorf("the value of %q is %q", key, data[from:to])
			}
		})
		if len(seen) != len(want) {
			t.Errorf("saw %v, want %v", seen, want)
		}
		for key, value := range want {
			if got := field(data, key); !bytes.Equal(got, value) {
				t.Errorf("field(%q) = %q, want %q", key, got, value)
			}
		}
	})
}
