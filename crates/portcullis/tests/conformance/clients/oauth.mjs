// The client of oauth.py, made with the official TypeScript SDK. usage: oauth.mjs v1|v2 URL
import { once } from "node:events";
import { createInterface } from "node:readline";

const [version, url] = process.argv.slice(2);
const sdk =
  version === "v1"
    ? {
        ...(await import("@modelcontextprotocol/sdk/client/index.js")),
        ...(await import("@modelcontextprotocol/sdk/client/streamableHttp.js")),
        ...(await import("@modelcontextprotocol/sdk/client/auth.js")),
      }
    : await import("@modelcontextprotocol/client");

const kept = {};
const provider = {
  redirectUrl: "http://127.0.0.1:41999/callback",
  clientMetadata: {
    client_name: `TypeScript SDK ${version}`,
    redirect_uris: ["http://127.0.0.1:41999/callback"],
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  },
  state: () => (kept.state ??= crypto.randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  redirectToAuthorization: (to) => console.log(JSON.stringify({ visit: to.href })),
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
};

const options = version === "v2" ? { versionNegotiation: { mode: "auto" } } : {};
const connect = async () => {
  const client = new sdk.Client({ name: `portcullis-${version}`, version: "1" }, options);
  const transport = new sdk.StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  try {
    await client.connect(transport);
    return client;
  } catch (error) {
    if (!(error instanceof sdk.UnauthorizedError)) throw error;
    const [address] = await once(createInterface({ input: process.stdin }), "line");
    const query = new URL(address).searchParams;
    await (version === "v2" ? transport.finishAuth(query) : transport.finishAuth(query.get("code")));
    return connect();
  }
};

const client = await connect();
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const called = await client.callTool({ name: "echo", arguments: { message: "from nothing but a URL" } });
console.log(JSON.stringify({ tools, called: called.content[0].text }));
await client.close();
process.exit(0);
