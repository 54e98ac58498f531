package cloud_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

func TestTheTemplateIsMadeOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{TemplateDelay: 10 * time.Second, SandboxDelay: 5 * time.Second}, cloud.Options{Lifetime: 90 * time.Minute})
		began := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { w.open(t) })
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if steps := w.backend.Progress(); len(steps) != 1 || steps[0].What != "the template agentrun-tray (CREATING)" || !steps[0].Since.Equal(began) {
			t.Errorf("Progress = %v, want the template since the beginning", steps)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if steps := w.backend.Progress(); len(steps) != 3 || steps[0].What != "a sandbox to start" {
			t.Errorf("Progress = %v, want three sandboxes", steps)
		}
		select {
		case <-w.backend.Changed():
		default:
			t.Error("nobody said that Progress changed")
		}
		all.Wait()
		if took, most := time.Since(began), 16500*time.Millisecond; took > most {
			t.Errorf("three sandboxes were ready after %s, want %s at most", took, most)
		}
		if n, m := w.Count("CreateTemplate"), w.Count("CreateSandbox"); n != 1 || m != 3 {
			t.Errorf("%d templates and %d sandboxes were made, want 1 and 3", n, m)
		}
		found, err := w.client.GetTemplate(t.Context(), cloud.DefaultTemplate)
		if err != nil || found.Type != agentrun.CodeInterpreter || found.CPU != 2 || found.Memory != 2048 || found.Network == nil || found.Network.Mode != agentrun.NetworkPublic || found.IdleTimeout.Duration() != 90*time.Minute {
			t.Errorf("the template is %+v, %v", found, err)
		}
		for _, request := range w.Requests() {
			if request.Operation != "CreateSandbox" {
				continue
			}
			var fields struct {
				Idle int    `json:"sandboxIdleTimeoutInSeconds"`
				ID   string `json:"sandboxId"`
			}
			if err := json.Unmarshal(request.Body, &fields); err != nil || fields.Idle != 5400 || !strings.HasPrefix(fields.ID, "tray-") {
				t.Errorf("CreateSandbox was sent %s", request.Body)
			}
		}
		looked := w.Count("GetTemplate")
		w.open(t)
		if w.Count("GetTemplate") != looked {
			t.Error("the template was looked at again")
		}
	})
}

// TestTwoProgramsMakeOneTemplate has two backends that know nothing of each other.
func TestTwoProgramsMakeOneTemplate(t *testing.T) {
	for _, status := range []int{400, 409, 500} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, agentruntest.Options{TemplateDelay: 3 * time.Second, Shape: agentruntest.Shape{ConflictStatus: status}}, cloud.Options{})
			other, err := cloud.New(cloud.Options{Client: w.client})
			if err != nil {
				t.Fatal(err)
			}
			w.Inject(agentruntest.Fault{Operation: "GetTemplate", Failure: agentruntest.Status(404, "ERR_NOT_FOUND", "template agentrun-tray not found"), Times: 2}) // both look before either makes it
			var both sync.WaitGroup
			both.Go(func() { w.open(t) })
			both.Go(func() {
				s, err := other.Open(t.Context())
				if err != nil {
					t.Errorf("Open = %v", err)
					return
				}
				shut(t, s)
			})
			both.Wait()
			if n := w.Count("CreateTemplate"); n != 2 {
				t.Errorf("CreateTemplate was sent %d times, want once by each", n)
			}
			if err := other.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOneWhoGivesUpDoesNotDisturbTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{TemplateDelay: 10 * time.Second}, cloud.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := w.backend.Open(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open = %v", err)
			}
		})
		both.Go(func() { w.open(t) })
		both.Wait()
		if n := w.Count("CreateTemplate"); n != 1 {
			t.Errorf("CreateTemplate was sent %d times", n)
		}
	})
}

func TestNobodyWaitsForATemplateThatNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{TemplateDelay: time.Minute}, cloud.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := w.backend.Open(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open = %v", err)
		}
		synctest.Wait() // a look may be under way
		looked := w.Count("GetTemplate")
		time.Sleep(30 * time.Second)
		if w.Count("GetTemplate") != looked || len(w.backend.Progress()) != 0 {
			t.Errorf("the template was looked at %d times more; Progress = %v", w.Count("GetTemplate")-looked, w.backend.Progress())
		}
		w.open(t)
		if n := w.Count("CreateTemplate"); n != 1 {
			t.Errorf("CreateTemplate was sent %d times", n)
		}
	})
}

func TestATemplateOfAnotherTypeIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		if _, err := w.client.CreateTemplate(t.Context(), agentrun.TemplateSpec{
			Name: cloud.DefaultTemplate, Type: agentrun.Browser, CPU: 2, Memory: 2048, Network: &agentrun.Network{Mode: agentrun.NetworkPublic},
		}); err != nil {
			t.Fatal(err)
		}
		_, err := w.backend.Open(t.Context())
		told(t, "Open", err, sandbox.CodeServerNotReady, "type Browser", "another name")
		if !cloud.Permanent(err) {
			t.Errorf("Permanent(%v) = false", err)
		}
		for _, operation := range []string{"UpdateTemplate", "DeleteTemplate", "CreateSandbox"} {
			if w.Count(operation) != 0 {
				t.Errorf("%s was sent", operation)
			}
		}
	})
}

func TestATemplateThatComesToNothingSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{TemplateDelay: 4 * time.Second}, cloud.Options{})
		w.FailNextTemplate("the image could not be pulled")
		_, err := w.backend.Open(t.Context())
		told(t, "Open", err, sandbox.CodeServerNotReady, "CREATE_FAILED", "the image could not be pulled", "delete it")
		if !cloud.Permanent(err) {
			t.Errorf("Permanent(%v) = false", err)
		}
		if _, err := w.client.DeleteTemplate(t.Context(), cloud.DefaultTemplate); err != nil { // as the sentence says
			t.Fatal(err)
		}
		w.open(t)
	})
}

func TestATemplateThatTakesTooLongIsSaidToBeOnItsWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{TemplateDelay: 400 * time.Second}, cloud.Options{})
		began := time.Now()
		_, err := w.backend.Open(t.Context())
		told(t, "Open", err, sandbox.CodeServerNotReady, "is CREATING", "within 5m0s")
		if took := time.Since(began); took != 300*time.Second || cloud.Permanent(err) {
			t.Errorf("Open gave up after %s, want 5m0s; Permanent = %t", took, cloud.Permanent(err))
		}
		w.open(t) // it goes on where it was
		if n := w.Count("CreateTemplate"); n != 1 {
			t.Errorf("CreateTemplate was sent %d times", n)
		}
		if n := w.Count("GetTemplate"); n > 200 {
			t.Errorf("the template was looked at %d times in 400 s", n)
		}
	})
}

// TestATemplateIsWaitedForThroughTrouble has the service stumble while the template is being made.
func TestATemplateIsWaitedForThroughTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{TemplateDelay: 20 * time.Second}, cloud.Options{})
		w.Inject(agentruntest.Fault{Operation: "GetTemplate", Failure: agentruntest.Unavailable(0), Skip: 3, Times: 12})
		w.open(t)
	})
}

// TestATemplateThatSomebodyDeletesIsMadeAgain at the second Open, whose first says what is missing.
func TestATemplateThatSomebodyDeletesIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		w.open(t)
		if _, err := w.client.DeleteTemplate(t.Context(), cloud.DefaultTemplate); err != nil {
			t.Fatal(err)
		}
		_, err := w.backend.Open(t.Context())
		told(t, "Open", err, sandbox.CodeServerNotReady, "template agentrun-tray")
		w.open(t)
		if n := w.Count("CreateTemplate"); n != 2 {
			t.Errorf("CreateTemplate was sent %d times, want 2", n)
		}
	})
}

func TestQuotaThatIsUsedUpIsSaidAndPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{MaxSandboxes: 1}, cloud.Options{})
		s := w.open(t)
		_, err := w.backend.Open(t.Context())
		told(t, "Open", err, sandbox.CodeQuotaExceeded, "used up")
		shut(t, s)
		w.open(t)
	})
}

func TestTemporaryCredentialsThatRunOutAreSaidSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{SecurityToken: "token-1"}, cloud.Options{})
		w.open(t)
		w.SetCredentials(agentruntest.AccessKeyID, agentruntest.AccessKeySecret, "token-2")
		_, err := w.backend.Open(t.Context())
		told(t, "Open", err, sandbox.CodeCredentialsRejected, "credentials")
		if strings.Contains(err.Error(), "token-1") {
			t.Errorf("%v shows the token", err)
		}
		w.SetCredentials(agentruntest.AccessKeyID, agentruntest.AccessKeySecret, "token-1")
	})
}

func TestWrongCredentialsAreSaidSo(t *testing.T) {
	for name, test := range map[string]struct {
		credentials agentrun.Credentials
		words       string
	}{
		"no key":       {agentrun.Credentials{}, "AGENTRUN_ACCESS_KEY_ID"},
		"wrong secret": {agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: "not-the-secret"}, "secret is wrong"},
		"wrong key":    {agentrun.Credentials{AccessKeyID: "LTAIsomebodyElse", AccessKeySecret: agentruntest.AccessKeySecret}, "does not exist or is disabled"},
		"an API key":   {agentrun.Credentials{APIKey: "sk-0123456789"}, "access key"},
	} {
		t.Run(name, func(t *testing.T) {
			s := agentruntest.Start(t, agentruntest.Options{Engine: engine})
			b := newBackend(t, cloud.Options{Client: clientOf(t, s, func(c *agentrun.Config) { c.Credentials = agentrun.Static(test.credentials) })})
			_, err := b.Open(t.Context())
			told(t, "Open", err, sandbox.CodeCredentialsRejected, test.words)
			if !cloud.Permanent(err) || len(s.Sandboxes()) != 0 || strings.Contains(err.Error(), "not-the-secret") {
				t.Errorf("Open = %v, Permanent = %t, %d sandboxes", err, cloud.Permanent(err), len(s.Sandboxes()))
			}
		})
	}
}

func TestNewWantsAClientAndLimitsThatFit(t *testing.T) {
	client, err := agentrun.New(agentrun.Config{AccountID: "1", Credentials: agentrun.Static(agentrun.Credentials{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		options cloud.Options
		ok      bool
	}{
		{"nothing", cloud.Options{}, false},
		{"a client", cloud.Options{Client: client}, true},
		{"a lifetime beyond that of the service", cloud.Options{Client: client, Lifetime: 6 * time.Hour}, false},
		{"the longest lifetime", cloud.Options{Client: client, Lifetime: 5*time.Hour + 50*time.Minute}, true},
		{"an idle timeout shorter than the lifetime", cloud.Options{Client: client, IdleTimeout: 10 * time.Minute}, false},
		{"a negative limit", cloud.Options{Client: client, TemplateLimit: -1}, false},
	} {
		b, err := cloud.New(test.options)
		if (err == nil) != test.ok {
			t.Errorf("New with %s = %v", test.name, err)
		}
		if err == nil {
			traits := b.Traits()
			if traits.MaxRunTime != 30*time.Second || traits.HardLimit != 6*time.Hour || traits.KeepsStateOnInterrupt || traits.Streams || traits.Lifetime <= 0 {
				t.Errorf("New with %s has the traits %+v", test.name, traits)
			}
			if err := b.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestTheMachineIsTheTemplates which somebody else may have made.
func TestTheMachineIsTheTemplates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		if got := w.backend.Machine(); got != (cloud.Machine{}) {
			t.Errorf("before it was looked at, Machine = %+v, want nothing", got)
		}
		_, err := w.client.CreateTemplate(t.Context(), agentrun.TemplateSpec{
			Name: cloud.DefaultTemplate, Type: agentrun.CodeInterpreter, CPU: 4, Memory: 8192, DiskSize: 10240, Network: &agentrun.Network{Mode: agentrun.NetworkPublic},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.open(t)
		if got, want := w.backend.Machine(), (cloud.Machine{CPU: 4, Memory: 8192, Disk: 10240}); got != want {
			t.Errorf("Machine = %+v, want %+v", got, want)
		}
	})
}
