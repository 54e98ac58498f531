package interpreter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/carry"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

const (
	// moveLead is how long before its end a session is left: enough for a run in progress, and to find another session.
	moveLead = 10 * time.Minute
	// moveTime bounds the search for another session, and then the move itself.
	moveTime = 5 * time.Minute
	// moveAgain is after what time a move that could not begin is tried once more.
	moveAgain = 2 * time.Minute
	// moveLast is how long before its end a session is left although commands still run in its background, which end with it.
	moveLast = 4 * time.Minute
	// mostNamed is how many of the things that were lost a notice names.
	mostNamed = 10
)

// moving is what there is to know of a context's way off its session. Interpreter.mu guards it.
type moving struct {
	busy    bool      // it is being moved, or another session for it is looked for
	copying bool      // what it holds is being copied: nobody may change it
	after   time.Time // it is not tried before
	over    bool      // it is not tried again on this session
	told    bool      // the end of the session was announced
}

// laterError is why a move has not begun and is tried again.
type laterError struct{ err error }

func (e *laterError) Error() string { return e.err.Error() }
func (e *laterError) Unwrap() error { return e.err }

var (
	errProcesses = errors.New("commands of it run in the background")
	// errUnlisted is the same as errProcesses to whoever waits for the move.
	errUnlisted = fmt.Errorf("whether %w could not be learned", errProcesses)
)

// leaveAt says when a context has to leave its session, and whether at all. The caller holds i.mu.
func (i *Interpreter) leaveAt(cc *codeContext) (at time.Time, ok bool) {
	lost, _ := cc.lost()
	if cc.lease == nil || lost || cc.stopping || cc.moving.busy || cc.moving.over {
		return at, false
	}
	at, ok = cc.nearEnd()
	if isReplaced(cc.lease) && !i.carryOff {
		at, ok = time.Time{}, true
	}
	if at.Before(cc.moving.after) {
		at = cc.moving.after
	}
	return at, ok
}

// nearEnd is when the end of the context's session is near, if it has an end that is known. The caller holds Interpreter.mu.
func (cc *codeContext) nearEnd() (at time.Time, ok bool) {
	end := cc.lease.ExpiresAt()
	if end.IsZero() {
		return at, false
	}
	lead := moveLead
	if limit := cc.site.traits.HardLimit; limit > 0 {
		lead = min(lead, limit/4)
	}
	return end.Add(-lead), true
}

func isReplaced(lease *pool.Lease[sandbox.Session]) bool {
	select {
	case <-lease.Replaced():
		return true
	default:
		return false
	}
}

// SetCarry says whether contexts move, from now on, when their sandboxes have to end. Those that were told that theirs ends stay.
func (i *Interpreter) SetCarry(on bool) {
	i.mu.Lock()
	i.carryOff = !on
	i.mu.Unlock()
	signal(i.wake)
}

// moveDue starts to move the contexts that have to leave their sessions, and says when the next one has to.
func (i *Interpreter) moveDue(ctx context.Context) (next time.Time, ok bool) {
	var due []*codeContext
	i.mu.Lock()
	for _, cc := range i.contexts {
		switch at, leaves := i.leaveAt(cc); {
		case !leaves:
		case at.After(time.Now()):
			if !ok || at.Before(next) {
				next, ok = at, true
			}
		case !i.carryOff:
			cc.moving.busy = true
			due = append(due, cc)
		default:
			cc.moving.over = true
			cc.announce("")
		}
	}
	i.mu.Unlock()
	for _, cc := range due {
		ctx, cancel, leave, err := i.enter(ctx)
		if err != nil {
			return next, ok // all contexts are about to end
		}
		go func() {
			defer leave()
			i.moveOff(ctx, cancel, cc)
		}()
	}
	return next, ok
}

// announce has the next result tell when the context's session ends, once, if that is near. The caller holds Interpreter.mu.
func (cc *codeContext) announce(why string) {
	if near, known := cc.nearEnd(); !known || near.After(time.Now()) || cc.moving.told {
		return
	}
	cc.moving.told = true
	cc.pending = append(cc.pending, fmt.Sprintf(
		"The sandbox of context %q ends at %s, and with it the context's variables and files%s. Save what is needed before: write it to files and fetch them with download_file.",
		cc.name, cc.lease.ExpiresAt().Local().Format("15:04"), why))
}

// moveOff moves a context to another session of its site, and writes down what came of it.
func (i *Interpreter) moveOff(ctx context.Context, cancel context.CancelCauseFunc, cc *codeContext) {
	began := time.Now()
	i.mu.Lock()
	old, site := cc.lease, cc.site
	i.mu.Unlock()
	attrs := []slog.Attr{slog.String("context_id", cc.id), slog.String("backend", site.Name()), slog.String("from_sandbox_id", old.Value().SandboxID())}
	on, report, err := i.move(ctx, cancel, cc, old, site)
	attrs = append(attrs, slog.Duration("took", time.Since(began)))
	if err == nil {
		i.log.LogAttrs(ctx, slog.LevelInfo, "context moved", append(attrs, slog.String("sandbox_id", on.lease.Value().SandboxID()),
			slog.Int("variables", report.Variables.Count), slog.Int64("variable_bytes", report.Variables.Bytes),
			slog.Int("files", report.Files.Count), slog.Int64("file_bytes", report.Files.Bytes), slog.Int("lost", len(report.Lost)))...)
		signal(i.wake)
		signal(i.changed)
		return
	}
	i.mu.Lock()
	lost, _ := cc.lost()
	if cc.lease == old && !lost && !cc.stopping && !i.closing {
		cc.moving.busy = false
		near, known := cc.nearEnd()
		if _, again := errors.AsType[*laterError](err); again {
			cc.moving.after = time.Now().Add(moveAgain)
		} else if cc.moving.after = near; !known || !near.After(time.Now()) { // it was near, or will never be: that was the last attempt
			cc.moving.over = true
		}
		if report.StateLost {
			cc.pending = append(cc.pending, fmt.Sprintf("The interpreter of context %q ended while its variables were copied for a move: they are gone, and its files remain.", cc.name))
		}
		if !errors.Is(err, errProcesses) {
			cc.announce("; they could not be moved to another one" + because(err))
		}
	}
	i.mu.Unlock()
	signal(i.wake)
	level := slog.LevelWarn
	if errors.Is(err, errProcesses) || ctx.Err() != nil {
		level = slog.LevelDebug // nothing is wrong
	}
	i.log.LogAttrs(ctx, level, "context not moved", append(attrs, slog.Any("error", err))...)
}

// move takes a context from one session to another of the site while no code runs in it, before the calls that wait for it. An error
// leaves it where it was.
func (i *Interpreter) move(
	ctx context.Context, cancel context.CancelCauseFunc, cc *codeContext, old *pool.Lease[sandbox.Session], site *Site,
) (on landing, report carry.Report, err error) {
	if _, err := i.processesIn(ctx, cc, old); err != nil {
		return on, report, err // at once, before a session is taken up
	}
	if on, err = i.landOn(ctx, site, cc.language, moveTime, false); err != nil {
		return on, report, &laterError{err}
	}
	moved := false
	defer func() {
		if !moved {
			i.vacate(ctx, on.lease, on.inner)
		}
	}()
	if on.lease.ID() == old.ID() {
		return on, report, &laterError{errors.New("there is no other sandbox at the moment")}
	}
	i.mu.Lock()
	ticket := cc.queue.bookFirst()
	i.mu.Unlock()
	if err := i.takeTurn(ctx, cc, ticket, cancel); err != nil {
		return on, report, err
	}
	defer i.yieldTurn(cc, ticket)
	inner, err := i.hold(ctx, cc, old)
	if err != nil {
		return on, report, err
	}
	background, err := i.processesIn(ctx, cc, old) // once more: nobody starts one from here on
	if err == nil {
		limited, done := context.WithTimeout(ctx, moveTime)
		defer done()
		report, err = carry.Move(limited, carry.Place{Session: old.Value(), Context: inner}, carry.Place{Session: on.lease.Value(), Context: on.inner}, cc.names.All(), i.opt.Carry)
	}
	i.mu.Lock()
	if err != nil {
		cc.moving.copying = false
		cc.hasLanded()
		i.mu.Unlock()
		return on, report, err
	}
	why := "comes to the end of its time"
	if isReplaced(old) {
		why = "is being replaced"
	}
	unwatch := cc.unwatch
	cc.lease, cc.inner, cc.moving = on.lease, on.inner, moving{}
	cc.unwatch = i.watch(cc, on.lease)
	for _, p := range cc.processes {
		p.leftBehind = p.leftBehind || p.lease == old
	}
	cc.pending = append(cc.pending, movedNotice(cc.name, why, report, background))
	cc.hasLanded()
	i.mu.Unlock()
	moved = true
	unwatch()
	i.vacate(ctx, old, inner)
	return on, report, nil
}

// processesIn says what runs in the background of a context on a session it is about to leave; "" if nothing does. As long as there
// is time for that to end, the error says to wait for it, and so it does where it cannot be learned.
func (i *Interpreter) processesIn(ctx context.Context, cc *codeContext, lease *pool.Lease[sandbox.Session]) (background string, err error) {
	running, err := i.processesOn(ctx, cc, lease)
	hasTime := lease.ExpiresAt().IsZero() || time.Until(lease.ExpiresAt()) > moveLast
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil && hasTime:
		return "", &laterError{errUnlisted}
	case err != nil:
		return "commands in the background, if there still were any", nil
	case running > 0 && hasTime:
		return "", &laterError{errProcesses}
	case running > 0:
		return count(running, "command") + " in the background", nil
	}
	return "", nil
}

// processesOn counts the commands that run in the background of a context on a session.
func (i *Interpreter) processesOn(ctx context.Context, cc *codeContext, lease *pool.Lease[sandbox.Session]) (running int, err error) {
	i.mu.Lock()
	inner := cc.inner.ID
	started := slices.ContainsFunc(cc.processes, func(p *process) bool { return p.lease == lease })
	i.mu.Unlock()
	sh, ok := lease.Value().(sandbox.Shell)
	if !ok || !started {
		return 0, nil
	}
	ctx, done := context.WithTimeout(ctx, endTimeout)
	defer done()
	all, err := sh.ListProcesses(ctx, inner)
	for _, p := range all {
		if p.Status == sandbox.ProcessRunning {
			running++
		}
	}
	return running, err
}

// hold keeps others from the session of a context that is to be moved off it, once those who use it have done. The caller has the turn.
func (i *Interpreter) hold(ctx context.Context, cc *codeContext, old *pool.Lease[sandbox.Session]) (inner sandbox.CodeContext, err error) {
	i.mu.Lock()
	if lost, cause := cc.lost(); lost || cc.lease != old {
		i.mu.Unlock()
		return inner, fmt.Errorf("the sandbox was lost%s: %w", because(cause), sandbox.ErrSessionLost)
	}
	cc.moving.copying = true
	var still chan struct{}
	if cc.aside > 0 {
		still = make(chan struct{})
		cc.still = still
	}
	inner = cc.inner
	i.mu.Unlock()
	if still == nil {
		return inner, nil
	}
	select {
	case <-still:
		return inner, nil
	case <-ctx.Done():
		i.mu.Lock()
		cc.moving.copying, cc.still = false, nil
		cc.hasLanded()
		i.mu.Unlock()
		return inner, context.Cause(ctx)
	}
}

// vacate ends a session's context and gives the session back, whatever becomes of the caller.
func (i *Interpreter) vacate(ctx context.Context, lease *pool.Lease[sandbox.Session], inner sandbox.CodeContext) {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer done()
	err := lease.Value().StopContext(ctx, inner.ID)
	i.giveBack(lease, err)
}

// movedNotice says that a context has moved, and what did not move with it.
func movedNotice(name, why string, report carry.Report, background string) string {
	text := fmt.Sprintf("The sandbox of context %q %s, so the context moved to a new one with %s and %s.",
		name, why, count(report.Variables.Count, "variable"), count(report.Files.Count, "file"))
	var named []string
	if background != "" {
		named = append(named, background)
	}
	if len(report.Lost)+len(named) == 0 {
		return text
	}
	for _, loss := range report.Lost[:min(mostNamed, len(report.Lost))] {
		named = append(named, phrase.Clip(loss.String(), 100))
	}
	more := ""
	if n := len(report.Lost) - mostNamed; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return text + " What could not move is gone: " + strings.Join(named, ", ") + more + "."
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
