package agentruntest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// steering begins the paths under which an emulator is steered. Neither plane has such a path.
const steering = "/_emulator"

// mostSteering is how long a request that steers may be.
const mostSteering = 64 << 10

// What is said under those paths, besides a Fault and the Requests.
type (
	turn      struct{ Advance string } // a duration
	failing   struct{ Reason string }
	cleared   struct{ Left int }
	ending    struct{ Lived bool }
	objection struct{ Problem string }
)

// Operations lists what can be asked of the service, by the names that faults and records have for it.
func Operations() []string {
	var names []string
	for _, row := range slices.Concat(controlTable, dataTable) {
		if !slices.Contains(names, row.name) {
			names = append(names, row.name)
		}
	}
	return names
}

// Check says what keeps a fault from ever being met; nil if nothing does.
func (f Fault) Check() error {
	switch {
	case f.Failure.name == "":
		return errors.New("the fault has no failure")
	case f.Operation != "" && !slices.Contains(Operations(), f.Operation):
		return fmt.Errorf("there is no operation %q; there are: %s", f.Operation, strings.Join(Operations(), ", "))
	case f.Plane != "" && f.Plane != "control" && f.Plane != "data":
		return fmt.Errorf("there is no plane %q; there are control and data", f.Plane)
	case f.Skip < 0:
		return fmt.Errorf("%d requests cannot be skipped", f.Skip)
	}
	return nil
}

// steered gives the handler of an emulator that other programs can steer.
func (e *Emulator) steered() http.Handler {
	steer := http.NewServeMux()
	for pattern, do := range map[string]func(r *http.Request) (any, error){
		"GET /sandboxes":         e.steerSandboxes,
		"DELETE /sandboxes/{id}": e.steerEnd,
		"GET /requests":          e.steerRequests,
		"GET /await":             e.steerAwait,
		"POST /faults":           e.steerFault,
		"DELETE /faults":         e.steerClear,
		"POST /clock":            e.steerClock,
		"POST /templates":        e.steerTemplate,
	} {
		steer.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { e.steer(w, r, do) })
	}
	under := http.StripPrefix(steering, steer)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, steering+"/") {
			under.ServeHTTP(w, r)
			return
		}
		e.ServeHTTP(w, r) // a mux would clean its path, which is signed as it stands
	})
}

// steer answers one request. Pages in a browser are kept out: one that was lured here would know no credentials, but needs none.
func (e *Emulator) steer(w http.ResponseWriter, r *http.Request, do func(r *http.Request) (any, error)) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil || !isLoopback(host) || r.Header.Get("Origin") != "" {
		answerSteering(w, http.StatusForbidden, objection{"an emulator is steered by programs of this computer, not by pages"})
		return
	}
	if !e.begin() {
		answerSteering(w, http.StatusServiceUnavailable, objection{"the emulator is closed"})
		return
	}
	defer e.jobs.Done()
	r.Body = http.MaxBytesReader(w, r.Body, mostSteering)
	said, err := do(r)
	if err != nil {
		answerSteering(w, http.StatusBadRequest, objection{err.Error()})
		return
	}
	answerSteering(w, http.StatusOK, said)
}

func answerSteering(w http.ResponseWriter, status int, said any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(said) // a client that leaves is no error
}

func (e *Emulator) steerSandboxes(*http.Request) (any, error) {
	return append([]string{}, e.Sandboxes()...), nil
}

func (e *Emulator) steerEnd(r *http.Request) (any, error) {
	return ending{e.EndSandbox(r.PathValue("id"))}, nil
}

func (e *Emulator) steerRequests(*http.Request) (any, error) {
	return append([]Request{}, e.Requests()...), nil
}

// steerAwait answers when an operation was asked for so often, or its client or the emulator ends.
func (e *Emulator) steerAwait(r *http.Request) (any, error) {
	times, err := strconv.Atoi(r.FormValue("times"))
	if err != nil {
		return nil, err
	}
	return times, e.Await(r.Context(), r.FormValue("operation"), times)
}

func (e *Emulator) steerFault(r *http.Request) (any, error) {
	var fault Fault
	if err := readSteering(r, &fault); err != nil {
		return nil, err
	}
	if err := fault.Check(); err != nil {
		return nil, err
	}
	e.Inject(fault)
	return fault, nil
}

func (e *Emulator) steerClear(*http.Request) (any, error) { return cleared{e.ClearFaults()}, nil }

func (e *Emulator) steerClock(r *http.Request) (any, error) {
	var t turn
	if err := readSteering(r, &t); err != nil {
		return nil, err
	}
	by, err := time.ParseDuration(t.Advance)
	switch {
	case err != nil:
		return nil, err
	case by < 0:
		return nil, errors.New("the clock cannot be turned back")
	}
	e.Advance(by)
	return t, nil
}

func (e *Emulator) steerTemplate(r *http.Request) (any, error) {
	var f failing
	if err := readSteering(r, &f); err != nil {
		return nil, err
	}
	e.FailNextTemplate(f.Reason)
	return f, nil
}

// readSteering decodes what must be as it is meant: a word that is not understood would be a fault that is never met.
func readSteering(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	return d.Decode(into)
}
