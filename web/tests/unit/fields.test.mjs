// The form for a tool's arguments: its inputs, and the JSON they mean.

import assert from "node:assert/strict";
import { test } from "node:test";

import { beginning, fieldsOf, isFor, meantBy, shownIn } from "../../workbench/panels/fields.js";
import { TOOLS } from "./tools.mjs";

const fields = (name) => fieldsOf(TOOLS.find((tool) => tool.name === name).schema);
const one = (name, key) => fields(name).find((field) => field.key === key);

test("kinds of inputs, required ones first", () => {
  assert.deepEqual(
    fields("charge").map(({ key, kind, required }) => `${key}:${kind}:${required}`),
    ["amount:number:true", "currency:enum:true", "recurring:boolean:false"],
  );
  assert.deepEqual(
    fields("search_runs").map(({ key, kind }) => `${key}:${kind}`),
    ["experiment_ids:strings", "filter:string", "max_results:integer"],
  );
  assert.equal(one("run_query", "options").kind, "json");
  assert.deepEqual(fieldsOf(null), []);
  assert.deepEqual(fieldsOf({ type: "array" }), []);
  assert.deepEqual(
    fieldsOf({ properties: { a: true, b: {} } }).map(({ kind }) => kind),
    ["json", "json"],
    "a schema may be true",
  );
});

test("what is typed means JSON, or says why not", () => {
  assert.deepEqual(meantBy(one("charge", "amount"), "1e400"), { json: "1e400" }, "numbers stay as they are typed");
  assert.ok(meantBy(one("charge", "amount"), "ten").problem);
  assert.ok(meantBy(one("search_runs", "max_results"), "1.5").problem);
  assert.deepEqual(meantBy(one("search_runs", "experiment_ids"), "1\n\n2"), { json: '["1","2"]' });
  assert.deepEqual(meantBy(one("search_runs", "filter"), ""), {}, "what is empty and not required is left out");
  assert.deepEqual(meantBy(one("get_run", "run_id"), ""), { json: '""' });
  assert.ok(meantBy(one("run_query", "options"), "{").problem);
});

test("what stands in the JSON stands in the inputs", () => {
  const text = '{"amount": 12.50, "currency": "EUR", "recurring": null}';
  assert.equal(shownIn(one("charge", "amount"), text), "12.50");
  assert.equal(shownIn(one("charge", "currency"), text), '"EUR"');
  assert.equal(shownIn(one("search_runs", "experiment_ids"), '{"experiment_ids": ["a", "b"]}'), "a\nb");
  assert.equal(shownIn(one("get_run", "run_id"), "{}"), undefined);
});

test("the beginning holds what is required", () => {
  assert.deepEqual(JSON.parse(beginning(TOOLS.find(({ name }) => name === "charge").schema)), { amount: 0, currency: "EUR" });
  assert.equal(beginning(null), "{}");
});

test("arguments belong to the tool that names them all", () => {
  const schema = TOOLS.find(({ name }) => name === "get_run").schema;
  assert.ok(isFor(schema, '{"run_id": "1"}'));
  for (const text of ['{"run_id": "1", "other": 1}', "{}", "", "[]", '{"run_id"']) assert.ok(!isFor(schema, text), text);
  assert.ok(!isFor(null, '{"run_id": "1"}'));
});
