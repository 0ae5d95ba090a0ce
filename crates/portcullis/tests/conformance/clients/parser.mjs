// A server made with the official TypeScript SDK (version 1) whose answers say what it read: which handler ran, with what.
// usage: parser.mjs PORT
import { createServer } from "node:http";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CallToolRequestSchema,
  GetPromptRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

// JSON has no infinity, and these have to be told apart from null.
const finite = (_, value) => (typeof value === "number" && !Number.isFinite(value) ? { "number out of range": String(value) } : value);
const read = (method, named, args) => JSON.stringify({ method, named, arguments: args ?? null }, finite);

const parser = () => {
  const server = new Server({ name: "parser", version: "1" }, { capabilities: { tools: {}, prompts: {}, resources: {} } });
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => ({
    content: [{ type: "text", text: read("tools/call", params.name, params.arguments) }],
  }));
  server.setRequestHandler(GetPromptRequestSchema, async ({ params }) => ({
    messages: [{ role: "user", content: { type: "text", text: read("prompts/get", params.name, params.arguments) } }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params }) => ({
    contents: [{ uri: "test://read", text: read("resources/read", params.uri, null) }],
  }));
  server.setRequestHandler(ListToolsRequestSchema, async () => ({
    tools: [{ name: "read", description: read("tools/list", null, null), inputSchema: { type: "object" } }],
  }));
  return server;
};

createServer(async (request, answer) => {
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  answer.on("close", () => transport.close());
  await parser().connect(transport);
  await transport.handleRequest(request, answer);
}).listen(Number(process.argv[2]), "127.0.0.1");
