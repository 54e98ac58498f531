// Package tick adds safepoints to a WebAssembly module at build time, and refuses a module that a copy of its memory would not
// carry in full. The engine's build is its only caller, through the command in cmd/tick.
//
// Compiled WebAssembly cannot be pre-empted: while it loops, the Go scheduler cannot stop it, a garbage collection started
// elsewhere waits for it, and no timer ends it. So each loop gets a countdown, and at zero a call of the function exported as
// k_tick, which calls the host. One global counts for all loops, so that the host hears from the module regularly whatever it
// does.
//
// An interpreter's main function is one large loop with a turn for every instruction of the program it runs, and a countdown
// is felt there. Named in the options, its loops around the dispatch (a wide branch table) stay as they are, and its C code says
// itself where a program can run without end: by a loop with nothing in it, in clang's inline assembly "loop; end_loop", or by
// calling the host.
package tick

import (
	"errors"
	"fmt"
	"slices"
)

// Safepoint is the name of the exported function that is called at each safepoint.
const Safepoint = "k_tick"

// Options say how to rewrite. The zero value is not useful: Every must be positive.
type Options struct {
	// Every is the number of loop turns between two safepoints.
	Every int32
	// Interpreters names exported functions whose loops around a dispatch get no countdown. The exports themselves are
	// removed: they exist only so that the functions can be named here.
	Interpreters []string
}

// Report says what was done.
type Report struct {
	// Loops is the number of loops that got a countdown.
	Loops int
	// Marked is how many of these are empty loops in the functions named by Options.Interpreters.
	Marked int
	// Left is the number of loops without a countdown.
	Left int
}

// Sections of a module that matter here, by their number in the format.
const (
	sectionCustom   = 0
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionTable    = 4
	sectionMemory   = 5
	sectionGlobal   = 6
	sectionExport   = 7
	sectionCode     = 10
	sectionDataSize = 12
)

const magic = "\x00asm\x01\x00\x00\x00"

// Rewrite returns a copy of the module with safepoints and without custom sections. It stops with an error at anything it does
// not know for certain, as a module that is subtly wrong would be worse than none.
func Rewrite(module []byte, opt Options) ([]byte, Report, error) {
	if opt.Every <= 0 {
		return nil, Report{}, fmt.Errorf("safepoint every %d loop turns: want a positive number", opt.Every)
	}
	sections, err := split(module)
	if err != nil {
		return nil, Report{}, err
	}
	plan, err := survey(sections, opt)
	if err != nil {
		return nil, Report{}, err
	}
	return plan.apply(sections)
}

type section struct {
	id   byte
	body []byte
}

// split cuts the module into its sections, without the custom ones, and checks their order.
func split(module []byte) ([]section, error) {
	if len(module) < len(magic) || string(module[:len(magic)]) != magic {
		return nil, errors.New("not a WebAssembly module of version 1")
	}
	var sections []section
	last := -1
	r := &reader{data: module, at: len(magic)}
	for r.at < len(module) && r.err == nil {
		id := r.byte()
		body := r.bytes(r.unsigned())
		if r.err != nil || id == sectionCustom {
			continue
		}
		if id > sectionDataSize+1 {
			return nil, fmt.Errorf("section %d is of no known kind", id)
		}
		if order(id) <= last {
			return nil, fmt.Errorf("section %d is out of order", id)
		}
		last = order(id)
		sections = append(sections, section{id, body})
	}
	if r.err != nil {
		return nil, fmt.Errorf("sections: %w", r.err)
	}
	return sections, nil
}

// order is the place of a section in a module; the number of the data count section came late.
func order(id byte) int {
	if id == sectionDataSize {
		return 2*sectionCode - 1
	}
	return 2 * int(id)
}

// plan is what a first pass over the module finds out for the second.
type plan struct {
	opt       Options
	imported  uint32          // functions that have an index before the module's own
	counter   uint32          // index of the global that counts down
	safepoint uint32          // index of the function to call
	main      map[uint32]bool // indexes of the interpreters' main functions
	report    Report
}

func survey(sections []section, opt Options) (*plan, error) {
	p := &plan{opt: opt, main: map[uint32]bool{}}
	named := map[string]uint32{}
	var mutable, memories int
	for _, s := range sections {
		r := &reader{data: s.body}
		switch s.id {
		case sectionImport:
			found := imports(r)
			p.imported = found.functions
			p.counter += found.globals
			mutable += found.mutable
			memories += found.memories
		case sectionMemory:
			memories += int(r.unsigned())
			r.at = len(r.data)
		case sectionGlobal:
			n, changing := globals(r)
			p.counter += n
			mutable += changing
		case sectionExport:
			for n := r.unsigned(); n > 0 && r.err == nil; n-- {
				name, kind, index := r.name(), r.byte(), r.unsigned()
				if kind == kindFunction {
					named[name] = index
				}
			}
		default:
			continue
		}
		if err := r.end(); err != nil {
			return nil, fmt.Errorf("section %d: %w", s.id, err)
		}
	}
	if mutable > 1 {
		return nil, fmt.Errorf("%d globals can change: a copy of the memory carries the module's state only if there is no more than one, the stack pointer", mutable)
	}
	if memories != 1 {
		return nil, fmt.Errorf("the module has %d memories, want one", memories)
	}
	var ok bool
	if p.safepoint, ok = named[Safepoint]; !ok {
		return nil, fmt.Errorf("no exported function %s", Safepoint)
	}
	for _, name := range opt.Interpreters {
		index, ok := named[name]
		if !ok {
			return nil, fmt.Errorf("no exported function %s, which is said to be an interpreter", name)
		}
		p.main[index] = true
	}
	return p, nil
}

// apply writes the module anew. The counter is the last global, so that no other index changes.
func (p *plan) apply(sections []section) ([]byte, Report, error) {
	counter := appendSigned([]byte{typeI32, 1, opI32Const}, p.opt.Every)
	counter = append(counter, opEnd)
	if i := slices.IndexFunc(sections, func(s section) bool { return s.id == sectionGlobal }); i < 0 {
		i = slices.IndexFunc(sections, func(s section) bool { return order(s.id) > order(sectionGlobal) })
		sections = slices.Insert(slices.Clone(sections), i, section{sectionGlobal, []byte{0}}) // i >= 0: the export of k_tick comes later
	}
	out := []byte(magic)
	for _, s := range sections {
		var err error
		body := s.body
		switch s.id {
		case sectionGlobal:
			r := &reader{data: s.body}
			n := r.unsigned()
			body = append(appendUnsigned(nil, n+1), s.body[r.at:]...)
			body = append(body, counter...)
		case sectionExport:
			body = p.exports(s.body)
		case sectionCode:
			body, err = p.code(s.body)
		}
		if err != nil {
			return nil, Report{}, err
		}
		out = append(out, s.id)
		out = appendUnsigned(out, uint32(len(body))) // #nosec G115 -- a module is read whole and is far smaller
		out = append(out, body...)
	}
	return out, p.report, nil
}

// exports copies the export section, already read once without fault, without the names in Options.Interpreters.
func (p *plan) exports(body []byte) []byte {
	r := &reader{data: body}
	var kept []byte
	var count uint32
	for n := r.unsigned(); n > 0; n-- {
		start := r.at
		name, kind := r.name(), r.byte()
		r.unsigned()
		if kind == kindFunction && slices.Contains(p.opt.Interpreters, name) {
			continue
		}
		kept = append(kept, body[start:r.at]...)
		count++
	}
	return append(appendUnsigned(nil, count), kept...)
}

// code copies the code section with its countdowns.
func (p *plan) code(body []byte) ([]byte, error) {
	r := &reader{data: body}
	n := r.unsigned()
	out := appendUnsigned(nil, n)
	countdown := p.countdown()
	for i := range n {
		function := r.bytes(r.unsigned())
		if r.err != nil {
			return nil, fmt.Errorf("function %d: %w", p.imported+i, r.err)
		}
		function, err := rewriteFunction(function, countdown, p.main[p.imported+i], &p.report)
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", p.imported+i, err)
		}
		out = appendUnsigned(out, uint32(len(function))) // #nosec G115 -- as above
		out = append(out, function...)
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("code section: %w", err)
	}
	return out, nil
}

// countdown is what each loop begins with. It leaves the stack as it was.
//
//	counter = counter - 1
//	if counter == 0 { counter = every; k_tick() }
func (p *plan) countdown() []byte {
	var b []byte
	get := appendUnsigned([]byte{opGlobalGet}, p.counter)
	set := appendUnsigned([]byte{opGlobalSet}, p.counter)
	b = append(b, get...)
	b = append(b, opI32Const, 1, opI32Sub)
	b = append(b, set...)
	b = append(b, get...)
	b = append(b, opI32Eqz, opIf, blockEmpty)
	b = appendSigned(append(b, opI32Const), p.opt.Every)
	b = append(b, set...)
	b = appendUnsigned(append(b, opCall), p.safepoint)
	return append(b, opEnd)
}
