package agentruntest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
)

// Transport carries requests to the emulator without a network, whatever host they are for. It works in the bubbles of
// testing/synctest, whose time is then the emulator's; code must be scripted there.
func (e *Emulator) Transport() http.RoundTripper { return transport{e} }

type transport struct{ e *Emulator }

// RoundTrip implements [http.RoundTripper]. The request is answered on a goroutine of its own, for which Close waits.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	r := req.Clone(ctx)
	r.RequestURI, r.Host = req.URL.RequestURI(), req.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, sink := io.Pipe()
	w := &wire{header: http.Header{}, sink: sink, begun: make(chan struct{})}
	go func() {
		defer func() {
			problem := recover()
			if problem != nil && problem != http.ErrAbortHandler { //nolint:errorlint // what net/http panics with itself
				panic(problem)
			}
			if problem != nil {
				w.broken = true
				_ = sink.CloseWithError(io.ErrUnexpectedEOF) // never fails
			}
			w.begin(http.StatusOK)
			_ = sink.Close()
			_ = r.Body.Close()
		}()
		t.e.ServeHTTP(w, r)
	}()
	select {
	case <-w.begun:
	case <-ctx.Done():
		_ = body.Close()
		return nil, context.Cause(ctx)
	}
	if w.broken {
		return nil, io.ErrUnexpectedEOF
	}
	resp := &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, ContentLength: -1, Request: req,
	}
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil {
		resp.ContentLength = n
	}
	resp.Body = &pipeBody{ctx: ctx, pipe: body, left: resp.ContentLength, stop: context.AfterFunc(ctx, func() { _ = body.Close() })}
	return resp, nil
}

// pipeBody is an answer's body, which also ends with its request.
type pipeBody struct {
	ctx  context.Context // a reader has no other way to know its request
	pipe *io.PipeReader
	left int64 // of what was announced; negative: nothing was
	stop func() bool
}

// Read implements [io.Reader].
func (b *pipeBody) Read(p []byte) (int, error) {
	n, err := b.pipe.Read(p)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	switch {
	case err == nil:
	case b.ctx.Err() != nil:
		err = context.Cause(b.ctx)
	case errors.Is(err, io.EOF) && b.left > 0:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close implements [io.Closer].
func (b *pipeBody) Close() error {
	b.stop()
	return b.pipe.Close()
}

// wire is a response as it is written. Its other fields may be read once begun is closed.
type wire struct {
	header http.Header
	sink   *io.PipeWriter
	once   sync.Once
	begun  chan struct{}
	sent   http.Header
	status int
	broken bool // before there was anything
}

// Header implements [http.ResponseWriter].
func (w *wire) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *wire) WriteHeader(status int) { w.begin(status) }

func (w *wire) begin(status int) {
	w.once.Do(func() {
		w.sent, w.status = w.header.Clone(), status
		close(w.begun)
	})
}

// Write implements [io.Writer].
func (w *wire) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.sink.Write(p)
}

// Flush implements [http.Flusher]. Nothing is held back.
func (w *wire) Flush() {}
