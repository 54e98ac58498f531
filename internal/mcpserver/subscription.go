package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/phrase"
	"github.com/agentrun-tray/agentrun-tray/internal/sandbox"
)

// watched is a resource whose changes somebody wants to know.
type watched struct {
	uri    string // as the client writes it
	source string // URI of the resource that announces the changes: what belongs to a context changes with it
	gone   bool   // it is not there any more
}

// watched checks a URI of which a client wants to know the changes. A context need not be there any more, for a client that comes
// back asks for what it had before. Who may not read a resource is not told that it changes either.
func (s *Server) watched(x *exchange, uri string) (watched, error) {
	if len(uri) > maxURI {
		return watched{}, errNoResource
	}
	if err := x.mayRead(uri); err != nil {
		return watched{}, err
	}
	ref, err := parseResource(uri)
	if err != nil {
		if s.mcp.ListResources()[uri] != nil {
			return watched{uri: uri, source: uri}, nil // registered, and none of those that belong to the host
		}
		return watched{}, err
	}
	switch {
	case ref.kind == thePool, ref.kind == theContexts:
		return watched{uri: uri, source: normalURI(uri)}, nil
	case ref.contextID == ownContext:
		return watched{}, sandbox.Errorf(sandbox.CodeInvalidParams, "name the context by its own id to be told of changes; %s means another one to every client", ownContext)
	}
	_, there := s.interp.Context(ref.contextID)
	if !there && !interpreter.IsContextID(ref.contextID) {
		return watched{}, sandbox.Errorf(sandbox.CodeContextNotFound, "there can be no context %q", phrase.Clip(ref.contextID, 100))
	}
	return watched{uri: uri, source: contextURI(ref.contextID), gone: !there}, nil
}

// hasContext reports whether there is the context of a URI.
func (s *Server) hasContext(uri string) bool {
	_, there := s.interp.Context(strings.TrimPrefix(uri, contextsURI))
	return there
}

// maxURI is how long a URI may be that is watched.
const maxURI = 8 << 10

// addSubscriptions makes the subscriptions of the older era ours: mcp-go acknowledges them and does nothing more.
func (s *Server) addSubscriptions(hooks *server.Hooks) {
	refuse := func(ctx context.Context, req *mcp.SubscribeRequest, err error) {
		exchangeOf(ctx).reply.replace(resourceError(ctx, req.Params.URI, err))
		req.Params.URI = "" // which mcp-go refuses
	}
	hooks.AddBeforeSubscribe(func(ctx context.Context, _ any, req *mcp.SubscribeRequest) {
		x := exchangeOf(ctx)
		w, err := s.watched(x, req.Params.URI)
		if err == nil {
			err = s.notices.subscribe(server.ClientSessionFromContext(ctx).SessionID(), w, x.mayList(), x.caller.Reconnected)
		}
		if err != nil {
			refuse(ctx, req, err)
		}
	})
	hooks.AddAfterUnsubscribe(func(ctx context.Context, _ any, req *mcp.UnsubscribeRequest, _ *mcp.EmptyResult) {
		s.notices.unsubscribe(server.ClientSessionFromContext(ctx).SessionID(), req.Params.URI)
	})
}

// listen makes the mailbox of a subscriptions/listen request, or nil if it asks for nothing that we tell. The caller must drop it.
func (s *Server) listen(x *exchange) (*mailbox, *refusal) {
	m := x.message
	if !x.reply.CanStream() { // mcp-go would not answer at all
		return nil, &refusal{http.StatusNotAcceptable, m.ID, rpcInvalidRequest, m.Method + " is answered with a stream: the header Accept must allow " + streamType}
	}
	filter := m.Params.Notifications
	if len(filter.ResourceSubscriptions) > maxWatched {
		return nil, &refusal{http.StatusBadRequest, m.ID, rpcInvalidParams, errWatched.Error()}
	}
	all := make([]watched, len(filter.ResourceSubscriptions))
	for n, uri := range filter.ResourceSubscriptions {
		var err error
		if all[n], err = s.watched(x, uri); err != nil {
			return nil, &refusal{http.StatusBadRequest, m.ID, rpcInvalidParams, fmt.Sprintf("%s: %s", phrase.Clip(uri, 200), err)}
		}
	}
	list := filter.ResourcesListChanged && x.mayList()
	if !list && !filter.ToolsListChanged && len(all) == 0 {
		return nil, nil
	}
	return s.notices.open(list, filter.ToolsListChanged, all, x.caller.Reconnected), nil
}

// retag puts the exact id of a subscription into a message of mcp-go's on its stream.
func retag(text []byte, id json.RawMessage) []byte {
	var m, params, meta map[string]json.RawMessage
	if json.Unmarshal(text, &m) != nil || json.Unmarshal(m["params"], &params) != nil || json.Unmarshal(params["_meta"], &meta) != nil {
		return text
	}
	if meta[mcp.MetaKeySubscriptionID] == nil {
		return text
	}
	meta[mcp.MetaKeySubscriptionID] = id
	params["_meta"] = compactJSON(meta)
	m["params"] = compactJSON(params)
	return compactJSON(m)
}
