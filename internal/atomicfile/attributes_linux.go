package atomicfile

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// keepAttributes gives a file the extended attributes that users set, access lists among them, of the one whose place it takes. Where
// that cannot be had, as on some network drives, the bytes matter more. An access list is part of a file's mode: it goes where that
// changes, or a file that is closed to others would be open to those in the list.
func keepAttributes(from, to string) {
	list := make([]byte, 64<<10) // as much as Linux has for one file
	n, err := syscall.Listxattr(from, list)
	if err != nil {
		return
	}
	sameMode := modeOf(from) == modeOf(to)
	for name := range bytes.SplitSeq(list[:n], []byte{0}) {
		attribute := string(name)
		isList := attribute == "system.posix_acl_access"
		if !strings.HasPrefix(attribute, "user.") && (!isList || !sameMode) {
			continue // the system's own
		}
		value := make([]byte, 64<<10)
		if size, err := syscall.Getxattr(from, attribute, value); err == nil {
			_ = syscall.Setxattr(to, attribute, value[:size], 0)
		}
	}
}

func modeOf(name string) fs.FileMode {
	info, err := os.Stat(name)
	if err != nil {
		return 0
	}
	return info.Mode()
}
