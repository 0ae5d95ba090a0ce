// The session of session.py, with a client made with the official TypeScript SDK.
// usage: session.mjs URL KEY legacy|modern; reads a line from standard input when the policy was changed.
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const LATEST_MS = 20_000;
const [url, key, mode] = process.argv.slice(2);
const tell = (step, seen) => console.log(JSON.stringify({ [step]: seen }));
const text = (result) => result.content.filter((block) => block.type === "text").map((block) => block.text).join(" ");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What is in it, in words of neither era. */
const plain = ({ resultType, ttlMs, cacheScope, _meta, mode: elicitation, ...rest }) => {
  const kept = Object.entries(_meta ?? {}).filter(([name]) => !name.startsWith("io.modelcontextprotocol/") && name !== "progressToken");
  // Of the elicitation modes the first era left "form" out.
  if (elicitation && elicitation !== "form") rest.mode = elicitation;
  return kept.length > 0 ? { ...rest, _meta: Object.fromEntries(kept) } : rest;
};
/** The error of a request that has to fail. */
const failing = (call) =>
  call.then(
    (result) => ["no error", plain(result)],
    (error) => [error.code, error.message, error.data ?? null],
  );

let changed;
const told = new Promise((resolve) => {
  changed = resolve;
});
const client = new Client(
  { name: "portcullis-session", version: "1" },
  {
    capabilities: { elicitation: {}, sampling: {} },
    versionNegotiation: { mode: mode === "modern" ? { pin: "2026-07-28" } : "legacy" },
    listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => changed() } },
  },
);
let asked = [];
client.setRequestHandler("elicitation/create", async ({ params }) => {
  asked.push(plain(params));
  return { action: "accept", content: { username: "ann", email: "ann@acme.example" } };
});
client.setRequestHandler("sampling/createMessage", async ({ params }) => {
  asked.push(plain(params));
  return { role: "assistant", content: { type: "text", text: "Something" }, model: "none" };
});
const headers = { Authorization: `Bearer ${key}` };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

const tools = async () => (await client.listTools()).tools.map(plain);
const call = async (name, args = {}, options = undefined) => client.callTool({ name, arguments: args }, options);
const counts = async () => JSON.parse(text(await call("seen")));
const seenAndAsked = (result) => {
  const seen = [plain(result), asked];
  asked = [];
  return seen;
};

const cancelled = async () => {
  const before = await counts();
  const stop = new AbortController();
  const running = call("wait", { tenths: 600 }, { signal: stop.signal, onprogress: () => stop.abort() });
  await running.catch(() => {});
  for (let i = 0; i < 100; i += 1) {
    if ((await counts()).cancelled > before.cancelled) return true;
    await pause(100);
  }
  return false;
};

tell("list", await tools());
tell("call", plain(await call("echo", { message: "as it was sent: é \u2028 1e400" })));
tell("all kinds of content", plain(await call("test_multiple_content_types")));
tell("error of a tool", plain(await call("test_error_handling")));
tell("unknown tool", await failing(call("not_there")));
const progress = [];
const done = await call("test_tool_with_progress", {}, { onprogress: (seen) => progress.push(seen) });
tell("progress", [plain(done), progress]);
tell("cancel", await cancelled());
tell("elicit", seenAndAsked(await call("test_elicitation", { message: "Who?" })));
tell("sample", seenAndAsked(await call("test_sampling", { prompt: "Say something" })));
tell("resources", plain(await client.listResources()));
tell("templates", plain(await client.listResourceTemplates()));
tell("resource", plain(await client.readResource({ uri: "test://static-text" })));
tell("bytes of a resource", plain(await client.readResource({ uri: "test://static-binary" })));
tell("missing resource", await failing(client.readResource({ uri: "test://not-there" })));
tell("prompts", plain(await client.listPrompts()));
tell("prompt", plain(await client.getPrompt({ name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } })));
tell("unknown prompt", await failing(client.getPrompt({ name: "not_there" })));
const ofPrompt = { type: "ref/prompt", name: "test_prompt_with_arguments" };
tell("completion", plain(await client.complete({ ref: ofPrompt, argument: { name: "arg1", value: "a" } })));
tell("denied", plain(await call("greet", { name: "Ann" })));
tell("ready", true);
await once(createInterface({ input: process.stdin }), "line");
tell("told of the change", await Promise.race([told.then(() => true), pause(LATEST_MS).then(() => false)]));
tell("list after", await tools());
await client.close();
process.exit(0);
