package agentruntest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
)

// kernel is one interpreter: an instance of the local engine, and what it has of the sandbox's files. The folder it works in is
// the root of its own.
type kernel struct {
	id       string
	language localengine.Language
	cwd      string // a name in the tree

	ctx    context.Context // of what runs in it
	cancel context.CancelFunc
	turn   chan struct{} // capacity 1: held by the run in progress

	// Of whoever has the turn.
	instance localengine.ID
	dir      string
	has      map[string]mark // by path below cwd
	gone     bool
}

// mark says what a file was like when the tree and the instance agreed on it.
type mark struct {
	version  int64 // in the tree
	size     int64 // in the instance
	modified time.Time
	folder   bool
}

// newKernel starts an interpreter in a sandbox.
func (e *Emulator) newKernel(s *sandbox, id string, language localengine.Language, cwd string) (*kernel, error) {
	k := &kernel{id: id, language: language, cwd: cwd, turn: make(chan struct{}, 1)}
	k.ctx, k.cancel = context.WithCancel(s.ctx)
	if err := e.furnish(k); err != nil {
		k.cancel()
		return nil, err
	}
	return k, nil
}

// mostOutput is what is kept of each stream of a run. No answer says that something was left out, so there is room for much.
const mostOutput = 8 << 20

// furnish gives a kernel an instance.
func (e *Emulator) furnish(k *kernel) error {
	if e.options.Script != nil {
		return nil
	}
	dir, err := e.scratch()
	if err != nil {
		return err
	}
	instance, err := e.engine.Create(k.ctx, localengine.Spec{Language: k.language, ScratchDir: dir, Quota: localengine.Quota{Bytes: diskSize, Files: mostFiles}, Output: localengine.OutputLimit{Stream: mostOutput}})
	if err != nil {
		e.clearFolder(dir)
		return err
	}
	k.instance, k.dir, k.has = instance, dir, map[string]mark{}
	return nil
}

// strip takes a kernel's instance away.
func (e *Emulator) strip(k *kernel) {
	if e.options.Script != nil {
		return
	}
	if err := e.engine.Destroy(context.Background(), k.instance); err != nil && !errors.Is(err, localengine.ErrUnknownInstance) && !errors.Is(err, localengine.ErrClosed) {
		e.log.Warn("instance stays", "error", err)
	}
	e.clearFolder(k.dir)
}

// destroy ends a kernel and what it runs.
func (e *Emulator) destroy(k *kernel) {
	k.cancel()
	k.turn <- struct{}{}
	defer func() { <-k.turn }()
	if !k.gone {
		k.gone = true
		e.strip(k)
	}
}

// push brings the instance to what the tree has.
func (e *Emulator) push(s *sandbox, k *kernel) error {
	wanted := s.files.below(k.cwd, 0)
	names := slices.Sorted(maps.Keys(wanted)) // folders before what they hold
	for name := range k.has {
		if _, there := wanted[path.Join(k.cwd, name)]; !there {
			if err := e.engine.Remove(k.instance, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			delete(k.has, name)
		}
	}
	for _, whole := range names {
		n := wanted[whole]
		name, _ := under(whole, k.cwd)
		had, known := k.has[name]
		if known && had.version == n.version {
			continue
		}
		if known && had.folder != n.folder {
			if err := e.engine.Remove(k.instance, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		var err error
		if n.folder {
			err = e.engine.MakeFolder(k.instance, name)
		} else {
			_, err = e.engine.WriteFile(k.instance, name, bytes.NewReader(n.data))
		}
		if err != nil {
			return err
		}
		info, err := e.engine.Stat(k.instance, name)
		if err != nil {
			return err
		}
		k.has[name] = mark{version: n.version, size: info.Size, modified: info.ModTime, folder: n.folder}
	}
	return nil
}

// pull brings the tree to what the instance has changed. Of two that changed one file, the last counts.
func (e *Emulator) pull(s *sandbox, k *kernel) error {
	infos, err := e.engine.List(k.instance, ".", 0)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, info := range infos {
		there[info.Path] = true
		whole := path.Join(k.cwd, info.Path)
		had, known := k.has[info.Path]
		if known && had.folder == info.Folder && (info.Folder || had.size == info.Size && had.modified.Equal(info.ModTime)) {
			continue
		}
		if known && had.folder != info.Folder {
			if err := s.files.remove(whole); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		if info.Folder {
			err = s.files.mkdir(whole)
		} else {
			var data []byte
			if data, err = e.engine.ReadFile(k.instance, info.Path, diskSize); err == nil {
				err = s.files.write(whole, data)
			}
		}
		if err != nil {
			return err
		}
		n, err := s.files.get(whole)
		if err != nil {
			return err
		}
		k.has[info.Path] = mark{version: n.version, size: info.Size, modified: info.ModTime, folder: info.Folder}
	}
	for name, had := range k.has {
		if there[name] {
			continue
		}
		delete(k.has, name)
		whole := path.Join(k.cwd, name)
		if n, err := s.files.get(whole); err == nil && n.version == had.version {
			if err := s.files.remove(whole); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// ran is what came of a cell.
type ran struct {
	events   []localengine.Event // output in order, what was printed in one go in one piece
	value    localengine.Bundle
	failure  *localengine.CellError
	timedOut bool
	lost     string // why the interpreter is a new one; "" if it is not
	took     time.Duration
}

// run executes a cell with the files brought there and back. The caller has the turn.
func (e *Emulator) run(ctx context.Context, s *sandbox, k *kernel, code string, emit func(localengine.Event)) (ran, error) {
	if e.options.Script != nil {
		return e.play(ctx, k, code, emit), nil
	}
	if err := e.push(s, k); err != nil {
		return ran{}, err
	}
	var r ran
	result, err := e.engine.Run(ctx, k.instance, code, func(event localengine.Event) {
		if emit != nil {
			emit(event)
			return
		}
		if last := len(r.events) - 1; last >= 0 && event.Kind != localengine.Display && r.events[last].Kind == event.Kind {
			r.events[last].Text += event.Text
			return
		}
		r.events = append(r.events, event)
	})
	r.timedOut = errors.Is(ctx.Err(), context.DeadlineExceeded)
	if lost, ok := errors.AsType[*localengine.StateLostError](err); ok {
		r.lost, r.took = cmp.Or(lost.Detail, "the interpreter ended"), lost.Result.Duration
		e.strip(k)
		if err := e.furnish(k); err != nil { // also when the kernel itself is over
			k.gone = true
			return r, err
		}
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.value, r.failure, r.took = result.Value, result.Error, result.Duration
	r.timedOut = r.timedOut && result.Outcome == localengine.Interrupted
	return r, e.pull(s, k)
}

// play gives what the script says of code, in the time it says.
func (e *Emulator) play(ctx context.Context, k *kernel, code string, emit func(localengine.Event)) ran {
	said := e.options.Script(string(k.language), code)
	timer := time.NewTimer(said.Took)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	r := ran{value: said.Value, timedOut: errors.Is(ctx.Err(), context.DeadlineExceeded), took: said.Took}
	if said.Error != nil {
		r.failure = &localengine.CellError{Name: said.Error.Name, Message: said.Error.Message, Traceback: said.Error.Traceback}
	}
	for _, event := range []localengine.Event{{Kind: localengine.Stdout, Text: said.Stdout}, {Kind: localengine.Stderr, Text: said.Stderr}} {
		switch {
		case event.Text == "":
		case emit != nil:
			emit(event)
		default:
			r.events = append(r.events, event)
		}
	}
	return r
}

func (x *exchange) listContexts(s *sandbox) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []any{}
	for _, id := range s.order {
		items = append(items, describeContext(s.kernels[id]))
	}
	if name := x.shape.ContextsUnder; name != "" {
		return x.inside(object{name: items})
	}
	return x.inside(items)
}

func describeContext(k *kernel) object {
	return object{"id": k.id, "language": string(k.language), "cwd": absolute(k.cwd)}
}

func noContext(id string) answer {
	a := refusal(http.StatusNotFound, "NOT_FOUND", "context not found")
	a.body = object{"error": object{"code": "NOT_FOUND", "message": "context not found", "details": object{"contextId": id}}}
	return a
}

func (x *exchange) createContext(s *sandbox) answer {
	var fields struct{ Language, Cwd string }
	if a, ok := x.fields(&fields); !ok {
		return a
	}
	speaks, ok := language(fields.Language)
	if !ok {
		return invalid("language must be python or javascript")
	}
	cwd, err := home(cmp.Or(fields.Cwd, homeFolder), "")
	if err == nil {
		err = s.files.mkdir(cwd)
	}
	if err != nil {
		return fileProblem(fields.Cwd, err)
	}
	if !x.e.begin() {
		return x.gone()
	}
	defer x.e.jobs.Done()
	k, err := x.e.newKernel(s, strings.ToLower(newRequestID()), speaks, cwd)
	if err != nil {
		if s.ctx.Err() != nil {
			return x.gone()
		}
		return refusal(http.StatusInternalServerError, "INTERNAL_ERROR", "the context could not be created")
	}
	s.mu.Lock()
	over := s.kernels == nil
	if !over {
		s.kernels[k.id] = k
		s.order = append(s.order, k.id)
	}
	s.mu.Unlock()
	if over {
		x.e.destroy(k)
		return x.gone()
	}
	return x.inside(describeContext(k))
}

func (s *sandbox) kernel(id string) *kernel {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kernels[id]
}

func (x *exchange) getContext(s *sandbox) answer {
	k := s.kernel(x.args[1])
	if k == nil {
		return noContext(x.args[1])
	}
	return x.inside(describeContext(k))
}

// take removes a context from the list.
func (s *sandbox) take(id string) *kernel {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kernels[id]
	delete(s.kernels, id)
	s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == id })
	return k
}

// deleteContext ends a context, and what it runs.
func (x *exchange) deleteContext(s *sandbox) answer {
	if !x.e.begin() {
		return x.gone()
	}
	defer x.e.jobs.Done()
	k := s.take(x.args[1])
	if k == nil {
		return noContext(x.args[1])
	}
	x.e.jobs.Go(func() { x.e.destroy(k) })
	if x.shape.DeleteAnswers {
		return x.inside(object{"id": k.id, "deleted": true})
	}
	return answer{status: http.StatusNoContent}
}
