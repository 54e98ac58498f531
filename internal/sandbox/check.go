package sandbox

import (
	"cmp"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// CleanFolder checks the path of a folder among a context's files and returns its plain form, "." for the working folder,
// which the empty path means too. A path that leads outside, in any system's way of writing it, is refused with
// [CodeInvalidParams]. Backends call it before they look at anything.
func CleanFolder(folder string) (string, error) {
	switch {
	case strings.ContainsRune(folder, 0) || !utf8.ValidString(folder):
		return "", Errorf(CodeInvalidParams, "the path %q holds bytes that no path may hold", folder)
	case strings.Contains(folder, `\`):
		return "", Errorf(CodeInvalidParams, "the path %q holds a backslash; write folders with forward slashes, such as data/table.csv", folder)
	case strings.HasPrefix(folder, "/") || isDrive(folder):
		return "", Errorf(CodeInvalidParams, "the path %q is absolute; files are named relative to the context's working folder, such as data/table.csv", folder)
	}
	clean := path.Clean(folder)
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", Errorf(CodeInvalidParams, "the path %q leads out of the context's working folder", folder)
	}
	return clean, nil
}

// CleanFile is [CleanFolder] for the path of a file, which cannot be the working folder itself.
func CleanFile(file string) (string, error) {
	clean, err := CleanFolder(file)
	switch {
	case err != nil:
		return "", err
	case clean == ".":
		return "", Errorf(CodeInvalidParams, "the path %q names no file; give one relative to the context's working folder, such as table.csv", file)
	case strings.HasSuffix(file, "/"):
		return "", Errorf(CodeInvalidParams, "the path %q ends with a slash and so names a folder, not a file", file)
	}
	return clean, nil
}

// isDrive reports whether Windows would read the path as one on a drive, such as C:\x or C:x.
func isDrive(p string) bool {
	return len(p) >= 2 && p[1] == ':' && ('a' <= p[0]|0x20 && p[0]|0x20 <= 'z')
}

// CheckRun refuses a run that is beyond the backend's limits: [CodeTooLarge] for its code, [CodeInvalidParams] for its
// timeout. Backends call it first.
func (t Traits) CheckRun(run Run) error {
	switch {
	case len(run.Code) > t.MaxCodeSize:
		return Errorf(CodeTooLarge, "the code is %d bytes long and the limit is %d; put the data into a file and read it from the code", len(run.Code), t.MaxCodeSize)
	case run.Timeout < 0 || run.Timeout > t.MaxRunTime:
		return Errorf(CodeInvalidParams, "a run cannot be given %s; the longest is %s", run.Timeout, t.MaxRunTime)
	}
	return nil
}

// RunTime is how long a run that passed [Traits.CheckRun] may take.
func (t Traits) RunTime(run Run) time.Duration { return cmp.Or(run.Timeout, t.MaxRunTime) }
