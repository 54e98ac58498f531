package paths

import "io/fs"

// owned and closed hold by where our folders are: AppData is closed to other users by its access
// list, which new folders inherit. The permission bits Go shows on Windows are made up.
func owned(fs.FileInfo) error { return nil }

func closed(fs.FileInfo) bool { return true }
