//go:build e2e && live

package e2e

import (
	"os"
	"testing"
	"time"
)

// TestLive goes through the seven steps with the real service, in the account that the environment names. It costs a few minutes of
// one sandbox, and leaves the template agentrun-tray there.
func TestLive(t *testing.T) {
	h := cloudHome(t, `{"backend": "agentrun", "fallback": "off", "pool": {"warm": 1, "ceiling": 1}, "http": {"enabled": false}}`, accountInEnvironment(t)...)
	s := h.serve(t)
	began := time.Now()
	if _, err := h.watch(10*time.Minute, poolIsFull); err != nil {
		t.Fatalf("waiting for a sandbox in the cloud: %v", err)
	}
	t.Logf("the first sandbox was ready after %v", time.Since(began).Round(time.Millisecond))
	inBothEras(t, func(t *testing.T, era string) { h.converse(t, era, "agentrun") })
	h.mustCtl(t, "stop")
	s.ended(t, patience, "agentrunctl stop")
}

// accountInEnvironment is the part of this program's environment that names an account and the way to it.
func accountInEnvironment(t *testing.T) []string {
	t.Helper()
	var env []string
	for name, required := range map[string]bool{
		"AGENTRUN_ACCESS_KEY_ID": true, "AGENTRUN_ACCESS_KEY_SECRET": true, "AGENTRUN_ACCOUNT_ID": true, "AGENTRUN_REGION": true,
		"AGENTRUN_SECURITY_TOKEN": false, "AGENTRUN_CONTROL_ENDPOINT": false, "AGENTRUN_DATA_ENDPOINT": false, "HTTPS_PROXY": false, "NO_PROXY": false, "SSL_CERT_FILE": false,
	} {
		switch value := os.Getenv(name); {
		case value != "":
			env = append(env, name+"="+value)
		case required:
			t.Fatalf("%s is not set; make live says what is needed", name)
		}
	}
	return env
}
