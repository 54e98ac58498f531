//go:build !rig

package main

// steer is there in the program that tests use alone: see rig.go.
func (p *program) steer() {}
