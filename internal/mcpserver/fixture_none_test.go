//go:build !conformance

package mcpserver

import (
	"strings"
	"testing"
)

// TestReleasesHoldNothingOfTheFixture: what the conformance suites call is not for editors.
func TestReleasesHoldNothingOfTheFixture(t *testing.T) {
	s := newBareServer(t)
	for name := range s.mcp.ListTools() {
		if strings.Contains(name, "test") || s.tools[name].name != name {
			t.Errorf("the server offers the tool %s, which is none of ours", name)
		}
	}
	for name := range s.mcp.ListPrompts() {
		if strings.HasPrefix(name, "test") {
			t.Errorf("the server offers the prompt %s, which is none of ours", name)
		}
	}
	for uri := range s.mcp.ListResources() {
		if !strings.HasPrefix(uri, "agentrun://") {
			t.Errorf("the server offers the resource %s, which is none of ours", uri)
		}
	}
}
