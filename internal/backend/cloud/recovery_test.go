package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
	"github.com/agentrun-tray/agentrun-tray/internal/backend/cloud"
	"github.com/agentrun-tray/agentrun-tray/internal/ledger"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// TestSandboxesOfAKilledHostAreTakenOverOrEnded has three left, of which two are wanted.
func TestSandboxesOfAKilledHostAreTakenOverOrEnded(t *testing.T) {
	for _, shape := range agentruntest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{SandboxDelay: 5 * time.Second, Shape: shape.Shape}, cloud.Options{})
				killed := w.host(t, nil, cloud.Options{})
				var left, pids []string
				for range 3 {
					s := killed.lend(t)
					left = append(left, s.SandboxID())
					cc := w.context(t, s)
					if _, err := s.WriteFile(t.Context(), cc, "data.txt", strings.NewReader("mine")); err != nil {
						t.Fatal(err)
					}
					go func() { _, _ = s.Run(t.Context(), cc, sandbox.Run{Code: "sleep 30", Timeout: 30 * time.Second}) }()
					go func() {
						_, _ = w.client.RunCommand(t.Context(), s.SandboxID(), agentrun.CommandSpec{Command: "sleep 1000"})
					}()
					background(t, w, s.SandboxID())
					pids = append(pids, pidOf(t, w, s.SandboxID()))
					time.Sleep(time.Minute)
				}
				killed.kill(t)
				h := w.host(t, killed, cloud.Options{Keep: 2})
				began := time.Now()
				first, second := h.open(t), h.open(t)
				if got := []string{first.SandboxID(), second.SandboxID()}; !slices.Equal(got, []string{left[2], left[1]}) {
					t.Errorf("Open gave %q, want the two youngest of %q", got, left)
				}
				if took := time.Since(began); took >= 5*time.Second {
					t.Errorf("taking over took %s, as long as making new ones", took)
				}
				for i, s := range []sandbox.Lasting{first, second} {
					if age, want := time.Since(s.Born()), time.Duration(i+1)*time.Minute; age < want || age > want+20*time.Second {
						t.Errorf("session %d was born %s ago, want %s", i, age, want)
					}
					w.isEmpty(t, s.SandboxID())
					if command(t, w, s.SandboxID(), "kill -0 "+pids[2-i]).ExitCode == 0 {
						t.Errorf("session %d has the process %s of a command", i, pids[2-i])
					}
					w.context(t, s)
				}
				third := h.open(t)
				if slices.Contains(left, third.SandboxID()) {
					t.Errorf("the third session is on %s, want a new sandbox", third.SandboxID())
				}
				synctest.Wait()
				w.holds(t, h, left[1], left[2], third.SandboxID())
			})
		})
	}
}

// background leaves a process in a sandbox as a command of a context does, of which only a file tells, and the mark that a context
// which was stopped leaves in its place.
func background(t *testing.T, w *world, id string) {
	t.Helper()
	for _, folder := range []string{"/home/user/.context-x/1", "/home/user/.context-x/2", "/home/user/.context-y"} {
		if _, err := w.client.MakeFolder(t.Context(), id, folder); err != nil {
			t.Fatal(err)
		}
	}
	left := command(t, w, id, "sleep 5000 & echo $! > .context-x/1/pid; echo 99999 > .context-x/2/pid; echo > .context-z")
	if left.ExitCode != 0 || command(t, w, id, "kill -0 "+pidOf(t, w, id)).ExitCode != 0 {
		t.Fatalf("the process does not run: %+v", left)
	}
}

func pidOf(t *testing.T, w *world, id string) string {
	t.Helper()
	file, err := w.client.ReadFile(t.Context(), id, "/home/user/.context-x/1/pid")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(file.Content)
}

func command(t *testing.T, w *world, id, line string) agentrun.CommandResult {
	t.Helper()
	done, err := w.client.RunCommand(t.Context(), id, agentrun.CommandSpec{Command: line})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return done.Result
}

// TestAHostThatIsKilledAtAnyMomentLeavesNothing kills it so long after it began to make a sandbox, and its successor as long after
// it began to look for what was left, before a third clears up.
func TestAHostThatIsKilledAtAnyMomentLeavesNothing(t *testing.T) {
	moments := []time.Duration{0, time.Millisecond, 400 * time.Millisecond, 600 * time.Millisecond, 3 * time.Second, 5600 * time.Millisecond, 6600 * time.Millisecond, 8 * time.Second, time.Minute}
	for _, first := range moments {
		for _, second := range moments {
			t.Run(fmt.Sprint(first, "/", second), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, agentruntest.Options{SandboxDelay: 5 * time.Second, HealthDelay: time.Second}, cloud.Options{})
					var before *host
					for _, after := range []time.Duration{first, second} {
						h := w.host(t, before, cloud.Options{Keep: 2})
						for range 2 {
							go func() { _, _ = h.Open(t.Context()) }()
						}
						for _, operation := range []string{"GetTemplate", "CreateSandbox", "GetSandbox", "Health", "ListContexts", "DeleteSandbox", "Execute"} {
							w.Inject(agentruntest.Fault{Operation: operation, Failure: agentruntest.Slow(500 * time.Millisecond), Times: 2})
						}
						time.Sleep(after)
						h.kill(t)
						before = h
					}
					w.ClearFaults()
					h := w.host(t, before, cloud.Options{Keep: 2})
					s := h.open(t)
					time.Sleep(3 * time.Minute) // what is not taken over is ended
					w.holds(t, h, s.SandboxID())
				})
			})
		}
	}
}

// TestNoFaultOfRecoveryLeavesASandbox lets every request of a recovery fail in every way, and then has the service well again.
func TestNoFaultOfRecoveryLeavesASandbox(t *testing.T) {
	for _, operation := range []string{"GetSandbox", "Health", "ListContexts", "DeleteContext", "ListProcesses", "KillProcess", "ListFolder", "Remove", "Execute", "DeleteSandbox"} {
		for _, failure := range failures() {
			if operation == "DeleteSandbox" && (failure.String() == "sandbox gone" || failure.String() == "empty 404") {
				continue // the service's word that it has ended counts
			}
			for _, after := range []bool{false, true} {
				for _, times := range []int{1, -1} {
					t.Run(fmt.Sprintf("%s/%s/after %t/%d", operation, failure, after, times), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							w := newWorld(t, agentruntest.Options{SandboxDelay: 3 * time.Second}, cloud.Options{})
							killed := w.host(t, nil, cloud.Options{})
							for range 2 {
								s := killed.lend(t)
								w.context(t, s)
								go func() {
									_, _ = w.client.RunCommand(t.Context(), s.SandboxID(), agentrun.CommandSpec{Command: "sleep 1000"})
								}()
							}
							time.Sleep(2 * time.Minute)
							killed.kill(t)
							h := w.host(t, killed, cloud.Options{Keep: 1})
							w.Inject(agentruntest.Fault{Operation: operation, Failure: failure, After: after, Times: times})
							began := time.Now()
							s, err := h.Open(t.Context())
							if took := time.Since(began); err == nil && took > lookAndReclaim {
								t.Errorf("Open took %s", took)
							}
							time.Sleep(3 * time.Minute)
							w.ClearFaults()
							if err != nil {
								s = h.lend(t)
							}
							w.isEmpty(t, s.SandboxID())
							for range 4 { // as the pool does, which is when what failed is tried again
								time.Sleep(time.Minute)
								if err := s.Check(t.Context()); err != nil {
									t.Errorf("Check = %v", err)
								}
							}
							time.Sleep(time.Minute)
							w.holds(t, h, s.SandboxID())
							shut(t, s)
							w.holds(t, h)
						})
					})
				}
			}
		}
	}
}

// lookAndReclaim is what a recovery may add to the making of a sandbox, and that with faults: three tries of one health.
const lookAndReclaim = 10*time.Second + 20*time.Second + 2*time.Minute

// TestWhatIsNotFitToBeTakenOverIsEnded has sandboxes that nobody should get.
func TestWhatIsNotFitToBeTakenOverIsEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		first, second cloud.Options
		spoil         func(t *testing.T, w *world, id string)
	}{
		"nobody wants any":             {},
		"another template":             {second: cloud.Options{Keep: 3, Template: "other"}},
		"too old":                      {second: cloud.Options{Keep: 3}, spoil: func(_ *testing.T, _ *world, _ string) { time.Sleep(46 * time.Minute) }},
		"it has no time for this life": {second: cloud.Options{Keep: 3, Lifetime: 3 * time.Hour}},
		"it is over": {second: cloud.Options{Keep: 3}, spoil: func(_ *testing.T, w *world, id string) {
			w.EndSandbox(id)
			time.Sleep(2 * time.Minute)
		}},
		"it was deleted": {second: cloud.Options{Keep: 3}, spoil: func(t *testing.T, w *world, id string) {
			if _, err := w.client.DeleteSandbox(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
		}},
		"it is paused": {second: cloud.Options{Keep: 3}, spoil: func(t *testing.T, w *world, id string) {
			if _, err := w.client.PauseSandbox(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}},
		"its time is over": {second: cloud.Options{Keep: 3}, spoil: func(*testing.T, *world, string) { time.Sleep(8 * time.Hour) }},
	} {
		for _, shape := range agentruntest.Shapes() {
			t.Run(name+"/"+shape.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, agentruntest.Options{Shape: shape.Shape}, cloud.Options{})
					killed := w.host(t, nil, tc.first)
					id := killed.lend(t).SandboxID()
					killed.kill(t)
					if tc.spoil != nil {
						tc.spoil(t, w, id)
					}
					h := w.host(t, killed, tc.second)
					s := h.open(t)
					if s.SandboxID() == id {
						t.Errorf("Open gave the sandbox that was left")
					}
					synctest.Wait()
					w.holds(t, h, s.SandboxID())
				})
			})
		}
	}
}

// TestOfTwoThatWereLeftOneIsDead and the other is taken over.
func TestOfTwoThatWereLeftOneIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		killed := w.host(t, nil, cloud.Options{})
		first, second := killed.lend(t).SandboxID(), killed.lend(t).SandboxID()
		w.EndSandbox(second)
		killed.kill(t)
		time.Sleep(2 * time.Minute)
		h := w.host(t, killed, cloud.Options{Keep: 3})
		var all sync.WaitGroup
		ids := make([]string, 3)
		for i := range ids {
			all.Go(func() { ids[i] = h.open(t).SandboxID() })
		}
		all.Wait()
		if !slices.Contains(ids, first) || slices.Contains(ids, second) {
			t.Errorf("three Opens gave %q, want %s among them", ids, first)
		}
		w.holds(t, h, ids...)
	})
}

// TestSandboxesOfAnotherAccountAreLeftAlone until none of them can live any more.
func TestSandboxesOfAnotherAccountAreLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*agentrun.Config){
		"another account": func(c *agentrun.Config) { c.AccountID = "6543210987654321" },
		"another region":  func(c *agentrun.Config) { c.Region = "cn-shanghai" },
		"another endpoint": func(c *agentrun.Config) {
			endpoint, err := agentrun.ParseEndpoint("http://127.0.0.1:1")
			if err != nil {
				panic(err)
			}
			c.ControlEndpoint = endpoint
		},
		"another data endpoint": func(c *agentrun.Config) {
			endpoint, err := agentrun.ParseEndpoint("http://127.0.0.1:1")
			if err != nil {
				panic(err)
			}
			c.DataEndpoint = endpoint
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{Unverified: true}, cloud.Options{})
				other := w.host(t, nil, cloud.Options{}, change)
				id := other.lend(t).SandboxID()
				other.kill(t)
				h := w.host(t, other, cloud.Options{Keep: 3})
				if s := h.open(t); s.SandboxID() == id {
					t.Error("Open gave the sandbox of another account")
				}
				asked := slices.ContainsFunc(w.Requests(), func(r agentruntest.Request) bool {
					return r.Operation == "GetSandbox" && strings.Contains(r.URI, id)
				})
				if asked || !slices.Contains(h.entered(t), id) {
					t.Errorf("was asked for: %t; the ledger has %q, want %s in it", asked, h.entered(t), id)
				}
				time.Sleep(6*time.Hour + 31*time.Minute)
				if err := h.Recover(t.Context()); err != nil {
					t.Errorf("Recover = %v", err)
				}
				if slices.Contains(h.entered(t), id) {
					t.Errorf("the ledger has %q after more than six hours, want %s struck out", h.entered(t), id)
				}
			})
		})
	}
}

// TestAServiceThatIsOutOfReachDuringRecovery keeps nobody waiting, and nothing is forgotten.
func TestAServiceThatIsOutOfReachDuringRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		killed := w.host(t, nil, cloud.Options{})
		first, second := killed.lend(t).SandboxID(), killed.lend(t).SandboxID()
		killed.kill(t)
		h := w.host(t, killed, cloud.Options{Keep: 1})
		h.line.isCut.Store(true)
		told(t, "Recover", errorOf(h.Recover(t.Context())), sandbox.CodeServerNotReady, "no connection")
		if _, err := h.Open(t.Context()); err == nil {
			t.Error("Open succeeded without a network")
		}
		if got := h.entered(t); len(got) != 2 {
			t.Errorf("the ledger has %q, want the two that were left", got)
		}
		h.line.isCut.Store(false)
		s := h.open(t) // the first that reaches anybody looks again
		if s.SandboxID() != second {
			t.Errorf("Open gave %s, want %s, which was left (as was %s)", s.SandboxID(), second, first)
		}
		synctest.Wait()
		w.holds(t, h, second)
	})
}

// errorOf finds the first error with a code among joined ones.
func errorOf(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			return errorOf(e)
		}
	}
	return err
}

// TestAServiceThatDoesNotAnswerDuringRecovery lets Opens go on with new sandboxes, and the old ones be ended when it answers again.
func TestAServiceThatDoesNotAnswerDuringRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		killed := w.host(t, nil, cloud.Options{})
		left := killed.lend(t).SandboxID()
		killed.kill(t)
		h := w.host(t, killed, cloud.Options{Keep: 1})
		w.Inject(agentruntest.Fault{Operation: "GetSandbox", Failure: agentruntest.Hang(time.Hour), Times: -1})
		began := time.Now()
		s := h.open(t)
		if took := time.Since(began); s.SandboxID() == left || took > 12*time.Second {
			t.Errorf("Open gave %s after %s, want a new sandbox after 10 s", s.SandboxID(), took)
		}
		began = time.Now()
		other := h.open(t)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the second Open took %s, want that only the first waits", took)
		}
		w.holds(t, h, left, s.SandboxID(), other.SandboxID())
		w.ClearFaults()
		time.Sleep(time.Minute)
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("Check = %v", err)
		}
		synctest.Wait()
		w.holds(t, h, s.SandboxID(), other.SandboxID())
	})
}

// TestAServiceThatCannotEndSandboxes is asked again when it answers something else, and by the next host.
func TestAServiceThatCannotEndSandboxes(t *testing.T) {
	for _, failure := range []agentruntest.Failure{agentruntest.Internal(), agentruntest.Forbidden(), agentruntest.Status(409, "ERR_CONFLICT", "wrong state")} {
		t.Run(failure.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				killed := w.host(t, nil, cloud.Options{})
				left := killed.lend(t).SandboxID()
				killed.kill(t)
				w.Inject(agentruntest.Fault{Operation: "DeleteSandbox", Failure: failure, Times: -1})
				h := w.host(t, killed, cloud.Options{})
				closed, kept := h.lend(t), h.open(t)
				told(t, "Close", closed.Close(t.Context()), "")
				time.Sleep(5 * time.Minute)
				w.holds(t, h, left, closed.SandboxID(), kept.SandboxID())
				before := w.Count("DeleteSandbox")
				for range 20 {
					time.Sleep(time.Minute)
					if err := kept.Check(t.Context()); err != nil {
						t.Errorf("Check = %v", err)
					}
				}
				if n := w.Count("DeleteSandbox") - before; n < 10 || n > 1000 {
					t.Errorf("in twenty minutes the end was asked for %d times", n)
				}
				w.ClearFaults()
				time.Sleep(2 * time.Minute)
				if err := kept.Check(t.Context()); err != nil {
					t.Errorf("Check = %v", err)
				}
				time.Sleep(time.Minute)
				w.holds(t, h, kept.SandboxID())
			})
		})
	}
}

// TestASessionThatWasClosedHasNoEntry whatever the service says of a sandbox that is gone.
func TestASessionThatWasClosedHasNoEntry(t *testing.T) {
	for _, shape := range agentruntest.Shapes() {
		t.Run(shape.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{Shape: shape.Shape}, cloud.Options{})
				h := w.host(t, nil, cloud.Options{})
				s, dead := h.lend(t), h.lend(t)
				w.EndSandbox(dead.SandboxID())
				if got := h.entered(t); len(got) != 2 {
					t.Errorf("the ledger has %q, want both", got)
				}
				for range 2 {
					shut(t, s)
					shut(t, dead)
				}
				w.holds(t, h)
			})
		})
	}
}

// TestACreationThatIsRefusedHasNoEntry and one that is not known to be is looked for.
func TestACreationThatIsRefusedHasNoEntry(t *testing.T) {
	for _, failure := range failures() {
		for _, after := range []bool{false, true} {
			if after && refusals[failure.String()] {
				continue
			}
			t.Run(fmt.Sprintf("%s/%t", failure, after), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, agentruntest.Options{}, cloud.Options{})
					h := w.host(t, nil, cloud.Options{})
					w.Inject(agentruntest.Fault{Operation: "CreateSandbox", Failure: failure, After: after})
					s, err := h.Open(t.Context())
					if err == nil {
						shut(t, s)
					}
					time.Sleep(3 * time.Minute)
					w.holds(t, h)
				})
			})
		}
	}
}

// TestAKilledHostsRequestArrivesLate makes a sandbox after its successor has looked for it.
func TestAKilledHostsRequestArrivesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		killed := w.host(t, nil, cloud.Options{})
		slow := &late{RoundTripper: w.Transport(), by: 5 * time.Second}
		killed.line.RoundTripper = slow
		go func() { _, _ = killed.Open(t.Context()) }()
		time.Sleep(4 * time.Second)
		killed.kill(t)
		h := w.host(t, killed, cloud.Options{Keep: 2})
		if err := h.Recover(t.Context()); err != nil {
			t.Errorf("Recover = %v", err)
		}
		slow.all.Wait()
		if living := w.Sandboxes(); len(living) != 1 {
			t.Fatalf("%q live, want the one that came late", living)
		}
		time.Sleep(time.Minute)
		w.holds(t, h)
	})
}

// TestASandboxThatCannotBeMadeReadyAgainIsEnded and a new one takes its place.
func TestASandboxThatCannotBeMadeReadyAgainIsEnded(t *testing.T) {
	for _, operation := range []string{"ListContexts", "DeleteContext", "ListProcesses", "ListFolder", "Remove", "Execute"} {
		t.Run(operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				killed := w.host(t, nil, cloud.Options{})
				left := killed.lend(t)
				w.context(t, left)
				killed.kill(t)
				h := w.host(t, killed, cloud.Options{Keep: 1})
				w.Inject(agentruntest.Fault{Operation: operation, Failure: agentruntest.Status(400, "ERR_BAD_REQUEST", "no")})
				s := h.open(t)
				if s.SandboxID() == left.SandboxID() {
					t.Error("Open gave the sandbox that could not be cleared")
				}
				synctest.Wait()
				w.holds(t, h, s.SandboxID())
			})
		})
	}
}

// TestWhatNoOpenTakesOverIsEnded after a minute, or when the backend is closed.
func TestWhatNoOpenTakesOverIsEnded(t *testing.T) {
	for _, closed := range []bool{false, true} {
		t.Run(fmt.Sprintf("closed %t", closed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				killed := w.host(t, nil, cloud.Options{})
				first, second := killed.lend(t).SandboxID(), killed.lend(t).SandboxID()
				killed.kill(t)
				h := w.host(t, killed, cloud.Options{Keep: 2})
				for range 2 {
					if err := h.Recover(t.Context()); err != nil {
						t.Errorf("Recover = %v", err)
					}
				}
				w.holds(t, h, first, second)
				s := h.open(t)
				began := time.Now()
				if closed {
					h.end(t)
				} else {
					time.Sleep(61 * time.Second)
				}
				w.holds(t, h, s.SandboxID())
				if closed && time.Since(began) > time.Second {
					t.Errorf("Close took %s", time.Since(began))
				}
			})
		})
	}
}

// TestAnOpenThatIsGivenUpWhileItTakesOver leaves no sandbox.
func TestAnOpenThatIsGivenUpWhileItTakesOver(t *testing.T) {
	for _, operation := range []string{"GetSandbox", "Health", "ListContexts", "Execute"} {
		t.Run(operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, agentruntest.Options{}, cloud.Options{})
				killed := w.host(t, nil, cloud.Options{})
				killed.lend(t)
				killed.kill(t)
				h := w.host(t, killed, cloud.Options{Keep: 1})
				w.Inject(agentruntest.Fault{Operation: operation, Failure: agentruntest.Slow(5 * time.Second)})
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				if s, err := h.Open(ctx); err == nil {
					t.Errorf("Open gave %s", s.SandboxID())
				}
				time.Sleep(2 * time.Minute)
				w.holds(t, h)
			})
		})
	}
}

// TestTwoBackendsOfOneHostShareALedger and neither touches what the other has.
func TestTwoBackendsOfOneHostShareALedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		mine := h.open(t)
		other, err := cloud.New(cloud.Options{Client: w.client, Ledger: h.book, Keep: 3, Template: "other"})
		if err != nil {
			t.Fatal(err)
		}
		s, err := other.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.holds(t, h, mine.SandboxID(), s.SandboxID())
		shut(t, s)
		if err := other.Close(t.Context()); err != nil {
			t.Error(err)
		}
		w.holds(t, h, mine.SandboxID())
	})
}

// TestADetachedSandboxIsTakenOverByTheNextHost with nothing in it that runs.
func TestADetachedSandboxIsTakenOverByTheNextHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{SandboxDelay: 5 * time.Second}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		s := h.lend(t)
		cc := w.context(t, s)
		other := h.open(t)
		running := make(chan error, 1)
		go func() {
			_, err := s.Run(t.Context(), cc, sandbox.Run{Code: "sleep 30", Timeout: 30 * time.Second})
			running <- err
		}()
		synctest.Wait()
		if err := s.Detach(t.Context()); err != nil {
			t.Errorf("Detach = %v", err)
		}
		told(t, "Run of a session that is let go", <-running, sandbox.CodeSessionLost)
		told(t, "Check of a session that was let go", s.Check(t.Context()), sandbox.CodeSessionLost)
		w.isEmpty(t, s.SandboxID())
		time.Sleep(2 * time.Minute)
		if err := other.Check(t.Context()); err != nil { // which is when this host looks for what it could not end
			t.Error(err)
		}
		h.end(t)
		w.holds(t, h, s.SandboxID(), other.SandboxID())
		next := w.host(t, h, cloud.Options{Keep: 1})
		shut(t, other)
		again := next.open(t)
		if again.SandboxID() != s.SandboxID() || !again.Born().Equal(s.Born()) {
			t.Errorf("Open gave %s, born at %s, want %s, born at %s", again.SandboxID(), again.Born(), s.SandboxID(), s.Born())
		}
	})
}

// TestASandboxThatIsOfNoUseToTheNextHostIsNotLeft to be paid for.
func TestASandboxThatIsOfNoUseToTheNextHostIsNotLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		s := h.lend(t)
		time.Sleep(46 * time.Minute)
		if err := s.Detach(t.Context()); err != nil {
			t.Errorf("Detach = %v", err)
		}
		w.holds(t, h)
		unkept := w.open(t) // of a backend without a ledger
		if err := unkept.(sandbox.Lasting).Detach(t.Context()); err != nil {
			t.Errorf("Detach = %v", err)
		}
		w.holds(t, h)
	})
}

// TestADetachThatFailsLeavesItToClose.
func TestADetachThatFailsLeavesItToClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		s := h.lend(t)
		w.context(t, s)
		w.Inject(agentruntest.Fault{Operation: "DeleteContext", Failure: agentruntest.Internal(), Times: -1})
		told(t, "Detach", s.Detach(t.Context()), sandbox.CodeStopFailed, "status 500")
		w.holds(t, h, s.SandboxID())
		shut(t, s)
		w.holds(t, h)
	})
}

// TestALedgerThatCannotBeWrittenIsNoReasonToMakeNoSandbox, and it catches up.
func TestALedgerThatCannotBeWrittenIsNoReasonToMakeNoSandbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		if err := os.Remove(h.folder); err != nil {
			t.Fatal(err)
		}
		s := h.open(t)
		if err := h.book.Problem(); err == nil || !strings.Contains(err.Error(), "cannot be kept") {
			t.Errorf("Problem = %v", err)
		}
		if err := os.Mkdir(h.folder, 0o700); err != nil {
			t.Fatal(err)
		}
		other := h.open(t)
		w.holds(t, h, s.SandboxID(), other.SandboxID())
		if err := h.book.Problem(); err != nil {
			t.Errorf("Problem = %v", err)
		}
	})
}

// TestADamagedLedgerIsKeptAside and sandboxes can be made.
func TestADamagedLedgerIsKeptAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{Keep: 1})
		if err := os.WriteFile(filepath.Join(h.folder, ledger.FileName), []byte("{half"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := h.open(t)
		w.holds(t, h, s.SandboxID())
		if err := h.book.Problem(); err == nil {
			t.Error("Problem = nil")
		}
	})
}

// ownNames takes the id out of a creation, as a service does that gives its own.
type ownNames struct{ http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (o ownNames) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/sandboxes") {
		var fields map[string]any
		if err := json.NewDecoder(req.Body).Decode(&fields); err != nil {
			return nil, err
		}
		delete(fields, "sandboxId")
		body, err := json.Marshal(fields)
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return o.RoundTripper.RoundTrip(req)
}

// TestASandboxWithAnIDOfTheServiceIsEnteredUnderIt.
func TestASandboxWithAnIDOfTheServiceIsEnteredUnderIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, agentruntest.Options{Unverified: true}, cloud.Options{})
		h := w.host(t, nil, cloud.Options{})
		h.line.RoundTripper = ownNames{w.Transport()}
		s := h.open(t)
		if strings.HasPrefix(s.SandboxID(), "tray-") {
			t.Fatalf("the service gave the id %s", s.SandboxID())
		}
		w.holds(t, h, s.SandboxID())
	})
}
