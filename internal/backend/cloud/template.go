package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// preparation is the wait for the template, which all Opens share. It ends with the last of them.
type preparation struct {
	cancel  context.CancelFunc
	done    chan struct{} // closed when err is set
	err     error
	waiting int // guarded by the backend's mu
}

// awaitTemplate returns when the template is ready. The caller is a job.
func (b *Backend) awaitTemplate(ctx context.Context) error {
	b.mu.Lock()
	if b.ready {
		b.mu.Unlock()
		return nil
	}
	p := b.preparing
	if p == nil {
		p = b.prepareLocked()
	}
	p.waiting++
	b.mu.Unlock()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.waiting--; p.waiting == 0 {
		p.cancel()
		if b.preparing == p {
			b.preparing = nil
		}
	}
	return fmt.Errorf("%s: %w", attemptOpen, context.Cause(ctx))
}

func (b *Backend) prepareLocked() *preparation {
	ctx, cancel := context.WithCancel(b.ctx)
	p := &preparation{cancel: cancel, done: make(chan struct{})}
	b.preparing = p
	b.jobs.Go(func() {
		defer cancel()
		step := b.wait(StageTemplate, "the template "+b.options.Template)
		err := b.prepare(ctx, step)
		b.over(step)
		b.mu.Lock()
		p.err = err
		b.ready = b.ready || err == nil
		if b.preparing == p {
			b.preparing = nil
		}
		b.mu.Unlock()
		close(p.done)
	})
	return p
}

// errUnusable marks a template that will not mend by waiting.
var errUnusable = errors.New("the template cannot be used")

var errTemplateLimit = errors.New("the time for the template is up")

// prepare looks for the template, makes it if there is none, and waits until it is ready. It makes it once at most, and goes by
// what it finds then: somebody else may have been quicker, or the answer lost.
func (b *Backend) prepare(outer context.Context, step *Step) error {
	ctx, cancel := context.WithTimeoutCause(outer, b.options.TemplateLimit, errTemplateLimit)
	defer cancel()
	began := time.Now()
	var (
		created bool
		lost    error // of the creation
		last    agentrun.Status
	)
	for {
		found, err := b.client.GetTemplate(ctx, b.options.Template)
		if agentrun.KindOf(err) == agentrun.KindTemplateNotFound && !created {
			created = true
			if found, err = b.createTemplate(ctx); isUndecided(err) {
				lost = err
				continue
			}
		}
		failed, _ := errors.AsType[*agentrun.APIError](err)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			if ready, err := b.judge(found); ready || err != nil {
				b.measure(found)
				return err
			}
			last = cmp.Or(found.Status, agentrun.StatusCreating)
			b.say(step, fmt.Sprintf("the template %s (%s)", b.options.Template, last))
		case last != "" && failed != nil && failed.Retryable():
			b.log.WarnContext(ctx, "template not seen", "template", b.options.Template, "error", err)
		case failed != nil && failed.Kind == agentrun.KindTemplateNotFound:
			return b.explain("make the AgentRun template "+b.options.Template, sandbox.CodeServerNotReady, cmp.Or(lost, err))
		default:
			return b.explain("look for the AgentRun template "+b.options.Template, sandbox.CodeServerNotReady, err)
		}
		pause(ctx, began)
		switch {
		case outer.Err() != nil:
			return fmt.Errorf("%s: %w", attemptOpen, context.Cause(outer))
		case ctx.Err() != nil:
			return sandbox.Errorf(sandbox.CodeServerNotReady, "the AgentRun template %s is %s and was not ready within %s; AgentRun may still be making it, so try again in a few minutes, or look at it in the AgentRun console: %w",
				b.options.Template, cmp.Or(string(last), "not to be seen"), b.options.TemplateLimit, errTemplateLimit)
		}
	}
}

// createTemplate asks for the template, once.
func (b *Backend) createTemplate(ctx context.Context) (agentrun.Template, error) {
	b.log.InfoContext(ctx, "template is being made", "template", b.options.Template)
	return b.client.CreateTemplate(ctx, agentrun.TemplateSpec{
		Name: b.options.Template, Type: agentrun.CodeInterpreter, CPU: templateCPU, Memory: templateMemory,
		Network:     &agentrun.Network{Mode: agentrun.NetworkPublic},
		IdleTimeout: agentrun.Seconds((b.options.IdleTimeout + time.Second - 1) / time.Second),
		Description: "Made by AgentRun Tray, which runs code in sandboxes of it.",
	})
}

// isUndecided reports whether a template may be there although it could not be created.
func isUndecided(err error) bool {
	failed, ok := errors.AsType[*agentrun.APIError](err)
	return ok && (failed.Kind == agentrun.KindExists || failed.Uncertain && failed.Kind != agentrun.KindCanceled)
}

// judge says whether a template can be used. One that cannot, and will not, is an error.
func (b *Backend) judge(found agentrun.Template) (ready bool, err error) {
	name := b.options.Template
	switch {
	case found.Type != "" && !strings.EqualFold(string(found.Type), string(agentrun.CodeInterpreter)):
		return false, sandbox.Errorf(sandbox.CodeServerNotReady, "the AgentRun template %s is of type %s and not %s; it is left as it is: choose another name for the template in the settings, or delete that one in the AgentRun console: %w",
			name, found.Type, agentrun.CodeInterpreter, errUnusable)
	case found.Status.Failed():
		return false, sandbox.Errorf(sandbox.CodeServerNotReady, "the AgentRun template %s is %s: %s; delete it in the AgentRun console, so that it is made anew, or choose another name for it in the settings: %w",
			name, found.Status, cmp.Or(found.StatusReason, "AgentRun gives no reason"), errUnusable)
	}
	return found.Status.Ready(), nil
}

// measure notes what sandboxes of a template are like. What it does not say is taken to be as this program makes it.
func (b *Backend) measure(found agentrun.Template) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.machine = Machine{
		CPU: cmp.Or(found.CPU, templateCPU), Memory: cmp.Or(int(found.Memory), templateMemory), Disk: cmp.Or(int(found.DiskSize), templateDisk),
	}
}
