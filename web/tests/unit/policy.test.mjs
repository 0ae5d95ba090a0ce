// What the builder reads: which member decides about a tool, rules as rows, patterns, words, values.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { format } from "../../workbench/json/pointer.js";
import { parse } from "../../workbench/json/tree.js";
import { literals, matches } from "../../workbench/policy/patterns.js";
import { pathsOf, typeOf } from "../../workbench/policy/paths.js";
import { readRule } from "../../workbench/policy/rule.js";
import { decidedBy, standingOf } from "../../workbench/policy/standing.js";
import { asKind, conditionFor, converted, kindOf, meant, shown } from "../../workbench/policy/values.js";
import { checkWords, duration, limitWords, togetherWords } from "../../workbench/policy/words.js";
import { seeded } from "./random.mjs";
import { TOOLS } from "./tools.mjs";

const standing = (policy, name, riskClass = "write") => {
  const { by, path, action } = standingOf(parse(JSON.stringify(policy)), { name, class: riskClass });
  return [by, path.join("/"), action];
};

test("exact beats glob, among globs the one that says more, then class, then default", () => {
  const policy = {
    default: "deny",
    hide: ["del*", "x"],
    tools: { "delete_*": { action: "deny" }, delete_run: {}, "*_run": { action: "hide" } },
    classes: { read: { action: "require_approval" } },
  };
  assert.deepEqual(standing(policy, "delete_run"), ["own", "tools/delete_run", "allow"]);
  assert.deepEqual(standing(policy, "delete_x"), ["pattern", "tools/delete_*", "deny"]);
  assert.deepEqual(standing(policy, "delx"), ["pattern", "hide/0", "hide"]);
  assert.deepEqual(standing(policy, "x"), ["hide", "hide/1", "hide"]);
  assert.deepEqual(standing(policy, "get", "read"), ["class", "classes/read", "require_approval"]);
  assert.deepEqual(standing(policy, "get"), ["default", "default", "deny"]);
  assert.deepEqual(
    standing({ default: "deny", hide: ["a*"], tools: { ab: {} } }, "ab"),
    ["own", "tools/ab", "allow"],
    "an exact entry beats a hide glob",
  );
});

test("the member that decides is the one that the judge names", () => {
  const cases = JSON.parse(readFileSync(new URL("../../../crates/policy/tests/precedence.json", import.meta.url), "utf8"));
  for (const { policy, decided } of cases) {
    const root = parse(JSON.stringify(policy));
    for (const [name, riskClass, pointer] of decided)
      assert.equal(format(standingOf(root, { name, class: riskClass }).path), pointer, `${name} under ${JSON.stringify(policy)}`);
  }
});

test("decidedBy names the tools a pattern decides about, not those it merely matches", () => {
  const root = parse('{"tools":{"*_run":{},"delete_run":{}}}');
  assert.deepEqual(
    decidedBy(root, ["tools", "*_run"], TOOLS).map(({ name }) => name),
    ["get_run"],
  );
});

test("property: globs match as the obvious definition says", () => {
  const naive = (pattern, name) => {
    if (pattern === "") return name === "";
    if (pattern[0] === "*") return naive(pattern.slice(1), name) || (name !== "" && naive(pattern, name.slice(1)));
    return name !== "" && (pattern[0] === "?" || pattern[0] === name[0]) && naive(pattern.slice(1), name.slice(1));
  };
  const random = seeded(3);
  const draw = (letters, most) => Array.from({ length: random.below(most) }, () => random.pick(letters)).join("");
  for (let round = 0; round < 5000; round += 1) {
    const [pattern, name] = [draw("ab*?", 7), draw("ab", 8)];
    assert.equal(matches(pattern, name), naive(pattern, name), `${pattern} ${name}`);
  }
  assert.ok(!matches(`${"*a".repeat(40)}b`, "a".repeat(5000)), "and quickly");
  assert.ok(matches("?", "😀") && !matches("??", "😀"));
  assert.equal(literals("a*😀?"), 2);
});

test("a rule's parts are rows; what rows cannot show is named and counted", () => {
  const rule = readRule(
    parse(`{"tools":{"a":{"action":"allow","limits":[{"window":"minute","max":1},{"window":"minute","max":"1"},{"window":"eon","max":1}],
      "deny_if":[{"conditions":[{"path":"args.a","op":"gt","value":1}]},{"conditions":[{"path":"args.a","op":"wat","value":1}]}],"x":1,"approval":{"timeout":"soon"},"constructor":2}}}`),
    ["tools", "a"],
  );
  assert.equal(rule.limits.length, 1);
  assert.equal(rule.checks.length, 1);
  assert.deepEqual(rule.odd.map(({ path }) => path.slice(2).join("/")).sort(), [
    "approval",
    "constructor",
    "deny_if/1",
    "limits/1",
    "limits/2",
    "x",
  ]);
  assert.equal(readRule(parse('{"tools":{"a":7}}'), ["tools", "a"]).odd.length, 1);
  assert.equal(readRule(parse("{}"), ["tools", "a"]).there, false);
});

// The judge tells the same in its `standings`: crates/policy/src/standing/tests.rs has these words too.
test("limits in the words of the judge", () => {
  assert.equal(limitWords({ window: "minute", max: 30 }), "at most 30 a minute per grant");
  assert.equal(
    limitWords({ window: "hour", max: 5, scope: "member", count: "successes" }),
    "at most 5 an hour per member, failed calls not counted",
  );
  assert.equal(
    limitWords({ window: 90, max: 500, amount: "args.amount", scope: "account" }),
    "at most 500 of amount in 90 seconds per account",
  );
  assert.equal(limitWords({ window: "day", max: 1, align: "calendar", scope: "session" }), "at most 1 a calendar day per session");
  assert.equal(limitWords({ window: "month", max: 1 }), "at most 1 a calendar month per grant");
  assert.equal(limitWords({ window: 3600, max: 1, align: "calendar" }), "at most 1 an hour by the clock per grant");
  assert.equal(
    limitWords({ window: 60, max: 1, on_unavailable: "allow" }),
    "at most 1 a minute per grant, not counted while the counters cannot be reached",
  );
  assert.deepEqual([["all_tools"], ["classes", "write"], ["tools", "d*"], ["tools", "d"]].map(togetherWords), [
    "all tools together",
    "all other write tools together",
    "all of d* together",
    undefined,
  ]);
  assert.deepEqual(
    [duration(1800), duration(90), duration(86400)],
    [
      [30, "minutes"],
      [90, "seconds"],
      [1, "days"],
    ],
  );
});

test("checks in the words of the judge", () => {
  const over = { path: "args.amount", op: "gt", value: 100 };
  const euro = { path: "args.currency", op: "neq", value: "EUR" };
  const files = { path: "args.files[*].path", op: "starts_with", value: "/srv/" };
  const net = { path: "client.ip", op: "not_cidr", value: ["10.0.0.0/8", "::1/128"] };
  for (const [list, conditions, words] of [
    ["deny_if", [over], "amount over 100 is refused"],
    ["deny_if", [net], "the client's address outside 10.0.0.0/8, ::1/128 is refused"],
    ["deny_if", [euro], 'refused when currency is not "EUR"'],
    ["deny_if", [over, euro], 'refused when amount is over 100 and currency is not "EUR"'],
    ["deny_if", [files], 'refused when any files[*].path starts with "/srv/"'],
    ["deny_if", [], "every call is refused"],
    ["require", [files], 'only when every files[*].path starts with "/srv/"'],
    ["approve_if", [over], "amount over 100 needs approval"],
    ["approve_if", [euro], 'needs approval when currency is not "EUR"'],
  ]) {
    assert.equal(checkWords(list, { conditions }), words);
  }
  for (const [op, value, words] of [
    ["in", ["a", 1, null], 'x is one of "a", 1, null'],
    ["not_in", [], "x is none of nothing"],
    ["exists", false, "x is not given"],
    ["regex", "^a$", "x matches ^a$"],
    ["not_contains", { k: [true] }, 'x does not contain {"k": [true]}'],
    ["len_gte", 2, "x has a length of at least 2"],
  ]) {
    assert.equal(checkWords("require", { conditions: [{ path: "args.x", op, value }] }), `only when ${words}`);
  }
});

test("arguments of a schema: nested, lists, references, nullable, and references that go in circles", () => {
  const schema = {
    type: "object",
    properties: {
      a: { $ref: "#/$defs/n" },
      "odd key": { type: ["null", "string"] },
      list: { type: "array", items: { type: "object", properties: { path: { type: "string" } } } },
      loop: { $ref: "#/$defs/loop" },
    },
    $defs: { n: { type: "number" }, loop: { type: "object", properties: { next: { $ref: "#/$defs/loop" } } } },
  };
  const paths = pathsOf(schema).map(({ path, type }) => `${path}:${type}`);
  assert.deepEqual(paths.slice(0, 5), [
    "args.a:number",
    'args["odd key"]:string',
    "args.list:array",
    "args.list[*]:object",
    "args.list[*].path:string",
  ]);
  assert.ok(paths.length < 20);
  assert.deepEqual(pathsOf(null), []);
  assert.equal(typeOf({ $ref: "#/$defs/self", $defs: {} }, { $defs: { self: { $ref: "#/$defs/self" } } }), undefined);
});

test("values: what is shown means what is there, for every operator", () => {
  const cases = [
    ["eq", "1"],
    ["eq", 1],
    ["eq", true],
    ["eq", null],
    ["in", ["a", "b"]],
    ["in", [1, "a"]],
    ["in", ["a,b"]],
    ["gt", 1.5],
    ["regex", "^a,b$"],
    ["cidr", "10.0.0.0/8"],
    ["cidr", ["10.0.0.0/8", "::/0"]],
    ["len_lte", 3],
    ["gt", "odd"],
  ];
  for (const [op, value] of cases) {
    const written = JSON.stringify(value);
    const kind = kindOf(op, value);
    assert.deepEqual(JSON.parse(meant(op, kind, shown(kind, value, written)).json), value, `${op} ${written}`);
  }
  assert.deepEqual(meant("gt", "number", "1.50"), { json: "1.50" }, "numbers stay as they are typed");
  assert.ok(meant("gt", "number", "many").problem && meant("in", "list", " , ").problem && meant("eq", "json", "{").problem);
});

test("values follow the operator and the kind", () => {
  assert.equal(converted("in", "EUR", '"EUR"'), '["EUR"]');
  assert.equal(converted("eq", ["EUR"], '["EUR"]'), '"EUR"');
  assert.equal(converted("gt", "12", '"12"'), "12");
  assert.equal(converted("gte", 1.5, "1.50"), "1.50");
  assert.equal(converted("regex", 5, "5"), '"5"');
  assert.equal(asKind("text", 5, "5"), '"5"');
  assert.equal(asKind("number", "x", '"x"'), "0");
  assert.deepEqual(conditionFor({ path: "args.n", type: "integer" }), { path: "args.n", op: "gt", value: 100 });
});
