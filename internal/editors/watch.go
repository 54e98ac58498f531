package editors

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	seen := s.fingerprints()
	told := slices.Clone(seen)
	shown := s.List()
	changed(shown)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now, list := s.fingerprints(), slices.Clone(shown)
		for n, r := range table {
			if now[n] == seen[n] && now[n] != told[n] {
				told[n], list[n] = now[n], s.status(r) // of this one alone: the file of Claude Code is large, and changes all day
			}
		}
		if !reflect.DeepEqual(list, shown) {
			shown = list
			changed(list)
		}
		seen = now
	}
}

// fingerprints has one for each editor in the table.
func (s *Set) fingerprints() []uint64 {
	all := make([]uint64, 0, len(table))
	for _, r := range table {
		all = append(all, s.fingerprint(r))
	}
	return all
}

// fingerprint changes whenever the status of an editor could. Files are not read for it.
func (s *Set) fingerprint(r row) uint64 {
	h := fnv.New64a()
	if !s.found(r) {
		return h.Sum64()
	}
	stat := func(path string) {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(h, path, info.ModTime().UnixNano(), info.Size(), info.Mode())
		}
	}
	fmt.Fprintln(h, r.id)
	for _, path := range s.files(r) {
		fmt.Fprintln(h, path)
		stat(path)
	}
	stat(filepath.Join(s.copies(r.id), journalName))
	return h.Sum64()
}
