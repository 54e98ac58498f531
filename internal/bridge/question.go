package bridge

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// question is a request of the host (an elicitation, say) which the editor has not answered.
//
// The editor sees it under an id of ours, made of the session's generation and a number: a new
// host counts from 1 again, and a late "yes" must not answer another question.
type question struct {
	seenID  []byte // by the editor; raw JSON
	hostID  []byte // raw JSON
	session *session
	call    *call // during which it was asked; nil: on the host's own stream
}

// fromHost handles a message of the host which is not an answer, and reports whether it was one.
// The call is the one in whose stream it came, or nil.
func (r *Relay) fromHost(message []byte, c *call, s *session, header http.Header) bool {
	if !json.Valid(message) || message[0] != '{' {
		return true // nothing an editor could read
	}
	method, isString := text(field(message, "method"))
	switch {
	case !isString:
		return false
	case field(message, "id") != nil:
		r.ask(message, c, s)
	case method == "notifications/cancelled":
		r.withdrawn(message, s)
	case method == "notifications/subscriptions/acknowledged" && c != nil:
		r.acknowledged(message, c, header)
	default:
		r.write(message)
	}
	return true
}

// ask puts a question of the host to the editor.
func (r *Relay) ask(message []byte, c *call, s *session) {
	generation := 0
	if s != nil {
		generation = s.generation
	}
	q := &question{hostID: field(message, "id"), session: s, call: c}
	r.mu.Lock()
	r.asked++
	q.seenID = strconv.AppendQuote(nil, fmt.Sprintf("h%d.%d", generation, r.asked))
	r.questions[string(q.seenID)] = q
	r.mu.Unlock()
	r.write(withID(message, q.seenID))
}

// answered sends the editor's answer to the host which asked. An answer to a question nobody asks
// any more goes nowhere.
func (r *Relay) answered(f frame) {
	if q := r.takeQuestion(f.id); q != nil {
		r.lane.add(parcel{body: withID(f.raw, q.hostID), session: q.session})
	}
}

func (r *Relay) takeQuestion(id []byte) *question {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.questions[string(id)]
	delete(r.questions, string(id))
	return q
}

// withdraw takes questions back from the editor.
func (r *Relay) withdraw(which func(*question) bool) {
	var gone []*question
	r.mu.Lock()
	for id, q := range r.questions {
		if which(q) {
			gone = append(gone, q)
			delete(r.questions, id)
		}
	}
	r.mu.Unlock()
	for _, q := range gone {
		r.write(fmt.Appendf(nil,
			`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s,"reason":"the request ended before it was answered"}}`, q.seenID))
	}
}

// withdrawn passes on that the host takes one of its questions back, under the id the editor knows.
func (r *Relay) withdrawn(message []byte, s *session) {
	id := string(field(message, "params", "requestId"))
	r.withdraw(func(q *question) bool { return q.session == s && string(q.hostID) == id })
}

// acknowledged passes on the first confirmation of a subscription. Later ones come from new hosts,
// of which the editor need not know, unless what they offer may be different.
func (r *Relay) acknowledged(message []byte, c *call, header http.Header) {
	before, now := c.hostVersion, header.Get(headerHost)
	c.hostVersion = now
	if !c.acknowledged {
		c.acknowledged = true
		r.write(message)
		return
	}
	if before == now {
		return
	}
	for _, list := range lists {
		if string(field(c.raw, "params", "notifications", list+"ListChanged")) == "true" {
			r.write(fmt.Appendf(nil,
				`{"jsonrpc":"2.0","method":"notifications/%s/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":%s}}}`, list, c.id))
		}
	}
}

// lists are what a host offers and may offer differently after an update.
var lists = [...]string{"tools", "prompts", "resources"}
