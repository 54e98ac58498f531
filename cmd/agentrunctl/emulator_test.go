package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// emulated starts an emulator by the command line, which ends with the test, and returns the environment that it prints and what it
// says on standard error, to be read when stop has returned.
func emulated(t *testing.T, args ...string) (environment map[string]string, said *bytes.Buffer, stop func()) {
	t.Helper()
	t.Setenv("AGENTRUN_TRAY_HOME", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	said = &bytes.Buffer{}
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"emulator"}, args...), nil, write, said)
		_ = write.CloseWithError(err) // never fails
		ended <- err
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("agentrunctl emulator %v ends with %v", args, err)
		}
	}
	t.Cleanup(stop)
	environment = map[string]string{}
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		assignment, ok := strings.CutPrefix(lines.Text(), "export ")
		if !ok {
			if !strings.Contains(lines.Text(), " serve") {
				t.Errorf("behind the environment it says %q, want what to do next", lines.Text())
			}
			return environment, said, stop
		}
		name, value, _ := strings.Cut(assignment, "=")
		environment[name] = value
	}
	t.Fatalf("agentrunctl emulator %v printed %v and then nothing: %v", args, environment, lines.Err())
	return nil, nil, nil
}

// clientFor makes a client of what an environment names.
func clientFor(t *testing.T, environment map[string]string) *agentrun.Client {
	t.Helper()
	control, err := agentrun.ParseEndpoint(environment["AGENTRUN_CONTROL_ENDPOINT"])
	if err != nil {
		t.Fatal(err)
	}
	data, err := agentrun.ParseEndpoint(environment["AGENTRUN_DATA_ENDPOINT"])
	if err != nil {
		t.Fatal(err)
	}
	c, err := agentrun.New(agentrun.Config{
		Credentials: agentrun.Static(agentrun.Credentials{
			AccessKeyID: environment["AGENTRUN_ACCESS_KEY_ID"], AccessKeySecret: environment["AGENTRUN_ACCESS_KEY_SECRET"], SecurityToken: environment["AGENTRUN_SECURITY_TOKEN"],
		}),
		AccountID: environment["AGENTRUN_ACCOUNT_ID"], Region: environment["AGENTRUN_REGION"], ControlEndpoint: control, DataEndpoint: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func createTemplate(t *testing.T, c *agentrun.Client) agentrun.Template {
	t.Helper()
	made, err := c.CreateTemplate(t.Context(), agentrun.TemplateSpec{
		Name: "rehearsal", Type: agentrun.CodeInterpreter, CPU: 2, Memory: 2048, Network: &agentrun.Network{Mode: agentrun.NetworkPublic},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestTheEmulatorsEnvironmentIsAllAClientNeeds(t *testing.T) {
	environment, said, stop := emulated(t, "--echo", "--verbose", "--quota", "1", "--shape", "as-documented")
	c := clientFor(t, environment)
	createTemplate(t, c)
	made, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: "rehearsal"})
	if err != nil {
		t.Fatal(err)
	}
	ran, err := c.Execute(t.Context(), made.ID, agentrun.Execution{Code: "an echo", Language: agentrun.Python})
	if err != nil || ran.Outcome() != agentrun.OutcomeOK || len(ran.Items) == 0 || ran.Items[0].Text != "an echo" {
		t.Errorf("Execute = %+v, %v, want the code's own text", ran, err)
	}
	if last := ran.Items[len(ran.Items)-1]; last.Type != "endOfExecution" {
		t.Errorf("the last item is %+v, want the end that the documentation shows", last)
	}
	if _, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: "rehearsal"}); agentrun.KindOf(err) != agentrun.KindQuota {
		t.Errorf("a second sandbox gives %v, want the quota to be used up", err)
	}
	stop()
	for _, want := range []string{"operation=CreateTemplate", "operation=Execute plane=data status=200", "status=429"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("it says %q, want a line with %q", said, want)
		}
	}
	if strings.Contains(said.String(), environment["AGENTRUN_ACCESS_KEY_SECRET"]) {
		t.Errorf("it says %q, with the secret", said)
	}
	if _, err := c.GetTemplate(t.Context(), "rehearsal"); agentrun.KindOf(err) != agentrun.KindUnreachable {
		t.Errorf("after its end GetTemplate = %v, want nobody there", err)
	}
}

func TestTheEmulatorTakesItsTime(t *testing.T) {
	for name, tc := range map[string]struct {
		args                    []string
		template, sandbox, most time.Duration
	}{
		"as told":         {[]string{"--template-delay", "2m", "--sandbox-delay", "3m"}, 2 * time.Minute, 3 * time.Minute, 3 * time.Minute},
		"within a span":   {[]string{"--sandbox-delay", "1m-9m"}, 0, time.Minute, 9 * time.Minute},
		"as in real life": {[]string{"--realistic"}, 10 * time.Second, 5 * time.Second, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			environment, _, _ := emulated(t, append([]string{"--echo"}, tc.args...)...)
			c := clientFor(t, environment)
			advance := func(by time.Duration) {
				t.Helper()
				out, _, err := cli(t, "emulator", "advance", by.String(), "--at", environment["AGENTRUN_CONTROL_ENDPOINT"])
				if err != nil || !strings.Contains(out, by.String()) {
					t.Fatalf("emulator advance %v = %q, %v", by, out, err)
				}
			}
			if made := createTemplate(t, c); tc.template > 0 && made.Status.Ready() {
				t.Errorf("the template is %s at once", made.Status)
			}
			advance(tc.template)
			if found, err := c.GetTemplate(t.Context(), "rehearsal"); err != nil || !found.Status.Ready() {
				t.Fatalf("after %v the template is %s, %v", tc.template, found.Status, err)
			}
			made, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: "rehearsal", IdleTimeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			ready := func() bool {
				t.Helper()
				found, err := c.GetSandbox(t.Context(), made.ID)
				if err != nil {
					t.Fatal(err)
				}
				return found.Status.Ready()
			}
			advance(tc.sandbox - 2*time.Second)
			if ready() {
				t.Errorf("the sandbox is ready before %v", tc.sandbox)
			}
			advance(tc.most - tc.sandbox + 2*time.Second)
			if !ready() {
				t.Errorf("the sandbox is not ready after %v", tc.most)
			}
		})
	}
}

func TestFailuresAreRehearsed(t *testing.T) {
	environment, _, _ := emulated(t, "--echo")
	c := clientFor(t, environment)
	createTemplate(t, c)
	t.Setenv(endpointVariable, environment[endpointVariable])
	if out, _, err := cli(t, "emulator", "fail", "status 403 ERR_FORBIDDEN not today", "--operation", "CreateSandbox", "--times", "2"); err != nil || out != "The next 2 CreateSandbox requests fail: status 403 ERR_FORBIDDEN not today.\n" {
		t.Errorf("emulator fail = %q, %v", out, err)
	}
	_, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: "rehearsal"})
	if failed, ok := errors.AsType[*agentrun.APIError](err); !ok || failed.Message != "not today" {
		t.Errorf("CreateSandbox = %v, want not today", err)
	}
	if out, _, err := cli(t, "emulator", "heal"); err != nil || !strings.Contains(out, "not met: 1.") {
		t.Errorf("emulator heal = %q, %v", out, err)
	}
	made, err := c.CreateSandbox(t.Context(), agentrun.SandboxSpec{Template: "rehearsal"})
	if err != nil {
		t.Fatal(err)
	}
	if out, _, err := cli(t, "emulator", "list"); err != nil || out != made.ID+"\n" {
		t.Errorf("emulator list = %q, %v, want %s", out, err, made.ID)
	}
	if out, _, err := cli(t, "emulator", "end", made.ID); err != nil || !strings.Contains(out, made.ID) {
		t.Errorf("emulator end = %q, %v", out, err)
	}
	if _, _, err := cli(t, "emulator", "end", made.ID); err == nil || !strings.Contains(err.Error(), "emulator list") {
		t.Errorf("emulator end of what has ended = %v", err)
	}
	if _, err := c.Health(t.Context(), made.ID); agentrun.KindOf(err) != agentrun.KindSandboxGone {
		t.Errorf("Health = %v, want it gone", err)
	}
	for times, want := range map[string]string{"1": "The next of the requests fails: cut.\n", "-1": "All requests fail from now on: cut.\n"} {
		if out, _, err := cli(t, "emulator", "fail", "cut", "--times", times); err != nil || out != want {
			t.Errorf("emulator fail --times %s = %q, %v, want %q", times, out, err, want)
		}
	}
}

func TestHelpOfTheEmulatorNamesEveryFailure(t *testing.T) {
	_, told, err := cli(t, "emulator", "--help")
	if !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("emulator --help = %v", err)
	}
	for _, kind := range agentruntest.FailureKinds() {
		if !strings.Contains(told, "  "+kind.Usage+" ") || !strings.Contains(told, kind.About) {
			t.Errorf("the help does not tell of %q:\n%s", kind.Usage, told)
		}
	}
	for _, operation := range agentruntest.Operations() {
		if !strings.Contains(told, operation) {
			t.Errorf("the help does not name the operation %s", operation)
		}
	}
}

func TestTheEnvironmentIsWrittenForTheSystemsShell(t *testing.T) {
	variables := []agentruntest.Variable{{Name: "AGENTRUN_REGION", Value: "cn-hangzhou"}, {Name: "AGENTRUN_SECURITY_TOKEN"}}
	for goos, want := range map[string]string{
		"linux":   "export AGENTRUN_REGION=cn-hangzhou\nexport AGENTRUN_SECURITY_TOKEN=\n# ",
		"windows": "$env:AGENTRUN_REGION = 'cn-hangzhou'\n$env:AGENTRUN_SECURITY_TOKEN = ''\n# ",
	} {
		if got := environment(variables, goos); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 3 || !strings.HasSuffix(got, " serve\n") {
			t.Errorf("on %s it prints %q, want it to begin with %q and end with one line", goos, got, want)
		}
	}
}

func TestTheEmulatorIsForThisComputerOnly(t *testing.T) {
	t.Setenv("AGENTRUN_TRAY_HOME", t.TempDir())
	if out, _, err := cli(t, "emulator", "--echo", "--listen", "0.0.0.0:0"); err == nil || !strings.Contains(err.Error(), "this computer") || out != "" {
		t.Errorf("emulator --listen 0.0.0.0:0 = %q, %v", out, err)
	}
}
