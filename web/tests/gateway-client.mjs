// The smallest MCP client of the `initialize` era: a gateway URL and a key, as a person would put them into theirs.

const VERSION = "2025-11-25";

/** The JSON-RPC answer to request `id`, from a JSON body or an event stream. */
const answerOf = async (response, id) => {
  const body = await response.text();
  if (!(response.headers.get("content-type") ?? "").includes("text/event-stream")) {
    return body === "" ? null : JSON.parse(body);
  }
  const data = (event) => event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
  const messages = body.replaceAll("\r\n", "\n").split("\n\n").map(data).filter((text) => text.trim() !== "").map((text) => JSON.parse(text));
  return messages.find((message) => message.id === id) ?? null;
};

export class GatewayClient {
  #url;
  #key;
  #session = null;
  #next = 1;

  constructor(url, key) {
    this.#url = url;
    this.#key = key;
  }

  async #post(message) {
    const headers = {
      authorization: `Bearer ${this.#key}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    if (this.#session) Object.assign(headers, { "mcp-session-id": this.#session, "mcp-protocol-version": VERSION });
    const response = await fetch(this.#url, { method: "POST", headers, body: JSON.stringify({ jsonrpc: "2.0", ...message }) });
    this.#session ??= response.headers.get("mcp-session-id");
    return { status: response.status, answer: await answerOf(response, message.id) };
  }

  request(method, params = {}) {
    return this.#post({ id: this.#next++, method, params });
  }

  async open() {
    const clientInfo = { name: "browser-test", version: "1" };
    const opened = await this.request("initialize", { protocolVersion: VERSION, capabilities: {}, clientInfo });
    if (opened.answer?.result) await this.#post({ method: "notifications/initialized" });
    return opened;
  }

  async tools() {
    const { answer } = await this.request("tools/list");
    return (answer?.result?.tools ?? []).map((tool) => tool.name);
  }

  /** What became of a call: "allow", "deny" (also for want of an approval) with its decision, or "refused" when the gateway did not let the client in at all. */
  async call(name, args) {
    const { status, answer } = await this.request("tools/call", { name, arguments: args });
    const decision = answer?.result?._meta?.["dev.portcullis/decision"] ?? null;
    if (decision && answer.result.isError && decision.outcome !== "allow") return { ...decision, outcome: "deny" };
    if (status === 200 && answer?.result && !answer.result.isError) return { outcome: "allow", text: answer.result.content[0].text };
    return { outcome: "refused", status, answer };
  }
}

/** A client that has shaken hands, or the reason why it may not. */
export const openClient = async (url, key) => {
  const client = new GatewayClient(url, key);
  await client.open();
  return client;
};
