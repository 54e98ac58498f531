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
	"syscall"

	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// localFile is a place on the user's own machine, inside a folder that the user has allowed. Close it.
type localFile struct {
	root  *os.Root
	name  string // relative to the root, without links
	shown string // as the client named it
}

// settingOfFolders tells the user where to allow a folder.
const settingOfFolders = "setting allowed_folders in settings.json"

// openLocal finds a local_path inside one of the allowed folders. Links are followed as far as they stay inside them. Nothing
// outside can be reached, even by a link that is made this very moment: the system resolves each step below the folder.
func (s *Server) openLocal(local string) (*localFile, error) {
	var folders []string
	if s.opt.AllowedFolders != nil {
		folders = s.opt.AllowedFolders()
	}
	if len(folders) == 0 {
		return nil, sandbox.Errorf(sandbox.CodeNotSupported,
			"local_path is switched off: no folder of this computer is allowed. The user can allow one with the %s; until then pass the content itself", settingOfFolders)
	}
	shown := clean(local, 200)
	if !filepath.IsAbs(local) {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "local_path must be an absolute path; %q is not", shown)
	}
	if strings.ContainsRune(local, 0) {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "local_path holds a NUL character, which no file name can")
	}
	local = filepath.Clean(local)
	target, resolveErr := resolve(local)
	inside := ""
	for _, folder := range folders {
		if _, ok := below(folder, local); ok {
			inside = folder
		}
		realFolder, err := filepath.EvalSymlinks(folder)
		if err != nil || resolveErr != nil {
			continue
		}
		if name, ok := below(realFolder, target); ok {
			root, err := os.OpenRoot(realFolder)
			if err != nil {
				return nil, localError(sandbox.CodeFileNotFound, "the allowed folder "+folder+" cannot be opened", err)
			}
			return &localFile{root, name, shown}, nil
		}
	}
	if inside == "" {
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "%s is not inside a folder that the user has allowed. Allowed: %s (%s)", shown, strings.Join(folders, ", "), settingOfFolders)
	}
	if _, err := os.Stat(inside); err != nil {
		return nil, localError(sandbox.CodeFileNotFound, "the allowed folder "+inside+" ("+settingOfFolders+") cannot be opened", err)
	}
	if resolveErr != nil {
		return nil, localError(sandbox.CodeInvalidParams, shown+" cannot be reached", resolveErr)
	}
	return nil, sandbox.Errorf(sandbox.CodeInvalidParams,
		"%s leads out of the allowed folders by a link. Links are followed only inside them; allowed: %s (%s)", shown, strings.Join(folders, ", "), settingOfFolders)
}

// resolve follows the links in a path, as far as there is something.
func resolve(name string) (string, error) {
	target, err := filepath.EvalSymlinks(name)
	if parent := filepath.Dir(name); errors.Is(err, fs.ErrNotExist) && parent != name {
		if target, err = resolve(parent); err == nil {
			target = filepath.Join(target, filepath.Base(name))
		}
	}
	return target, err
}

func below(folder, file string) (string, bool) {
	name, err := filepath.Rel(folder, file)
	if err != nil || name == "." || !filepath.IsLocal(name) {
		return "", false
	}
	return name, true
}

// localError is a failure of the system with a file of the user's, in a sentence.
func localError(code sandbox.Code, what string, err error) error {
	return &sandbox.Error{Code: code, Message: what + ": " + plainly(err), Err: err}
}

// plainly says what the system said, without the names of system calls.
func plainly(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case errors.Is(err, fs.ErrPermission):
		return "the system does not permit it"
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error()
	}
	return "a link in its path leads out of the allowed folder or nowhere" // what os.Root and the following of links say beyond that
}

// isOfSystem reports whether the file, and not what was to be written, is at fault.
func isOfSystem(err error) bool {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Op != "read" // that was the backend's file
	}
	_, ok := errors.AsType[*os.LinkError](err)
	return ok
}

// Close gives the folder back.
func (l *localFile) Close() error { return l.root.Close() }

// open opens the file for reading. Only a regular file is opened: a pipe would wait for ever.
func (l *localFile) open(most int64) (*os.File, error) {
	info, err := l.root.Stat(l.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, sandbox.Errorf(sandbox.CodeFileNotFound, "there is no file %s", l.shown)
	case err != nil:
		return nil, localError(sandbox.CodeInvalidParams, l.shown+" cannot be read", err)
	case !info.Mode().IsRegular():
		return nil, sandbox.Errorf(sandbox.CodeInvalidParams, "%s is not a file", l.shown)
	case most > 0 && info.Size() > most:
		return nil, sandbox.Errorf(sandbox.CodeTooLarge, "%s has %s and at most %s can be sent to a context", l.shown, phrase.Size(info.Size()), phrase.Size(most))
	}
	f, err := l.root.Open(l.name)
	if err != nil {
		return nil, localError(sandbox.CodeInvalidParams, l.shown+" cannot be read", err)
	}
	return f, nil
}

// write makes or replaces the file, whole or not at all.
func (l *localFile) write(content io.Reader) (size int64, err error) {
	if folder := filepath.Dir(l.name); folder != "." {
		if err := l.root.MkdirAll(folder, 0o755); err != nil {
			return 0, localError(sandbox.CodeInvalidParams, "the folder of "+l.shown+" cannot be made", err)
		}
	}
	if info, err := l.root.Lstat(l.name); err == nil && !info.Mode().IsRegular() {
		return 0, sandbox.Errorf(sandbox.CodeInvalidParams, "%s is there already and is not a file", l.shown)
	}
	part := l.name + "." + rand.Text()[:8] + ".part"
	f, err := l.root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return 0, localError(sandbox.CodeInvalidParams, l.shown+" cannot be written", err)
	}
	defer func() {
		if err != nil {
			_ = l.root.Remove(part) // the error that matters is on its way
		}
	}()
	size, err = io.Copy(f, content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = l.root.Rename(part, l.name)
	}
	if isOfSystem(err) {
		return 0, localError(sandbox.CodeExecutionFailed, l.shown+" cannot be written", err)
	}
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", l.shown, err)
	}
	return size, nil
}
