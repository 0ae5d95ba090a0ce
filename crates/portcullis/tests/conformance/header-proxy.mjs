// Adds one header to every request on its way to a gateway, and streams both ways: the official suite cannot send a key.
// usage: header-proxy.mjs ORIGIN NAME VALUE; prints the port it listens on, on loopback.
import { createServer, request } from "node:http";

const [origin, name, value] = process.argv.slice(2);
const target = new URL(origin);

const server = createServer((incoming, answer) => {
  // The suite's own Host is ours; a Host that it made up has to arrive as it is.
  const ours = incoming.headers.host?.endsWith(`:${server.address().port}`);
  const headers = { ...incoming.headers, [name]: value };
  if (ours) headers.host = incoming.headers.host.replace(/:\d+$/, `:${target.port}`);
  const onward = request(
    { host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers },
    (from) => {
      answer.writeHead(from.statusCode, from.headers);
      answer.flushHeaders();
      from.on("error", () => answer.destroy()).pipe(answer);
      from.on("aborted", () => answer.destroy());
    },
  );
  onward.on("error", () => answer.destroy());
  incoming.on("error", () => onward.destroy()).pipe(onward);
  answer.on("close", () => onward.destroy());
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
