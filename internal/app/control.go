package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"runtime/pprof"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
)

// control is what the host tells and does for its own command line, over the unix socket, which only its owner can open:
//
//	GET  /status             the state of this moment, counts included that are not announced as changes
//	POST /interrupt/{id}     stops the code that runs in a context, or one run; see InterruptAnswer
//	POST /stop               ends the host; the connection closes when it has ended
//	POST /tokens/changed     a token was revoked: ends at once what its client has open
//	GET  /debug/goroutines   what every goroutine does, for whoever looks into a hang
func (a *App) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { a.tell(w, http.StatusOK, a.snapshot()) })
	mux.HandleFunc("POST /interrupt/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer := a.interrupt(r.Context(), r.PathValue("id"))
		code := http.StatusOK
		if answer.Outcome == InterruptUnknown {
			code = http.StatusNotFound
		}
		a.tell(w, code, answer)
	})
	mux.HandleFunc("POST /stop", a.stopByHand)
	mux.HandleFunc("POST /tokens/changed", func(w http.ResponseWriter, _ *http.Request) {
		a.server.ShutOut()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /debug/goroutines", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := pprof.Lookup("goroutine").WriteTo(w, 1); err != nil {
			a.log.Debug("goroutines not sent", "error", err)
		}
	})
	return mux
}

func (a *App) tell(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		a.log.Debug("answer not sent", "error", err)
	}
}

// InterruptOutcome is what came of the wish to interrupt something.
type InterruptOutcome string

// The outcomes of an interrupt.
const (
	Interrupted      InterruptOutcome = "interrupted" // code ran, and was told to stop
	InterruptIdle    InterruptOutcome = "idle"        // nothing ran there
	InterruptUnknown InterruptOutcome = "unknown"     // there is nothing of that name
)

// InterruptAnswer answers POST /interrupt/{id}.
type InterruptAnswer struct {
	Outcome InterruptOutcome `json:"outcome"`
	Text    string           `json:"text"` // a sentence
}

// interrupt stops what runs under an id. A run that ends by itself in the same moment counts as interrupted: nobody can tell.
func (a *App) interrupt(ctx context.Context, id string) InterruptAnswer {
	cc, ok := a.interp.Context(id)
	if !ok {
		if run, err := a.interp.RunByID(id); err == nil {
			return a.cancelRun(ctx, run)
		}
		return InterruptAnswer{InterruptUnknown, "There is no context and no run " + id + "; agentrunctl status shows those there are."}
	}
	if cc.Status != interpreter.Running {
		return InterruptAnswer{InterruptIdle, "Nothing runs in context " + id + " (" + cc.Name + ")."}
	}
	if err := a.interp.Interrupt(id); err != nil {
		return InterruptAnswer{InterruptUnknown, "The context " + id + " has just ended."}
	}
	a.log.InfoContext(ctx, "interrupted by hand", "context_id", id)
	return InterruptAnswer{Interrupted, "What ran in context " + id + " (" + cc.Name + ") was interrupted."}
}

// cancelRun ends one run, which may still wait for its turn.
func (a *App) cancelRun(ctx context.Context, run *interpreter.Run) InterruptAnswer {
	if run.SoFar().State == interpreter.RunFinished {
		return InterruptAnswer{InterruptIdle, "The run " + run.ID() + " has ended already."}
	}
	run.Cancel()
	a.log.InfoContext(ctx, "cancelled by hand", "run_id", run.ID())
	return InterruptAnswer{Interrupted, "The run " + run.ID() + " was cancelled."}
}

// stopByHand makes the host end. The connection stays open until it has, so that whoever asks can wait for that.
func (a *App) stopByHand(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"); err != nil {
		a.log.Debug("answer not sent", "error", err)
	}
	a.mu.Lock()
	a.farewells = append(a.farewells, conn)
	a.mu.Unlock()
	select {
	case a.quit <- struct{}{}:
	default: // somebody has asked before
	}
}

// sayFarewell tells those who asked the host to end that it has.
func (a *App) sayFarewell() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, conn := range a.farewells {
		_ = conn.Close() // they learn it from the end of the process else
	}
}
