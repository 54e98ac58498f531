package atomicfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestAttributesStay: an access list lets somebody else read a file, and not its whole group.
func TestAttributesStay(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Version 2: rw- for the owner, rw- for user 1234, r-- for the group, rw- as the mask, --- for others.
	list := "\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x06\x00\xd2\x04\x00\x00" +
		"\x04\x00\x04\x00\xff\xff\xff\xff" + "\x10\x00\x06\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"
	kept := map[string]string{}
	for attribute, value := range map[string]string{"user.note": "mine", "system.posix_acl_access": list} {
		if err := syscall.Setxattr(name, attribute, []byte(value), 0); err != nil {
			t.Logf("this file system has no %s: %v", attribute, err)
			continue
		}
		kept[attribute] = value
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(name, []byte("new"), info.Mode()); err != nil {
		t.Fatalf("Write = %v", err)
	}
	for attribute, want := range kept {
		value := make([]byte, 100)
		n, err := syscall.Getxattr(name, attribute, value)
		if err != nil || string(value[:n]) != want {
			t.Errorf("%s is %q (%v), want %q", attribute, value[:max(n, 0)], err, want)
		}
	}
	if after, err := os.Stat(name); err != nil || after.Mode() != info.Mode() {
		t.Errorf("the mode is %v (%v), want %v", after.Mode(), err, info.Mode())
	}
	// Who closes the file means it.
	if err := Write(name, []byte("secret"), 0o600); err != nil {
		t.Fatalf("Write = %v", err)
	}
	if after, err := os.Stat(name); err != nil || after.Mode() != 0o600 {
		t.Errorf("closed, the mode is %v (%v), want 0600", after.Mode(), err)
	}
}
