package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/localengine"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// errConsumed says that a file cannot be written again from a reader that was partly read.
var errConsumed = errors.New("the interpreter was replaced while the file was on its way; send it again")

// ListFiles implements [sandbox.Session].
func (s *session) ListFiles(ctx context.Context, contextID, folder string, depth int) ([]sandbox.File, error) {
	path, pathErr := sandbox.CleanFolder(folder)
	if pathErr == nil && depth < 1 {
		pathErr = sandbox.Errorf(sandbox.CodeInvalidParams, "a depth of %d lists nothing; 1 lists the folder's own entries", depth)
	}
	var found []localengine.FileInfo
	err := s.withInstance(ctx, contextID, func(id localengine.ID) (err error) {
		if pathErr != nil {
			return pathErr
		}
		found, err = s.backend.engine.List(id, path, depth)
		return err
	})
	if err != nil {
		return nil, s.fileError("list", path, err)
	}
	files := make([]sandbox.File, len(found))
	for i, info := range found {
		files[i] = describe(info)
	}
	slices.SortFunc(files, func(a, b sandbox.File) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

// ReadFile implements [sandbox.Session]. What code adds to the file from here on is not read.
func (s *session) ReadFile(ctx context.Context, contextID, name string) (io.ReadCloser, sandbox.File, error) {
	path, pathErr := sandbox.CleanFile(name)
	var (
		file io.ReadSeekCloser
		info localengine.FileInfo
	)
	err := s.withInstance(ctx, contextID, func(id localengine.ID) (err error) {
		if pathErr != nil {
			return pathErr
		}
		file, info, err = s.backend.engine.Open(id, path)
		return err
	})
	if err != nil {
		return nil, sandbox.File{}, s.fileError("read", path, err)
	}
	if limit := s.backend.traits.MaxFileSize; info.Size > limit {
		err := sandbox.Errorf(sandbox.CodeTooLarge, "%s has %d bytes and the limit for one piece is %d; let code split it", path, info.Size, limit)
		return nil, sandbox.File{}, errors.Join(err, file.Close())
	}
	return bounded{io.LimitReader(file, info.Size), file}, describe(info), nil
}

// bounded reads a file to the size it had.
type bounded struct {
	io.Reader
	io.Closer
}

// WriteFile implements [sandbox.Session]. Code sees the file when all of it has come.
func (s *session) WriteFile(ctx context.Context, contextID, name string, content io.Reader) (sandbox.File, error) {
	path, pathErr := sandbox.CleanFile(name)
	data := &upload{ctx: ctx, from: content, left: s.backend.traits.MaxFileSize}
	var file sandbox.File
	err := s.withInstance(ctx, contextID, func(id localengine.ID) error {
		if pathErr != nil {
			return pathErr
		}
		_, err := s.backend.engine.WriteFile(id, path, data)
		if err == nil {
			var info localengine.FileInfo
			info, err = s.backend.engine.Stat(id, path)
			file = describe(info)
		}
		if data.begun && errors.Is(err, localengine.ErrUnknownInstance) {
			return errConsumed
		}
		return err
	})
	if err != nil {
		return sandbox.File{}, s.fileError("write", path, err)
	}
	return file, nil
}

// upload reads content for as long as its sender is there and it is not too large.
type upload struct {
	ctx   context.Context // a reader has no other way to know its caller
	from  io.Reader
	left  int64
	begun bool
}

// Read implements [io.Reader].
func (u *upload) Read(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	u.begun = true
	n, err := u.from.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, localengine.ErrTooLarge
	}
	return n, err
}

// withInstance lets work on the files of a context, by way of the engine, whose books of the scratch folder are what code sees.
// A run may take the instance along at any moment; work is then done again with its replacement.
func (s *session) withInstance(ctx context.Context, contextID string, work func(id localengine.ID) error) error {
	var tried localengine.ID
	for {
		instance, running, err := s.lookUp(contextID)
		if err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if instance != tried && instance != 0 {
			tried = instance
			if err := work(instance); !errors.Is(err, localengine.ErrUnknownInstance) {
				return err
			}
			continue
		}
		if running == nil {
			return sandbox.Errorf(sandbox.CodeExecutionFailed, "the interpreter of the context %s could not be started again; run code in it to try once more", contextID)
		}
		select { // the run that lost the instance sees to another
		case <-running:
		case <-ctx.Done():
		}
	}
}

// lookUp finds a context's instance, and the run in progress.
func (s *session) lookUp(contextID string) (instance localengine.ID, running <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, nil, s.lost()
	}
	cc, ok := s.contexts[contextID]
	if !ok {
		return 0, nil, s.noContext(contextID)
	}
	return cc.instance, cc.running, nil
}

// fileError words what the engine says of files.
func (s *session) fileError(attempt, path string, err error) error {
	if e, ok := errors.AsType[*sandbox.Error](err); ok {
		return e
	}
	switch {
	case isGone(err):
		return s.lost()
	case errors.Is(err, fs.ErrNotExist):
		return sandbox.Errorf(sandbox.CodeFileNotFound, "there is no %s; list_files shows what there is", path)
	case errors.Is(err, localengine.ErrTooLarge):
		return sandbox.Errorf(sandbox.CodeTooLarge, "%s is larger than the limit of %d bytes for one piece; send it in parts", path, s.backend.traits.MaxFileSize)
	case errors.Is(err, localengine.ErrQuota):
		return sandbox.Errorf(sandbox.CodeQuotaExceeded, "%s does not fit: the context's folder holds as much as it may; let code remove something first", path)
	case errors.Is(err, localengine.ErrIsFolder):
		return sandbox.Errorf(sandbox.CodeInvalidParams, "%s is a folder, not a file", path)
	case errors.Is(err, localengine.ErrNotFolder):
		return sandbox.Errorf(sandbox.CodeInvalidParams, "%s is not a folder, or is below something that is a file", path)
	case errors.Is(err, localengine.ErrName), errors.Is(err, localengine.ErrOutside), errors.Is(err, fs.ErrPermission):
		return sandbox.Errorf(sandbox.CodeInvalidParams, "%s cannot be used as a path: %w", path, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s %s: %w", attempt, path, err)
	}
	return sandbox.Errorf(sandbox.CodeExecutionFailed, "%s could not be %s: %w", path, map[string]string{"list": "listed", "read": "read", "write": "written"}[attempt], err)
}

func describe(info localengine.FileInfo) sandbox.File {
	file := sandbox.File{Path: info.Path, Size: info.Size, IsFolder: info.Folder, Modified: info.ModTime}
	if info.Folder {
		file.Size = 0
	}
	return file
}
