// What is offered while one writes JSON, and what hover says: from a schema and from the server's tools.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { completions, keyOptions, valueOptions } from "../../workbench/editor/complete.js";
import { aboutPlace } from "../../workbench/editor/hover.js";
import { aboutPath, keysAt, valuesAt } from "../../workbench/editor/schema.js";
import { TOOLS } from "./tools.mjs";

const schema = JSON.parse(readFileSync(new URL("./schema.json", import.meta.url), "utf8"));
const values = (path) => valueOptions(schema, TOOLS, path).map(({ value }) => value);
const keys = (path) => keyOptions(schema, TOOLS, path).map(({ value, begins }) => `${value}=${begins}`);

test("keys and values by the schema, through references and alternatives", () => {
  assert.deepEqual(
    keysAt(schema, ["tools", "anything", "limits", 0]).map(({ key }) => key),
    ["align", "amount", "count", "counter", "max", "on_unavailable", "scope", "window"],
  );
  for (const key of ['action=""', 'reason=""', "limits=[]"]) assert.ok(keys(["tools", "x"]).includes(key), key);
  assert.deepEqual(values(["default"]).sort(), ["allow", "deny"]);
  const windows = values(["tools", "x", "limits", 3, "window"]);
  for (const window of ["second", "minute", "hour", "month"]) assert.ok(windows.includes(window), window);
  assert.deepEqual(valuesAt(schema, ["nowhere", 1]), []);
});

test("names and paths of the server's own tools", () => {
  assert.ok(keys(["tools"]).includes("charge={}"));
  assert.ok(values(["hide", 0]).includes("delete_run"));
  const condition = (tool) => ["tools", tool, "deny_if", 0, "conditions", 0, "path"];
  assert.deepEqual(values(condition("charge")).slice(0, 3), ["args.amount", "args.currency", "args.recurring"]);
  assert.ok(values(condition("charge")).includes("grant.label"));
  assert.ok(values(condition("delete_*")).includes("args.run_id"), "a pattern is offered what any tool takes");
  assert.deepEqual(values(["tools", "charge", "limits", 0, "amount"]), ["args.amount"]);
  assert.ok(values(["tests", 0, "calls", 0, "tool"]).includes("charge"));
});

const offered = (marked, explicit = true, promised = Promise.resolve(schema)) => {
  const text = marked.replace("|", "");
  const state = { doc: { toString: () => text } };
  return completions(() => promised, TOOLS)({ state, pos: marked.indexOf("|"), explicit });
};

test("a key that is there already is not offered; nothing is offered unasked where nothing is written", async () => {
  const labels = (await offered('{"version": "1", "|"}')).options.map(({ displayLabel }) => displayLabel);
  assert.ok(labels.includes("tools") && !labels.includes("version"));
  assert.equal(await offered('{"default": |}', false), null);
  assert.equal((await offered('{"default": "|"}')).options.length, 2);
});

test("who types before the schema has come is answered when it has; without one, only what the tools say is offered", async () => {
  const late = new Promise((resolve) => setTimeout(resolve, 20, schema));
  assert.equal((await offered('{"default": "|"}', false, late)).options.length, 2);
  assert.equal(await offered('{"default": "|"}', false, Promise.resolve(null)), null);
});

test("what a place means", () => {
  const about = (marked) => aboutPlace(marked.replace("|", ""), marked.indexOf("|") + 1, schema, TOOLS)?.map(([, line]) => line);
  assert.deepEqual(about('{|"default": "deny"}'), [
    "Default",
    "What happens to tools that no entry of `tools`, `hide` and `classes` matches.",
    '"allow": They may be called.\n"deny": Every call of them is denied.',
  ]);
  assert.deepEqual(about('{"tools": {|"charge": {}}}'), ["charge · financial", "Takes money."]);
  assert.match(about('{"tools": {"charge": {|"action": 1}}}').at(-1), /Default: "allow"/);
  assert.equal(about("{| }"), undefined);
  assert.equal(aboutPath(schema, ["nowhere"]), undefined);
});
