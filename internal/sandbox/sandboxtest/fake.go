package sandboxtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox/memfiles"
)

// FakeOptions script a [Fake]. The zero value makes one that always succeeds, at once.
type FakeOptions struct {
	// Name is the backend's name: "fake".
	Name string
	// Traits changes the traits the fake would otherwise have.
	Traits func(*sandbox.Traits)
	// OpenDelay is how long the n-th Open takes, counted from 1.
	OpenDelay func(n int) time.Duration
	// OpenErr is what the n-th Open ends with after its delay; nil makes a session.
	OpenErr func(n int) error
	// CreateErr is what the n-th CreateContext of all sessions ends with; nil makes a context.
	CreateErr func(n int) error
	// CheckErr is what Check of a live sandbox says.
	CheckErr func(sandboxID string) error
	// OutputLimit is how many bytes of each stream a run keeps: 64 KiB.
	OutputLimit int
}

// Fake is a backend whose code is a language of one command per line, the same for every [sandbox.Language]. Variables live
// in the context, files in memory. Blank lines and lines that begin with # do nothing. A line that cannot be understood is a
// failure named SyntaxError and nothing is run.
//
//	print TEXT          a line on stdout
//	stderr TEXT         a line on stderr
//	set NAME VALUE      makes or changes a variable
//	get NAME            its value; a failure named NameError if there is none
//	value MIME BASE64   a value with a representation
//	show MIME BASE64    a display
//	write PATH TEXT     makes or replaces a file
//	read PATH           its content; a failure named FileNotFoundError if there is none
//	cat PATH            prints its content on stdout
//	sleep DURATION      waits, such as 1.5s
//	loop                never ends
//	ignore              from here on the run ignores interrupts, so that one costs the context its variables
//	raise NAME MESSAGE  a failure
//	flood N             N bytes on stdout
//	exit N              ends the run, or the command with this exit code
//	lose                the sandbox dies under the run
//
// Sessions have a shell where Traits.Shell says so, whose commands are of the same language, with "; " between those of one line.
// They have variables of their own. A failure is an exit code of 1 there, and a line on stderr.
//
// What get, value or read gives is the run's value if it is on the last line. Methods are safe for concurrent use.
type Fake struct {
	opt    FakeOptions
	traits sandbox.Traits

	mu       sync.Mutex // guards below
	opens    int
	creates  int
	made     int // sessions
	live     map[string]*fakeSession
	journals []Call
}

// Call is one call that a [Fake] or one of its sessions received.
type Call struct {
	// Op is the name of the method.
	Op string
	// SandboxID and ContextID are what it was called on, empty where there is none.
	SandboxID, ContextID string
	// Detail is the code, the language or the path.
	Detail string
}

// String writes the call on one line.
func (c Call) String() string {
	return strings.Join(slices.DeleteFunc([]string{c.Op, c.SandboxID, c.ContextID, c.Detail}, func(s string) bool { return s == "" }), " ")
}

// NewFake makes a fake. It starts nothing.
func NewFake(opt FakeOptions) *Fake {
	opt.Name = cmp.Or(opt.Name, "fake")
	opt.OutputLimit = cmp.Or(opt.OutputLimit, 64<<10)
	traits := sandbox.Traits{
		Languages:             []sandbox.Language{sandbox.Python, sandbox.JavaScript},
		MaxRunTime:            10 * time.Minute,
		MaxContexts:           32,
		MaxCodeSize:           256 << 10,
		MaxFileSize:           1 << 20,
		KeepsStateOnInterrupt: true,
		Streams:               true,
		Note:                  "A backend for tests, with a language of its own.",
	}
	if opt.Traits != nil {
		opt.Traits(&traits)
	}
	return &Fake{opt: opt, traits: traits, live: make(map[string]*fakeSession)}
}

// Name implements [sandbox.Backend].
func (f *Fake) Name() string { return f.opt.Name }

// Traits implements [sandbox.Backend].
func (f *Fake) Traits() sandbox.Traits {
	traits := f.traits
	traits.Languages = slices.Clone(traits.Languages)
	return traits
}

// Open implements [sandbox.Backend].
func (f *Fake) Open(ctx context.Context) (sandbox.Session, error) {
	f.note(Call{Op: "Open"})
	f.mu.Lock()
	f.opens++
	n := f.opens
	f.mu.Unlock()
	if f.opt.OpenDelay != nil {
		timer := time.NewTimer(f.opt.OpenDelay(n))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("open a fake sandbox: %w", err)
	}
	if f.opt.OpenErr != nil {
		if err := f.opt.OpenErr(n); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	s := &fakeSession{
		fake:     f,
		id:       fmt.Sprintf("fake-%d", f.made),
		gone:     make(chan struct{}),
		contexts: make(map[string]*fakeContext),
	}
	if f.traits.SharesFiles {
		s.files = memfiles.New(f.traits.MaxFileSize)
	}
	f.live[s.id] = s
	if f.traits.Shell {
		return fakeShell{s}, nil
	}
	return s, nil
}

// KillSession makes a sandbox vanish, as one does that expires or crashes: every call in progress or to come ends with
// [sandbox.ErrSessionLost]. It reports whether there was such a sandbox.
func (f *Fake) KillSession(id string) bool {
	f.mu.Lock()
	s, ok := f.live[id]
	delete(f.live, id)
	f.mu.Unlock()
	if ok {
		close(s.gone)
	}
	return ok
}

// Sessions gives the IDs of the sandboxes that are alive, oldest first.
func (f *Fake) Sessions() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make([]string, 0, len(f.live))
	for id := range f.live {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return ids
}

// LiveSessions counts the sandboxes that are alive.
func (f *Fake) LiveSessions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.live)
}

// LiveContexts counts the contexts of the sandboxes that are alive.
func (f *Fake) LiveContexts() int {
	f.mu.Lock()
	live := make([]*fakeSession, 0, len(f.live))
	for _, s := range f.live {
		live = append(live, s)
	}
	f.mu.Unlock()
	n := 0
	for _, s := range live {
		s.mu.Lock()
		n += len(s.contexts)
		s.mu.Unlock()
	}
	return n
}

// Journal gives every call received until now, in order of arrival.
func (f *Fake) Journal() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.journals)
}

func (f *Fake) note(call Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.journals = append(f.journals, call)
}

// nextContext counts the contexts asked for and says whether this one is to fail.
func (f *Fake) nextContext() (n int, err error) {
	f.mu.Lock()
	f.creates++
	n = f.creates
	f.mu.Unlock()
	if f.opt.CreateErr != nil {
		err = f.opt.CreateErr(n)
	}
	return n, err
}
