package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Protocol is the name of the protocol in the Upgrade header.
const Protocol = "agentrun-link/1"

const (
	frameHead = 9 // length of the payload (4 bytes), kind (1), stream (4)
	// maxHead bounds the head of a request or response; net/http is told the same for HTTP/1.1.
	maxHead = 64 << 10
	// maxData bounds the piece of a body in one frame.
	maxData = 64 << 10
	// maxPayload leaves room for the length of the head before it.
	maxPayload = maxHead + maxData + 16
	// window is how much of a body may be under way without its receiver having taken it.
	window = 256 << 10
)

type kind byte

const (
	kindRequest  kind         = 1 + iota // client: a head, and the beginning of the body
	kindResponse                         // server: the same
	kindData                             // more of a body
	kindWindow                           // so many bytes more of a body may be sent
	kindReset                            // the stream is over, as something has failed; the payload is a reason
	kindEnd      = kind(0x80)            // set in the first three: it is the last frame of this stream in this direction
)

// reason says why a stream was reset.
type reason byte

const (
	aborted reason = iota // the sender does not go on
	refused               // the server has not begun with the request and never will
)

// frame is one unit on the connection.
type frame struct {
	kind    kind // without kindEnd
	end     bool
	stream  uint32
	payload []byte // valid until the next frame is read
}

// appendFrame adds a frame whose payload is made of pieces.
func appendFrame(b []byte, k kind, end bool, stream uint32, pieces ...[]byte) []byte {
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	if end {
		k |= kindEnd
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size)) // at most maxPayload
	b = append(b, byte(k))
	b = binary.BigEndian.AppendUint32(b, stream)
	for _, p := range pieces {
		b = append(b, p...)
	}
	return b
}

// reader cuts a connection into frames.
type reader struct {
	src        io.Reader
	buf        []byte
	begin, end int // of what has been read and not been used
}

const readerSize = 32 << 10

// newReader returns a reader; early is what came from the source before.
func newReader(src io.Reader, early []byte) *reader {
	r := &reader{src: src, buf: make([]byte, max(readerSize, len(early)))}
	r.end = copy(r.buf, early)
	return r
}

// next returns the next frame. The error is io.EOF when the source ended between two frames.
func (r *reader) next() (frame, error) {
	if err := r.fill(frameHead); err != nil {
		return frame{}, err
	}
	head := r.buf[r.begin:]
	size := int(binary.BigEndian.Uint32(head))
	f := frame{kind: kind(head[4]) &^ kindEnd, end: kind(head[4])&kindEnd != 0, stream: binary.BigEndian.Uint32(head[5:])}
	if size > maxPayload {
		return frame{}, fmt.Errorf("a frame of %d bytes; %d are allowed", size, maxPayload)
	}
	if f.kind < kindRequest || f.kind > kindReset || f.end && f.kind > kindData {
		return frame{}, fmt.Errorf("a frame of the unknown kind %d", head[4])
	}
	if err := r.fill(frameHead + size); err != nil {
		if err == io.EOF { //nolint:errorlint // fill returns it as it is
			err = io.ErrUnexpectedEOF
		}
		return frame{}, err
	}
	f.payload = r.buf[r.begin+frameHead : r.begin+frameHead+size]
	r.begin += frameHead + size
	return f, nil
}

// fill makes sure that n bytes are there.
func (r *reader) fill(n int) error {
	if r.end-r.begin >= n {
		return nil
	}
	if r.begin > 0 {
		r.end = copy(r.buf, r.buf[r.begin:r.end])
		r.begin = 0
	}
	if n > len(r.buf) {
		r.buf = append(r.buf, make([]byte, max(n, 2*len(r.buf))-len(r.buf))...)
	}
	for r.end < n {
		got, err := r.src.Read(r.buf[r.end:])
		r.end += got
		if err != nil && r.end < n {
			if err == io.EOF && r.end > 0 { // as io.ReadFull has it
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// appendLength adds the number that stands before a head.
func appendLength(b []byte, n int) []byte {
	return binary.AppendUvarint(b, uint64(n)) //nolint:gosec // a length
}

// appendWindow adds a frame that grants n bytes.
func appendWindow(b []byte, stream uint32, n int) []byte {
	return appendFrame(b, kindWindow, false, stream, binary.BigEndian.AppendUint32(nil, uint32(n))) //nolint:gosec // at most window
}

// readWindow returns what a frame grants.
func readWindow(f frame) (int, error) {
	if len(f.payload) != 4 {
		return 0, errors.New("a window that cannot be read")
	}
	n := binary.BigEndian.Uint32(f.payload)
	if n > window {
		return 0, fmt.Errorf("a window of %d bytes more; %d are allowed", n, window)
	}
	return int(n), nil
}

// clone copies a payload, which is valid until the next frame only. Nothing stays nothing.
func clone(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	return append(make([]byte, 0, len(p)), p...)
}
