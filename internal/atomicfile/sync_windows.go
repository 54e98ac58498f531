package atomicfile

// syncFolder does nothing: Windows has no way to flush a folder, NTFS logs the rename.
func syncFolder(string) error { return nil }
