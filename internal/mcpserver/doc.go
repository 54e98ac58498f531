// Package mcpserver is the face AI editors talk to: an MCP server over Streamable HTTP, on a unix socket and on loopback TCP,
// for clients of both protocol eras (2025-11-25 and older with the initialize handshake, 2026-07-28 without).
//
// The protocol itself is mark3labs/mcp-go, which no other package imports. It is wrapped, because as it comes it trusts every
// caller, forgets no session and mixes up the streams of concurrent calls:
//
//	listener ─▶ edge ─▶ StreamableHTTPServer.Handle ─▶ shield ─▶ tool ─▶ interpreter
//	        ◀─ reply ◀──────────────────────────────────────────┘
//
// The edge decides who may come in (guard), reads and inspects each body once (message), and owns the MCP sessions. A reply
// owns the response of one request: progress of a call goes to that call's own stream. The shield turns whatever goes wrong
// in a tool into a result that a model can read, and refuses tools that a client may not use (rules). What is logged on behalf of a
// request names it and its trace (trace). Each tool is one file, tool_<name>.go, and one entry in tools.
//
// Beside tools there is what can be read by URI (resource: the pool, contexts, their files and runs), prompts in two languages
// (prompt, with their texts in prompts), and the completion of the arguments of both. Changes of resources are told by notices:
//
//	status.Hub ─▶ notices ─▶ mailbox of each listener ─▶ pump of its request ─▶ reply
//
// A [Server] holds no logic about contexts: it translates between the wire and *interpreter.Interpreter. It is made and run by
// the composition root, which also listens.
package mcpserver
