package agentruntest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// FuzzRequest lets foreign requests come: nothing panics and every one is answered.
func FuzzRequest(f *testing.F) {
	for _, table := range [][]row{controlTable, dataTable} {
		for _, row := range table {
			prefix := "/"
			if &table[0] == &controlTable[0] {
				prefix = "/" + version + "/"
			}
			f.Add(row.method, prefix+strings.ReplaceAll(row.pattern, "{}", "s")+"?path=/home/user/f&depth=1&pageNumber=-1&nextToken=eA==", `{"templateName":"t","code":"x","language":"python","command":"echo","path":"f.txt","content":"x","source":"f.txt","destination":"g"}`, "AGENTRUN4-HMAC-SHA256 Credential=a/b,SignedHeaders=host;x,Signature=y")
		}
	}
	f.Add("GET", "/%zz", "[]", "ACS3-HMAC-SHA256 ,=,")
	f.Add("POST", "/sandboxes/s/filesystem/upload", "--b\r\n", "")
	script := func(_, code string) Scripted { return Scripted{Stdout: code} }
	f.Fuzz(func(t *testing.T, method, uri, body, authorization string) {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://host"+uri, strings.NewReader(body))
		if err != nil {
			return
		}
		for _, unverified := range []bool{true, false} {
			e, err := New(Options{Script: script, Unverified: unverified, GatewayLimit: 50 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			e.templates["t"] = &template{fields: map[string]any{"templateName": "t"}, status: "READY"}
			r := request.Clone(t.Context())
			r.RequestURI = r.URL.RequestURI()
			r.Header.Set("Authorization", authorization)
			r.Header.Set(dataHeader, authorization)
			r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
			w := httptest.NewRecorder()
			if unverified {
				made := httptest.NewRecorder()
				e.ServeHTTP(made, httptest.NewRequestWithContext(t.Context(), "POST", "/sandboxes", strings.NewReader(`{"templateName":"t","sandboxId":"s"}`)))
				if made.Code != http.StatusOK {
					t.Fatalf("the sandbox is answered %d %s", made.Code, made.Body)
				}
			}
			e.ServeHTTP(w, r)
			if w.Code < 200 || w.Code > 599 || !unverified && w.Code < 300 {
				t.Errorf("%s %s is answered %d %s", method, uri, w.Code, w.Body)
			}
			if err := e.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzCommand lets foreign scripts run.
func FuzzCommand(f *testing.F) {
	for _, script := range []string{
		"echo a > f; cat f && rm f || ls -l", `A="$x\"" ; echo ${A} '$A'`, "cat <f 2>&1 &>g 2>>h", "cd /; mkdir -p a/b; mv a c; cp x y; touch z", "$ $( ${ \\", "exit 3 & wait; kill -0 $!", "[ -f f ] ; test a = b", "env A=1 printf 'x\\n'", "timeout 0 true", "a=b c=d", ">", "2>", "&& ||", "kill $$",
		"echo a | cat | head -n 1", "for x in a $(echo b c); do echo $x; done", "if ! [ 1 -lt 2 ]; then (echo a); else { echo b; }; fi", "until true; do false; done", "setsid sh -c 'exit 3' x & wait $!",
		"tail -c +2 f | base64", "$(", "((((", "while", "{ a", "for x",
	} {
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script string) {
		if strings.Contains(script, "sleep") {
			return
		}
		e, err := New(Options{Script: func(_, code string) Scripted { return Scripted{Stdout: code} }})
		if err != nil {
			t.Fatal(err)
		}
		s := &sandbox{files: newTree(e.Now), processes: map[int]*process{}, kernels: map[string]*kernel{}}
		s.ctx, s.cancel = t.Context(), func() {}
		var out, errs output
		_, p := e.start(s, script, homeFolder, 0)
		sh := &shell{e: e, s: s, p: p, cwd: homeFolder, out: &out, err: &errs, vars: map[string]string{}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // loops may be endless
		defer cancel()
		began := time.Now()
		if code := sh.script(ctx, script); code < 0 || code > 255 {
			t.Errorf("%q ended with %d", script, code)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%q took %s", script, took)
		}
		for name := range s.files.below(".", 0) {
			if back, err := home(absolute(name), ""); err != nil || back != name {
				t.Errorf("%q made %q, which is %q, %v", script, name, back, err)
			}
		}
		if err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
