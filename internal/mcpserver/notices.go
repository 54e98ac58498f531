package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/agentrun-tray/agentrun-tray/internal/status"
)

const (
	// noticeGap is the least time between two notices of the same resource on one stream.
	noticeGap = 250 * time.Millisecond
	// maxWatched bounds what one client can have us watch.
	maxWatched = 1000
)

// notices tells clients that what they can read by URI has changed. It compares each snapshot with the one before and puts what is
// different into the mailboxes of those who want to know; each mailbox is emptied onto a stream by the request that the stream
// belongs to. So a client that does not read holds up its own notices and nothing else. mcp-go would put them on whichever
// response of the client is open. Methods are safe for concurrent use.
type notices struct {
	gap     time.Duration
	offered *offer                      // what clients were told of when there was nobody to tell of changes
	live    func(sessionID string) bool // whether an MCP session has not ended

	mu       sync.Mutex // guards below and all mailboxes
	boxes    map[*mailbox]struct{}
	sessions map[string]*mailbox // of clients of the older era, by MCP session
}

// mailbox holds what one listener has yet to be told: the newest state of each resource is one notice, however often it changed.
type mailbox struct {
	poke chan struct{} // capacity 1: there is something in it

	wants      map[string]string // the resource that announces changes, by the URI that the client knows
	wantsList  bool
	wantsTools bool
	stale      bool // whatever is asked for has changed already: the client knew another MCP session or host

	unseen map[string]struct{} // wanted contexts that no snapshot has shown since, by the URI that the client knows

	dirty map[string]struct{} // by the URI that the client knows
	list  bool
	tools bool
}

// news is what a mailbox holds.
type news struct {
	list  bool // of resources
	tools bool // the list of them
	uris  []string
}

func (n news) any() bool { return n.list || n.tools || len(n.uris) > 0 }

func newNotices(live func(sessionID string) bool) *notices {
	return &notices{gap: noticeGap, live: live, boxes: make(map[*mailbox]struct{}), sessions: make(map[string]*mailbox)}
}

// watch compares snapshots until ctx ends. Whatever the first one shows is news: somebody may have begun to listen before we have.
// What a snapshot does not show may only have come since; there says, of the source of changes, whether it is there.
func (n *notices) watch(ctx context.Context, hub *status.Hub, offers func() *offer, there func(source string) bool) {
	before, offered := paint(status.Snapshot{}), n.offered
	for snapshot := range hub.Watch(ctx) {
		if o := offers(); o.differs(offered) {
			n.markTools()
			offered = o
		}
		now := paint(snapshot)
		n.mark(now.differences(before))
		n.markMissed(now, there)
		before = now
	}
}

// shown is what the resources that announce changes show of a snapshot.
type shown struct {
	pool     json.RawMessage
	contexts map[string]status.Context // by URI
}

func paint(s status.Snapshot) *shown {
	p := &shown{pool: compactJSON(newPoolObject(s)), contexts: make(map[string]status.Context, len(s.Contexts))}
	for _, cc := range s.Contexts {
		p.contexts[contextURI(cc.ID)] = cc
	}
	return p
}

// differences names the resources that show something else than before, and says whether there are others.
func (p *shown) differences(before *shown) (changed map[string]struct{}, list bool) {
	changed = make(map[string]struct{})
	if !bytes.Equal(p.pool, before.pool) {
		changed[poolURI] = struct{}{}
	}
	for uri, cc := range p.contexts {
		old, known := before.contexts[uri]
		if !known {
			list = true
		}
		if !reflect.DeepEqual(old, cc) {
			changed[uri] = struct{}{}
		}
	}
	for uri := range before.contexts {
		if _, known := p.contexts[uri]; !known {
			list = true
			changed[uri] = struct{}{}
		}
	}
	if _, only := changed[poolURI]; len(changed) > 1 || len(changed) == 1 && !only {
		changed[allURI] = struct{}{}
	}
	return changed, list
}

// mark puts changes into the mailboxes of those who want to know. It never blocks.
func (n *notices) mark(changed map[string]struct{}, list bool) {
	if len(changed) == 0 && !list {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for box := range n.boxes {
		for uri, source := range box.wants {
			if _, is := changed[source]; is {
				box.add(uri)
			}
		}
		if list && box.wantsList {
			box.list = true
			signal(box.poke)
		}
	}
}

// markMissed tells of contexts that came and went between two snapshots, to those who began to listen meanwhile.
func (n *notices) markMissed(now *shown, there func(source string) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for box := range n.boxes {
		for uri := range box.unseen {
			source := box.wants[uri]
			_, seen := now.contexts[source]
			if !seen && there(source) {
				continue // a later snapshot shows it
			}
			delete(box.unseen, uri)
			if !seen {
				box.add(uri)
				box.list = box.wantsList
			}
		}
	}
}

// markTools puts the news that the list of tools has changed into the mailboxes of those who want to know.
func (n *notices) markTools() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for box := range n.boxes {
		if box.wantsTools {
			box.tools = true
			signal(box.poke)
		}
	}
}

// add notes that a resource has changed. The caller holds mu.
func (b *mailbox) add(uri string) {
	b.dirty[uri] = struct{}{}
	signal(b.poke)
}

// newBox makes a mailbox. The caller holds mu.
func (n *notices) newBox() *mailbox {
	box := &mailbox{poke: make(chan struct{}, 1), wants: make(map[string]string), unseen: make(map[string]struct{}), dirty: make(map[string]struct{})}
	n.boxes[box] = struct{}{}
	return box
}

// age notes, once, that the client knows a state from before. The caller holds mu.
func (b *mailbox) age() {
	if b.stale {
		return
	}
	b.stale = true
	for uri := range b.wants {
		b.add(uri)
	}
	if b.wantsList || b.wantsTools {
		b.list, b.tools = b.wantsList, b.wantsTools
		signal(b.poke)
	}
}

// ofSession returns the mailbox of an MCP session, which all its streams share: a notice goes to one of them. It is made when it is
// first needed and goes with the MCP session, so that nothing is lost while a client reconnects. Of changes to the list of resources
// those are told who can see them there.
func (n *notices) ofSession(id string, list, stale bool) *mailbox {
	n.mu.Lock()
	box := n.sessions[id]
	if box == nil {
		box = n.newBox()
		n.sessions[id] = box
	}
	box.wantsList, box.wantsTools = list, true
	if stale {
		box.age()
	}
	n.mu.Unlock()
	if !n.live(id) {
		n.forget(id) // it has ended meanwhile, and nobody else will
	}
	return box
}

// forget drops the mailbox of an MCP session that has ended.
func (n *notices) forget(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.boxes, n.sessions[id])
	delete(n.sessions, id)
}

// subscribe notes that an MCP session wants to know of changes to a resource.
func (n *notices) subscribe(id string, w watched, list, stale bool) error {
	box := n.ofSession(id, list, stale)
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, again := box.wants[w.uri]; !again && len(box.wants) >= maxWatched {
		return errWatched
	}
	box.want(w)
	return nil
}

var errWatched = fmt.Errorf("more than %d subscriptions of one client are not kept", maxWatched)

// want notes that changes to a resource are to be told. What is gone has changed already. The caller holds mu.
func (b *mailbox) want(w watched) {
	b.wants[w.uri] = w.source
	if b.stale || w.gone {
		b.add(w.uri)
	} else if strings.HasPrefix(w.source, contextsURI) {
		b.unseen[w.uri] = struct{}{}
	}
}

// unsubscribe takes back a subscription, with what was still to be told of it.
func (n *notices) unsubscribe(id, uri string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if box := n.sessions[id]; box != nil {
		delete(box.wants, uri)
		delete(box.unseen, uri)
		delete(box.dirty, uri)
	}
}

// open makes the mailbox of a request of the newer era. The caller must drop it.
func (n *notices) open(list, tools bool, all []watched, stale bool) *mailbox {
	n.mu.Lock()
	defer n.mu.Unlock()
	box := n.newBox()
	box.wantsList, box.wantsTools = list, tools
	for _, w := range all {
		box.want(w)
	}
	if stale {
		box.age()
	}
	return box
}

func (n *notices) drop(box *mailbox) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.boxes, box)
}

// take empties a mailbox.
func (n *notices) take(box *mailbox) news {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := news{box.list, box.tools, slices.Sorted(maps.Keys(box.dirty))}
	box.list, box.tools = false, false
	clear(box.dirty)
	return all
}

// putBack returns what could not be told. What was unsubscribed meanwhile is dropped.
func (n *notices) putBack(box *mailbox, left news) {
	n.mu.Lock()
	defer n.mu.Unlock()
	box.list, box.tools = box.list || left.list, box.tools || left.tools
	for _, uri := range left.uris {
		if _, still := box.wants[uri]; still {
			box.dirty[uri] = struct{}{}
		}
	}
	if box.list || box.tools || len(box.dirty) > 0 {
		signal(box.poke)
	}
}

// tell empties a mailbox onto the stream of a request, from when the stream has begun to speak: by then mcp-go has acknowledged
// what was asked for. The id is that of the newer era's request. The caller must call end, before the reply is finished.
func (n *notices) tell(ctx context.Context, rep *reply, box *mailbox, id json.RawMessage) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	begun := make(chan struct{})
	rep.opened = func(h http.Header) {
		if h.Get("Content-Type") == streamType {
			close(begun) // the headers are about to go out; what mcp-go writes with them goes first, as it holds the reply
		}
	}
	var done sync.WaitGroup
	done.Go(func() {
		select {
		case <-begun:
			n.pump(ctx, rep, box, id)
		case <-ctx.Done():
		}
	})
	return func() {
		stop()
		done.Wait()
	}
}

// pump tells what comes into a mailbox until ctx ends or the connection is broken.
func (n *notices) pump(ctx context.Context, rep *reply, box *mailbox, id json.RawMessage) {
	gap := time.NewTimer(0)
	defer gap.Stop()
	for {
		select {
		case <-gap.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-box.poke:
		case <-ctx.Done():
			return
		}
		if left := n.send(ctx, rep, n.take(box), id); left.any() {
			n.putBack(box, left) // another stream of the client may be in order
			return
		}
		gap.Reset(n.gap)
	}
}

// send tells of changes, and returns those that could not be told.
func (n *notices) send(ctx context.Context, rep *reply, all news, id json.RawMessage) (left news) {
	type note struct {
		Meta map[string]json.RawMessage `json:"_meta,omitempty"`
		URI  string                     `json:"uri,omitempty"`
	}
	var meta map[string]json.RawMessage
	if id != nil {
		meta = map[string]json.RawMessage{mcp.MetaKeySubscriptionID: id}
	}
	told := func(method string, n note) bool { return ctx.Err() == nil && rep.notify(method, n) == nil }
	if all.tools && !told(mcp.MethodNotificationToolsListChanged, note{Meta: meta}) {
		return all
	}
	all.tools = false
	if all.list && !told(mcp.MethodNotificationResourcesListChanged, note{Meta: meta}) {
		return all
	}
	all.list = false
	for at, uri := range all.uris {
		if !told(mcp.MethodNotificationResourceUpdated, note{meta, uri}) {
			all.uris = all.uris[at:]
			return all
		}
	}
	return news{}
}
