// mcp-remote as a program that only speaks over standard input and output would start it. Its own callback server waits for the
// person, so nothing is read here. usage: remote.mjs URL
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { fileURLToPath } from "node:url";

const [url] = process.argv.slice(2);
const proxy = fileURLToPath(new URL("../node_modules/mcp-remote/dist/proxy.js", import.meta.url));
const transport = new StdioClientTransport({
  command: process.execPath,
  args: [proxy, url, "--allow-http"],
  env: process.env,
  stderr: "pipe",
});
let said = "";
let told = false;
transport.stderr.setEncoding("utf8").on("data", (text) => {
  said += text;
  const address = said.match(/visit(?:ing)?:\s+(http\S+)\s/)?.[1];
  if (address && !told) {
    told = true;
    console.log(JSON.stringify({ visit: address }));
  }
  process.stderr.write(text);
});

const client = new Client({ name: "portcullis-remote", version: "1" });
await client.connect(transport, { timeout: 100_000 });
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const called = await client.callTool({ name: "echo", arguments: { message: "from nothing but a URL" } });
console.log(JSON.stringify({ tools, called: called.content[0].text }));
await client.close();
process.exit(0);
