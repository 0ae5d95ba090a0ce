// A server by URL: its address is tried while one types, also by a button without script; what failed is told in the server's own words.

import assert from "node:assert/strict";
import { createServer } from "node:http";

import { look } from "../look.mjs";
import { form, signUp } from "../steps.mjs";

const WORDS = "closed for maintenance until noon";

const TOOLS = [
  { name: "list_files", description: "List files.", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } },
  { name: "delete_file", description: "Delete a file.", inputSchema: { type: "object" }, annotations: { destructiveHint: true } },
];

const RESULTS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion: protocolVersion ?? "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "files", version: "1" },
  }),
  "tools/list": () => ({ tools: TOOLS }),
};

/** A Streamable HTTP server that answers with JSON. It wants a header at /mcp, and is closed at /closed. */
const answer = (request, response, body) => {
  const send = (status, type, text) => response.writeHead(status, { "content-type": type }).end(text);
  if (request.url === "/closed") return send(503, "text/plain", WORDS);
  if (request.headers["x-door"] !== "open sesame") return send(401, "text/plain", "say the word");
  if (request.method !== "POST") return send(405, "text/plain", "POST only");
  const { id, method, params = {} } = JSON.parse(body);
  if (id === undefined) return response.writeHead(202).end();
  const result = RESULTS[method]?.(params);
  const error = { code: -32601, message: `Method not found: ${method}` };
  return send(200, "application/json", JSON.stringify({ jsonrpc: "2.0", id, ...(result ? { result } : { error }) }));
};

const openUpstream = async () => {
  const upstream = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk)).on("end", () => answer(request, response, body));
  });
  await new Promise((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${upstream.address().port}`, close: () => upstream.close() };
};

/** With script the address is tried while one types; without, by the button. */
const probed = async (person, pattern) => {
  if (!person.script) await person.opens(() => person.hands.press(form(person, "/servers/new").locator("button[formaction]")));
  await person.page.locator("#probe", { hasText: pattern }).waitFor();
};

const run = async (world, how) => {
  const upstream = await openUpstream();
  const person = await world.arrive({ name: `by-url-${how.script === false ? "noscript" : "script"}`, ...how });
  try {
    await person.goto("/");
    await signUp(person, { email: `${person.name}@example.com`, account: `Files ${person.name}` });
    const register = form(person, "/servers/new");
    await person.hands.choose(register.locator("[name=kind][value=other]"));
    await person.hands.write(register.locator("[name=name]"), "Files");
    await person.hands.write(register.locator("[name=slug]"), "files");
    await person.hands.choose(register.locator("[name=transport][value=http]"));
    await person.hands.write(register.locator("[name=url]"), `${upstream.origin}/closed`);
    await probed(person, WORDS);
    await look(person, "probe-failed");
    await person.hands.write(register.locator("[name=url]"), `${upstream.origin}/mcp`);
    await person.hands.write(register.locator("[name=header_name]").first(), "X-Door");
    await person.hands.write(register.locator("[name=header_value]").first(), "open sesame");
    await probed(person, /2 tools/);
    await look(person, "probe-passed");
    await person.opens(() => person.hands.press(register.locator("button:not([formaction]):not([aria-hidden]):not([type=button])").first()));
    await person.page.locator("#tools", { hasText: "delete_file" }).waitFor();
    assert.ok(!(await person.page.content()).includes("open sesame"), "the header's value is not shown again");
  } finally {
    upstream.close();
  }
};

export default [
  { title: "by url: tried while one types", run: (world) => run(world, {}) },
  { title: "by url: tried by the button, without script", run: (world) => run(world, { script: false, width: 320, height: 640 }) },
];
