//go:build unix

package paths

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// owned returns an error if the file belongs to another user.
func owned(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("its owner cannot be read")
	}
	if int64(st.Uid) != int64(os.Getuid()) {
		return fmt.Errorf("it belongs to user %d, and we are user %d", st.Uid, os.Getuid())
	}
	return nil
}

// closed reports whether only the owner may enter.
func closed(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }
