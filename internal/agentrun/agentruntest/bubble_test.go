package agentruntest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// inBubble makes an emulator with scripted code and a client of it, for the hosts of the service itself.
func inBubble(t *testing.T, options agentruntest.Options) (*agentruntest.Emulator, *agentrun.Client) {
	t.Helper()
	if options.Script == nil {
		options.Script = func(language, code string) agentruntest.Scripted {
			return agentruntest.Scripted{Stdout: "ran " + code + " in " + language + "\n", Value: map[string]string{"text/plain": "42"}, Took: 2 * time.Second}
		}
	}
	e, err := agentruntest.New(options)
	if err != nil {
		t.Fatal(err)
	}
	c, err := agentrun.New(agentrun.Config{
		AccountID: agentruntest.AccountID, Transport: e.Transport(),
		Credentials: agentrun.Static(agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: agentruntest.AccessKeySecret}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, c
}

func TestALifeInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, c := inBubble(t, agentruntest.Options{TemplateDelay: 10 * time.Second, SandboxDelays: []time.Duration{5 * time.Second, 20 * time.Second}, HealthDelay: time.Second})
		defer func() {
			if err := e.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		if _, err := c.CreateTemplate(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for {
			found, err := c.GetTemplate(t.Context(), spec.Name)
			if err != nil {
				t.Fatal(err)
			}
			if found.Status.Ready() {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("the template took %s, want 10 s", took)
		}
		var ids []string
		for _, want := range []time.Duration{6 * time.Second, 21 * time.Second} {
			sandbox, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: spec.Name, IdleTimeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for {
				if health, err := c.Health(t.Context(), sandbox.ID); err == nil && health.OK() {
					break
				}
				time.Sleep(time.Second)
			}
			if took := time.Since(began); took != want {
				t.Errorf("the sandbox took %s, want %s", took, want)
			}
			ids = append(ids, sandbox.ID)
		}
		cc := newContext(t, c, ids[0], agentrun.JavaScript, "")
		began = time.Now()
		if r := execute(t, c, ids[0], cc, "x"); r.Stdout() != "ran x in javascript" || value(r) != "42" || time.Since(began) != 2*time.Second {
			t.Errorf("the run gave %+v after %s", r, time.Since(began))
		}
		if r, err := c.Execute(t.Context(), ids[0], agentrun.Execution{Code: "x", ContextID: cc, Timeout: time.Second}); err != nil || r.Outcome() != agentrun.OutcomeTimeout {
			t.Errorf("a run of two seconds in one gave %+v, %v", r, err)
		}
		if done := command(t, c, ids[0], "python3 -c code; echo ended"); done.Result.Stdout != "ran import os, sys\nsys.argv = [\"-c\"]\nos.environ.update({})\ndel os, sys\n in python\nran code in python\nended\n" && !strings.HasSuffix(done.Result.Stdout, "ran code in python\nended\n") {
			t.Errorf("the command gave %+v", done)
		}
		for range 5 { // two and a half hours of use
			time.Sleep(30 * time.Minute)
			if _, err := c.Health(t.Context(), ids[0]); err != nil {
				t.Errorf("Health = %v", err)
			}
		}
		if living := e.Sandboxes(); len(living) != 1 || living[0] != ids[0] {
			t.Errorf("%q live, want the one in use", living)
		}
		time.Sleep(4 * time.Hour)
		if living := e.Sandboxes(); len(living) != 0 {
			t.Errorf("%q live after six hours", living)
		}
	})
}

func TestFaultsInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, c := inBubble(t, agentruntest.Options{})
		id := open(t, c)
		for failure, want := range map[*agentruntest.Failure]agentrun.Kind{
			new(agentruntest.Cut()): agentrun.KindNetwork, new(agentruntest.CutInBody()): agentrun.KindNetwork, new(agentruntest.Slow(50 * time.Second)): "",
			new(agentruntest.Slow(2 * time.Minute)): agentrun.KindTimeout, new(agentruntest.Hang(2 * time.Minute)): agentrun.KindTimeout, new(agentruntest.ClockOff(time.Hour)): agentrun.KindClockSkew,
		} {
			e.Inject(agentruntest.Fault{Failure: *failure, Operation: "WriteFile"})
			_, err := c.WriteFile(t.Context(), id, "/home/user/f.txt", "x")
			if agentrun.KindOf(err) != want {
				t.Errorf("%s gives %v, want %q", failure, err, want)
			}
		}
		if _, err := c.Upload(t.Context(), id, agentrun.UploadSpec{Path: "/home/user/g", Content: strings.NewReader("content"), Size: -1}); err != nil {
			t.Errorf("Upload = %v", err)
		}
		file, err := c.Download(t.Context(), id, "/home/user/g")
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(file); err != nil || string(content) != "content" || file.Size != 7 {
			t.Errorf("the download is %q, %v", content, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
		cc := newContext(t, c, id, agentrun.Python, "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Execute(ctx, id, agentrun.Execution{Code: "x", ContextID: cc}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a run that is given up gives %v", err)
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := c.Health(t.Context(), id); agentrun.KindOf(err) != agentrun.KindUnavailable {
			t.Errorf("after Close the client gives %v", err)
		}
	})
}

func TestScriptedErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, shape := range agentruntest.Shapes() {
			e, c := inBubble(t, agentruntest.Options{Shape: shape.Shape, Script: func(string, string) agentruntest.Scripted {
				return agentruntest.Scripted{Stderr: "hm", Error: &agentruntest.ScriptedError{Name: "ValueError", Message: "no", Traceback: "Traceback (most recent call last):\nValueError: no\n"}}
			}})
			id := open(t, c)
			r := execute(t, c, id, newContext(t, c, id, agentrun.Python, ""), "x")
			if failure := r.Error(); r.Outcome() != agentrun.OutcomeError || r.Stderr() != "hm" || fmt.Sprint(*failure) != "{ValueError no Traceback (most recent call last):\nValueError: no}" {
				t.Errorf("%s: the run gave %+v, %+v", shape.Name, r, failure)
			}
			if err := e.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}
