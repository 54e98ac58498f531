package figures

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
)

// FileName is the name of the file in the data folder that says what is usual, and how much was run today.
const FileName = "figures.json"

// usualOf is of how many times, the last ones, the one in the middle counts as usual.
const usualOf = 9

// usual are the last times of what somebody waits for, by backend.
type usual struct {
	Start, Load map[string][]time.Duration
}

func newUsual() usual {
	return usual{Start: make(map[string][]time.Duration), Load: make(map[string][]time.Duration)}
}

// file is what the file holds: the counts of a day, and times in seconds.
type file struct {
	Day    string               `json:"day"` // such as 2026-11-27
	Runs   int                  `json:"runs"`
	Failed int                  `json:"failed"`
	Start  map[string][]float64 `json:"session_start_seconds"`
	Load   map[string][]float64 `json:"load_seconds"`
}

// Load reads what was kept. No file means nothing; so does a damaged one, with an error for the log: it is written anew.
func (b *Book) Load() error {
	name := filepath.Join(b.folder, FileName)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read how long things usually take: %w", err)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return fmt.Errorf("how long things usually take, in %s, is damaged and begins anew: %w", name, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	fill(b.usual.Start, f.Start)
	fill(b.usual.Load, f.Load)
	if (b.day == "" || b.day == f.Day) && f.Runs >= f.Failed && f.Failed >= 0 {
		b.day, b.runs, b.failed = f.Day, b.runs+f.Runs, b.failed+f.Failed
	}
	b.current = nil
	return nil
}

// fill puts what was kept before what was measured meanwhile.
func fill(into map[string][]time.Duration, kept map[string][]float64) {
	for backend, list := range kept {
		var all []time.Duration
		for _, s := range list {
			if s >= 0 && s < longest.Seconds() { // anything else was not written by us
				all = appendLast(all, time.Duration(math.Round(s*1e3))*time.Millisecond, usualOf)
			}
		}
		for _, d := range into[backend] {
			all = appendLast(all, d, usualOf)
		}
		into[backend] = all
	}
}

// Save writes what is usual, if there is something new.
func (b *Book) Save() error {
	b.mu.Lock()
	if !b.unsaved {
		b.mu.Unlock()
		return nil
	}
	f := file{Day: b.day, Runs: b.runs, Failed: b.failed, Start: inSeconds(b.usual.Start), Load: inSeconds(b.usual.Load)}
	b.unsaved = false
	b.mu.Unlock()
	text, err := json.MarshalIndent(f, "", "  ")
	if err == nil {
		err = atomicfile.Write(filepath.Join(b.folder, FileName), append(text, '\n'), 0o600)
	}
	if err != nil {
		b.mu.Lock()
		b.unsaved = true
		b.mu.Unlock()
		return fmt.Errorf("keep how long things usually take: %w", err)
	}
	return nil
}

func inSeconds(from map[string][]time.Duration) map[string][]float64 {
	all := make(map[string][]float64, len(from))
	for backend, list := range from {
		seconds := make([]float64, len(list))
		for n, d := range list {
			seconds[n] = float64(d.Milliseconds()) / 1e3
		}
		all[backend] = seconds
	}
	return all
}
