package localengine

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/windows"
)

// links is the number of names a file has, which Windows does not tell along with the rest. A hard link to a file of another
// account needs rights on that file, and the folder is closed to others.
func links(fs.FileInfo) uint64 { return 1 }

func isQuotaExceeded(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
