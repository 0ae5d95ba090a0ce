// A client made with the official TypeScript SDK that does what the suite's client scenarios want done, through a gateway URL.
// usage: scenario.mjs URL KEY; the suite tells the scenario and the revision in the environment.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const [url, key] = process.argv.slice(2);
const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_PROTOCOL_VERSION: revision } = process.env;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
const modern = revision === "2026-07-28";

const client = new Client(
  { name: "portcullis-scenario", version: "1" },
  {
    capabilities: { elicitation: { applyDefaults: true, form: { applyDefaults: true } } },
    versionNegotiation: { mode: modern ? { pin: "2026-07-28" } : "legacy" },
  },
);
client.setRequestHandler("elicitation/create", async ({ params }) => {
  const confirmed = params.requestedSchema?.properties?.confirmed;
  return { action: "accept", content: confirmed ? { confirmed: true } : {} };
});
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${key}` } } }));

// A value of a schema, as plain as can be.
const value = (schema) => ({ number: 2, integer: 2, boolean: true, array: [], object: {} })[schema?.type] ?? "text";
const given = (tool) =>
  Object.fromEntries(Object.entries(tool.inputSchema?.properties ?? {}).map(([name, schema]) => [name, value(schema)]));
const attempt = (promise) => promise.catch((error) => console.error(String(error)));

const { tools } = await client.listTools();
if (scenario === "json-schema-2020-12-preservation") {
  const focal = tools.find((tool) => tool.name === "json_schema_2020_12_tool");
  await client.callTool({ name: "json_schema_echo", arguments: { schema: focal.inputSchema } });
} else if (scenario !== "json-schema-ref-no-deref") {
  const calls = context.toolCalls ?? tools.map((tool) => ({ name: tool.name, arguments: given(tool) }));
  for (const call of calls) await attempt(client.callTool(call));
  const offers = client.getServerCapabilities() ?? {};
  if (offers.resources) {
    const { resources } = await client.listResources();
    for (const resource of resources) await attempt(client.readResource({ uri: resource.uri }));
  }
  if (offers.prompts) {
    const { prompts } = await client.listPrompts();
    for (const prompt of prompts) await attempt(client.getPrompt({ name: prompt.name }));
  }
}
await client.close();
process.exit(0);
