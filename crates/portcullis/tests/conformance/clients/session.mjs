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
client.setRequestHandler("elicitation/create", async () => ({
  action: "accept",
  content: { username: "ann", email: "ann@acme.example" },
}));
client.setRequestHandler("sampling/createMessage", async () => ({
  role: "assistant",
  content: { type: "text", text: "Something" },
  model: "none",
}));
const headers = { Authorization: `Bearer ${key}` };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));

const tools = async () => (await client.listTools()).tools.map((tool) => tool.name).sort();
const call = async (name, args = {}, options = undefined) => client.callTool({ name, arguments: args }, options);
const counts = async () => JSON.parse(text(await call("seen")));

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
tell("call", text(await call("echo", { message: "as it was sent: é \u2028 1e400" })));
const progress = [];
await call("test_tool_with_progress", {}, { onprogress: (told) => progress.push(told.progress) });
tell("progress", progress);
tell("cancel", await cancelled());
tell("elicit", text(await call("test_elicitation", { message: "Who?" })));
tell("sample", text(await call("test_sampling", { prompt: "Say something" })));
const missing = await client.readResource({ uri: "test://not-there" }).then(() => false, () => true);
tell("missing resource", missing);
tell("resource", (await client.readResource({ uri: "test://static-text" })).contents[0].text);
const prompt = await client.getPrompt({ name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } });
tell("prompt", prompt.messages[0].content.text);
const denied = await call("greet", { name: "Ann" });
tell("denied", [denied.isError ?? false, denied._meta?.["dev.portcullis/decision"]?.code ?? null]);
tell("ready", true);
await once(createInterface({ input: process.stdin }), "line");
tell("told of the change", await Promise.race([told.then(() => true), pause(LATEST_MS).then(() => false)]));
tell("list after", await tools());
await client.close();
process.exit(0);
