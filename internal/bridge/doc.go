// Package bridge is the relay between an editor, which speaks MCP in lines over our standard input
// and output, and the host, which speaks MCP over HTTP on a unix socket. All requests share one
// connection, a link (internal/link); to a host which is older than links they travel as HTTP/1.1.
// The relay outlives the host: it starts one when none runs, and when one is replaced it brings the
// editor's MCP session back to life, so that an editor never has to restart its server.
//
// The relay passes bytes. It reads of a message only what it must (id, method, a name, the
// protocol's era), knows no tool and no result, and so an old relay serves a new host.
//
//	editor ─ stdin ─▶ reader ─▶ one goroutine per request ─▶ POST ─▶ host
//	       ◀ stdout ─ one writer ◀─ answer: JSON, or an event stream
//	                  lane: notifications and answers, in order      ─▶ POST ─▶ host
//	                  listener: the host's own stream (before 2026-07-28) ◀─ GET
//
// What the package owns: the saved handshake, the calls in flight, the questions of the host which
// the editor has not answered, and the rule about repeating: everything may be sent again when a
// host went away, except a tools/call which may have been carried out.
//
// By meaning: relay.go is its life, frame.go reads lines and json.go the little it wants of them,
// call.go carries one request and trip.go makes one attempt, on what hostlink.go has opened, sse.go
// reads event streams, lane.go carries what needs no answer, question.go what the host asks,
// listen.go what the host says by itself, failure.go words what could not be carried out, revive.go
// knows what to do when a host is gone, starter.go starts hosts, parent_*.go and deaf_*.go notice
// that the editor is gone, stdin_*.go is how it is waited for. cmd/agentrun-mcp is the only caller.
package bridge
