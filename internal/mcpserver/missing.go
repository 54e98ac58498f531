package mcpserver

import (
	"context"
	"errors"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// nameMissing is the hook that answers for a URI that belongs to no resource and no template. mcp-go's own error does not say in its
// data which URI that was, as the newer era wants it.
func nameMissing(ctx context.Context, _ any, _ mcp.MCPMethod, message any, err error) {
	if req, ok := message.(*mcp.ReadResourceRequest); ok && errors.Is(err, server.ErrResourceNotFound) {
		exchangeOf(ctx).reply.replace(resourceError(ctx, req.Params.URI, errNoResource))
	}
}
