// An MCP server by URL that wants OAuth, and its authorization server, on one loopback address: a client registers itself, a person is
// asked on a page, and codes are exchanged by PKCE. `life` (seconds) and `renewable` say what tokens are given from now on.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";

const TOOLS = [
  { name: "list_issues", description: "List issues.", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } },
  { name: "close_issue", description: "Close an issue.", inputSchema: { type: "object" }, annotations: { destructiveHint: true } },
];

const page = (heading, body) => `<!doctype html><html lang=en><title>${heading}</title><h1>${heading}</h1>${body}</html>`;
const s256 = (verifier) => createHash("sha256").update(verifier).digest("base64url");

export class LockedServer {
  life = 3600;
  renewable = true;
  /** What people are called who allow; calls answer with it. */
  as = "nobody";
  #codes = new Map();
  #tokens = new Map();

  static async open() {
    const locked = new LockedServer();
    locked.door = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk)).on("end", () => locked.#answer(request, response, body));
    });
    await new Promise((resolve) => locked.door.listen(0, "127.0.0.1", resolve));
    locked.origin = `http://127.0.0.1:${locked.door.address().port}`;
    locked.url = `${locked.origin}/mcp`;
    return locked;
  }

  close() {
    this.door.close();
    this.door.closeAllConnections();
  }

  #answer(request, response, body) {
    const { pathname, searchParams } = new URL(request.url, this.origin);
    const send = (status, type, text, headers = {}) => response.writeHead(status, { "content-type": type, ...headers }).end(text);
    const json = (value, status = 200) => send(status, "application/json", JSON.stringify(value));
    switch (pathname) {
      case "/.well-known/oauth-protected-resource/mcp":
        return json({ resource: this.url, authorization_servers: [this.origin], scopes_supported: ["issues"] });
      case "/.well-known/oauth-authorization-server":
        return json(this.#metadata());
      case "/register":
        return json({ ...JSON.parse(body), client_id: `client-${randomBytes(4).toString("hex")}` }, 201);
      case "/authorize":
        return send(200, "text/html", page("Allow Portcullis?", `<p><a id="allow" href="${this.#back(searchParams, "code")}">Allow</a> <a id="deny" href="${this.#back(searchParams, "error")}">Deny</a></p>`));
      case "/token":
        return this.#token(new URLSearchParams(body), json);
      case "/revoke":
        return json({});
      case "/mcp":
        return this.#mcp(request, body, send, json);
      default:
        return send(404, "text/plain", "not here");
    }
  }

  #metadata() {
    const at = (path) => `${this.origin}${path}`;
    return {
      issuer: this.origin,
      authorization_endpoint: at("/authorize"),
      token_endpoint: at("/token"),
      registration_endpoint: at("/register"),
      revocation_endpoint: at("/revoke"),
      response_types_supported: ["code"],
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["none"],
      authorization_response_iss_parameter_supported: true,
    };
  }

  /** Where the person's answer leads. */
  #back(asked, answer) {
    const code = randomBytes(8).toString("hex");
    const back = new URL(asked.get("redirect_uri"));
    if (answer === "code") {
      this.#codes.set(code, { challenge: asked.get("code_challenge"), who: this.as });
      back.searchParams.set("code", code);
    } else {
      back.searchParams.set("error", "access_denied");
    }
    back.searchParams.set("state", asked.get("state"));
    back.searchParams.set("iss", this.origin);
    return back.href.replaceAll("&", "&amp;");
  }

  #token(form, json) {
    const code = this.#codes.get(form.get("code"));
    this.#codes.delete(form.get("code"));
    if (code?.challenge !== s256(form.get("code_verifier") ?? "")) return json({ error: "invalid_grant" }, 400);
    const token = randomBytes(16).toString("hex");
    this.#tokens.set(token, { who: code.who, until: Date.now() + this.life * 1_000 });
    const renewal = this.renewable ? { refresh_token: randomBytes(16).toString("hex") } : {};
    return json({ access_token: token, token_type: "Bearer", expires_in: this.life, scope: "issues", ...renewal });
  }

  #mcp(request, body, send, json) {
    const token = this.#tokens.get((request.headers.authorization ?? "").replace(/^Bearer /, ""));
    if (!token || token.until < Date.now()) {
      const metadata = `${this.origin}/.well-known/oauth-protected-resource/mcp`;
      return send(401, "text/plain", "who are you?", { "www-authenticate": `Bearer resource_metadata="${metadata}"` });
    }
    if (request.method !== "POST") return send(405, "text/plain", "POST only");
    const { id, method, params = {} } = JSON.parse(body);
    if (id === undefined) return send(202, "text/plain", "");
    const results = {
      initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "issues", version: "1" } },
      "tools/list": { tools: TOOLS },
      "tools/call": { content: [{ type: "text", text: `${params.name} by ${token.who}` }] },
    };
    const answer = results[method] ? { result: results[method] } : { error: { code: -32601, message: `Method not found: ${method}` } };
    return json({ jsonrpc: "2.0", id, ...answer });
  }
}
