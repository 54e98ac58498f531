package mcpserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// localFile is a place on the user's own machine, inside a folder that the user has allowed. Close it.
type localFile struct {
	root *os.Root
	name string // relative to the root
}

// openLocal finds a local_path inside one of the allowed folders. Nothing outside them can be reached by it, whatever links
// there are: the system resolves each step below the folder.
func (s *Server) openLocal(local string) (*localFile, error) {
	var folders []string
	if s.opt.AllowedFolders != nil {
		folders = s.opt.AllowedFolders()
	}
	if len(folders) == 0 {
		return nil, sandbox.Errorf(sandbox.CodeNotSupported,
			"local_path is switched off: no folder of this computer is allowed. The user can allow one in the Settings of AgentRun Tray (allowed folders); until then pass the content itself")
	}
	if !filepath.IsAbs(local) {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "local_path must be an absolute path; %q is not", clean(local, 200))
	}
	for _, folder := range folders {
		name, ok := within(folder, local)
		if !ok {
			continue
		}
		root, err := os.OpenRoot(folder)
		if err != nil {
			return nil, sandbox.Errorf(sandbox.CodeFileNotFound, "the allowed folder %s cannot be opened: %w", folder, err)
		}
		return &localFile{root, name}, nil
	}
	return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "%s is not inside a folder that the user has allowed; allowed: %s", clean(local, 200), strings.Join(folders, ", "))
}

// within returns the part of a path below a folder, also where one of the two is written by way of a link.
func within(folder, file string) (string, bool) {
	if name, ok := below(folder, file); ok {
		return name, true
	}
	realFolder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return "", false
	}
	if name, ok := below(realFolder, file); ok {
		return name, true
	}
	realParent, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return "", false
	}
	return below(realFolder, filepath.Join(realParent, filepath.Base(file)))
}

func below(folder, file string) (string, bool) {
	name, err := filepath.Rel(folder, file)
	if err != nil || name == "." || !filepath.IsLocal(name) {
		return "", false
	}
	return name, true
}

// Close gives the folder back.
func (l *localFile) Close() error { return l.root.Close() }

// open opens the file for reading. Only a regular file is opened: a pipe would wait for ever.
func (l *localFile) open(most int64) (*os.File, error) {
	info, err := l.root.Stat(l.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, sandbox.Errorf(sandbox.CodeFileNotFound, "there is no file %s in %s", l.name, l.root.Name())
	case err != nil:
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "%s cannot be read: %w", l.name, err)
	case !info.Mode().IsRegular():
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "%s is not a file", l.name)
	case most > 0 && info.Size() > most:
		return nil, sandbox.Errorf(sandbox.CodeTooLarge, "%s has %s and at most %s can be sent to a context", l.name, phrase.Size(info.Size()), phrase.Size(most))
	}
	f, err := l.root.Open(l.name)
	if err != nil {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "%s cannot be read: %w", l.name, err)
	}
	return f, nil
}

// write makes or replaces the file, whole or not at all.
func (l *localFile) write(content io.Reader) (size int64, err error) {
	if folder := filepath.Dir(l.name); folder != "." {
		if err := l.root.MkdirAll(folder, 0o755); err != nil {
			return 0, sandbox.Errorf(sandbox.CodeInvalidParams, "the folder %s cannot be made: %w", folder, err)
		}
	}
	if info, err := l.root.Lstat(l.name); err == nil && !info.Mode().IsRegular() {
		return 0, sandbox.Errorf(sandbox.CodeInvalidParams, "%s is there already and is not a file", l.name)
	}
	part := l.name + "." + rand.Text()[:8] + ".part"
	f, err := l.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, sandbox.Errorf(sandbox.CodeInvalidParams, "%s cannot be written: %w", l.name, err)
	}
	defer func() {
		if err != nil {
			_ = l.root.Remove(part) // the error that matters is on its way
		}
	}()
	size, err = io.Copy(f, content)
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("write %s: %w", l.name, err)
	}
	if err := l.root.Rename(part, l.name); err != nil {
		return 0, fmt.Errorf("write %s: %w", l.name, err)
	}
	return size, nil
}
