package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// offer is what clients are told of the server as long as new contexts are made on one site: what code can do there, and which tools
// there are.
type offer struct {
	*Server
	site   *interpreter.Site
	traits sandbox.Traits

	listed map[string]mcp.Tool // by name
	print  json.RawMessage     // of all that clients are told
}

// offer gives that of the current site.
func (s *Server) offer() *offer {
	site := s.interp.Site()
	if known := s.offered.Load(); known != nil && known.site == site {
		return known
	}
	o := &offer{Server: s, site: site, traits: site.Traits(), listed: make(map[string]mcp.Tool, len(tools))}
	for _, define := range tools {
		if t := define(o); !t.shell || o.traits.Shell {
			o.listed[t.name] = t.definition()
		}
	}
	o.print = compactJSON([]any{o.listed, o.instructions()})
	s.offered.Store(o) // another one is as good
	return o
}

// differs reports whether clients are told something else than before.
func (s *offer) differs(before *offer) bool {
	return s != before && !bytes.Equal(s.print, before.print)
}

// addOffers lets what clients are told follow the current site.
func (s *Server) addOffers(hooks *server.Hooks) {
	hooks.AddAfterListTools(func(_ context.Context, _ any, _ *mcp.ListToolsRequest, result *mcp.ListToolsResult) {
		o := s.offer()
		tools := make([]mcp.Tool, 0, len(result.Tools))
		for _, t := range result.Tools {
			_, ours := s.tools[t.Name]
			if now, listed := o.listed[t.Name]; listed {
				t = now
			} else if ours {
				continue
			}
			tools = append(tools, t)
		}
		result.Tools = tools
	})
	hooks.AddAfterInitialize(func(_ context.Context, _ any, _ *mcp.InitializeRequest, result *mcp.InitializeResult) {
		result.Instructions = s.offer().instructions()
	})
	hooks.AddAfterDiscover(func(_ context.Context, _ any, _ *mcp.DiscoverRequest, result *mcp.DiscoverResult) {
		result.Instructions = s.offer().instructions()
	})
}
