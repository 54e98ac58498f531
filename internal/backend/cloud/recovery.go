package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/ledger"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	lookLimit   = 10 * time.Second                      // for looking at all that an earlier host left: Opens wait for it
	lookAtOnce  = 16                                    // sandboxes
	reclaim     = 20 * time.Second                      // for making one ready again: a new one takes about as long
	claimWithin = time.Minute                           // after which what no Open has taken over is ended
	settleEvery = time.Minute                           // at most: looking again at what could not be looked at, or ended
	asking      = time.Minute                           // a sandbox may be made so long after it was asked for
	surelyOver  = agentrun.MaxLifetime + 30*time.Minute // clocks differ by up to half of that
)

// recovery is a look at what is in the ledger and nobody's: what an earlier host left, and what could not be ended.
type recovery struct {
	done chan struct{} // closed when err is set
	err  error
}

// Recover looks at the sandboxes that an earlier host left, and returns when it is known what becomes of each: Opens take over as
// many as Options.Keep allows, and the others are being ended, for which Close waits. The first Opens do this themselves; it is
// for a host that opens none. An error says that some could not be looked at: they stay in the ledger, and that is tried again
// when the service next answers.
func (b *Backend) Recover(ctx context.Context) error {
	if !b.begin() {
		return fmt.Errorf("%s: %w", attemptRecover, errClosed)
	}
	defer b.jobs.Done()
	if b.options.Ledger == nil {
		return nil
	}
	b.mu.Lock()
	r := b.recovering
	if r == nil {
		r = b.recoverLocked(b.options.Keep)
	}
	b.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", attemptRecover, context.Cause(ctx))
	}
}

const attemptRecover = "look for AgentRun sandboxes of an earlier run"

// awaitRecovery returns when it is known what there is to take over. The caller is a job.
func (b *Backend) awaitRecovery(ctx context.Context) error {
	b.mu.Lock()
	if b.recovered || b.options.Ledger == nil {
		b.mu.Unlock()
		return nil
	}
	r := b.recovering
	if r == nil {
		r = b.recoverLocked(b.options.Keep)
	}
	b.mu.Unlock()
	select {
	case <-r.done:
		return nil // whatever came of it: new ones can be made
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", attemptOpen, context.Cause(ctx))
	}
}

// settle looks again, beside its caller, at what could not be looked at or ended: the service has just answered.
func (b *Backend) settle() {
	if b.options.Ledger == nil || !b.begin() {
		return
	}
	defer b.jobs.Done()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.recovering == nil && time.Since(b.triedAt) >= settleEvery {
		b.recoverLocked(0)
	}
}

// recoverLocked begins a look. At most keep sandboxes are kept for Opens to take over. The caller is a job.
func (b *Backend) recoverLocked(keep int) *recovery {
	r := &recovery{done: make(chan struct{})}
	b.recovering = r
	b.jobs.Go(func() {
		left, shut, err := b.look(keep)
		if err != nil {
			b.log.Warn("sandboxes of an earlier run not looked at", "error", err)
		}
		b.mu.Lock()
		b.left = append(b.left, left...)
		r.err = err
		b.recovered = b.recovered || !shut
		b.recovering, b.triedAt = nil, time.Now()
		b.mu.Unlock()
		close(r.done)
		if len(left) > 0 {
			b.jobs.Go(b.endUntaken)
		}
	})
	return r
}

// find is what a look at a sandbox found.
type find int

const (
	unknown find = iota // it could not be looked at
	useful              // a healthy one, fit to be taken over
	useless             // it is there, or may be, and is to be ended
	unmade              // there is none, but there may be one in a moment
	ended
)

// look goes through the ledger. It returns what is to be taken over, and whether the service was out of reach for every sandbox.
func (b *Backend) look(keep int) (left []ledger.Entry, shut bool, err error) {
	entries, err := b.claim()
	if len(entries) == 0 {
		return nil, false, err
	}
	step := b.wait(StageRecovery, "the sandboxes of an earlier run")
	defer b.over(step)
	ctx, cancel := context.WithTimeout(b.ctx, lookLimit)
	defer cancel()
	finds, errs := make([]find, len(entries)), make([]error, len(entries))
	_ = each(len(entries), func(i int) error {
		finds[i], errs[i] = b.lookAt(ctx, &entries[i])
		return nil
	})
	shut = true
	for i, e := range slices.Backward(entries) { // the youngest first
		shut = shut && isShut(errs[i])
		switch {
		case finds[i] == useful && len(left) < keep:
			left = append(left, e)
		case finds[i] == useful, finds[i] == useless, finds[i] == unmade:
			b.discard(e.SandboxID, finds[i] == unmade)
		case finds[i] == ended, time.Since(e.CreatedAt) > surelyOver:
			b.strike(e.SandboxID)
		default:
			b.giveUp(e.SandboxID)
			err = errors.Join(err, b.explain("look at the AgentRun sandbox "+e.SandboxID, sandbox.CodeServerNotReady, errs[i]))
		}
	}
	return left, shut, err
}

// claim takes the entries that are this account's and nobody's. It strikes out those of other accounts that are over by now.
func (b *Backend) claim() ([]ledger.Entry, error) {
	entries, err := b.options.Ledger.Unclaimed()
	return slices.DeleteFunc(entries, func(e ledger.Entry) bool {
		switch {
		case (agentrun.Account{ID: e.AccountID, Region: e.Region, ControlEndpoint: e.ControlEndpoint, DataEndpoint: e.DataEndpoint}) == b.account:
			return !b.options.Ledger.Claim(e.SandboxID)
		case time.Since(e.CreatedAt) > surelyOver:
			b.strike(e.SandboxID)
		}
		return true
	}), err
}

// lookAt looks at one sandbox. An older creation than the ledger's is noted in e.
func (b *Backend) lookAt(ctx context.Context, e *ledger.Entry) (find, error) {
	found, err := b.client.GetSandbox(ctx, e.SandboxID)
	kind := agentrun.KindOf(err)
	switch {
	case kind == agentrun.KindSandboxGone && time.Since(e.CreatedAt) < asking:
		return unmade, nil
	case kind == agentrun.KindSandboxGone: // which something in between may say, too; to end it costs no more than to believe that
		return useless, nil
	case kind == agentrun.KindNoPermission: // to look, which is not said of ending it
		return useless, nil
	case err != nil:
		return unknown, err
	case found.Status.Ended():
		return ended, nil
	}
	if born := found.CreatedAt.Time; !born.IsZero() && born.Before(e.CreatedAt) {
		e.CreatedAt = born
	}
	age := time.Since(e.CreatedAt)
	idle := cmp.Or(found.IdleTimeout(), b.options.IdleTimeout)
	if e.Template != b.options.Template || cmp.Or(found.TemplateName, e.Template) != e.Template || !found.Status.Ready() || !b.isWorthwhile(age) || idle < b.options.Lifetime-age {
		return useless, nil
	}
	if health, err := b.client.Health(ctx, e.SandboxID); err != nil || !health.OK() {
		return useless, nil //nolint:nilerr // whatever is the matter with it, it is not to be had
	}
	return useful, nil
}

// isWorthwhile reports whether a sandbox of some age has a quarter of its life before it.
func (b *Backend) isWorthwhile(age time.Duration) bool { return age <= b.options.Lifetime*3/4 }

// isShut reports whether a failure is one that a creation would meet with, too, and soon.
func isShut(err error) bool {
	switch agentrun.KindOf(err) {
	case agentrun.KindNoSuchHost, agentrun.KindUnreachable, agentrun.KindNotTrusted, agentrun.KindNoCredentials, agentrun.KindKeyRejected, agentrun.KindSignatureRejected,
		agentrun.KindClockSkew, agentrun.KindTokenExpired, agentrun.KindTokenRejected, agentrun.KindUnauthorized, agentrun.KindNoServiceRole:
		return true
	default:
		return false
	}
}

// takeOver gives a session on a sandbox that an earlier host left, or nil if there is none that can be had. The caller is a job.
func (b *Backend) takeOver(ctx context.Context) (sandbox.Session, error) {
	for {
		e, ok := b.nextLeft()
		if !ok {
			return nil, nil
		}
		err := b.restore(ctx, e.SandboxID)
		if err == nil {
			b.log.InfoContext(ctx, "sandbox of an earlier run taken over", "sandbox_id", e.SandboxID, "age", time.Since(e.CreatedAt).Round(time.Second))
			return newSession(b, e.SandboxID, e.CreatedAt), nil
		}
		b.discard(e.SandboxID, false)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", attemptOpen, context.Cause(ctx))
		}
		b.log.WarnContext(ctx, "sandbox of an earlier run not taken over", "sandbox_id", e.SandboxID, "error", err)
	}
}

func (b *Backend) nextLeft() (ledger.Entry, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.left) == 0 {
		return ledger.Entry{}, false
	}
	e := b.left[0]
	b.left = b.left[1:]
	return e, true
}

// restore makes a used sandbox as ready as a new one.
func (b *Backend) restore(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, reclaim)
	defer cancel()
	step := b.wait(StageRecovery, "a sandbox of an earlier run")
	defer b.over(step)
	if err := b.clear(ctx, id); err != nil {
		return err
	}
	return b.prove(ctx, id)
}

// endUntaken ends what no Open has taken over in time. It runs as a job.
func (b *Backend) endUntaken() {
	timer := time.NewTimer(claimWithin)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.closing:
	}
	for {
		e, ok := b.nextLeft()
		if !ok {
			return
		}
		b.discard(e.SandboxID, false)
	}
}

// clear ends everything that was begun in a sandbox, as far as it can be known, and removes the folders of contexts. What code left
// elsewhere stays.
func (b *Backend) clear(ctx context.Context, id string) error {
	contexts, err := b.client.ListContexts(ctx, id)
	if err != nil {
		return err
	}
	err = each(len(contexts), func(i int) error {
		if err := b.client.DeleteContext(ctx, id, contexts[i].ID); agentrun.KindOf(err) != agentrun.KindContextNotFound {
			return err
		}
		return nil
	})
	if err == nil && len(contexts) > 0 {
		contexts, err = b.client.ListContexts(ctx, id)
	}
	if err == nil && len(contexts) > 0 {
		err = fmt.Errorf("it still has %d contexts", len(contexts))
	}
	if err != nil {
		return err
	}
	processes, err := b.client.ListProcesses(ctx, id)
	if err != nil {
		return err
	}
	err = each(len(processes), func(i int) error {
		if _, err := b.client.KillProcess(ctx, id, processes[i].ID); agentrun.KindOf(err) != agentrun.KindProcessNotFound {
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	home, err := b.client.ListFolder(ctx, id, agentrun.HomeFolder, 1)
	if err != nil {
		return err
	}
	// The working folders, and beside each what there is to know of the commands of its context, under its name with a dot.
	ours := slices.DeleteFunc(home.Entries, func(e agentrun.Entry) bool { return !strings.HasPrefix(strings.TrimPrefix(e.Name, "."), contextFolder) })
	if err := b.endCommands(ctx, id, ours); err != nil {
		return err
	}
	return each(len(ours), func(i int) error {
		_, err := b.client.Remove(ctx, id, agentrun.HomeFolder+"/"+ours[i].Name)
		return err
	})
}

// endCommands ends what commands left in the background, of which the service knows nothing: each wrote down the leader of its
// process group.
func (b *Backend) endCommands(ctx context.Context, id string, ours []agentrun.Entry) error {
	var script strings.Builder
	for _, entry := range ours {
		if !entry.IsFolder() || !strings.HasPrefix(entry.Name, ".") {
			continue
		}
		root := agentrun.HomeFolder + "/" + entry.Name
		jobs, err := b.client.ListFolder(ctx, id, root, 1)
		if err != nil {
			return err
		}
		for _, job := range jobs.Entries {
			file, err := b.client.ReadFile(ctx, id, root+"/"+job.Name+"/pid")
			if agentrun.KindOf(err) == agentrun.KindFileNotFound {
				continue
			}
			if err != nil {
				return err
			}
			if pid, err := strconv.Atoi(strings.TrimSpace(file.Content)); err == nil && pid > 1 {
				fmt.Fprintf(&script, "kill -KILL -%d || kill -KILL %d; ", pid, pid)
			}
		}
	}
	if script.Len() == 0 {
		return nil
	}
	_, err := b.client.RunCommand(ctx, id, agentrun.CommandSpec{Command: script.String() + "true"}) // those that had ended cannot be killed
	return err
}

// each calls do for each of n things, some at a time, and returns the first error there was, in their order.
func each(n int, do func(i int) error) error {
	var (
		all  sync.WaitGroup
		errs = make([]error, n)
		room = make(chan struct{}, lookAtOnce)
	)
	for i := range n {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			errs[i] = do(i)
		})
	}
	all.Wait()
	return cmp.Or(errs...)
}

// enter puts a sandbox into the ledger. That this fails is no reason not to make it: a full disk should not take the cloud from
// people too, this host ends it all the same, and only if that is killed does it stay until its idle timeout. Problem of the ledger
// tells.
func (b *Backend) enter(id string, now time.Time) {
	if b.options.Ledger == nil {
		return
	}
	err := b.options.Ledger.Add(ledger.Entry{
		SandboxID: id, Template: b.options.Template, CreatedAt: now,
		AccountID: b.account.ID, Region: b.account.Region, ControlEndpoint: b.account.ControlEndpoint, DataEndpoint: b.account.DataEndpoint,
	})
	if err != nil {
		b.log.Warn("sandbox not entered in the ledger", "sandbox_id", id, "error", err)
	}
}

// strike takes a sandbox that is over out of the ledger.
func (b *Backend) strike(id string) {
	if b.options.Ledger == nil {
		return
	}
	if err := b.options.Ledger.Remove(id); err != nil {
		b.log.Warn("sandbox not struck out of the ledger; the next host will look for it", "sandbox_id", id, "error", err)
	}
}

// giveUp leaves a sandbox that could not be ended for a later try, of this host or the next.
func (b *Backend) giveUp(id string) {
	if b.options.Ledger != nil {
		b.options.Ledger.GiveUp(id)
	}
}
