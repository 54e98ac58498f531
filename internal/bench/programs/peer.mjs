// A bare server of the TypeScript SDK, as its own examples have it: one tool that says back what it was told. `stdio` serves
// standard input and output, `http` a free port of 127.0.0.1, whose address it prints, until standard input ends.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

function echo() {
  const server = new McpServer({ name: "echo", version: "1" });
  server.registerTool("echo", { inputSchema: { text: z.string() } }, async ({ text }) => ({ content: [{ type: "text", text }] }));
  return server;
}

if (process.argv[2] === "stdio") {
  await echo().connect(new StdioServerTransport());
} else {
  const sessions = new Map();
  const web = createServer(async (request, response) => {
    let transport = sessions.get(request.headers["mcp-session-id"]);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized: (id) => sessions.set(id, transport) });
      await echo().connect(transport);
    }
    await transport.handleRequest(request, response);
  });
  web.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${web.address().port}/mcp`));
  process.stdin.on("end", () => process.exit(0)).resume();
}
