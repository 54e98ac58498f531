package mcpserver

import (
	"net/http"

	"github.com/agentrun-tray/agentrun-tray/internal/link"
)

// linkPath is where a relay asks for a link: many requests on one connection, for less than HTTP/1.1
// takes. What comes over it is served like what comes without.
const linkPath = "/link"

// withLinks returns the handler of a face, on the unix socket with links.
func withLinks(face Face, links *link.Server) http.Handler {
	if face != Unix {
		return links.Handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == linkPath && link.IsUpgrade(r) {
			links.ServeHTTP(w, r)
			return
		}
		links.Handler.ServeHTTP(w, r)
	})
}
