package interpreter

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// FileRef names a file or folder of a context. Without a ContextID it is the caller's default context for Language.
type FileRef struct {
	ContextID string
	Language  sandbox.Language
	Path      string // slash-separated, relative to the context's working folder; empty: that folder
	// Mute says that the answer has no place for notices: they wait for the next result.
	Mute bool
}

const (
	maxDepth      = 32
	maxPathLength = 4096 // bytes
)

// Where says in which context a file call was, and what its caller must know, such as that files are gone.
type Where struct {
	ContextID string
	Notices   []string
}

// ListFiles lists what is below a folder of a context, depth levels deep.
func (i *Interpreter) ListFiles(ctx context.Context, caller Caller, ref FileRef, depth int) (files []sandbox.File, where Where, err error) {
	if depth < 1 || depth > maxDepth {
		return nil, Where{}, sandbox.Errorf(sandbox.CodeInvalidParams, "depth must be from 1 to %d", maxDepth)
	}
	where, err = i.withFiles(ctx, caller, ref, func(ctx context.Context, s sandbox.Session, inner string) (err error) {
		files, err = s.ListFiles(ctx, inner, ref.Path, depth)
		return overdue(ctx, err, "nothing was changed. Try again in a moment")
	})
	return files, where, err
}

// ReadFile opens a file of a context. The caller closes the reader, which may outlive the context.
func (i *Interpreter) ReadFile(ctx context.Context, caller Caller, ref FileRef) (content io.ReadCloser, file sandbox.File, where Where, err error) {
	if err := checkFile(ref); err != nil {
		return nil, sandbox.File{}, Where{}, err
	}
	outer := ctx // the reader lives on when this call is over
	where, err = i.withFiles(ctx, caller, ref, func(_ context.Context, s sandbox.Session, inner string) (err error) {
		content, file, err = s.ReadFile(outer, inner, ref.Path)
		return overdue(outer, err, "nothing was changed. Try again in a moment")
	})
	return content, file, where, err
}

// WriteFile makes or replaces a file of a context.
func (i *Interpreter) WriteFile(ctx context.Context, caller Caller, ref FileRef, content io.Reader) (file sandbox.File, where Where, err error) {
	if err := checkFile(ref); err != nil {
		return sandbox.File{}, Where{}, err
	}
	where, err = i.withFiles(ctx, caller, ref, func(ctx context.Context, s sandbox.Session, inner string) (err error) {
		file, err = s.WriteFile(ctx, inner, ref.Path, content)
		return overdue(ctx, err, "whether the file is there, and all of it, is not known: look with list_files before you send it again")
	})
	return file, where, err
}

func checkFile(ref FileRef) error {
	if ref.Path == "" {
		return sandbox.Errorf(sandbox.CodeInvalidParams, "path is empty; name the file, for example data.csv")
	}
	return nil
}

// withFiles calls do with the session that holds the context's files. It waits for a run in progress only if the context has
// to be placed first.
func (i *Interpreter) withFiles(
	ctx context.Context, caller Caller, ref FileRef, do func(ctx context.Context, s sandbox.Session, inner string) error,
) (Where, error) {
	if strings.ContainsRune(ref.Path, 0) || !utf8.ValidString(ref.Path) || len(ref.Path) > maxPathLength {
		return Where{}, sandbox.Errorf(sandbox.CodeInvalidParams,
			"the path is not a valid file name: it must be UTF-8 without NUL characters, of at most %d bytes", maxPathLength)
	}
	ctx, cancel, leave, err := i.enter(ctx)
	if err != nil {
		return Where{}, err
	}
	defer leave()
	cc, orphan, err := i.find(caller, ref.ContextID, ref.Language, nil)
	if err != nil {
		return Where{}, err
	}
	defer i.release(cc)
	i.evict(ctx, orphan)
	lease, inner, err := i.sessionOf(ctx, cancel, cc, i.opt.ReadyTimeout)
	if err != nil {
		return Where{}, err
	}
	err = func() error {
		defer i.doneAside(cc)
		return do(ctx, lease.Value(), inner)
	}()
	if errors.Is(err, sandbox.ErrSessionLost) {
		lease.Discard(err)
		return Where{}, &sandbox.Error{
			Code: sandbox.CodeSessionLost, Err: err,
			Message: "the sandbox of this context was lost" + because(err) + "; call again to go on with an empty one, without the variables and files from before",
		}
	}
	if err != nil {
		suspect(lease, err)
		return Where{}, err
	}
	where := Where{ContextID: cc.id}
	if !ref.Mute {
		where.Notices = i.due(cc, caller)
	}
	return where, nil
}

// sessionOf returns the session of a context for a call that needs no turn, placing the context if it is not on a live one. It waits no
// longer than most: nobody is handed anything meanwhile, and editors give up soon after. Until the call says doneAside the context does
// not move.
func (i *Interpreter) sessionOf(ctx context.Context, cancel context.CancelCauseFunc, cc *codeContext, most time.Duration) (*pool.Lease[sandbox.Session], string, error) {
	began := time.Now()
	patience := time.NewTimer(most)
	defer patience.Stop()
	for {
		i.mu.Lock()
		lost, _ := cc.lost()
		if cc.lease != nil && !lost && !cc.moving.copying {
			lease, inner := cc.lease, cc.inner.ID
			cc.aside++
			i.mu.Unlock()
			return lease, inner, nil
		}
		ticket := cc.queue.book()
		if cc.landed == nil {
			cc.landed = make(chan struct{})
		}
		landed := cc.landed
		i.mu.Unlock()
		select {
		case <-landed: // it has moved, or a run that came before has placed it; the files are there while its code runs
			i.giveUp(cc, ticket)
			continue
		case <-ticket.turn:
		case <-cc.gone:
		case <-ctx.Done():
		case <-patience.C:
			i.mu.Lock()
			cc.queue.giveUp(ticket)
			moves := cc.moving.copying
			i.mu.Unlock()
			if moves {
				return nil, "", sandbox.Errorf(sandbox.CodeServerNotReady,
					"context %s is being moved to another sandbox, as its own has to end, and could not be reached within %s; nothing was done. Try again in a moment", cc.id, phrase.Duration(most))
			}
			return nil, "", sandbox.Errorf(sandbox.CodeServerNotReady,
				"context %s is busy with code that came before, and its files could not be reached within %s; nothing was done. Wait for that code (get_result waits for a run) or end it with cancel_run, then try again",
				cc.id, phrase.Duration(most))
		}
		if err := i.takeTurn(ctx, cc, ticket, cancel); err != nil {
			return nil, "", err
		}
		_, err := i.place(ctx, cc, max(time.Second, most-time.Since(began)))
		lease, inner := cc.lease, cc.inner.ID
		if err == nil {
			i.mu.Lock()
			cc.aside++
			i.mu.Unlock()
		}
		i.yieldTurn(cc, ticket)
		if err != nil {
			return nil, "", err
		}
		return lease, inner, nil
	}
}

// doneAside says that a call that had the session from sessionOf has done with it.
func (i *Interpreter) doneAside(cc *codeContext) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if cc.aside--; cc.aside == 0 && cc.still != nil {
		close(cc.still)
		cc.still = nil
	}
}
