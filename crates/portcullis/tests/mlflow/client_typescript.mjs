// The official TypeScript SDK as a client: lists the tools, then calls one several times. Prints one JSON document.
// usage: client_typescript.mjs URL KEY auto|legacy TOOL ARGUMENTS TIMES
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const [url, key, mode, tool, args, times] = process.argv.slice(2);
const transport = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${key}` } },
});
const options = mode === 'auto' ? { versionNegotiation: { mode: 'auto' } } : {};
const client = new Client({ name: 'portcullis-test', version: '1' }, options);
await client.connect(transport);
const tools = [];
let cursor;
do {
  const page = await client.listTools(cursor ? { cursor } : undefined);
  tools.push(...page.tools.map((t) => t.name));
  cursor = page.nextCursor;
} while (cursor);
const calls = [];
for (let i = 0; i < Number(times); i += 1) calls.push(await client.callTool({ name: tool, arguments: JSON.parse(args) }));
await client.close();
console.log(JSON.stringify({ tools, calls }));
