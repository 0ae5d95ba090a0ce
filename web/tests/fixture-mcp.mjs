// A small MCP server over stdio with the `initialize` handshake, its tools named and described like those of mlflow-mcp.
// One tool's description is hostile: markup and a reversing character, which pages must show as text. Every call that arrives
// is appended to the file that FIXTURE_LOG names, so that a test can say what reached the upstream and what did not.

import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

const text = (description) => ({ type: "string", description });
const tool = (name, description, properties, annotations) => ({
  name,
  description,
  inputSchema: { type: "object", properties, required: Object.keys(properties) },
  annotations,
});

const READ = { readOnlyHint: true };
const WRITE = { readOnlyHint: false, idempotentHint: true };
const DESTRUCTIVE = { readOnlyHint: false, destructiveHint: true };

const TOOLS = [
  tool("health", "Check MLflow server health and connectivity", {}, READ),
  tool("get_run", "Get detailed information about a specific run.", { run_id: text("The run ID to show.") }, READ),
  tool("get_experiments", "List all experiments.", {}, READ),
  tool("get_registered_models", "List all registered models.", {}, READ),
  tool(
    "search_logged_models",
    "Search \u202Eslevsmeht\u202C <img src=x onerror=\"window.broken=1\"><script>window.broken=1</script> logged models.",
    { query: text("What to look for.") },
    READ,
  ),
  tool("set_run_tag", "Set a tag on a run.", { run_id: text("The run."), key: text("The tag."), value: text("Its value.") }, WRITE),
  tool(
    "set_model_alias",
    "Assign an alias to a specific model version (e.g. promote best model to 'champion').",
    { name: text("Name of the registered model."), alias: text("Alias to assign."), version: text("Model version number.") },
    WRITE,
  ),
  tool("delete_run", "Delete a run. Moves it to the 'deleted' lifecycle stage.", { run_id: text("The run ID to delete.") }, DESTRUCTIVE),
  tool("delete_registered_model", "Delete a registered model with all its versions.", { name: text("The model.") }, DESTRUCTIVE),
];

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

const call = ({ name, arguments: args = {} }) => {
  if (process.env.FIXTURE_LOG) appendFileSync(process.env.FIXTURE_LOG, `${name}\n`);
  const known = TOOLS.some((one) => one.name === name);
  const said = known ? `${name} done: ${JSON.stringify(args)}` : `Unknown tool: ${name}`;
  return { content: [{ type: "text", text: said }], isError: !known };
};

const METHODS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: protocolVersion ?? "2025-11-25",
    capabilities: { tools: { listChanged: false } },
    serverInfo: { name: "mlflow-mcp", version: "0.4.1" },
  }),
  ping: () => ({}),
  "tools/list": () => ({ tools: TOOLS }),
  "tools/call": call,
};

createInterface({ input: process.stdin }).on("line", (line) => {
  if (line.trim() === "") return;
  const { id, method, params = {} } = JSON.parse(line);
  if (id === undefined || method === undefined) return;
  const answer = METHODS[method];
  if (answer) send({ id, result: answer(params) });
  else send({ id, error: { code: -32601, message: `Method not found: ${method}` } });
});
