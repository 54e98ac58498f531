package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/secrets"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// control is what the host tells and does for its own command line, over the unix socket, which only its owner can open:
//
//	GET  /status             the state of this moment, counts included that are not announced as changes
//	POST /interrupt/{id}     stops the code that runs in a context, or one run; see InterruptAnswer
//	POST /stop               ends the host; the connection closes when it has ended
//	POST /backend/{name}     makes new contexts on another backend; see ChangeAnswer
//	POST /credentials/changed  the credentials of the account were changed: looks for them anew
//	POST /pool/pause, /pool/resume, /pool/warm/{n}, /pool/replace/{sandbox}, /pool/end/{sandbox}  see ChangeAnswer
//	POST /window/show        shows the window of a desktop program
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
	mux.HandleFunc("POST /backend/{name}", func(w http.ResponseWriter, r *http.Request) {
		err := a.SetBackend(r.Context(), r.PathValue("name"))
		a.change(w, a.whereNow(), err)
	})
	mux.HandleFunc("POST /credentials/changed", func(w http.ResponseWriter, r *http.Request) {
		err := a.CredentialsChanged(secrets.Anew(r.Context()))
		a.change(w, a.whereNow(), err)
	})
	a.controlPool(mux)
	mux.HandleFunc("POST /window/show", a.showWindow)
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

// whereNow says where new contexts are made, and what is wrong with that if something is.
func (a *App) whereNow() string {
	s := a.snapshot()
	text := "New contexts are made on the " + s.Backend.Name + " backend now."
	at := slices.IndexFunc(s.Problems, func(p status.Problem) bool { return p.Code == "credentials" })
	if at < 0 {
		return text
	}
	p := s.Problems[at]
	return strings.Join(strings.Fields(text+" But: "+p.What+" "+p.Why+" "+p.Todo), " ")
}

// sandboxes counts them for a sentence.
func sandboxes(n int) string {
	if n == 1 {
		return "1 sandbox is"
	}
	return strconv.Itoa(n) + " sandboxes are"
}

// controlPool adds what can be done about the pool by hand.
func (a *App) controlPool(mux *http.ServeMux) {
	mux.HandleFunc("POST /pool/pause", func(w http.ResponseWriter, _ *http.Request) {
		a.PausePool()
		a.change(w, "The pool is paused: sandboxes that no context is on are ended, and no new contexts are made until it is resumed.", nil)
	})
	mux.HandleFunc("POST /pool/resume", func(w http.ResponseWriter, _ *http.Request) {
		a.change(w, "The pool is resumed.", a.ResumePool())
	})
	mux.HandleFunc("POST /pool/warm/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err == nil {
			err = a.SetWarm(r.Context(), n)
		} else {
			err = fmt.Errorf("%q is not a number of sandboxes", r.PathValue("n"))
		}
		a.change(w, sandboxes(n)+" kept ready from now on.", err)
	})
	mux.HandleFunc("POST /pool/replace/{sandbox}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("sandbox")
		a.change(w, "Another sandbox takes the place of "+id+", which takes no new contexts from then on.", a.ReplaceSandbox(id))
	})
	mux.HandleFunc("POST /pool/end/{sandbox}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("sandbox")
		a.change(w, "The sandbox "+id+" is ended, with the contexts on it.", a.EndSandbox(id))
	})
}

// ChangeAnswer answers a wish to change something about the host.
type ChangeAnswer struct {
	Text  string `json:"text"`            // a sentence: what is so now
	Error string `json:"error,omitempty"` // why nothing was changed
}

func (a *App) change(w http.ResponseWriter, done string, err error) {
	if err != nil {
		a.tell(w, http.StatusUnprocessableEntity, ChangeAnswer{Error: err.Error()})
		return
	}
	a.tell(w, http.StatusOK, ChangeAnswer{Text: done})
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
		if a.interp.InterruptByID(id) {
			a.log.InfoContext(ctx, "interrupted by hand", "run_id", id)
			return InterruptAnswer{Interrupted, "The command " + id + " was interrupted."}
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
