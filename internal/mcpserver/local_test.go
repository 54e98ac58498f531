package mcpserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLocalPathStaysInsideAllowedFolders(t *testing.T) {
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	allowed, secret := filepath.Join(base, "allowed"), filepath.Join(base, "secret")
	link := filepath.Join(base, "link-to-allowed")
	for _, folder := range []string{allowed, secret} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write(filepath.Join(allowed, "in.txt"), "fine")
	write(filepath.Join(secret, "key.txt"), "secret")
	write(filepath.Join(base, "allowed-not"), "secret")
	for from, to := range map[string]string{
		link: allowed, filepath.Join(allowed, "way-out"): secret, filepath.Join(allowed, "key-link"): filepath.Join(secret, "key.txt"),
		filepath.Join(allowed, "inner-link"): "in.txt", filepath.Join(allowed, "absolute-link"): filepath.Join(allowed, "in.txt"),
		filepath.Join(allowed, "folder-link"): allowed, filepath.Join(allowed, "dangling"): filepath.Join(secret, "none"),
		filepath.Join(allowed, "circle"): "circle",
	} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	large := filepath.Join(allowed, "large.bin")
	write(large, strings.Repeat("x", 1<<20+1))

	folders := []string{filepath.Join(base, "gone"), allowed}
	r := startRig(t, rigSetup{options: Options{AllowedFolders: func() []string { return folders }}})
	cs := r.connect(t, Unix, legacy, nil)

	for _, name := range []string{filepath.Join(allowed, "in.txt"), filepath.Join(link, "in.txt"), filepath.Join(allowed, "x", "..", "in.txt"), filepath.Join(allowed, "inner-link"), filepath.Join(allowed, "absolute-link"), filepath.Join(allowed, "folder-link", "in.txt")} {
		up := do(t, cs, "upload_file", map[string]any{"path": "got.txt", "local_path": name})
		if got := do(t, cs, "download_file", map[string]any{"path": "got.txt"}); got["content"] != "fine" || up["size"] != 4.0 {
			t.Errorf("upload of %s = %v, read back as %v", name, up, got)
		}
	}
	for _, tt := range []struct{ name, want, says string }{
		{filepath.Join(secret, "key.txt"), "INVALID_PARAMS", "allowed_folders in settings.json"},
		{filepath.Join(secret, "none.txt"), "INVALID_PARAMS", "not inside a folder"}, // nothing is told of what is there
		{filepath.Join(allowed, "..", "secret", "key.txt"), "INVALID_PARAMS", "not inside a folder"},
		{allowed + "-not", "INVALID_PARAMS", "not inside a folder"},
		{"in.txt", "INVALID_PARAMS", "absolute path"},
		{allowed, "INVALID_PARAMS", "not inside a folder"},
		{filepath.Join(allowed, "way-out", "key.txt"), "INVALID_PARAMS", "leads out of the allowed folders by a link"},
		{filepath.Join(allowed, "way-out", "none.txt"), "INVALID_PARAMS", "leads out of the allowed folders by a link"},
		{filepath.Join(allowed, "key-link"), "INVALID_PARAMS", "leads out of the allowed folders by a link"},
		{filepath.Join(allowed, "dangling"), "INVALID_PARAMS", "a link in its path"},
		{filepath.Join(allowed, "circle"), "INVALID_PARAMS", "a link in its path"},
		{filepath.Join(allowed, "none.txt"), "FILE_NOT_FOUND", "there is no file " + filepath.Join(allowed, "none.txt")},
		{filepath.Join(allowed, "in.txt", "x"), "INVALID_PARAMS", "not a directory"},
		{filepath.Join(allowed, "way-out"), "INVALID_PARAMS", "leads out of the allowed folders by a link"},
		{filepath.Join(base, "gone", "x"), "FILE_NOT_FOUND", "cannot be opened: it is not there"},
		{large, "TOO_LARGE", "at most 1 MiB"},
		{filepath.Join(allowed, "in\x00.txt"), "INVALID_PARAMS", "NUL"},
	} {
		code, sentence := refused(t, cs, "upload_file", map[string]any{"path": "got.txt", "local_path": tt.name})
		if code != tt.want || !strings.Contains(sentence, tt.says) || strings.Contains(sentence, "statat") || strings.Contains(sentence, "escapes") {
			t.Errorf("upload of %s = %s: %s, want %s and a sentence with %q", tt.name, code, sentence, tt.want, tt.says)
		}
	}

	do(t, cs, "upload_file", map[string]any{"path": "out.txt", "content": "result"})
	for _, name := range []string{filepath.Join(allowed, "out.txt"), filepath.Join(allowed, "new", "folder", "out.txt"), filepath.Join(allowed, "in.txt")} {
		down := do(t, cs, "download_file", map[string]any{"path": "out.txt", "local_path": name})
		if data, err := os.ReadFile(name); err != nil || string(data) != "result" || down["local_path"] != name || down["size"] != 6.0 {
			t.Errorf("download to %s = %v; there is %q, %v", name, down, data, err)
		}
	}
	for _, name := range []string{filepath.Join(secret, "new.txt"), filepath.Join(allowed, "way-out", "new.txt"), filepath.Join(allowed, "key-link"), allowed, filepath.Join(allowed, "new")} {
		if code, sentence := refused(t, cs, "download_file", map[string]any{"path": "out.txt", "local_path": name}); code != "INVALID_PARAMS" {
			t.Errorf("download to %s = %s: %s, want INVALID_PARAMS", name, code, sentence)
		}
	}
	if code, _ := refused(t, cs, "download_file", map[string]any{"path": "none.txt", "local_path": filepath.Join(allowed, "fresh.txt")}); code != "FILE_NOT_FOUND" {
		t.Errorf("download of nothing = %s", code)
	}
	err = filepath.WalkDir(base, func(path string, _ os.DirEntry, _ error) error {
		if strings.HasSuffix(path, ".part") || path == filepath.Join(secret, "new.txt") || path == filepath.Join(allowed, "fresh.txt") {
			t.Errorf("%s was left behind", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(secret, "key.txt")); err != nil || string(data) != "secret" {
		t.Errorf("the file outside is now %q, %v", data, err)
	}
}
