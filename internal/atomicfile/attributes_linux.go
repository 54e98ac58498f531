package atomicfile

import (
	"bytes"
	"strings"
	"syscall"
)

// keepAttributes gives a file the extended attributes that users set, access lists among them, of the one whose place it takes. Where
// that cannot be had, as on some network drives, the bytes matter more.
func keepAttributes(from, to string) {
	list := make([]byte, 64<<10) // as much as Linux has for one file
	n, err := syscall.Listxattr(from, list)
	if err != nil {
		return
	}
	for name := range bytes.SplitSeq(list[:n], []byte{0}) {
		attribute := string(name)
		if !strings.HasPrefix(attribute, "user.") && attribute != "system.posix_acl_access" {
			continue // the system's own
		}
		value := make([]byte, 64<<10)
		if size, err := syscall.Getxattr(from, attribute, value); err == nil {
			_ = syscall.Setxattr(to, attribute, value[:size], 0)
		}
	}
}
