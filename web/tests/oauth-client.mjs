// An MCP client that is given a gateway URL and nothing else, and does what the SDKs do until it has a token. It waits for its codes at
// a loopback address of its own, as programs on a person's computer do.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";

const CALLED_BACK = "<!doctype html><html lang=en><title>Back</title><h1>Back at the client</h1></html>";

const asked = async (url, init) => {
  const response = await fetch(url, init);
  const body = await response.json();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(body)}`);
  return body;
};

export class OAuthClient {
  #verifier = randomBytes(32).toString("base64url");
  #heard = [];

  /** From the URL to a registration under this name. */
  static async discover(url, name) {
    const client = new OAuthClient();
    client.url = url;
    await client.#listen();
    const refused = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
    if (refused.status !== 401) throw new Error(`${url} answered ${refused.status} without a token`);
    const said = refused.headers.get("www-authenticate");
    const [, metadata] = said.match(/resource_metadata="([^"]+)"/);
    [, client.scope] = said.match(/scope="([^"]+)"/);
    const resource = await asked(metadata);
    client.server = await asked(`${resource.authorization_servers[0]}/.well-known/oauth-authorization-server`);
    const { client_id } = await asked(client.server.registration_endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ client_name: name, redirect_uris: [client.redirect], grant_types: ["authorization_code", "refresh_token"] }),
    });
    client.id = client_id;
    return client;
  }

  async #listen() {
    this.door = createServer((request, response) => {
      this.#heard.push(new URL(request.url, this.redirect).searchParams);
      response.writeHead(200, { "content-type": "text/html", "content-security-policy": "default-src 'none'" }).end(CALLED_BACK);
    });
    await new Promise((resolve) => this.door.listen(0, "127.0.0.1", resolve));
    this.origin = `http://127.0.0.1:${this.door.address().port}`;
    this.redirect = `${this.origin}/callback`;
  }

  /** The page that asks. */
  authorize(scope = this.scope) {
    const page = new URL(this.server.authorization_endpoint);
    const challenge = createHash("sha256").update(this.#verifier).digest("base64url");
    for (const [name, value] of Object.entries({
      response_type: "code",
      client_id: this.id,
      redirect_uri: this.redirect,
      code_challenge: challenge,
      code_challenge_method: "S256",
      state: "the state",
      scope,
      resource: this.url,
    })) page.searchParams.set(name, value);
    return page.href;
  }

  /** The last answer that a browser brought. */
  answer() {
    const answer = this.#heard.at(-1);
    if (answer?.get("state") !== "the state" || answer?.get("iss") !== this.server.issuer) throw new Error(`not our answer: ${answer}`);
    return answer;
  }

  /** The tokens for it. */
  exchange() {
    const fields = {
      grant_type: "authorization_code",
      code: this.answer().get("code"),
      client_id: this.id,
      redirect_uri: this.redirect,
      code_verifier: this.#verifier,
      resource: this.url,
    };
    return asked(this.server.token_endpoint, { method: "POST", body: new URLSearchParams(fields) });
  }

  close() {
    this.door.close();
    this.door.closeAllConnections();
  }
}
