package sandbox

import (
	"cmp"
	"path"
	"strconv"
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
		return Errorf(CodeTooLarge, "the code has %d bytes and at most %d can be run at once; put data in a file with upload_file and read it from code", len(run.Code), t.MaxCodeSize)
	case run.Timeout == 0:
		return nil
	}
	return t.CheckTimeout(run.Timeout)
}

// CheckTimeout refuses a time that no run can be given with [CodeInvalidParams], and says how work that takes longer is done.
func (t Traits) CheckTimeout(timeout time.Duration) error {
	switch limit := inSeconds(t.MaxRunTime); {
	case timeout <= 0:
		return Errorf(CodeInvalidParams, "timeout_seconds must be more than 0 and at most %s", limit)
	case timeout <= t.MaxRunTime:
		return nil
	case t.Shell:
		return Errorf(CodeInvalidParams, "timeout_seconds is above the limit: code has at most %s here. Nothing was run. For longer work write the code to a file with upload_file, "+
			"start it with run_command {\"command\": \"python job.py\", \"background\": true}, and look at it with get_process until it has exited; "+
			"the variables of the context are not visible to it, the files in its working folder are", limit)
	default:
		return Errorf(CodeInvalidParams, "timeout_seconds is above the limit: code has at most %s here. Nothing was run; ask for less, and split long work into several runs", limit)
	}
}

// RunTime is how long a run that passed [Traits.CheckRun] may take.
func (t Traits) RunTime(run Run) time.Duration { return cmp.Or(run.Timeout, t.MaxRunTime) }

// inSeconds writes a limit as callers ask for it.
func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) + " s" }
