package localengine

import (
	"os"
	"path/filepath"
	"testing"
)

// TestGuestStaysInItsFolder tries every way out that we know, with traps set by another program of the host in the folder,
// before the instance began and while it lives.
func TestGuestStaysInItsFolder(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	dir := t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(dir, "hostlink")))
	must(t, os.Symlink(secret, filepath.Join(dir, "hostfile")))
	must(t, os.Link(secret, filepath.Join(dir, "hosthard")))
	must(t, os.WriteFile(filepath.Join(dir, "own"), []byte("own"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "folder", "f"), []byte("f"), 0o600))
	b := newBenchOf(t, shared, Spec{Language: Python, ScratchDir: dir})
	must(t, os.Symlink(secret, filepath.Join(dir, "late")))
	must(t, os.WriteFile(filepath.Join(dir, "lateplain"), []byte("x"), 0o600))

	const denied = "~^(Permission|FileNotFound|OS|NotADirectory)Error: "
	b.steps(t, []step{
		{"make a symbolic link", "import os; os.symlink('/etc', 'l')", "~PermissionError"},
		{"make one out of the folder by steps", "os.symlink('../../../../../../etc', 'l')", "~PermissionError"},
		{"make a hard link", "open('a', 'w').write('hi'); os.link('a', 'b')", "~PermissionError"},
		{"read a link of the host", "os.readlink('hostlink')", "~OSError: .*Invalid argument"},
		{"follow a link of the host to a folder", "os.listdir('hostlink')", "~FileNotFoundError"},
		{"through it to a file", "open('hostlink/secret').read()", "~FileNotFoundError"},
		{"follow a link of the host to a file", "open('hostfile').read()", "~FileNotFoundError"},
		{"read a hard link of the host", "open('hosthard').read()", "~FileNotFoundError"},
		{"follow a link made while it lives", "open('late').read()", "~FileNotFoundError"},
		{"write through it", "open('late', 'w').write('x')", "~FileExistsError"},
		{"take over a file that came later", "open('lateplain', 'w').write('x')", "~FileExistsError"},
		{"see links in a listing", "sorted(os.listdir('.'))", "= ['a', 'folder', 'own']"},
		{"..", "open('../etc/passwd').read()", denied},
		{"many ..", "open('../../../../../../etc/passwd').read()", denied},
		{".. from the absolute path", "open('/scratch/../../etc/passwd').read()", denied},
		{".. through a folder", "open('folder/../../etc/passwd').read()", denied},
		{".. through nothing", "open('nothing/../../../etc/passwd').read()", denied},
		{"a folder handle and ..", "fd = os.open('.', os.O_RDONLY); os.open('../../etc/passwd', os.O_RDONLY, dir_fd=fd)", denied},
		{"a folder handle and an absolute path", "os.open('/etc/passwd', os.O_RDONLY, dir_fd=fd)", denied},
		{"an absolute path", "open('/etc/passwd').read()", denied},
		{"the host's own path of the folder", "open('" + filepath.ToSlash(secret) + "').read()", denied},
		{"/proc", "open('/proc/self/environ').read()", denied},
		{"/proc/self/fd", "os.listdir('/proc/self/fd')", denied},
		{"/dev", "open('/dev/mem', 'rb').read(1)", denied},
		{"the root", "os.listdir('/')", denied},
		{"chdir up", "os.chdir('..'); os.listdir('.')", denied},
		{"and back", "os.chdir('/scratch'); os.getcwd()", "= '/scratch'"},
		{"NUL in a path", `open('a\0b', 'w')`, "~ValueError: .*null"},
		{"backslash", `open('..\\..\\x', 'w')`, "~OSError: .*Invalid argument"},
		{"rename out", "os.rename('a', '../a')", denied},
		{"rename to an absolute path", "os.rename('a', '/var/a')", denied},
		{"rename over a link", "os.rename('a', 'late')", ""},
		{"which is then a file", "open('late').read()", "= 'hi'"},
		{"rename the folder itself", "os.rename('.', 'x')", "~PermissionError"},
		{"remove the folder itself", "os.rmdir('/scratch')", "~PermissionError"},
		{"rename a folder into itself", "os.makedirs('d/e'); os.rename('d', 'd/e/f')", "~OSError: .*Invalid argument"},
		{"rename a library file into the folder", "os.rename('/usr/local/lib/python3.13/os.pyc', 'os.pyc')", "~OSError"},
		{"write to the library", "open('/usr/local/lib/python3.13/new.py', 'w')", "~OSError: .*Read-only file system"},
		{"guess descriptors", "os.close(fd)\nfound = []\nfor i in range(3, 64):\n    try: os.fstat(i); found.append(i)\n    except OSError: pass\nfound", "= [3, 4]"},
		{"close a mount", "os.close(4)", ""},
		{"make a pipe file", "os.mkfifo('ff')", "~(AttributeError|OSError)"},
	})
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("the file outside is %q now (%v)", got, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "late")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link was not replaced but followed: %v %v", info, err)
	}
}

// TestSwappedFilesAreNotFollowed lets another program of the host replace what the guest made.
func TestSwappedFilesAreNotFollowed(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o600))
	b := newBench(t, shared, Python)
	b.run("import os\nfor n in 'abcd': open(n, 'w').write(n)\nos.mkdir('dir'); open('dir/secret', 'w').write('mine')")
	for _, name := range []string{"a", "b", "dir/secret", "dir"} {
		must(t, os.Remove(filepath.Join(b.dir, name)))
	}
	must(t, os.Symlink(secret, filepath.Join(b.dir, "a")))
	must(t, os.Link(secret, filepath.Join(b.dir, "b")))
	must(t, os.Symlink(outside, filepath.Join(b.dir, "dir")))
	must(t, os.Remove(filepath.Join(b.dir, "c")))
	b.steps(t, []step{
		{"a link in place of a file", "open('a').read()", "~(Permission|OS)Error"},
		{"written through", "open('a', 'w').write('x')", "~(Permission|OS)Error"},
		{"a hard link in place of a file", "open('b').read()", "~PermissionError"},
		{"written through", "open('b', 'w').write('x')", "~PermissionError"},
		{"a link in place of a folder", "open('dir/secret').read()", "~(Permission|OS)Error"},
		{"a file that is gone", "open('c').read()", "~FileNotFoundError"},
		{"can still be removed", "os.unlink('c'); os.unlink('a'); os.path.exists('c')", "= False"},
	})
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("the file outside is %q now (%v)", got, err)
	}
}

func TestGuestStaysWithinItsQuota(t *testing.T) {
	const megabyte = 1_000_000
	b := newBenchOf(t, shared, Spec{Language: Python, ScratchDir: t.TempDir(), Quota: Quota{Bytes: 64 * megabyte, Files: 1000, Depth: 32, OpenFiles: 100}})
	b.steps(t, []step{
		{"a long name", "import os; open('n' * 300, 'w')", "~OSError: .*(too long|name)"},
		{"a deep tree", "p = '.'\nn = 0\ntry:\n    for i in range(100): p += '/q'; os.mkdir(p); n += 1\nexcept OSError: pass\nn", "= 32"},
		{"many open files", "h = []\ntry:\n    while True: h.append(open('a', 'w'))\nexcept OSError as e: pass\n90 < len(h) <= 100, [x.close() for x in h] and None", "= (True, None)"},
		{"a huge seek", "f = open('big', 'wb', buffering=0); f.seek(1 << 40); f.write(b'x')", "~OSError: .*No space left"},
		{"a huge truncate", "f.close(); os.truncate('a', 1 << 40)", "~OSError: .*No space left"},
		{"a full disk", "f = open('fill', 'wb', buffering=0)\ntry:\n    while True: f.write(b'x' * 1000000)\nexcept OSError as e: print(e.strerror)\nf.close(); n = os.stat('fill').st_size; os.unlink('fill'); n", "No space left on device\n= 64000000"},
		{"an unlinked file that is still open", "f = open('u', 'wb', buffering=0); f.write(b'x' * 50_000_000); os.unlink('u')\ntry: open('v', 'wb').write(b'x' * 50_000_000)\nexcept OSError as e: print(e.strerror)\nf.close(); os.unlink('v'); open('v', 'wb').write(b'x' * 50_000_000)", "No space left on device\n= 50000000"},
		{"overwriting does not add up", "for i in range(5): open('v', 'wb').write(b'x' * 40_000_000)\nos.unlink('v')", ""},
		{"append", "for i in range(3): open('l', 'a').write('ab')\nopen('l').read()", "= 'ababab'"},
		{"a database that grows too large", "import sqlite3; db = sqlite3.connect('big.db'); db.execute('create table t(a)')\ntry:\n    for i in range(200): db.execute('insert into t values(zeroblob(1000000))')\n    db.commit()\nexcept sqlite3.Error as e: print(e)\ndb.close(); [os.unlink(x) for x in os.listdir('.') if x.startswith('big')] and None", "database or disk is full\n"},
		{"many files", "n = 0\ntry:\n    for i in range(2000): open(f'f{i}', 'w').write('x'); n += 1\nexcept OSError as e: print(e.strerror)\n900 < n < 1000", "No space left on device\n= True"},
		{"many folders", "os.mkdir('one more')", "~OSError: .*No space left"},
		{"reading them all", "sum(len(open(x).read()) for x in os.listdir('.') if x[0] == 'f') == n", "= True"},
		{"scanning them all", "sum(e.stat().st_size == 1 for e in os.scandir('.') if e.name[0] == 'f') == n", "= True"},
		{"removing them all", "[os.unlink(x) for x in os.listdir('.') if x[0] == 'f']; open('again', 'w').write('x')", "= 1"},
		{"times", "os.utime('again', (1, 2)); os.stat('again').st_mtime", "= 2.0"},
		{"positions", "f = open('p', 'w+b'); f.write(b'0123456789'); f.seek(-3, 2); a = f.read(); f.seek(2); f.truncate(5); f.seek(0); a, f.read()", "= (b'789', b'01234')"},
		{"walk", "os.makedirs('w/x'); open('w/x/f', 'w').close(); sorted((d, s, f) for d, s, f in os.walk('w'))", "= [('w', ['x'], []), ('w/x', [], ['f'])]"},
		{"shutil", "import shutil; shutil.copytree('w', 'w2'); shutil.rmtree('w'); os.path.exists('w2/x/f'), os.path.exists('w')", "= (True, False)"},
		{"rename over a file", "open('r1', 'w').write('1'); open('r2', 'w').write('2'); os.replace('r1', 'r2'); open('r2').read(), os.path.exists('r1')", "= ('1', False)"},
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
