package mcpserver

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// answerWithin is how long a call keeps its client waiting for code when it cannot say how that goes. Editors give up after a
// minute.
const answerWithin = 50 * time.Second

// waited is how a wait for a run has ended.
type waited int

const (
	runEnded waited = iota
	patienceEnded
	callerLeft
)

// await waits until a run has ended, for no longer than patience, or, with tellOn, for as long as it takes if the client is told how
// the run goes. If patience has ended it is also known how far the run had come by then.
func (s *Server) await(ctx context.Context, c *call, run *interpreter.Run, patience time.Duration, tellOn bool) (waited, interpreter.SoFar) {
	progress := startProgress(ctx, c.exchange, s.progressEvery, func() string { return whatRunDoes(run.SoFar()) })
	defer progress.end()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	late := timer.C
	if progress != nil {
		defer run.Listen(progress.emit)()
		if tellOn {
			late = nil
		}
	}
	select {
	case <-run.Done():
		return runEnded, interpreter.SoFar{}
	case <-ctx.Done():
	case <-late:
	}
	so := run.SoFar()
	switch {
	case so.State == interpreter.RunFinished: // in this very moment
		<-run.Done()
		return runEnded, so
	case ctx.Err() != nil:
		return callerLeft, so
	}
	return patienceEnded, so
}

// whatRunDoes says what there is to say of a run that has printed nothing yet.
func whatRunDoes(so interpreter.SoFar) string {
	switch {
	case so.State != interpreter.RunWaiting:
		return fmt.Sprintf("running for %d s, no output yet", int(time.Since(so.Since).Seconds()))
	case so.Ahead == 1:
		return "waiting for the run before it in this context"
	case so.Ahead > 1:
		return fmt.Sprintf("waiting for the %d runs before it in this context", so.Ahead)
	}
	return "waiting for a sandbox"
}

// handle answers a call whose run goes on after it. Where that answer cannot be delivered the run is ended, as it would have been had
// the client hung up a moment earlier: nobody knows its id, and code that nobody can collect or end would keep the context busy for
// as long as it is allowed to. Delivered means that the connection was open when the answer was written to it.
func (s *Server) handle(ctx context.Context, c *call, run *interpreter.Run, so interpreter.SoFar) *answer {
	run.Detach()
	c.reply.insist()
	c.lost = func() {
		s.log.LogAttrs(ctx, slog.LevelInfo, "run cancelled, as nobody took its handle", slog.String("context_id", run.ContextID()), slog.String("run_id", run.ID()))
		run.Abandon()
	}
	return s.goingAnswer(run, so, c.resultTokens())
}

// goingAnswer is the answer about a run that has not ended: its handle, and what it has printed until now.
func (s *Server) goingAnswer(run *interpreter.Run, so interpreter.SoFar, tokens int) *answer {
	res := interpreter.RunResult{ContextID: so.ContextID, Backend: so.Backend, Warm: so.Warm}
	out := &runOutput{
		runCodeOutput: runCodeOutput{ContextID: res.ContextID, Backend: res.Backend, Warm: res.Warm, RunID: run.ID(), Status: so.State},
		seams:         make(map[string]seam),
	}
	res.Stdout = out.join("stdout", so.Stdout)
	res.Stderr = out.join("stderr", so.Stderr)
	next := fmt.Sprintf("Call get_result with this run_id to collect the result: it waits up to %s, and may be called again until the status is finished. "+
		"cancel_run ends the run. Do not run the code again.", phrase.Duration(s.answerWithin))
	if so.State == interpreter.RunWaiting {
		why := ""
		if so.Why != "" {
			why = " None could be had so far: " + so.Why + "."
		}
		out.Notices = []string{"The code has not begun: it is " + whatRunDoes(so) + ", and will run when that comes." + why + " " + next}
	} else {
		out.ExecutionTime = time.Since(so.Since).Seconds()
		out.Notices = []string{"The code is still running and goes on; this is what it has printed so far. " + next}
	}
	return out.answer(res, tokens)
}

// join puts the two ends of a text together and notes where they meet.
func (out *runOutput) join(stream string, e interpreter.Excerpt) string {
	if e.Omitted == 0 {
		return strings.ToValidUTF8(e.Head+e.Tail, "\ufffd") // a character may begin in one and end in the other
	}
	head, tail := strings.ToValidUTF8(e.Head, "\ufffd"), strings.ToValidUTF8(e.Tail, "\ufffd")
	out.seams[stream] = seam{gap: e.Omitted, most: 2 * min(len(head), len(tail))}
	return head + tail
}

// leftAlone is the error of a call that ended while it waited for a run.
func leftAlone(ctx context.Context) error {
	return &sandbox.Error{Code: sandbox.CodeCancelled, Message: "the call was cancelled; the run is not concerned", Err: context.Cause(ctx)}
}
