package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
)

// A head is a sequence of numbers (uvarint) and texts (their length as a number, then the bytes):
//
//	request:  method, uri, host, content length + 1 (0: unknown), fields
//	response: status, fields
//	fields:   how many, then name and value of each
//
// In a frame its own length stands before it; what follows it is body.

var errBadHead = errors.New("a head that cannot be read")

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFields(b []byte, header http.Header) []byte {
	n := 0
	for _, values := range header {
		n += len(values)
	}
	b = binary.AppendUvarint(b, uint64(n))
	for name, values := range header {
		for _, v := range values {
			b = appendText(appendText(b, name), v)
		}
	}
	return b
}

// splitHead separates the head of a payload from the piece of body after it.
func splitHead(payload []byte) (head string, body []byte, err error) {
	n, used := binary.Uvarint(payload)
	if used <= 0 || n > maxHead || n > uint64(len(payload)-used) { //nolint:gosec // used is at most the length
		return "", nil, errBadHead
	}
	rest := payload[used:]
	if len(rest)-int(n) > maxData {
		return "", nil, errBadHead
	}
	return string(rest[:n]), rest[n:], nil
}

// headReader takes a head apart. After a failure everything reads as empty.
type headReader struct {
	rest   string
	failed bool
}

func (h *headReader) number() uint64 {
	var n uint64
	for i := 0; i < len(h.rest) && i < binary.MaxVarintLen64; i++ {
		c := h.rest[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break
		}
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			h.rest = h.rest[i+1:]
			return n
		}
	}
	h.fail()
	return 0
}

func (h *headReader) text() string {
	n := h.number()
	if n > uint64(len(h.rest)) {
		h.fail()
		return ""
	}
	s := h.rest[:n]
	h.rest = h.rest[n:]
	return s
}

func (h *headReader) fail() { h.rest, h.failed = "", true }

// fields reads the last part of a head.
func (h *headReader) fields() http.Header {
	n := h.number()
	if n > uint64(len(h.rest)/2) { // each has two lengths
		h.fail()
		return nil
	}
	header := make(http.Header, n)
	values := make([]string, n) // one piece of memory for all
	for i := range values {
		name := textproto.CanonicalMIMEHeaderKey(h.text())
		values[i] = h.text()
		if name == "" || !plain(name) || !plain(values[i]) {
			h.fail()
			return nil
		}
		if before, again := header[name]; again {
			header[name] = append(before, values[i])
		} else {
			header[name] = values[i : i+1 : i+1]
		}
	}
	return header
}

// err returns what is wrong with a head that has been read.
func (h *headReader) err() error {
	if h.failed || h.rest != "" {
		return errBadHead
	}
	return nil
}

// sendable reports whether the other end will read the header: one that it does not ends the link, with all requests on it.
func sendable(header http.Header) bool {
	for name, values := range header {
		if name == "" || !plain(name) {
			return false
		}
		for _, v := range values {
			if !plain(v) {
				return false
			}
		}
	}
	return true
}

// plain reports whether text can stand in a header of HTTP/1.1.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// requestHead is the head of a request.
type requestHead struct {
	method, uri, host string
	length            int64 // of the body; -1: unknown
	header            http.Header
}

func (q *requestHead) append(b []byte) []byte {
	b = appendText(appendText(appendText(b, q.method), q.uri), q.host)
	b = binary.AppendUvarint(b, uint64(q.length+1)) //nolint:gosec // not below zero
	return appendFields(b, q.header)
}

func readRequestHead(head string) (requestHead, error) {
	h := headReader{rest: head}
	q := requestHead{method: h.text(), uri: h.text(), host: h.text()}
	q.length = int64(h.number()) - 1 //nolint:gosec // checked next
	q.header = h.fields()
	if q.length < -1 || q.method == "" || q.uri == "" || !plain(q.method) || !plain(q.host) {
		h.fail()
	}
	return q, h.err()
}

func appendResponseHead(b []byte, status int, header http.Header) []byte {
	return appendFields(binary.AppendUvarint(b, uint64(status)), header) //nolint:gosec // not below zero
}

func readResponseHead(head string) (status int, header http.Header, err error) {
	h := headReader{rest: head}
	n := h.number()
	header = h.fields()
	if n < 200 || n > 999 {
		return 0, nil, fmt.Errorf("%w: status %d", errBadHead, n)
	}
	return int(n), header, h.err()
}
