// The processes under test: `portcullis up` on a blank data folder, and `portcullis connect` beside the fixture MCP server.
// Each is stopped by its own process id; what they say is kept in a log in the output folder.

import { spawn } from "node:child_process";
import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FIXTURE = fileURLToPath(new URL("fixture-mcp.mjs", import.meta.url));
/** Longer than the product waits itself: two minutes for its PostgreSQL to come up, half a minute for it to stop. */
const START_MS = 240_000;
const STOP_MS = 120_000;

/** How to stop each process that runs now. */
const running = new Set();

/** Stops what is left, when the test itself is told to stop. */
export const stopAll = () => Promise.all([...running].map((stop) => stop()));

const freePort = () =>
  new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

/** Starts a program; `said(pattern)` waits until it prints what matches. */
const start = (command, args, { env = {}, log }) => {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(log, { flags: "a" });
  let text = "";
  const waiting = new Set();
  const hear = (chunk) => {
    file.write(chunk);
    text += chunk;
    for (const check of [...waiting]) check();
  };
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(signal ?? code)));

  const said = (pattern, withinMs) =>
    new Promise((resolve, reject) => {
      const stop = (settle, value) => {
        clearTimeout(timer);
        waiting.delete(check);
        settle(value);
      };
      const check = () => {
        const match = text.match(pattern);
        if (match) stop(resolve, match);
      };
      const timer = setTimeout(() => stop(reject, new Error(`${command} ${args[0]} did not say ${pattern}:\n${text}`)), withinMs);
      waiting.add(check);
      ended.then((how) => stop(reject, new Error(`${command} ${args[0]} ended (${how}) before it said ${pattern}:\n${text}`)));
      check();
    });

  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return ended;
    child.kill("SIGINT");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    const how = await ended;
    clearTimeout(timer);
    return how;
  };
  running.add(stop);
  ended.then(() => running.delete(stop));
  return { said, stop };
};

/** The product, answering at `origin`. */
export const startProduct = async (binary, data, out) => {
  const listen = `127.0.0.1:${await freePort()}`;
  for (const name of Object.keys(process.env)) if (/^(DATABASE_URL|REDIS_URL|PORTCULLIS_\w+)$/.test(name)) delete process.env[name];
  // As behind a proxy: each person of a run comes from an address of their own, as people do.
  const args = ["up", "--data", join(data, "data"), "--listen", listen, "--trusted-proxies", "127.0.0.1/32"];
  const up = start(binary, args, { log: join(out, "product.log") });
  const [, origin] = await up.said(/Portcullis is up: (http:\/\/\S+)/, START_MS);
  return { binary, data, out, origin, stop: up.stop };
};

/** Runs the copied line `portcullis connect TOKEN -- …` with the fixture in the place of the real server. */
export const connect = (product, line, name) => {
  const token = line.trim().match(/^portcullis connect (\S+) -- \S/)?.[1];
  if (!token) throw new Error(`this is not a line to run: ${line.replace(/pcl_\S+/, "…")}`);
  const calls = join(product.data, `${name}-calls.log`);
  const env = { FIXTURE_LOG: calls };
  const connector = start(product.binary, ["connect", token, "--", process.execPath, FIXTURE], {
    env,
    log: join(product.out, `connector-${name}.log`),
  });
  /** How often a tool of the fixture was really called. */
  const reached = (tool) => (existsSync(calls) ? readFileSync(calls, "utf8").split("\n").filter((called) => called === tool).length : 0);
  return { stop: connector.stop, reached };
};
