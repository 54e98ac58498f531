//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// leaks lists the files below the folders in which a secret can be read, in any of the forms that programs write texts in, with the
// name of the form.
func leaks(t *testing.T, secret string, folders ...string) []string {
	t.Helper()
	if len(secret) < 8 {
		t.Fatalf("a secret of %d characters can be anywhere by chance", len(secret))
	}
	forms := formsOf(secret)
	var found []string
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) { // it was a temporary one
				return nil
			}
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(name)
			if err != nil && !os.IsNotExist(err) {
				return err
			}
			for form, pattern := range forms {
				if bytes.Contains(text, pattern) || strings.Contains(name, string(pattern)) {
					found = append(found, name+" ("+form+")")
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("look for secrets in %s: %v", folder, err)
		}
	}
	return found
}

// showsSecret reports whether a text has the secret in any form.
func showsSecret(text, secret string) bool {
	for _, pattern := range formsOf(secret) {
		if strings.Contains(text, string(pattern)) {
			return true
		}
	}
	return false
}

func formsOf(secret string) map[string][]byte {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err) // a string has a JSON form
	}
	wide := make([]byte, 0, 2*len(secret))
	for _, unit := range utf16.Encode([]rune(secret)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	forms := map[string][]byte{
		"as it is": []byte(secret), "half of it": []byte(secret[:len(secret)/2+1]), "JSON": quoted[1 : len(quoted)-1], "URL": []byte(url.QueryEscape(secret)), "UTF-16": wide,
		"hexadecimal": []byte(hex.EncodeToString([]byte(secret))), "HEXADECIMAL": []byte(strings.ToUpper(hex.EncodeToString([]byte(secret)))),
	}
	for shift, name := range []string{"base64", "base64 after one byte", "base64 after two bytes"} { // what stands before it moves the letters
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		forms[name] = []byte(text[[]int{0, 2, 3}[shift] : len(text)-2])
	}
	return forms
}

// TestLeaksAreFound shows that the tests which find none could.
func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	const secret = "fake/Secret+to \"be\" found=1"
	for form, pattern := range formsOf(secret) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a", "b", "file"), append([]byte("before"), append(pattern, "after"...)...), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := leaks(t, secret, dir); len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), "("+form+")") {
			t.Errorf("leaks of a file with the secret in the form %q = %q", form, got)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, secret[:4]), []byte("[redacted]"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := leaks(t, secret, dir); len(got) != 0 {
		t.Errorf("leaks = %q, want none", got)
	}
}
