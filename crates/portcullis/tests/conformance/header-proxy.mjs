// Adds one header to every request on its way to a gateway, and streams both ways: the official suite cannot send a key.
// usage: header-proxy.mjs ORIGIN NAME VALUE [SERVER]; prints the port it listens on, on loopback. With a SERVER the things of that
// server are given the names that they have on the account's URL.
import { createServer, request } from "node:http";
import { accountNames } from "./account-names.mjs";

const [origin, name, value, slug] = process.argv.slice(2);
const target = new URL(origin);
const names = slug && accountNames(slug);

const headersOf = (incoming) => {
  const headers = { ...incoming.headers, [name]: value };
  // The suite's own Host is ours; a Host that it made up has to arrive as it is.
  if (headers.host?.endsWith(`:${server.address().port}`)) headers.host = headers.host.replace(/:\d+$/, `:${target.port}`);
  if (names && headers["mcp-name"]) headers["mcp-name"] = names.header(headers["mcp-method"], headers["mcp-name"]);
  if (names) delete headers["content-length"];
  return headers;
};

const send = async (incoming, onward) => {
  if (!names) return incoming.pipe(onward);
  const body = await incoming.toArray();
  return onward.end(body.length > 0 ? names.request(Buffer.concat(body).toString()) : undefined);
};

const giveBack = (from, answer) => {
  const headers = { ...from.headers };
  if (names) delete headers["content-length"];
  answer.writeHead(from.statusCode, headers);
  answer.flushHeaders();
  from.on("error", () => answer.destroy()).on("aborted", () => answer.destroy());
  if (!names) return from.pipe(answer);
  from.setEncoding("utf8").on("data", (text) => answer.write(names.answer(text))).on("end", () => answer.end());
};

const server = createServer((incoming, answer) => {
  const headers = headersOf(incoming);
  const onward = request({ host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers });
  onward.on("response", (from) => giveBack(from, answer)).on("error", () => answer.destroy());
  incoming.on("error", () => onward.destroy());
  answer.on("close", () => onward.destroy());
  send(incoming, onward).catch(() => onward.destroy());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
