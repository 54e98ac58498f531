//go:build !windows && !darwin

package autostart

func newSystem(opt Options) (system, error) { return newDesktop(opt) }
