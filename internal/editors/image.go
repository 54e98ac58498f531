package editors

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
	"github.com/agentrun-tray/agentrun-tray/internal/editors/configedit"
)

// image is a settings file at one moment: what is in it, or that it is not there.
type image struct {
	path   string
	exists bool
	text   []byte
	mode   fs.FileMode
	linked bool // it has other names, which a new file in its place has not
}

// newFile is the mode of files that we make: others' tokens may come to stand beside ours.
const newFile = 0o600

// look reads a file. That there is none is an image too.
func look(path string) (image, error) {
	img := image{path: path, mode: newFile}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return img, nil
	}
	if err != nil {
		return img, plainError(err)
	}
	if !info.Mode().IsRegular() {
		return img, errors.New("it is not a file")
	}
	if info.Size() > configedit.MaxSize {
		return img, configedit.ErrTooLarge
	}
	if img.text, err = os.ReadFile(path); err != nil {
		return img, plainError(err)
	}
	img.exists, img.mode, img.linked = true, info.Mode().Perm(), otherNames(info)
	return img, nil
}

// plainError leaves out the path, which the sentences around have already.
func plainError(err error) error {
	if wrong, ok := errors.AsType[*fs.PathError](err); ok {
		return wrong.Err
	}
	return err
}

// sum is what an image is recognised by; empty for a file that is not there.
func (img image) sum() string {
	if !img.exists {
		return ""
	}
	hash := sha256.Sum256(img.text)
	return hex.EncodeToString(hash[:])
}

func (img image) is(other image) bool { return img.sum() == other.sum() }

// errMoved says that a file is not any more what the change was made from.
var errMoved = errors.New("it was changed in the same moment")

// write makes a file what an image says, if it still is what before says. Editors know nothing of our lock: the last look is as near
// to the writing as it can be, and what is there afterwards is looked at once more.
func (img image) write(before image) (folders []string, err error) {
	if before.exists && before.mode&0o222 == 0 {
		return nil, errors.New("it is read-only; whoever made it so, or what manages your settings files, has to make the change, or permit it")
	}
	if othersFile(img.path) {
		return nil, errors.New("it belongs to another user; do this as that user, and not as root")
	}
	if folders, err = makeFolders(filepath.Dir(img.path)); err != nil {
		return folders, err
	}
	if img.exists {
		err = atomicfile.WriteIf(img.path, img.text, img.mode, before.still)
	} else if err = before.still(); err == nil {
		err = removeFile(img.path)
	}
	if err != nil {
		return folders, plainError(err)
	}
	return folders, img.still()
}

// still says whether a file is what an image says; if not, the error is errMoved.
func (img image) still() error {
	now, err := look(img.path)
	if err == nil && !now.is(img) {
		err = errMoved
	}
	return err
}

// removeFile removes the file that a path leads to; a link to it stays.
func removeFile(path string) error {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(target)
}

// makeFolders makes a folder with its parents and returns those that were not there, outermost first.
func makeFolders(dir string) (made []string, err error) {
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			break
		}
		missing = append([]string{at}, missing...)
	}
	for _, at := range missing {
		if err := os.Mkdir(at, 0o700); errors.Is(err, fs.ErrExist) {
			continue // somebody else was faster
		} else if err != nil {
			return made, fmt.Errorf("make the folder %s: %w", at, plainError(err))
		}
		made = append(made, at)
	}
	return made, nil
}

// removeFolders takes back what makeFolders made, as far as nothing else has come into it.
func removeFolders(made []string) {
	for _, dir := range slices.Backward(made) {
		if os.Remove(dir) != nil {
			return // not empty any more
		}
	}
}
