package cloud

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/agentrun"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// here refuses when the session is over. Close does not wait for files that are moved: their senders may take their time.
func (s *session) here() error {
	if err := s.enter(); err != nil {
		return err
	}
	s.calls.Done()
	return nil
}

// folderOf finds the working folder of a context.
func (s *session) folderOf(contextID string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cc, ok := s.contexts[contextID]
	if !ok {
		return "", s.noContext(contextID)
	}
	return cc.folder, nil
}

// ListFiles implements [sandbox.Session].
func (s *session) ListFiles(ctx context.Context, contextID, folder string, depth int) ([]sandbox.File, error) {
	if err := s.here(); err != nil {
		return nil, err
	}
	root, err := s.folderOf(contextID)
	if err != nil {
		return nil, err
	}
	asked, err := sandbox.CleanFolder(folder)
	if err != nil {
		return nil, err
	}
	if depth < 1 {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "a depth of %d lists nothing; 1 lists the folder's own entries", depth)
	}
	within, stop := s.bind(ctx, s.ctx)
	defer stop()
	found, err := s.client.ListFolder(within, s.id, path.Join(root, asked), depth)
	if err != nil {
		return nil, s.fileError(within, "list", asked, err)
	}
	files := make([]sandbox.File, 0, len(found.Entries))
	for _, entry := range found.Entries {
		name, ok := relative(entry, root, asked, depth)
		if !ok {
			return nil, sandbox.Errorf(sandbox.CodeExecutionFailed, "AgentRun lists %s among the files of the folder %s, which it is not in", entry.Path, asked)
		}
		files = append(files, describe(name, entry))
	}
	slices.SortFunc(files, func(a, b sandbox.File) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

// relative gives an entry's path below the working folder. What the service puts before the paths of files differs, but the working
// folder's name is like no other.
func relative(entry agentrun.Entry, root, asked string, depth int) (string, bool) {
	if _, below, ok := strings.Cut(entry.Path, path.Base(root)+"/"); ok && below != "" {
		return path.Clean(below), true
	}
	if depth == 1 && entry.Name != "" && !strings.Contains(entry.Name, "/") {
		return path.Join(asked, entry.Name), true
	}
	return "", false
}

func describe(name string, entry agentrun.Entry) sandbox.File {
	file := sandbox.File{Path: name, Size: int64(entry.Size), IsFolder: entry.IsFolder(), Modified: entry.Modified.Time}
	if file.IsFolder {
		file.Size = 0
	}
	return file
}

// ReadFile implements [sandbox.Session]. What code adds to the file from here on is not read.
func (s *session) ReadFile(ctx context.Context, contextID, name string) (io.ReadCloser, sandbox.File, error) {
	if err := s.here(); err != nil {
		return nil, sandbox.File{}, err
	}
	root, err := s.folderOf(contextID)
	if err != nil {
		return nil, sandbox.File{}, err
	}
	asked, err := sandbox.CleanFile(name)
	if err != nil {
		return nil, sandbox.File{}, err
	}
	within, stop := s.bind(ctx, s.ctx) // called off when the reader is closed
	file, err := s.stat(within, root, asked)
	if err == nil && file.Size > s.backend.traits.MaxFileSize {
		err = sandbox.Errorf(sandbox.CodeTooLarge, "%s has %d bytes and the limit for one piece is %d; let code split it", asked, file.Size, s.backend.traits.MaxFileSize)
	}
	var content *agentrun.Download
	if err == nil {
		content, err = s.client.Download(within, s.id, path.Join(root, asked))
	}
	if err != nil {
		err = s.fileError(within, "read", asked, err)
		stop()
		return nil, sandbox.File{}, err
	}
	if content.Size >= 0 {
		file.Size = content.Size
	}
	return &download{session: s, ctx: within, stop: stop, name: asked, from: content, left: file.Size}, file, nil
}

// stat looks at a file, which must not be a folder.
func (s *session) stat(ctx context.Context, root, name string) (sandbox.File, error) {
	entry, err := s.client.Stat(ctx, s.id, path.Join(root, name))
	if err != nil {
		return sandbox.File{}, err
	}
	if entry.IsFolder() {
		return sandbox.File{}, sandbox.Errorf(sandbox.CodeInvalidParams, "%s is a folder, not a file", name)
	}
	return describe(name, entry), nil
}

// download is a file on its way out. It ends with the session.
type download struct {
	session *session
	ctx     context.Context // a reader has no other way to know its caller
	stop    func()
	name    string
	from    io.ReadCloser
	left    int64 // of what was announced
}

// Read implements [io.Reader].
func (d *download) Read(p []byte) (int, error) {
	if d.left <= 0 {
		return 0, io.EOF
	}
	n, err := d.from.Read(p[:min(int64(len(p)), d.left)])
	d.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && d.left <= 0:
		return n, io.EOF
	case errors.Is(err, io.EOF):
		return n, sandbox.Errorf(sandbox.CodeExecutionFailed, "%s broke off %d bytes before its end; read it again: %w", d.name, d.left, io.ErrUnexpectedEOF)
	}
	return n, d.session.fileError(d.ctx, "read", d.name, err)
}

// Close implements [io.Closer].
func (d *download) Close() error {
	err := d.from.Close()
	d.stop()
	return err
}

// known is how much of a file is read before it is sent, to learn the size of small ones.
const known = 1 << 20

// WriteFile implements [sandbox.Session]. The content is sent as it comes, at once.
func (s *session) WriteFile(ctx context.Context, contextID, name string, content io.Reader) (sandbox.File, error) {
	if err := s.here(); err != nil {
		return sandbox.File{}, err
	}
	root, err := s.folderOf(contextID)
	if err != nil {
		return sandbox.File{}, err
	}
	asked, err := sandbox.CleanFile(name)
	if err != nil {
		return sandbox.File{}, err
	}
	within, stop := s.bind(ctx, s.ctx)
	defer stop()
	if _, err := s.stat(within, root, asked); err != nil && agentrun.KindOf(err) != agentrun.KindFileNotFound {
		return sandbox.File{}, s.fileError(within, "write", asked, err) // what a folder in its place would do is not documented
	}
	size := int64(-1)
	if sized, ok := content.(interface{ Len() int }); ok {
		size = int64(sized.Len())
	}
	if size < 0 {
		head := make([]byte, known)
		n, err := io.ReadFull(content, head)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			content, size = bytes.NewReader(head[:n]), int64(n)
		case err != nil:
			return sandbox.File{}, fmt.Errorf("write %s: its content broke off: %w", asked, err)
		default:
			content = io.MultiReader(bytes.NewReader(head), content)
		}
	}
	if _, err := s.client.Upload(within, s.id, agentrun.UploadSpec{Path: path.Join(root, asked), Content: content, Size: size}); err != nil {
		return sandbox.File{}, s.fileError(within, "write", asked, err)
	}
	file, err := s.stat(within, root, asked)
	if err != nil {
		return sandbox.File{}, s.fileError(within, "write", asked, err)
	}
	return file, nil
}

// fileError words what the service says of files.
func (s *session) fileError(ctx context.Context, attempt, name string, err error) error {
	if e, ok := errors.AsType[*sandbox.Error](err); ok {
		return e
	}
	if context.Cause(ctx) != nil && !errors.Is(context.Cause(ctx), errSessionClosed) {
		return fmt.Errorf("%s %s: %w", attempt, name, context.Cause(ctx))
	}
	if s.isOver(ctx, err) {
		return s.lost(err)
	}
	e, _ := errors.AsType[*agentrun.APIError](err)
	switch {
	case e == nil:
	case e.Kind == agentrun.KindFileNotFound:
		return sandbox.Errorf(sandbox.CodeFileNotFound, "there is no %s; list_files shows what there is", name)
	case e.Kind == agentrun.KindTooLarge:
		return sandbox.Errorf(sandbox.CodeTooLarge, "%s is larger than the limit of %d bytes for one piece; send it in parts", name, s.backend.traits.MaxFileSize)
	case e.Kind == agentrun.KindInvalid, e.Kind == agentrun.KindConflict, e.Kind == agentrun.KindNoPermission && e.Code == "FORBIDDEN": // by the sandbox, not by a policy of the account
		return sandbox.Errorf(sandbox.CodeInvalidParams, "%s cannot be used as a path here: %s", name, e.Message)
	}
	return s.backend.explain(attempt+" "+name, sandbox.CodeExecutionFailed, err)
}
