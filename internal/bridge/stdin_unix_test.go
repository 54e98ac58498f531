//go:build unix

package bridge

import (
	"io"
	"os"
	"syscall"
	"testing"
)

// inherited returns a file as a program finds it that was started with it.
func inherited(t *testing.T, f *os.File) *os.File {
	t.Helper()
	fd, err := syscall.Dup(int(f.Fd())) // Fd makes it blocking
	if err != nil {
		t.Fatal(err)
	}
	again := os.NewFile(uintptr(fd), f.Name())
	t.Cleanup(func() { again.Close() })
	return again
}

func TestOnlyAPipeOfItsOwnIsMadeWakeable(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	other, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	pipe := inherited(t, r)
	for _, tt := range []struct {
		name    string
		stdin   *os.File
		outputs []*os.File
		same    bool
	}{
		{"a device", null, nil, true},
		{"a pipe which is an output, too", pipe, []*os.File{null, pipe}, true},
		{"a pipe which is so already", other, []*os.File{null}, true},
		{"a pipe", pipe, []*os.File{null}, false},
	} {
		got, restore := Wakeable(tt.stdin, tt.outputs...)
		if same := got == io.Reader(tt.stdin); same != tt.same {
			t.Errorf("%s: left as it is %v, want %v", tt.name, same, tt.same)
		}
		if tt.stdin == pipe {
			lines := make(chan string)
			go func() {
				buf := make([]byte, 10)
				n, err := got.Read(buf)
				if err != nil {
					t.Errorf("%s: Read = %v", tt.name, err)
				}
				lines <- string(buf[:n])
			}()
			if _, err := w.WriteString("line"); err != nil {
				t.Fatal(err)
			}
			if line := <-lines; line != "line" {
				t.Errorf("%s: read %q", tt.name, line)
			}
		}
		restore()
	}
}
