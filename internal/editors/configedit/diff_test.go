package configedit

import "testing"

func TestUnified(t *testing.T) {
	for _, tc := range []struct {
		name, from, to, before, after, want string
	}{
		{"nothing", "/f", "/f", "a\n", "a\n", ""},
		{"a new file", "/dev/null", "/f", "", "a\nb", "--- /dev/null\n+++ /f\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n"},
		{"a file that goes", "/f", "/dev/null", "a\n", "", "--- /f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n"},
		{"three lines around", "/f", "/f", "1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nx\n6\n7\n8\n", "--- /f\n+++ /f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
		{"Windows", "/f", "/f", "a\r\n", "a\r\nb\r\n", "--- /f\n+++ /f\n@@ -1,1 +1,2 @@\n a\n+b\n"},
	} {
		if got := Unified(tc.from, tc.to, []byte(tc.before), []byte(tc.after)); got != tc.want {
			t.Errorf("%s: the diff is\n%s\nwant\n%s", tc.name, got, tc.want)
		}
	}
}
