package tick

import (
	"errors"
	"fmt"
)

// Instructions that are written, or read apart from their neighbours.
const (
	opBlock       = 0x02
	opLoop        = 0x03
	opIf          = 0x04
	opElse        = 0x05
	opEnd         = 0x0b
	opBrTable     = 0x0e
	opCall        = 0x10
	opSelectTyped = 0x1c
	opGlobalGet   = 0x23
	opGlobalSet   = 0x24
	opTableSet    = 0x26
	opMemorySize  = 0x3f
	opMemoryGrow  = 0x40
	opI32Const    = 0x41
	opI64Const    = 0x42
	opF32Const    = 0x43
	opF64Const    = 0x44
	opI32Eqz      = 0x45
	opI32Sub      = 0x6b
	opRefNull     = 0xd0
	opRefFunc     = 0xd2
	opMisc        = 0xfc
	opVector      = 0xfd

	blockEmpty = 0x40
)

var errTables = errors.New("it changes a table or drops a segment: state that a copy of the memory would not carry")

// loop is one loop of a function.
type loop struct {
	at       int  // where the instructions of its body begin
	empty    bool // there are none
	dispatch bool // it encloses a branch table as wide as an interpreter's
}

// widest is the number of targets from which a branch table counts as the dispatch of an interpreter's instructions. Those of
// CPython and QuickJS have around 250, and no other table in their main functions comes near.
const widest = 128

// loops lists the loops of a function body in the order of their beginnings, and checks that the body is well formed as far as
// it can be told without types.
func loops(body []byte) ([]loop, error) {
	r := &reader{data: body}
	for n := r.unsigned(); n > 0 && r.err == nil; n-- { // locals
		r.unsigned()
		r.byte()
	}
	const notALoop = -1
	var found []loop
	open := []int{notALoop} // for each block that is open, its place in found
	for len(open) > 0 && r.err == nil {
		switch op := r.byte(); op {
		case opBlock, opIf:
			r.skip(1, 33)
			open = append(open, notALoop)
		case opLoop:
			r.skip(1, 33)
			open = append(open, len(found))
			found = append(found, loop{at: r.at, empty: r.at < len(body) && body[r.at] == opEnd})
		case opEnd:
			open = open[:len(open)-1]
		case opBrTable:
			targets := r.unsigned()
			r.skip(targets, 32)
			r.skip(1, 32)
			for _, i := range open {
				if i != notALoop && targets >= widest {
					found[i].dispatch = true
				}
			}
		default:
			immediates(r, op)
		}
	}
	return found, r.end()
}

// rewriteFunction copies one function body and puts insert at the head of its loops; not of those around the dispatch, if the
// function is an interpreter's main function.
func rewriteFunction(body, insert []byte, main bool, report *Report) ([]byte, error) {
	found, err := loops(body)
	if err != nil {
		return nil, err
	}
	var out []byte
	copied := 0
	for _, l := range found {
		if main && l.dispatch {
			report.Left++
			continue
		}
		if main && l.empty {
			report.Marked++
		}
		report.Loops++
		out = append(append(out, body[copied:l.at]...), insert...)
		copied = l.at
	}
	return append(out, body[copied:]...), nil
}

// immediates passes over what follows an instruction. An instruction it does not know stops everything: its length is unknown.
func immediates(r *reader, op byte) {
	switch {
	case op <= 0x01, op == opElse, op == 0x0f, op == 0x1a, op == 0x1b, op >= opI32Eqz && op <= 0xc4, op == 0xd1:
		// unreachable, nop; return; drop, select; comparisons, arithmetic, conversions; ref.is_null
	case op == 0x0c, op == 0x0d, op == opCall, op == 0x12, op >= 0x20 && op <= 0x25, op == opRefFunc:
		r.skip(1, 32) // br, br_if; call, return_call; variables, table.get
	case op == 0x11, op == 0x13:
		r.skip(2, 32) // call_indirect, return_call_indirect
	case op == opSelectTyped:
		r.bytes(r.unsigned())
	case op == opTableSet:
		r.fail(errTables)
	case op >= 0x28 && op <= 0x3e:
		address(r) // loads and stores
	case op == opMemorySize, op == opMemoryGrow:
		r.byte()
	case op == opI32Const:
		r.skip(1, 32)
	case op == opI64Const:
		r.skip(1, 64)
	case op == opF32Const:
		r.bytes(4)
	case op == opF64Const:
		r.bytes(8)
	case op == opRefNull:
		r.byte()
	case op == opMisc:
		misc(r)
	case op == opVector:
		vector(r)
	default:
		r.fail(fmt.Errorf("instruction %#x is not known here", op))
	}
}

// address passes over alignment and offset. Bit 6 of the alignment would announce the number of a memory.
func address(r *reader) {
	if align := r.unsigned(); align >= 32 {
		r.fail(fmt.Errorf("a memory access with alignment %d", align))
	}
	r.skip(1, 32)
}

func misc(r *reader) {
	switch op := r.unsigned(); op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // conversions that saturate
	case 8: // memory.init
		r.skip(2, 32)
	case 10: // memory.copy
		r.bytes(2)
	case 11: // memory.fill
		r.byte()
	case 16: // table.size
		r.skip(1, 32)
	case 9, 12, 13, 14, 15, 17: // data.drop, elem.drop, table.init, table.copy, table.grow, table.fill
		r.fail(errTables)
	default:
		r.fail(fmt.Errorf("instruction 0xfc %d is not known here", op))
	}
}

func vector(r *reader) {
	switch op := r.unsigned(); {
	case op <= 11, op == 92, op == 93: // loads, stores
		address(r)
	case op == 12, op == 13: // constant, shuffle
		r.bytes(16)
	case op >= 21 && op <= 34: // lanes
		r.byte()
	case op >= 84 && op <= 91: // loads and stores of a lane
		address(r)
		r.byte()
	case op <= 255:
	default:
		r.fail(fmt.Errorf("instruction 0xfd %d is not known here", op))
	}
}
