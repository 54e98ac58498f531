// Package link carries many HTTP requests at once over one connection between two programs on the
// same computer, for much less than HTTP/1.1 costs there. Requests, responses and handlers are those
// of net/http; only the way they travel is another one.
//
// A link begins as an HTTP/1.1 request for an upgrade, which a server that knows no links answers
// with anything but 101: then the two go on as they would have without it. From there on both ends
// write frames. A small request, with its head and its whole body, is one frame and one write to the
// socket, and so is a small response.
//
//	RoundTrip ─▶ queue ─▶ socket ─▶ reader ─▶ a goroutine per request ─▶ http.Handler
//	response  ◀─ reader ◀─ socket ◀─ queue ◀─────────────── http.ResponseWriter
//
// Nobody waits in a reader: what a stream's owner does not take stays in the stream's inbox, and how
// much may be there is the stream's window, which its other end never oversteps. So a stream that
// stalls stalls no other. Writing is done by whoever has something to write when nobody else is at
// it; what others add meanwhile goes out together.
//
// The package owns the connections it is given. By meaning: frame.go and head.go are the bytes,
// queue.go writes them (try_*.go without waiting), flow.go is the two halves of a window, client.go
// and server.go are the ends, response.go is what a handler writes to. The relay (internal/bridge)
// and the host (internal/mcpserver) are its callers.
package link
