package mcpserver

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/agentrun-tray/agentrun-tray/internal/interpreter"
	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

// poolObject is the pool as clients read it: the part of the host's state that is no other resource and nobody else's business.
type poolObject struct {
	Phase    status.Phase     `json:"phase"`
	Backend  status.Backend   `json:"backend"`
	Pool     status.Pool      `json:"pool"`
	Sessions []status.Session `json:"sessions"`
}

func newPoolObject(s status.Snapshot) poolObject {
	o := poolObject{Phase: s.Phase, Backend: s.Backend, Pool: s.Pool, Sessions: s.Sessions}
	if o.Sessions == nil {
		o.Sessions = []status.Session{}
	}
	return o
}

// listedContext is a context in the list of contexts.
type listedContext struct {
	contextObject
	URI string `json:"uri"`
}

type contextListObject struct {
	Contexts []listedContext `json:"contexts"`
	Total    int             `json:"total"`
}

func newListedContext(cc interpreter.Context) listedContext {
	return listedContext{newContextObject(cc), contextURI(cc.ID)}
}

func (s *Server) contextList() contextListObject {
	all := s.interp.Contexts()
	list := contextListObject{Contexts: make([]listedContext, len(all)), Total: len(all)}
	for n, cc := range all {
		list.Contexts[n] = newListedContext(cc)
	}
	return list
}

// wholeContext is a context with what is kept of its runs.
type wholeContext struct {
	listedContext
	SandboxID string      `json:"sandbox_id,omitempty"`
	Files     string      `json:"files"` // template of the URIs of its files
	Kept      []listedRun `json:"kept_runs"`
}

func (s *Server) contextResource(uri string, ref resourceRef) (mcp.ResourceContents, error) {
	runs, err := s.interp.History(ref.contextID)
	if err != nil {
		return nil, err
	}
	cc, ok := s.interp.Context(ref.contextID)
	if !ok {
		return nil, fmt.Errorf("context %s has ended just now: %w", ref.contextID, errNoResource)
	}
	o := wholeContext{listedContext: newListedContext(cc), SandboxID: cc.SandboxID, Files: contextURI(cc.ID) + "/files/{+path}", Kept: make([]listedRun, len(runs))}
	for n, r := range runs {
		o.Kept[n] = newListedRun(cc.ID, r)
	}
	return jsonResource(uri, o), nil
}

// listPage is how many resources a page of their list has.
const listPage = 100

// listResources makes a page of the list of resources: what was registered with mcp-go, which is all it would list, and then the
// contexts, newest first. Every client gets the same, but those who may not list contexts, who get none of them.
func (s *Server) listResources(x *exchange, cursor mcp.Cursor, result *mcp.ListResourcesResult) {
	after, err := readCursor(cursor)
	if err != nil {
		return // refused before
	}
	var all []mcp.Resource
	if cursor == "" {
		all = result.Resources
	}
	var contexts []interpreter.Context
	if x.mayList() {
		contexts = s.interp.Contexts()
	}
	slices.SortFunc(contexts, func(a, b interpreter.Context) int { return placeOf(a).compare(placeOf(b)) })
	result.NextCursor = ""
	for _, cc := range contexts {
		at := placeOf(cc)
		if cursor != "" && at.compare(after) <= 0 {
			continue
		}
		if len(all) >= listPage {
			result.NextCursor = after.cursor()
			break
		}
		all = append(all, contextEntry(cc))
		after = at
	}
	if all == nil {
		all = []mcp.Resource{}
	}
	result.Resources = all
}

// contextEntry is a context in the list of resources.
func contextEntry(cc interpreter.Context) mcp.Resource {
	about := cc.Description
	if about == "" {
		about = fmt.Sprintf("A %s context made by %s, with its last runs.", cc.Language, cc.Owner)
	}
	r := mcp.NewResource(contextURI(cc.ID), cc.ID, mcp.WithResourceTitle(fmt.Sprintf("Context %s (%s)", cc.Name, cc.Language)),
		mcp.WithResourceDescription(about), mcp.WithMIMEType(jsonType))
	r.Annotations = &mcp.Annotations{LastModified: cc.LastUsed.UTC().Format(utc)}
	return r
}

// place is where a context stands in the list of resources. It stays the same while others come and go, so that a cursor made of it
// does not lose its way.
type place struct {
	made int64 // nanoseconds since 1970
	id   string
}

func placeOf(cc interpreter.Context) place { return place{cc.CreatedAt.UnixNano(), cc.ID} }

// compare orders places newest first.
func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(q.made, p.made), cmp.Compare(p.id, q.id))
}

func (p place) cursor() mcp.Cursor {
	return mcp.Cursor(base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", p.made, p.id)))
}

var errCursor = errors.New("this cursor is not one that resources/list has given; begin again without one")

func readCursor(c mcp.Cursor) (place, error) {
	if c == "" {
		return place{}, nil
	}
	text, err := base64.StdEncoding.DecodeString(string(c))
	if err != nil {
		return place{}, errCursor
	}
	made, id, ok := strings.Cut(string(text), " ")
	n, err := strconv.ParseInt(made, 10, 64)
	if err != nil || !ok || !interpreter.IsContextID(id) {
		return place{}, errCursor
	}
	return place{n, id}, nil
}

// addListing makes the list of resources ours.
func (s *Server) addListing(hooks *server.Hooks) {
	hooks.AddBeforeListResources(func(ctx context.Context, _ any, req *mcp.ListResourcesRequest) {
		if _, err := readCursor(req.Params.Cursor); err != nil {
			exchangeOf(ctx).reply.replace(paramsError(ctx, err))
			req.Params.Cursor = "%" // which mcp-go refuses
		}
	})
	hooks.AddAfterListResources(func(ctx context.Context, _ any, req *mcp.ListResourcesRequest, result *mcp.ListResourcesResult) {
		s.listResources(exchangeOf(ctx), req.Params.Cursor, result)
	})
}
