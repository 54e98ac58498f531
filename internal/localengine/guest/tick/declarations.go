package tick

import "fmt"

const (
	kindFunction = 0
	kindTable    = 1
	kindMemory   = 2
	kindGlobal   = 3

	typeI32 = 0x7f
)

type imported struct {
	functions, globals uint32
	mutable, memories  int
}

func imports(r *reader) (found imported) {
	for n := r.unsigned(); n > 0 && r.err == nil; n-- {
		r.name()
		r.name()
		switch kind := r.byte(); kind {
		case kindFunction:
			r.unsigned()
			found.functions++
		case kindTable:
			r.byte()
			limits(r)
		case kindMemory:
			limits(r)
			found.memories++
		case kindGlobal:
			r.byte()
			found.mutable += int(r.byte() & 1)
			found.globals++
		default:
			r.fail(fmt.Errorf("an import of the unknown kind %d", kind))
		}
	}
	return found
}

func limits(r *reader) {
	flags := r.byte()
	if flags > 1 {
		r.fail(fmt.Errorf("limits with unknown flags %#x", flags)) // shared or 64-bit memory
	}
	r.skip(1+uint32(flags), 32)
}

// globals counts the globals, and how many of them can change.
func globals(r *reader) (n uint32, mutable int) {
	n = r.unsigned()
	for i := n; i > 0 && r.err == nil; i-- {
		r.byte()
		mutable += int(r.byte() & 1)
		constant(r)
	}
	return n, mutable
}

// constant passes over a start value of one instruction.
func constant(r *reader) {
	switch op := r.byte(); op {
	case opI32Const, opGlobalGet, opRefFunc:
		r.skip(1, 32)
	case opI64Const:
		r.skip(1, 64)
	case opF32Const:
		r.bytes(4)
	case opF64Const:
		r.bytes(8)
	case opRefNull:
		r.byte()
	default:
		r.fail(fmt.Errorf("a start value with instruction %#x", op))
	}
	if r.byte() != opEnd {
		r.fail(fmt.Errorf("a start value of more than one instruction"))
	}
}
