package interpreter

import "slices"

// queue hands a context to one call at a time, in the order in which they came. Interpreter.mu guards it.
type queue struct {
	holder  *ticket // who has the turn; nil: nobody
	waiting []*ticket
}

// ticket is a call's place in a queue, taken when the call comes and given up when the call is done with the context or does not
// want its turn any more.
type ticket struct {
	turn chan struct{} // closed when it is the call's turn
	ours bool          // not of a call: nobody is told that it waits or has its turn
}

func (q *queue) book() *ticket {
	t := &ticket{turn: make(chan struct{})}
	q.waiting = append(q.waiting, t)
	if q.holder == nil {
		q.next()
	}
	return t
}

// bookFirst takes a place before all that wait, whose order stays. It is for what is done between calls.
func (q *queue) bookFirst() *ticket {
	t := &ticket{turn: make(chan struct{}), ours: true}
	q.waiting = slices.Insert(q.waiting, 0, t)
	if q.holder == nil {
		q.next()
	}
	return t
}

// giveUp takes a ticket back. The turn of its holder passes to the next in line.
func (q *queue) giveUp(t *ticket) {
	if q.holder == t {
		q.next()
		return
	}
	if at := slices.Index(q.waiting, t); at >= 0 {
		q.waiting = slices.Delete(q.waiting, at, at+1)
	}
}

func (q *queue) next() {
	q.holder = nil
	if len(q.waiting) > 0 {
		q.holder = q.waiting[0]
		q.waiting = slices.Delete(q.waiting, 0, 1)
		close(q.holder.turn)
	}
}

// ahead is how many calls have their turn before a ticket.
func (q *queue) ahead(t *ticket) int {
	n := 0
	for _, before := range q.waiting[:max(0, slices.Index(q.waiting, t))] {
		if !before.ours {
			n++
		}
	}
	if q.holder != nil && q.holder != t && !q.holder.ours {
		n++
	}
	return n
}
