package localengine

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	esys "github.com/tetratelabs/wazero/experimental/sys"
)

// queueUp lets guests wait for a place one after the other. Each notes its name when it gets one, computes until told to go on,
// and gives the place back.
type queueUp struct {
	t     *testing.T
	s     *slots
	order []string // guarded by the bubble: one guest at a time has the only place
	goOn  chan struct{}
}

func (q *queueUp) guest(name string, g *share, stop <-chan struct{}) {
	q.t.Helper()
	go func() {
		if !q.s.take(g, stop) {
			return
		}
		q.order = append(q.order, name)
		<-q.goOn
		q.s.give(g)
	}()
	synctest.Wait()
}

// next lets the guest that has the place compute for a while and give it back.
func (q *queueUp) next(computes time.Duration) {
	time.Sleep(computes)
	q.goOn <- struct{}{}
	synctest.Wait()
}

func (q *queueUp) wants(order ...string) {
	q.t.Helper()
	if !slices.Equal(q.order, order) {
		q.t.Errorf("served %v, want %v", q.order, order)
	}
}

func TestSlotsServeEqualsInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queueUp{t: t, s: newSlots(1), goOn: make(chan struct{})}
		if q.s.wanted(&share{}, time.Now()) {
			t.Error("somebody waits for a place that is free")
		}
		names := []string{"a", "b", "c", "d"}
		for _, name := range names {
			q.guest(name, &share{}, nil)
		}
		if early, late := q.s.wanted(&share{since: time.Now()}, time.Now()), q.s.wanted(&share{since: time.Now()}, time.Now().Add(timeSlice)); early || !late {
			t.Errorf("others want the place at once: %v, and after a time slice: %v; want false and true", early, late)
		}
		for range names {
			q.next(timeSlice)
		}
		q.wants(names...)
		if q.s.free != 1 || q.s.waiting.Load() != 0 {
			t.Errorf("%d places are free at the end and %d guests wait, want 1 and none", q.s.free, q.s.waiting.Load())
		}
	})
}

// TestAShortCellDoesNotWaitForAllThatCompute: it gets the next place, and guests that compute without end take turns.
func TestAShortCellDoesNotWaitForAllThatCompute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queueUp{t: t, s: newSlots(1), goOn: make(chan struct{})}
		loops := map[string]*share{"a": {}, "b": {}, "c": {}}
		for _, name := range []string{"a", "b", "c"} {
			q.guest(name, loops[name], nil)
		}
		again := func() { // who has the place uses up its slice and queues up again
			name := q.order[len(q.order)-1]
			q.next(timeSlice)
			q.guest(name, loops[name], nil)
		}
		for range 4 {
			again()
		}
		q.wants("a", "b", "c", "a", "b")
		q.guest("short", &share{}, nil)
		again()
		q.wants("a", "b", "c", "a", "b", "short")
		q.next(time.Millisecond)
		for range 4 {
			again()
		}
		q.wants("a", "b", "c", "a", "b", "short", "c", "a", "b", "c", "a")
		for range 3 {
			q.next(timeSlice)
		}
	})
}

// TestShortCellsWithoutEndDoNotStarveALongOne: and the long one costs each of them no more than one of its time slices.
func TestShortCellsWithoutEndDoNotStarveALongOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const cell, guests, span = time.Millisecond, 8, 10 * time.Second
		s := newSlots(1)
		var wg sync.WaitGroup
		compute := func(cell time.Duration) *time.Duration {
			var g share
			var had time.Duration
			until := time.Now().Add(span)
			wg.Go(func() {
				for time.Now().Before(until) && s.take(&g, nil) {
					time.Sleep(cell)
					had += cell
					s.give(&g)
				}
			})
			return &had
		}
		long := compute(timeSlice)
		var short []*time.Duration
		for range guests {
			short = append(short, compute(cell))
		}
		wg.Wait()
		if *long < span/(guests+2) {
			t.Errorf("of %v the long cell had %v beside %d guests with short ones, want its part", span, *long, guests)
		}
		for _, had := range short {
			if *had < span/(guests+2)/2 {
				t.Errorf("of %v the short cells of a guest had %v beside %d others and a long one", span, *had, guests-1)
			}
		}
	})
}

func TestAGuestThatIsToStopIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queueUp{t: t, s: newSlots(1), goOn: make(chan struct{})}
		var asked share
		asked.charged = time.Hour
		q.s.hurry(&asked) // does not wait: nothing to hurry
		stop := make(chan struct{})
		for _, name := range []string{"a", "b"} {
			q.guest(name, &share{}, nil)
		}
		q.guest("leaves", &share{}, stop)
		q.guest("asked", &asked, nil)
		q.s.hurry(&asked)
		close(stop)
		synctest.Wait()
		for range 3 {
			q.next(timeSlice)
		}
		q.wants("a", "asked", "b")
		if q.s.now >= time.Hour {
			t.Error("the guest that was hurried has put its charge upon all who come after")
		}
	})
}

func TestSlotsLoseNoPlaceToThoseWhoLeave(t *testing.T) {
	const places, guests = 3, 50
	s := newSlots(places)
	var inside, most atomic.Int32
	var wg sync.WaitGroup
	for i := range guests {
		wg.Go(func() {
			var g share
			for range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%3 == 0 {
					go cancel()
				}
				if i%7 == 0 {
					go s.hurry(&g)
				}
				if s.take(&g, ctx.Done()) {
					n := inside.Add(1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					inside.Add(-1)
					s.give(&g)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if most.Load() > places || s.free != places || s.waiting.Load() != 0 {
		t.Errorf("at most %d were inside, %d places are free, want at most and exactly %d", most.Load(), s.free, places)
	}
}

func TestOutputIsBatchedAndNeverCutWithinACharacter(t *testing.T) {
	var events []Event
	o := newOutput(OutputLimit{}.withDefaults(), func(e Event) { events = append(events, e) })
	for _, c := range []byte(strings.Repeat("é€😀", 1000)) {
		o.stream(Stdout, []byte{c})
	}
	if len(events) != 1 {
		t.Errorf("9,000 single bytes came as %d events before the end", len(events))
	}
	o.stream(Stderr, []byte("error"))
	o.stream(Stdout, []byte("more\xff"))
	o.stream(Stdout, []byte("\xe2\x82"))
	o.end()
	var text [Stderr + 1]string
	for _, e := range events {
		if !utf8.ValidString(e.Text) {
			t.Errorf("an event is not UTF-8: %q", e.Text)
		}
		text[e.Kind] += e.Text
	}
	if text[Stdout] != strings.Repeat("é€😀", 1000)+"more\uFFFD\uFFFD" || text[Stderr] != "error" {
		t.Errorf("stdout ends %q, stderr is %q", text[Stdout][9000:], text[Stderr])
	}
	var kinds []EventKind
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	if want := []EventKind{Stdout, Stdout, Stderr, Stdout, Stdout}; !slices.Equal(kinds, want) {
		t.Errorf("order of events = %v, want %v", kinds, want)
	}
}

func TestOutputWaitsNoLongerThanItsDelay(t *testing.T) {
	n := 0
	o := newOutput(OutputLimit{}.withDefaults(), func(Event) { n++ })
	now := time.Now()
	o.stream(Stdout, []byte("a"))
	o.pulse(now)
	o.pulse(now.Add(batchDelay / 2))
	if n != 0 {
		t.Error("output was handed on before its time")
	}
	o.pulse(now.Add(batchDelay))
	if n != 1 {
		t.Error("output was not handed on in time")
	}
	o.pulse(now.Add(time.Hour))
	if n != 1 {
		t.Error("nothing was handed on")
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{{"abcdef", 5, "ab…"}, {"ééé", 6, "é…"}, {"😀😀", 6, "…"}, {"abc", 2, "…"}} {
		if got := shorten(c.s, c.n); got != c.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

func TestLibraryIsReadOnlyAndSeekable(t *testing.T) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range []string{"b.txt", "dir/sub/a.txt", "dir/c.txt"} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		must(t, err)
		_, err = io.WriteString(f, "content of "+name)
		must(t, err)
	}
	must(t, w.Close())
	l, err := newLibrary(archive.Bytes())
	must(t, err)
	if st, errno := l.Stat("dir/sub"); errno != 0 || !st.Mode.IsDir() {
		t.Errorf("Stat of a folder that only its files name = %v, %v", st, errno)
	}
	dir, errno := l.OpenFile("dir", esys.O_RDONLY|esys.O_DIRECTORY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	entries, errno := dir.Readdir(-1)
	if errno != 0 || len(entries) != 2 || entries[0].Name != "c.txt" || entries[1].Name != "sub" || !entries[1].IsDir() {
		t.Errorf("Readdir = %v, %v", entries, errno)
	}
	f, errno := l.OpenFile("./dir/sub/a.txt", esys.O_RDONLY, 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	if _, errno := f.Seek(-5, io.SeekEnd); errno != 0 {
		t.Error(errno)
	}
	b := make([]byte, 10)
	if n, errno := f.Read(b); errno != 0 || string(b[:n]) != "a.txt" {
		t.Errorf("read after seek = %q, %v", b[:n], errno)
	}
	if n, errno := f.Read(b); n != 0 || errno != 0 {
		t.Errorf("read at the end = %d, %v", n, errno)
	}
	if _, errno := f.Seek(-1, io.SeekStart); errno != esys.EINVAL {
		t.Errorf("seek before the start = %v", errno)
	}
	if _, errno := f.Write([]byte("x")); errno == 0 {
		t.Error("a library file was written to")
	}
	for name, errno := range map[string]esys.Errno{
		"open for writing": second(l.OpenFile("b.txt", esys.O_RDWR, 0)), "create": second(l.OpenFile("new", esys.O_CREAT, 0)), "truncate": second(l.OpenFile("b.txt", esys.O_TRUNC, 0)),
		"mkdir": l.Mkdir("d", 0), "rename": l.Rename("b.txt", "c"), "unlink": l.Unlink("b.txt"), "rmdir": l.Rmdir("dir"), "link": l.Link("b.txt", "x"), "symlink": l.Symlink("b.txt", "x"),
		"utimens": l.Utimens("b.txt", 0, 0), "chmod": l.Chmod("b.txt", 0), "truncate file": f.Truncate(0), "utimens of a file": f.Utimens(0, 0),
	} {
		if errno != esys.EROFS {
			t.Errorf("%s = %v, want EROFS", name, errno)
		}
	}
	for _, name := range []string{"..", "../x", "/etc/passwd", "dir/../../x", "nothing"} {
		if _, errno := l.OpenFile(name, esys.O_RDONLY, 0); errno != esys.ENOENT {
			t.Errorf("open %q = %v, want ENOENT", name, errno)
		}
	}
}

func second[T any](_ T, errno esys.Errno) esys.Errno { return errno }

func TestLibraryRefusesOtherArchives(t *testing.T) {
	for name, header := range map[string]*zip.FileHeader{
		"compressed":   {Name: "a", Method: zip.Deflate},
		"leading dots": {Name: "../a", Method: zip.Store},
		"absolute":     {Name: "/a", Method: zip.Store},
	} {
		var archive bytes.Buffer
		w := zip.NewWriter(&archive)
		f, err := w.CreateHeader(header)
		must(t, err)
		_, err = f.Write([]byte("x"))
		must(t, err)
		must(t, w.Close())
		if _, err := newLibrary(archive.Bytes()); err == nil {
			t.Errorf("an archive with an entry that is %s was taken", name)
		}
	}
	if _, err := newLibrary([]byte("no zip")); err == nil {
		t.Error("what is no archive was taken")
	}
}

func TestImagesLayTheSameMemory(t *testing.T) {
	const size = 6 * wasmPage
	memory := make([]byte, size)
	for i := range 1000 {
		memory[i*373] = byte(i)
	}
	clear(memory[wasmPage : wasmPage+hostPage])
	for _, copying := range []bool{true, false} {
		im, err := newImage(memory, copying)
		must(t, err)
		for round := range 2 {
			a, err := newArena(16 * wasmPage)
			must(t, err)
			a.lent = bytes.Repeat([]byte{7}, 2*wasmPage) // for what an image replaces
			if lent := a.Reallocate(2 * wasmPage); len(lent) != 2*wasmPage || lent[0] != 7 {
				t.Error("the lent memory was not used")
			}
			front := a.Reallocate(size)
			must(t, im.lay(a))
			if !bytes.Equal(front, memory) {
				t.Errorf("copying %v, round %d: memory differs from the image", copying, round)
			}
			front[0] ^= 0xff // must not reach the image
			if grown := a.Reallocate(2 * size); &grown[0] != &front[0] || len(grown) != 2*size || grown[0] != front[0] || grown[2*size-1] != 0 {
				t.Error("growing moved the memory, or changed it")
			}
			if a.Reallocate(17*wasmPage) != nil {
				t.Error("memory grew over its limit")
			}
			a.Free()
			a.Free()
		}
		must(t, im.close())
	}
}

func TestFlagsAreWordsOfTheGuest(t *testing.T) {
	a, err := newArena(wasmPage)
	must(t, err)
	defer a.Free()
	front := a.Reallocate(wasmPage)
	f, err := a.flags([4]uint32{4, 8, 12, 0x100})
	must(t, err)
	front[12] = 3
	if f.raised() {
		t.Error("flags are raised before anyone raised them")
	}
	a.raise(f)
	if want := []byte{1, 0, 0, 0, 1, 0, 0, 0, 3, 1, 0, 0}; !bytes.Equal(front[4:16], want) || !f.raised() {
		t.Errorf("raised flags = %v, want %v", front[4:16], want)
	}
	for _, where := range [][4]uint32{{5, 8, 12, 1}, {4, wasmPage, 12, 1}, {4, 8, 1 << 31, 1}} {
		if _, err := a.flags(where); err == nil {
			t.Errorf("flags at %v were taken", where)
		}
	}
}

// addModule is a WebAssembly module with one function, which adds.
var addModule = []byte("\x00asm\x01\x00\x00\x00\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\x00\x07\x07\x01\x03add\x00\x00\x0a\x09\x01\x07\x00\x20\x00\x20\x01\x6a\x0b")

func compileAdd(t *testing.T, dir string) error {
	t.Helper()
	k := &kernel{log: slog.New(slog.DiscardHandler), language: "add", cacheDir: dir, memoryLimit: defaultMemory}
	err := k.compileCached(t.Context(), addModule)
	must(t, k.close(t.Context()))
	return err
}

func cacheFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	}))
	return files
}

func TestCompileCacheIsKeptSmallAndClosedToOthers(t *testing.T) {
	base := filepath.Join(t.TempDir(), "cache")
	dir := filepath.Join(base, "add")
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "of an older version"), []byte("old"), 0o600))
	must(t, os.Chtimes(filepath.Join(dir, "of an older version"), time.Time{}, time.Now().Add(-time.Hour)))
	must(t, compileAdd(t, dir))
	if files := cacheFiles(t, dir); len(files) != 1 || strings.Contains(files[0], "older") {
		t.Errorf("the cache holds %q, want the compiled module alone", files)
	}
	for _, folder := range []string{base, dir} {
		if info, err := os.Stat(folder); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
			t.Errorf("%s is %v (%v), want 0700", folder, info.Mode(), err)
		}
	}
}

func TestDamagedCompileCacheIsReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "add")
	must(t, compileAdd(t, dir))
	file := cacheFiles(t, dir)[0]
	b, err := os.ReadFile(file)
	must(t, err)
	b[len(b)-6] ^= 0xff
	must(t, os.WriteFile(file, b, 0o600))
	if err := compileAdd(t, dir); err != nil {
		t.Errorf("with a damaged cache: %v", err)
	}
	if files := cacheFiles(t, dir); len(files) != 0 {
		t.Errorf("the damaged cache is still there: %q", files)
	}
	must(t, compileAdd(t, dir))
	if files := cacheFiles(t, dir); len(files) != 1 {
		t.Errorf("the cache was not filled again: %q", files)
	}
}

func TestUnusableCompileCacheDoesNotStopTheEngine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if err := compileAdd(t, filepath.Join(file, "cache", "add")); err != nil {
		t.Errorf("with a cache that cannot be made: %v", err)
	}
}
