//go:build e2e && !window

package e2e

import "context"

// buildWindow builds nothing: these tests have no display.
func buildWindow(context.Context, string) error { return nil }
