package agentruntest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/agentrun/agentruntest"
)

// TestManyContextsSideBySide has contexts of several sandboxes that run, write files and end at the same time.
func TestManyContextsSideBySide(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	var all sync.WaitGroup
	for i := range 4 {
		id := open(t, c)
		for j := range 4 {
			all.Go(func() {
				language, code := agentrun.Python, "n = globals().get('n', 0) + 1; open('f%[1]d-%[2]d.txt', 'w').write(str(n)); n"
				if j%2 == 1 {
					language, code = agentrun.JavaScript, "globalThis.n = (globalThis.n ?? 0) + 1; require('fs').writeFileSync('f%[1]d-%[2]d.txt', String(n)); n"
				}
				cc, err := c.CreateContext(t.Context(), id, language, "")
				if err != nil {
					t.Errorf("CreateContext = %v", err)
					return
				}
				for k := range 5 {
					r, err := c.Execute(t.Context(), id, agentrun.Execution{Code: fmt.Sprintf(code, i, j), ContextID: cc.ID})
					if err != nil || value(r) != fmt.Sprint(k+1) {
						t.Errorf("run %d of context %d in sandbox %d gave %+v, %v", k, j, i, r, err)
						return
					}
				}
				if file, err := c.ReadFile(t.Context(), id, fmt.Sprintf("/home/user/f%d-%d.txt", i, j)); err != nil || file.Content != "5" {
					t.Errorf("the file of context %d in sandbox %d is %+v, %v", j, i, file, err)
				}
				if err := c.DeleteContext(t.Context(), id, cc.ID); err != nil {
					t.Errorf("DeleteContext = %v", err)
				}
			})
		}
		if i == 3 {
			all.Go(func() { s.Advance(time.Minute) })
			all.Go(func() { s.Requests(); s.Sandboxes() })
		}
	}
	all.Wait()
}

// TestRunsOfOneContextWaitForEachOther has runs that come at once.
func TestRunsOfOneContextWaitForEachOther(t *testing.T) {
	s := start(t, agentruntest.Options{})
	c := clientOf(t, s, nil)
	id := open(t, c)
	cc := newContext(t, c, id, agentrun.Python, "")
	execute(t, c, id, cc, "log = []")
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if _, err := c.Execute(t.Context(), id, agentrun.Execution{Code: "import time\nlog.append('<'); time.sleep(0.05); log.append('>')", ContextID: cc}); err != nil {
				t.Errorf("Execute = %v", err)
			}
		})
	}
	all.Wait()
	if r := execute(t, c, id, cc, "''.join(log)"); value(r) != "'"+strings.Repeat("<>", 5)+"'" {
		t.Errorf("the runs went %+v, want one after the other", r)
	}
}

func TestSandboxesHaveTheirOwnDelays(t *testing.T) {
	s := start(t, agentruntest.Options{SandboxDelays: []time.Duration{5 * time.Second, 20 * time.Second}})
	c := clientOf(t, s, nil)
	first, second, third := open(t, c), open(t, c), open(t, c)
	s.Advance(6 * time.Second)
	for id, ready := range map[string]bool{first: true, second: false, third: true} {
		if found, err := c.GetSandbox(t.Context(), id); err != nil || found.Status.Ready() != ready {
			t.Errorf("after 6 s it is %s, %v, want it ready: %t", found.Status, err, ready)
		}
	}
}

// TestDelaysAreSpreadEvenly over what they may be, in the same order each time.
func TestDelaysAreSpreadEvenly(t *testing.T) {
	const least, most = 5 * time.Second, 20 * time.Second
	s := start(t, agentruntest.Options{SandboxDelay: least, SandboxDelayMost: most})
	c := clientOf(t, s, nil)
	var ids []string
	for range 20 {
		ids = append(ids, open(t, c))
	}
	for turned, passed := time.Duration(0), 0; turned <= most; turned += 3 * time.Second {
		ready := 0
		for _, id := range ids {
			if found, err := c.GetSandbox(t.Context(), id); err != nil {
				t.Fatal(err)
			} else if found.Status.Ready() {
				ready++
			}
		}
		if more := ready - passed; turned < least && more != 0 || turned > least+3*time.Second && (more < 3 || more > 5) && ready < len(ids) {
			t.Errorf("%d of %d sandboxes are ready after %s, %d more than 3 s before; want none before %s and then 4 every 3 s", ready, len(ids), turned, more, least)
		}
		passed = ready
		s.Advance(3 * time.Second)
	}
	if found, err := c.GetSandbox(t.Context(), ids[0]); err != nil || !found.Status.Ready() {
		t.Errorf("after %s the first is %s, %v", most, found.Status, err)
	}
}

func BenchmarkHealth(b *testing.B) {
	c, id, _ := benchmark(b)
	for b.Loop() {
		if _, err := c.Health(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExecute(b *testing.B) {
	c, id, cc := benchmark(b)
	for b.Loop() {
		if _, err := c.Execute(b.Context(), id, agentrun.Execution{Code: "1 + 1", ContextID: cc}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmark(b *testing.B) (c *agentrun.Client, id, cc string) {
	s := agentruntest.Start(b, agentruntest.Options{Engine: engine})
	endpoint, err := agentrun.ParseEndpoint(s.URL)
	if err != nil {
		b.Fatal(err)
	}
	c, err = agentrun.New(agentrun.Config{
		ControlEndpoint: endpoint, DataEndpoint: endpoint,
		Credentials: agentrun.Static(agentrun.Credentials{AccessKeyID: agentruntest.AccessKeyID, AccessKeySecret: agentruntest.AccessKeySecret}),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	if _, err := c.CreateTemplate(b.Context(), spec); err != nil {
		b.Fatal(err)
	}
	sandbox, err := c.CreateSandbox(b.Context(), agentrun.SandboxSpec{Template: spec.Name})
	if err != nil {
		b.Fatal(err)
	}
	made, err := c.CreateContext(b.Context(), sandbox.ID, agentrun.Python, "")
	if err != nil {
		b.Fatal(err)
	}
	return c, sandbox.ID, made.ID
}
