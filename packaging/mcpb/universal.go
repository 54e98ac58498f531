package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// pageBits is how programs of macOS are aligned inside a universal one: to the larger of its processors' pages.
const pageBits = 14

// universal joins programs of macOS for different processors into one that runs on all of them: a header that says where each is, and the
// programs as they are, with their signatures. It is what lipo makes, which only macOS has.
func universal(programs [][]byte) ([]byte, error) {
	const (
		fat      = 0xCAFEBABE
		single   = 0xFEEDFACF // of 64 bits
		maxBytes = 1 << 31    // offsets in the header have 32 bits
	)
	var header, body bytes.Buffer
	write := func(numbers ...uint32) {
		for _, n := range numbers {
			header.Write(binary.BigEndian.AppendUint32(nil, n))
		}
	}
	write(fat, uint32(len(programs))) //nolint:gosec // two
	offset := 1 << pageBits
	for _, p := range programs {
		if len(p) < 12 || binary.LittleEndian.Uint32(p) != single {
			return nil, errors.New("this is no program of macOS")
		}
		if offset+len(p) > maxBytes {
			return nil, fmt.Errorf("%d programs are too large for one file", len(programs))
		}
		write(binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint32(p[8:]), uint32(offset), uint32(len(p)), pageBits) //nolint:gosec // as checked
		body.Write(p)
		offset += len(p)
		if rest := offset % (1 << pageBits); rest != 0 {
			body.Write(make([]byte, 1<<pageBits-rest))
			offset += 1<<pageBits - rest
		}
	}
	header.Write(make([]byte, 1<<pageBits-header.Len()))
	return append(header.Bytes(), body.Bytes()...), nil
}
