// The builder's edits: the documents they make, and that they touch nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { changeBetween } from "../../workbench/json/edit.js";
import { nodeAt, parse, plain } from "../../workbench/json/tree.js";
import * as edits from "../../workbench/policy/edits.js";
import { anyPolicy, seeded, spread } from "./random.mjs";

const SEED = `{
  "version": "1",
  "default": "deny",
  "tools": {
    "set_model_alias": {
      "limits": [
        { "counter": "set_model_alias_rate", "window": "minute", "max": 30, "scope": "grant" }
      ]
    }
  }
}`;

const STARTS = ['{"version":"1","default":"deny"}', '{"version": "1", "default": "deny"}', '{\n  "version": "1",\n  "default": "deny"\n}'];
const ALIAS = ["tools", "set_model_alias"];

test("the first policy of the language's page comes out byte for byte", () => {
  for (const start of STARTS) {
    assert.equal(edits.addLimit(edits.setTool(start, "set_model_alias", "allow"), ALIAS), SEED);
  }
  assert.equal(edits.addLimit(edits.setTool(edits.EMPTY, "set_model_alias", "allow"), ALIAS), `${SEED}\n`);
});

test("which choices were passed on the way leaves no trace", () => {
  let text = STARTS[0];
  for (const action of ["allow", "deny", "hide", "require_approval", "allow"]) text = edits.setTool(text, "set_model_alias", action);
  assert.equal(edits.addLimit(text, ALIAS), SEED);
});

test("what is taken back is gone: the start comes back", () => {
  const start = STARTS[2];
  assert.equal(edits.clearTool(edits.setTool(start, "a", "hide"), "a"), start);
  assert.equal(edits.clearClass(edits.setClass(start, "write", "deny"), "write"), start);
  const every = edits.addLimit(start, ["all_tools"]);
  assert.equal(edits.removeElement(every, ["all_tools", "limits", 0]), start);
  assert.equal(edits.setText(edits.setText(start, ["description"], "x"), ["description"], ""), start);
});

test("the first limit is <tool>_rate, further ones <tool>_<window>, and no counter is shared by accident", () => {
  let text = STARTS[0];
  for (const name of ["delete_*", "a b/c"]) text = edits.setTool(text, name, "allow");
  const rules = [
    ["tools", "delete_*"],
    ["tools", "delete_*"],
    ["tools", "delete_*"],
    ["tools", "a b/c"],
    ["classes", "write"],
    ["all_tools"],
  ];
  for (const path of rules) text = edits.addLimit(text, path);
  const counters = (path) => plain(nodeAt(parse(text), [...path, "limits"])).map(({ counter }) => counter);
  assert.deepEqual(counters(["tools", "delete_*"]), ["delete_rate", "delete_minute", "delete_minute_2"]);
  assert.deepEqual(counters(["tools", "a b/c"]), ["a_b_c_rate"]);
  assert.deepEqual(counters(["classes", "write"]), ["write_rate"]);
  assert.deepEqual(counters(["all_tools"]), ["all_tools_rate"]);
});

test("a counter named by its window follows the window, any other name stays", () => {
  const rule = ["tools", "a"];
  let text = edits.addLimit(edits.addLimit(edits.setTool(STARTS[0], "a", "allow"), rule), rule);
  text = edits.setWindow(text, [...rule, "limits", 0], '"hour"');
  text = edits.setWindow(text, [...rule, "limits", 1], '"day"');
  text = edits.setWindow(text, [...rule, "limits", 1], "90");
  const limits = plain(nodeAt(parse(text), [...rule, "limits"])).map(({ counter, window }) => `${counter} ${window}`);
  assert.deepEqual(limits, ["a_rate hour", "a_90 90"]);
});

test("a name in the list hide becomes an entry when something else is chosen", () => {
  const text = '{"version":"1","default":"allow","hide":["a","b"]}';
  assert.deepEqual(plain(parse(edits.setTool(text, "a", "deny"))), {
    version: "1",
    default: "allow",
    hide: ["b"],
    tools: { a: { action: "deny" } },
  });
  assert.equal(edits.setTool(text, "a", "hide"), text);
  assert.deepEqual(plain(parse(edits.clearTool(edits.clearTool(text, "a"), "b"))), { version: "1", default: "allow" });
});

test("an own entry begins as what covers the tool", () => {
  const text = '{"version":"1","default":"deny","classes":{"read":{}},"tools":{"delete_*":{"action":"hide"}}}';
  const own = (name, riskClass) => plain(nodeAt(parse(edits.ownTool(text, { name, class: riskClass })), ["tools", name]));
  assert.deepEqual(own("get", "read"), {});
  assert.deepEqual(own("set", "write"), { action: "deny" });
  assert.deepEqual(own("delete_run", "read"), { action: "hide" });
});

test("a check moves between the lists as it is written", () => {
  const check = '{"conditions":[{"path":"args.a","op":"gt","value":1.50e1}],"on_deny":"x"}';
  const text = `{"tools":{"a":{"deny_if":[${check}]}}}`;
  const moved = edits.moveCheck(text, ["tools", "a", "deny_if", 0], "require");
  assert.ok(moved.includes(check), moved);
  assert.deepEqual(Object.keys(plain(nodeAt(parse(moved), ["tools", "a"]))), ["require"]);
});

test("the last condition takes its check with it: one without conditions always holds", () => {
  let text = edits.addCheck(edits.setTool(STARTS[0], "a", "allow"), ["tools", "a"], "deny_if", { path: "args.x", op: "eq", value: 1 });
  const check = ["tools", "a", "deny_if", 0];
  text = edits.addCondition(text, check, { path: "args.y", op: "eq", value: 2 });
  text = edits.removeCondition(text, [...check, "conditions", 0]);
  assert.deepEqual(plain(nodeAt(parse(text), check)), { conditions: [{ path: "args.y", op: "eq", value: 2 }] });
  text = edits.removeCondition(text, [...check, "conditions", 0]);
  assert.deepEqual(plain(nodeAt(parse(text), ["tools", "a"])), {});
});

test("a test is appended with its numbers as they are", () => {
  const text = edits.addTest(
    STARTS[0],
    '{"name":"t","calls":[{"at":0,"tool":"a","args":{"id":12345678901234567890,"x":1.0},"expect":"allow"}]}',
  );
  assert.ok(text.includes('{ "at": 0, "tool": "a", "args": { "id": 12345678901234567890, "x": 1.0 }, "expect": "allow" }'), text);
  assert.equal(plain(parse(edits.addTest(text, '{"name":"u","calls":[]}'))).tests.length, 2);
});

test("a container that is something else is not touched", () => {
  for (const text of ['{"tools":[]}', '{"tools":{"a":[]}}', '{"tools":"x"}']) {
    assert.throws(() => edits.addLimit(text, ["tools", "a"]), text);
    assert.throws(() => edits.setTool(text, "a", "deny"), text);
  }
});

// Each edit on the text does to its value what it should, and every other byte that is not white space stays.
const ACTS = [
  {
    act: (text, name) => edits.setTool(text, name, "deny"),
    value: (value, name) => void ((value.tools ??= {})[name] = { ...value.tools[name], action: "deny" }),
  },
  { act: (text) => edits.setDefault(text, "allow"), value: (value) => void (value.default = "allow") },
  { act: (text) => edits.setText(text, ["description"], 'é\n"x"'), value: (value) => void (value.description = 'é\n"x"') },
  {
    act: (text) => edits.setClass(text, "write", "hide"),
    value: (value) => void ((value.classes ??= {}).write = { ...value.classes.write, action: "hide" }),
  },
  { act: (text) => edits.setShadow(text, ["all_tools"], true), value: (value) => void ((value.all_tools ??= {}).mode = "shadow") },
  { act: (text) => edits.addTest(text, '{"name":"t"}'), value: (value) => void (value.tests ??= []).push({ name: "t" }) },
];

// The same for what stands in the rule of a tool.
const CONDITION = { path: "args.a", op: "gt", value: 1 };
const rulePath = (name) => ["tools", name];
const RULE_ACTS = [
  {
    act: (text, name) => edits.addLimit(text, rulePath(name)),
    value: (rule, after) => void (rule.limits = [...(rule.limits ?? []), after.limits.at(-1)]),
  },
  {
    act: (text, name) => edits.addCheck(text, rulePath(name), "deny_if", CONDITION),
    value: (rule) => void (rule.deny_if ??= []).push({ conditions: [CONDITION] }),
  },
  {
    act: (text, name) => edits.setApproval(text, rulePath(name), "timeout", 60),
    value: (rule) => void (rule.approval = { ...rule.approval, timeout: 60 }),
  },
  { act: (text, name) => edits.setText(text, [...rulePath(name), "reason"], "new"), value: (rule) => void (rule.reason = "new") },
  { act: (text, name) => edits.setShadow(text, rulePath(name), true), value: (rule) => void (rule.mode = "shadow") },
  { act: (text, name) => edits.setTool(text, name, "allow"), value: (rule) => rule.action !== "allow" && delete rule.action },
  {
    act: (text, name) =>
      nodeAt(parse(text), [...rulePath(name), "limits", 0])
        ? edits.setField(text, [...rulePath(name), "limits", 0, "scope"], '"member"')
        : text,
    value: (rule) => void (rule.limits && (rule.limits[0].scope = "member")),
  },
  { act: (text, name) => edits.removeElement(text, [...rulePath(name), "limits", 0]), value: (rule) => delete rule.limits },
];

test("property: edits within a rule change what they say and nothing else, also one after the other", () => {
  const random = seeded(8);
  for (let round = 0; round < 300; round += 1) {
    const value = anyPolicy(random);
    const name = random.pick(Object.keys(value.tools ?? {}));
    if (name === undefined) continue;
    let text = spread(random, value);
    for (let turn = 0; turn < 4; turn += 1) {
      const { act, value: apply } = random.pick(RULE_ACTS);
      const limits = plain(parse(text)).tools[name].limits ?? [];
      if (limits.length > 1) break;
      const expected = structuredClone(plain(parse(text)));
      text = act(text, name);
      apply(expected.tools[name], plain(parse(text)).tools[name]);
      assert.deepEqual(plain(parse(text)), expected, text);
    }
  }
});

const bare = (text) => text.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (token) => (token.startsWith('"') ? token : ""));

test("property: an edit changes what it says and nothing else", () => {
  const random = seeded(7);
  for (let round = 0; round < 400; round += 1) {
    const value = anyPolicy(random);
    const text = spread(random, value);
    const name = random.pick([...Object.keys(value.tools ?? {}), "new/~tool"]);
    const { act, value: apply } = random.pick(ACTS);
    if (value.hide?.includes(name)) continue;
    const after = act(text, name);
    const expected = structuredClone(value);
    apply(expected, name);
    assert.deepEqual(plain(parse(after)), expected, after);
    assert.deepEqual(
      Object.keys(plain(parse(after)).tools ?? {}).slice(0, Object.keys(value.tools ?? {}).length),
      Object.keys(value.tools ?? {}),
      "order of keys",
    );
    const untouched = /"x_unknown":\s*\{[^}]*\}/.exec(text)?.[0];
    if (untouched && text.includes("\n")) assert.ok(after.includes(untouched), "a part that nobody edits keeps its bytes");
    const [before, now] = [bare(text), bare(after)];
    const change = changeBetween(before, now) ?? { from: 0, to: 0 };
    assert.match(before.slice(change.from, change.to), /^[a-z_"]*$/, "nothing goes but the old word");
  }
});
