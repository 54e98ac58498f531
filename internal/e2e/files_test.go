//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestFilesGoInAndOut(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	inBothEras(t, func(t *testing.T, era string) {
		c := h.connect(t, era)
		id := c.create(t, "files", "python")
		r := c.do(t, "upload_file", args{"context_id": id, "path": "data/in.csv", "content": "a,b\n1,2\n3,4\n"})
		if r.text("path") != "data/in.csv" || r.get("size") != float64(12) {
			t.Errorf("upload_file(data/in.csv) = %v, want 12 bytes there", r)
		}
		raw := []byte{0, 1, 2, 0xff, 0xfe, '\n'}
		c.do(t, "upload_file", args{"context_id": id, "path": "raw.bin", "content": base64.StdEncoding.EncodeToString(raw), "encoding": "base64"})
		c.wants(t, id, "import csv\nsum(int(row['b']) for row in csv.DictReader(open('data/in.csv')))", "6")
		c.wants(t, id, "open('raw.bin', 'rb').read()", `b'\x00\x01\x02\xff\xfe\n'`)
		c.value(t, id, "import os\nos.makedirs('out', exist_ok=True)\nopen('out/result 5.txt', 'w').write('five\\n')")
		c.value(t, id, "import zlib, struct\n"+
			"def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))\n"+
			"open('dot.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 2, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(b'\\0\\xff\\0\\0')) + chunk(b'IEND', b''))")

		r = c.do(t, "list_files", args{"context_id": id, "depth": 3})
		var paths []string
		list, _ := r.object["files"].([]any)
		for _, v := range list {
			file, _ := v.(map[string]any)
			path, _ := file["path"].(string)
			if file["folder"] == true {
				path += "/"
			}
			paths = append(paths, path)
		}
		if got, want := strings.Join(paths, " "), "data/ data/in.csv dot.png out/ out/result 5.txt raw.bin"; got != want {
			t.Errorf("list_files = %q, want %q", got, want)
		}

		if r := c.do(t, "download_file", args{"context_id": id, "path": "out/result 5.txt"}); r.text("content") != "five\n" {
			t.Errorf("download_file of a text = %v, want its content", r)
		}
		r = c.do(t, "download_file", args{"context_id": id, "path": "dot.png"})
		picture := false
		for _, block := range r.blocks {
			if image, ok := block.(*mcp.ImageContent); ok {
				picture = image.MIMEType == "image/png" && bytes.HasPrefix(image.Data, []byte("\x89PNG"))
			}
		}
		if !picture {
			t.Errorf("download_file of a picture = %v with the blocks %v, want an image block", r, r.blocks)
		}
		r = c.do(t, "download_file", args{"context_id": id, "path": "raw.bin"})
		uri := r.text("uri")
		if uri == "" {
			t.Fatalf("download_file of other bytes = %v, want a link to a resource", r)
		}
		res, err := c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
		if err != nil || len(res.Contents) != 1 || !bytes.Equal(res.Contents[0].Blob, raw) {
			t.Errorf("resources/read %s = %v, %v, want the bytes %q", uri, res, err, raw)
		}
		if r := c.call(t, "download_file", args{"context_id": id, "path": "nothing.txt"}); !r.isError || r.code() != "FILE_NOT_FOUND" {
			t.Errorf("download_file of nothing = %v, want FILE_NOT_FOUND", r)
		}

		// files belong to a context
		other := c.create(t, "other", "python")
		if r := c.do(t, "list_files", args{"context_id": other}); r.get("total") != float64(0) {
			t.Errorf("list_files of another context = %v, want none", r)
		}
		// and go with it
		c.do(t, "stop_context", args{"context_id": id})
		if r := c.call(t, "list_files", args{"context_id": id}); !r.isError || r.code() != "CONTEXT_NOT_FOUND" {
			t.Errorf("list_files of a stopped context = %v, want CONTEXT_NOT_FOUND", r)
		}
	})
}

// TestNamesAndTextOfEveryScript: UTF-8 everywhere, without being asked for.
func TestNamesAndTextOfEveryScript(t *testing.T) {
	t.Parallel()
	const name, text = "数据/résumé ü😀.txt", "fünf 数 😀\n"
	h := newHome(t, quiet)
	c := h.connect(t, modern)
	for language, program := range map[string]struct{ read, write, list string }{
		"python": {
			read:  "open('" + name + "').read()",
			write: "import os\nopen('数据/aus ü.txt', 'w').write('" + strings.TrimSpace(text) + "\\n')",
			list:  "sorted(os.listdir('数据'))[1]",
		},
		"javascript": {
			read:  "fs.readFileSync('" + name + "', 'utf8')",
			write: "fs.writeFileSync('数据/aus ü.txt', '" + strings.TrimSpace(text) + "\\n')",
			list:  "fs.readdirSync('数据').sort()[1]",
		},
	} {
		t.Run(language, func(t *testing.T) {
			id := c.create(t, "scripts", language)
			c.do(t, "upload_file", args{"context_id": id, "path": name, "content": text})
			for code, want := range map[string]string{program.read: `'fünf 数 😀\n'`, program.write + "\n" + program.list: `'résumé ü😀.txt'`} {
				if r := c.run(t, id, code); r.text("result", "text") != want {
					t.Errorf("run_code(%q) = %v, want %s", code, r, want)
				}
			}
			if r := c.call(t, "download_file", args{"context_id": id, "path": "数据/aus ü.txt"}); r.text("content") != text {
				t.Errorf("download_file of what the code has written = %v, want %q", r, text)
			}
		})
	}
}

func TestPathsOutsideAreRefused(t *testing.T) {
	t.Parallel()
	h := newHome(t, quiet)
	c := h.connect(t, legacy)
	id := c.create(t, "files", "python")
	for _, path := range []string{"../x", "/etc/passwd", "a/../../x", `..\x`, `C:\x`, "a\x00b", h.settingsFile()} {
		for tool, arguments := range map[string]args{
			"upload_file":   {"context_id": id, "path": path, "content": "x"},
			"download_file": {"context_id": id, "path": path},
			"list_files":    {"context_id": id, "path": path},
		} {
			if r := c.call(t, tool, arguments); !r.isError || r.code() != "INVALID_PARAMS" || len(r.text("error")) < 20 {
				t.Errorf("%s(path %q) = %v, want INVALID_PARAMS and a sentence", tool, path, r)
			}
		}
	}
}

// TestTheUsersOwnFilesNeedPermission: local_path reaches only where the settings say.
func TestTheUsersOwnFilesNeedPermission(t *testing.T) {
	t.Parallel()
	allowed := t.TempDir()
	h := newHome(t, `{"http": {"enabled": false}, "allowed_folders": ["`+allowed+`"]}`)
	c := h.connect(t, legacy)
	id := c.create(t, "files", "python")
	if err := os.WriteFile(filepath.Join(allowed, "in.txt"), []byte("from the user\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(h.dir, "secret.txt")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(allowed, "link.txt")); err != nil {
		t.Fatal(err)
	}
	c.do(t, "upload_file", args{"context_id": id, "path": "in.txt", "local_path": filepath.Join(allowed, "in.txt")})
	c.wants(t, id, "open('in.txt').read()", `'from the user\n'`)
	c.value(t, id, "open('out.txt', 'w').write('for the user')")
	c.do(t, "download_file", args{"context_id": id, "path": "out.txt", "local_path": filepath.Join(allowed, "out.txt")})
	if got, err := os.ReadFile(filepath.Join(allowed, "out.txt")); err != nil || string(got) != "for the user" {
		t.Errorf("the downloaded file holds %q, %v, want what the code has written", got, err)
	}
	for _, local := range []string{secret, filepath.Join(allowed, "link.txt"), filepath.Join(allowed, "..", "x"), "in.txt", "/etc/passwd"} {
		if r := c.call(t, "upload_file", args{"context_id": id, "path": "stolen", "local_path": local}); !r.isError {
			t.Errorf("upload_file(local_path %q) = %v, want a refusal", local, r)
		}
		if r := c.call(t, "download_file", args{"context_id": id, "path": "out.txt", "local_path": local}); !r.isError && local != filepath.Join(allowed, "link.txt") {
			t.Errorf("download_file(local_path %q) = %v, want a refusal", local, r)
		}
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("a file outside the allowed folders holds %q, %v, want it untouched", got, err)
	}
}
