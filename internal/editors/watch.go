package editors

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"reflect"
	"time"
)

// WatchEvery is how often Watch looks. A look is about a hundred stats, a third of a millisecond; the events of the system would be
// cheaper, and would not tell of files whose folders are made later, of links, of folders on the network, and of files that are replaced,
// all of which are usual for settings.
const WatchEvery = 2 * time.Second

// Watch tells how the editors are: at once, and whenever that changes, be it that an editor is installed, or drops or changes our entry
// (see Status.Lost). A change is told when files have been at rest from one look to the next: editors write them in more than one step.
// Watch returns when the context ends. It only reads.
func (s *Set) Watch(ctx context.Context, every time.Duration, changed func([]Status)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	shown := s.List()
	changed(shown)
	seen := s.fingerprint()
	told := seen
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now := s.fingerprint()
		if now == seen && now != told {
			told = now
			if list := s.List(); !reflect.DeepEqual(list, shown) {
				shown = list
				changed(list)
			}
		}
		seen = now
	}
}

// fingerprint changes whenever the list could. Files are not read for it.
func (s *Set) fingerprint() uint64 {
	h := fnv.New64a()
	stat := func(path string) {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(h, path, info.ModTime().UnixNano(), info.Size(), info.Mode())
		}
	}
	for _, r := range table {
		if !s.found(r) {
			continue
		}
		fmt.Fprintln(h, r.id)
		for _, path := range s.files(r) {
			fmt.Fprintln(h, path)
			stat(path)
		}
		stat(filepath.Join(s.copies(r.id), journalName))
	}
	return h.Sum64()
}
