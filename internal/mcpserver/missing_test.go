package mcpserver

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestErrorOfAMissingResourceSaysWhichItWas: the newer era wants the URI in the error's data, and mcp-go leaves it out where no
// handler was found.
func TestErrorOfAMissingResourceSaysWhichItWas(t *testing.T) {
	r := startRig(t, rigSetup{})
	for _, version := range []string{legacy, modern} {
		cs := r.connect(t, Unix, version, nil)
		for _, uri := range []string{"test://nothing", "agentrun://nothing", "agentrun://contexts/ctx-nope/files/x"} {
			_, err := cs.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
			wire, ok := errors.AsType[*jsonrpc.Error](err)
			if !ok {
				t.Errorf("%s: read %s = %v, want a protocol error", version, uri, err)
				continue
			}
			var data struct {
				URI string `json:"uri"`
			}
			if err := json.Unmarshal(wire.Data, &data); err != nil || data.URI != uri {
				t.Errorf("%s: read %s = an error with the data %s (%v), want its uri", version, uri, wire.Data, err)
			}
		}
	}
}
