//go:build unix

package localengine

import (
	"errors"
	"io/fs"
	"syscall"
)

// links is the number of names a file has. A second name may be anywhere, so a file with one is not taken for the guest's.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // its type differs between systems
	}
	return 1
}

func isQuotaExceeded(err error) bool { return errors.Is(err, syscall.EDQUOT) }
