package autostart

import (
	"errors"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// Where Windows looks, below the user's own key, and where its task manager keeps what was switched off there.
const (
	runKey      = `Software\Microsoft\Windows\CurrentVersion\Run`
	approvedKey = `Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run`
)

// run is the way of Windows: a value that is the command line.
type run struct{ name string }

func newSystem(opt Options) (system, error) { return run{opt.ID}, nil }

func (r run) where() string { return `HKEY_CURRENT_USER\` + runKey + `, value ` + r.name }

func (r run) read() ([]string, error) {
	off, err := r.switchedOff()
	if err != nil || off {
		return nil, err
	}
	k, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer k.Close()
	line, _, err := k.GetStringValue(r.name)
	if errors.Is(err, registry.ErrNotExist) || strings.TrimSpace(line) == "" && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return windows.DecomposeCommandLine(line)
}

// switchedOff reports whether the user did that in the task manager or the system settings, which keep a value whose first byte is odd
// then.
func (r run) switchedOff() (bool, error) {
	k, err := registry.OpenKey(registry.CURRENT_USER, approvedKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer k.Close()
	state, _, err := k.GetBinaryValue(r.name)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	return len(state) > 0 && state[0]&1 == 1, err
}

func (r run) write(command []string) error {
	k, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer k.Close()
	if err := k.SetStringValue(r.name, windows.ComposeCommandLine(command)); err != nil {
		return err
	}
	return deleteValue(approvedKey, r.name)
}

func (r run) remove() error {
	return errors.Join(deleteValue(runKey, r.name), deleteValue(approvedKey, r.name))
}

// deleteValue deletes a value, if it is there.
func deleteValue(key, name string) error {
	k, err := registry.OpenKey(registry.CURRENT_USER, key, registry.SET_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer k.Close()
	if err := k.DeleteValue(name); err != nil && !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	return nil
}
