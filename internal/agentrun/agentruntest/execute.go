package agentruntest

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// mostTimeout is the longest that code may be given, in seconds.
const mostTimeout = 30

// executed is how a run ended.
type executed struct {
	ran
	err     error
	missing bool // the context went away before its turn came
}

// execute runs code. It goes on when its client leaves, as in the service.
func (x *exchange) execute(s *sandbox) answer {
	var fields struct {
		Code, ContextID, Language string
		Timeout                   *float64
	}
	if a, ok := x.fields(&fields); !ok {
		return a
	}
	limit := time.Duration(mostTimeout) * time.Second
	if fields.Timeout != nil {
		if *fields.Timeout < 1 || *fields.Timeout > mostTimeout {
			return invalid("timeout must be between 1 and 30 seconds")
		}
		limit = time.Duration(*fields.Timeout * float64(time.Second))
	}
	switch {
	case fields.Code == "":
		return invalid("code is required")
	case fields.ContextID != "" && fields.Language != "":
		return invalid("contextId and language exclude each other")
	}
	if !x.e.begin() {
		return x.gone()
	}
	var k *kernel
	alone := fields.ContextID == ""
	if alone {
		speaks, ok := language(cmp.Or(fields.Language, "python"))
		if !ok {
			x.e.jobs.Done()
			return invalid("language must be python or javascript")
		}
		var err error
		if k, err = x.e.newKernel(s, "kernel-"+strings.ToLower(newRequestID()), speaks, "."); err != nil {
			x.e.jobs.Done()
			return x.gone()
		}
	} else if k = s.kernel(fields.ContextID); k == nil {
		x.e.jobs.Done()
		return noContext(fields.ContextID)
	}
	done := make(chan executed, 1)
	go func() {
		defer x.e.jobs.Done()
		result := x.e.inTurn(s, k, fields.Code, limit)
		if alone || result.timedOut && x.shape.TimeoutEndsContext {
			s.take(k.id)
			x.e.destroy(k)
		}
		done <- result
	}()
	gateway := time.NewTimer(x.e.options.GatewayLimit + time.Second) // for code that was given as much; what waits for its turn is cut
	defer gateway.Stop()
	select {
	case result := <-done:
		return x.executed(s, k, result)
	case <-gateway.C:
		return page(http.StatusGatewayTimeout, "504 Gateway Time-out")
	case <-s.ctx.Done():
		return x.gone()
	case <-x.r.Context().Done():
		return answer{status: http.StatusOK} // to nobody
	}
}

// inTurn runs code when the context's other runs are over.
func (e *Emulator) inTurn(s *sandbox, k *kernel, code string, limit time.Duration) executed {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-k.ctx.Done():
	}
	if k.ctx.Err() != nil || k.gone {
		return executed{missing: true}
	}
	ctx, cancel := context.WithTimeout(k.ctx, limit)
	defer cancel()
	r, err := e.run(ctx, s, k, code, nil)
	return executed{ran: r, err: err, missing: k.ctx.Err() != nil}
}

// executed makes the answer of a run.
func (x *exchange) executed(s *sandbox, k *kernel, result executed) answer {
	switch {
	case s.ctx.Err() != nil:
		return x.gone()
	case result.missing:
		return noContext(k.id)
	case result.err != nil:
		return refusal(http.StatusInternalServerError, "INTERNAL_ERROR", "the code could not be run: "+result.err.Error())
	}
	return x.inside(object{"results": x.items(result.ran), "contextId": k.id})
}

// items gives the pieces of a run's result.
func (x *exchange) items(r ran) []any {
	items := []any{}
	for _, event := range r.events {
		switch event.Kind {
		case localengine.Stdout:
			items = append(items, object{"type": "stdout", "text": strings.TrimSuffix(event.Text, "\n")})
		case localengine.Stderr:
			items = append(items, object{"type": "stderr", "text": strings.TrimSuffix(event.Text, "\n")})
		case localengine.Display:
			items = append(items, x.value(event.Bundle))
		}
	}
	status := "ok"
	switch {
	case r.timedOut:
		status = "timeout"
		if x.shape.TimeoutItem {
			items = append(items, object{"type": "timeout"})
		} else if !x.shape.EndItem { // nothing else would tell
			items = append(items, object{"type": "endOfExecution", "status": status})
		}
	case r.lost != "":
		status = "error"
		items = append(items, x.failure(&localengine.CellError{Name: "KernelDied", Message: r.lost, Traceback: "KernelDied: " + r.lost}))
	case r.failure != nil:
		status = "error"
		items = append(items, x.failure(r.failure))
	default:
		items = append(items, x.value(r.value))
	}
	if x.shape.EndItem {
		items = append(items, object{"type": "endOfExecution", "status": status})
	}
	return items
}

// value makes the item of a value, or of none.
func (x *exchange) value(bundle localengine.Bundle) object {
	if x.shape.TextResults && len(bundle) <= 1 {
		return object{"type": "result", "text": cmp.Or(bundle["text/plain"], "None")}
	}
	if len(bundle) == 0 {
		bundle = localengine.Bundle{"text/plain": "Code executed successfully"}
	}
	return object{"type": "result", "data": bundle, "executionCount": 1} // always, as it was seen
}

// failure makes the item of an error.
func (x *exchange) failure(e *localengine.CellError) object {
	if x.shape.ErrorValue {
		return object{"type": "error", "name": e.Name, "value": e.Message, "traceback": strings.Split(strings.TrimRight(e.Traceback, "\n"), "\n")}
	}
	return object{"type": "error", "text": strings.TrimRight(cmp.Or(e.Traceback, e.Name+": "+e.Message), "\n")}
}
