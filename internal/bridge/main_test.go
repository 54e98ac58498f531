package bridge

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	goleak.VerifyTestMain(bothKinds{m})
}

// bothKinds runs the tests with hosts that know links and with hosts that do not.
type bothKinds struct{ m *testing.M }

func (b bothKinds) Run() int {
	code := b.m.Run()
	if code == 0 {
		hostsKnowLinks = false
		if code = b.m.Run(); code != 0 {
			fmt.Fprintln(os.Stderr, "with hosts that know no links")
		}
	}
	return code
}
