package editors

import "testing"

// Files are the settings files of an editor on a system.
func Files(t *testing.T, sys System, id ID) []string {
	t.Helper()
	r, err := rowOf(id)
	if err != nil {
		t.Fatal(err)
	}
	if sys, err = sys.complete(); err != nil {
		t.Fatal(err)
	}
	if r.files == nil {
		return nil
	}
	return r.files(sys)
}

// Fingerprints is one look of Watch at files that did not change.
func Fingerprints(s *Set) []uint64 { return s.fingerprints() }
