package interpreter

import (
	"context"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/agentrun-tray/agentrun-tray/internal/pool"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// FileRef names a file or folder of a context. Without a ContextID it is the caller's default context for Language.
type FileRef struct {
	ContextID string
	Language  sandbox.Language
	Path      string // slash-separated, relative to the context's working folder; empty: that folder
}

const maxDepth = 32

// ListFiles lists what is below a folder of a context, depth levels deep.
func (i *Interpreter) ListFiles(ctx context.Context, caller Caller, ref FileRef, depth int) ([]sandbox.File, error) {
	if depth < 1 || depth > maxDepth {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "depth must be from 1 to %d", maxDepth)
	}
	var files []sandbox.File
	err := i.withFiles(ctx, caller, ref, func(s sandbox.Session, inner string) (err error) {
		files, err = s.ListFiles(ctx, inner, ref.Path, depth)
		return err
	})
	return files, err
}

// ReadFile opens a file of a context. The caller closes the reader, which may outlive the context.
func (i *Interpreter) ReadFile(ctx context.Context, caller Caller, ref FileRef) (io.ReadCloser, sandbox.File, error) {
	if ref.Path == "" {
		return nil, sandbox.File{}, sandbox.Errorf(sandbox.CodeInvalidParams, "path is empty; name the file, for example data.csv")
	}
	var (
		content io.ReadCloser
		file    sandbox.File
	)
	err := i.withFiles(ctx, caller, ref, func(s sandbox.Session, inner string) (err error) {
		content, file, err = s.ReadFile(ctx, inner, ref.Path)
		return err
	})
	return content, file, err
}

// WriteFile makes or replaces a file of a context.
func (i *Interpreter) WriteFile(ctx context.Context, caller Caller, ref FileRef, content io.Reader) (sandbox.File, error) {
	if ref.Path == "" {
		return sandbox.File{}, sandbox.Errorf(sandbox.CodeInvalidParams, "path is empty; name the file, for example data.csv")
	}
	var file sandbox.File
	err := i.withFiles(ctx, caller, ref, func(s sandbox.Session, inner string) (err error) {
		file, err = s.WriteFile(ctx, inner, ref.Path, content)
		return err
	})
	return file, err
}

// withFiles calls do with the session that holds the context's files. It waits for a run in progress only if the context has
// to be placed first.
func (i *Interpreter) withFiles(ctx context.Context, caller Caller, ref FileRef, do func(s sandbox.Session, inner string) error) error {
	if strings.ContainsRune(ref.Path, 0) || !utf8.ValidString(ref.Path) {
		return sandbox.Errorf(sandbox.CodeInvalidParams, "the path is not a valid file name: it must be UTF-8 without NUL characters")
	}
	if err := i.enter(); err != nil {
		return err
	}
	defer i.leave()
	cc, _, err := i.find(caller, ref.ContextID, ref.Language)
	if err != nil {
		return i.explain(caller, err)
	}
	defer i.release(cc)
	lease, inner, err := i.filesOf(ctx, cc)
	if err != nil {
		return err
	}
	err = do(lease.Value(), inner)
	if errors.Is(err, sandbox.ErrSessionLost) {
		lease.Discard(err)
	}
	return err
}

// filesOf returns the session of a context, placing the context if it is not on a live one.
func (i *Interpreter) filesOf(ctx context.Context, cc *codeContext) (*pool.Lease[sandbox.Session], string, error) {
	i.mu.Lock()
	lost, _ := cc.lost()
	lease, inner := cc.lease, cc.inner.ID
	i.mu.Unlock()
	if lease != nil && !lost {
		return lease, inner, nil
	}
	if err := i.takeTurn(ctx, cc); err != nil {
		return nil, "", err
	}
	defer i.yieldTurn(cc)
	if _, err := i.place(ctx, cc); err != nil {
		return nil, "", err
	}
	return cc.lease, cc.inner.ID, nil
}
