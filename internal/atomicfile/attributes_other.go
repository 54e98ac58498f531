//go:build !linux

package atomicfile

// keepAttributes does nothing: on macOS and Windows, what a new file may is what its folder says.
func keepAttributes(string, string) {}
