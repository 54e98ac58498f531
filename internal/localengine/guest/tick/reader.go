package tick

import (
	"errors"
	"fmt"
)

// reader walks over bytes and keeps the first fault, after which everything it returns is zero.
type reader struct {
	data []byte
	at   int
	err  error
}

var (
	errShort  = errors.New("it ends too early")
	errNumber = errors.New("a number is not written as the format asks")
)

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: %w", r.at, err)
	}
}

func (r *reader) byte() byte {
	if r.err != nil {
		return 0
	}
	if r.at >= len(r.data) {
		r.fail(errShort)
		return 0
	}
	r.at++
	return r.data[r.at-1]
}

func (r *reader) bytes(n uint32) []byte {
	if r.err != nil {
		return nil
	}
	if uint64(n) > uint64(len(r.data)-r.at) { //nolint:gosec // never negative
		r.fail(errShort)
		return nil
	}
	r.at += int(n)
	return r.data[r.at-int(n) : r.at]
}

func (r *reader) name() string { return string(r.bytes(r.unsigned())) }

// unsigned reads an unsigned LEB128 number of 32 bits.
func (r *reader) unsigned() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v >= 1<<32 {
				break
			}
			return uint32(v)
		}
	}
	r.fail(errNumber)
	return 0
}

// skip passes over n LEB128 numbers of up to the given bits, signed or not.
func (r *reader) skip(n uint32, bits int) {
	longest := (bits + 6) / 7
	for ; n > 0 && r.err == nil; n-- {
		length := 1
		for r.byte() >= 0x80 {
			if length++; length > longest {
				r.fail(errNumber)
				return
			}
		}
	}
}

// end returns the fault met, or that something is left over.
func (r *reader) end() error {
	if r.err == nil && r.at != len(r.data) {
		return fmt.Errorf("%d bytes are left over at its end", len(r.data)-r.at)
	}
	return r.err
}

func appendUnsigned(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendSigned(b []byte, v int32) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}
