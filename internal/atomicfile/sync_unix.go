//go:build unix

package atomicfile

import (
	"errors"
	"os"
)

// syncFolder makes the rename itself survive a power cut.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
