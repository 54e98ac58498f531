package cost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"time"

	"github.com/agentrun-tray/agentrun-tray/internal/atomicfile"
)

// FileName is the name of the account in the data folder.
const FileName = "cost.json"

// file is what the file holds.
type file struct {
	Days      map[string]day `json:"days"`
	Sandboxes []fileSandbox  `json:"sandboxes"`
}

// fileSandbox is a sandbox that lived when the file was written, or not long before.
type fileSandbox struct {
	ID     string    `json:"sandbox_id"`
	Born   time.Time `json:"born"`
	Until  time.Time `json:"accounted_until"`
	Alive  bool      `json:"alive"`
	CPU    float64   `json:"cpu"`
	Memory float64   `json:"memory_gb"`
	Disk   float64   `json:"disk_gb"`
}

// Load reads what was kept. No file means nothing; a damaged one is kept aside, and the error says where. Sandboxes that lived
// when the host before was killed are taken to have lived until now, or until their idle timeout. Call it once, before anything
// else.
func (m *Meter) Load(now time.Time) error {
	text, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what sandboxes have cost: %w", err)
	}
	kept, err := parse(text)
	if err != nil {
		aside, asideErr := atomicfile.KeepAside(m.path, now)
		if asideErr != nil {
			return fmt.Errorf("what sandboxes have cost is damaged (%w), and could not be kept aside: %w", err, asideErr)
		}
		return fmt.Errorf("what sandboxes have cost is damaged (%w), is kept as %s and begins anew", err, aside)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, d := range kept.Days {
		m.days[name] = &d
	}
	wall := now.Round(0)
	for _, s := range kept.Sandboxes {
		a := &account{born: s.Born, until: s.Until, machine: Machine{s.CPU, s.Memory, s.Disk}}
		if gap := wall.Sub(a.until); s.Alive && gap > 0 {
			m.charge(a, a.until, min(gap, m.options.IdleTimeout), false)
		}
		if s.Alive {
			a.until = wall
		}
		m.known[s.ID] = a
	}
	m.seen = now
	return nil
}

// parse reads the file's text.
func parse(text []byte) (file, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return file{}, err
	}
	if f.Days == nil {
		return file{}, errors.New("it has no days")
	}
	for name, d := range f.Days {
		if _, err := time.Parse(dateForm, name); err != nil || len(name) != len(dateForm) {
			return file{}, fmt.Errorf("%.40q is not a day", name)
		}
		if !sound(d.Seconds) || !sound(d.Busy) || !sound(d.Units) || d.Calls < 0 {
			return file{}, fmt.Errorf("the day %s has figures that cannot be", name)
		}
	}
	for _, s := range f.Sandboxes {
		if s.ID == "" || s.Born.Year() < 2 || s.Until.Year() < 2 || s.Until.Year() > 9998 || s.Born.Year() > 9998 || !sound(s.CPU) || !sound(s.Memory) || !sound(s.Disk) {
			return file{}, fmt.Errorf("the sandbox %.40q has figures that cannot be", s.ID)
		}
	}
	return f, nil
}

// sound reports whether something can have been added up.
func sound(x float64) bool { return x >= 0 && x < 1e15 && !math.IsNaN(x) }

// Save writes what is known, if something is new. After a crash what was not saved is reckoned again, as time in which no code
// ran: so saving once a minute, and when a sandbox came or went, is enough.
func (m *Meter) Save(now time.Time) error {
	m.saving.Lock()
	defer m.saving.Unlock()
	text, err := m.text(now)
	if err != nil || text == nil {
		return err
	}
	if err := atomicfile.Write(m.path, text, 0o600); err != nil {
		m.mu.Lock()
		m.changed = true
		m.mu.Unlock()
		return fmt.Errorf("keep what sandboxes have cost: %w", err)
	}
	return nil
}

// text gives the file's, or nil if it is not to be written.
func (m *Meter) text(now time.Time) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(now)
	if !m.changed {
		return nil, nil
	}
	oldest := now.In(m.options.Location).AddDate(0, 0, -keptDays).Format(dateForm)
	maps.DeleteFunc(m.days, func(name string, _ *day) bool { return name < oldest })
	f := file{Days: map[string]day{}, Sandboxes: []fileSandbox{}}
	for name, d := range m.days {
		f.Days[name] = day{Seconds: milli(d.Seconds), Busy: milli(d.Busy), Calls: d.Calls, Units: milli(d.Units)}
	}
	for _, id := range slices.Sorted(maps.Keys(m.known)) {
		a := m.known[id]
		f.Sandboxes = append(f.Sandboxes, fileSandbox{ID: id, Born: a.born.UTC(), Until: a.until.UTC(), Alive: a.alive, CPU: a.machine.CPU, Memory: a.machine.Memory, Disk: a.machine.Disk})
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("keep what sandboxes have cost: %w", err)
	}
	m.changed = false
	return append(text, '\n'), nil
}

func milli(x float64) float64 { return math.Round(x*1000) / 1000 }
