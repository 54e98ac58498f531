//go:build unix

package editors

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// othersFile says that we are the superuser, and that a file, or the folder that it would come into, is some user's: what we wrote there
// would be ours, and closed to the editor of that user.
func othersFile(path string) bool {
	if os.Geteuid() != 0 {
		return false
	}
	for {
		info, err := os.Stat(path)
		if err == nil {
			return !belongsToRoot(info)
		}
		up := filepath.Dir(path)
		if up == path {
			return false
		}
		path = up
	}
}

// otherNames says that a file has hard links beside the name that was looked at.
func otherNames(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}

func belongsToRoot(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Uid == 0
}
