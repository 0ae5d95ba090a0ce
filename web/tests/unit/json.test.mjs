// JSON with places: strictness, pointers, lines, and where the cursor is in a text that is broken.

import assert from "node:assert/strict";
import { test } from "node:test";

import { format, lineColumn, offsetOf, parsePointer, pointerAt, rangeOf } from "../../workbench/json/pointer.js";
import { placeAt } from "../../workbench/json/place.js";
import { parse, plain, tryParse } from "../../workbench/json/tree.js";
import { anyPolicy, seeded, spread } from "./random.mjs";

test("property: what the platform's parser reads is read the same, with its places", () => {
  const random = seeded(11);
  for (let round = 0; round < 300; round += 1) {
    const value = anyPolicy(random);
    const text = spread(random, value);
    const root = parse(text);
    assert.deepEqual(plain(root), value);
    const check = (node, here) => {
      assert.deepEqual(JSON.parse(text.slice(node.from, node.to)), here);
      if (node.members) for (const member of node.members) check(member.value, here[member.key]);
      if (node.items) node.items.forEach((item, index) => check(item, here[index]));
    };
    check(root, value);
  }
});

test("property: a text with a piece missing is refused exactly when the platform's parser refuses it", () => {
  const random = seeded(12);
  for (let round = 0; round < 2000; round += 1) {
    const whole = spread(random, anyPolicy(random));
    const from = random.below(whole.length);
    const text = whole.slice(0, from) + whole.slice(from + 1 + random.below(4));
    let readable = true;
    try {
      JSON.parse(text);
    } catch {
      readable = false;
    }
    const { root, fault } = tryParse(text);
    // Stricter in one thing: a key that stands twice.
    if (readable && fault) assert.match(fault.message, /twice/);
    else assert.equal(root !== undefined, readable, text);
  }
});

test("faults name their place", () => {
  const place = (text) => lineColumn(text, tryParse(text).fault.offset);
  assert.deepEqual(place('{\n  "a": 1\n  "b": 2\n}'), { line: 3, column: 3 });
  assert.deepEqual(place('{"a": 1,}'), { line: 1, column: 9 });
  assert.deepEqual(place('{"a": 1, "a": 2}'), { line: 1, column: 10 });
  assert.deepEqual(place('{"é😀": 01}'), { line: 1, column: 9 });
  assert.match(tryParse("").fault.message, /ends where a value/);
  assert.ok(tryParse("[".repeat(100)).fault);
});

test("pointers: escapes, the nearest that is there, and the way back from an offset", () => {
  const path = ["tools", "a/b~c", 0];
  assert.deepEqual(parsePointer(format(path)), ["tools", "a/b~c", "0"]);
  const text = '{ "tools": { "a/b~c": [ { "max": 30 } ] } }';
  const root = parse(text);
  const range = rangeOf(root, "/tools/a~1b~0c/0/max");
  assert.equal(text.slice(range.keyFrom, range.to), '"max": 30');
  assert.equal(rangeOf(root, "/tools/a~1b~0c/7").exact, false);
  assert.equal(pointerAt(root, text.indexOf("30")), "/tools/a~1b~0c/0/max");
});

test("lines and columns count characters, as the server does", () => {
  const text = 'é😀x\n"y"';
  assert.deepEqual(lineColumn(text, text.indexOf("x")), { line: 1, column: 3 });
  assert.equal(offsetOf(text, 1, 3), text.indexOf("x"));
  assert.equal(offsetOf(text, 2, 1), text.indexOf('"y"'));
  assert.equal(offsetOf(text, 9, 9), text.length);
});

// `|` is the cursor.
const at = (marked) => {
  const { kind, path, from, to, keys } = placeAt(marked.replace("|", ""), marked.indexOf("|"));
  return [kind, path.join("/"), to - from, keys.join()];
};

test("the place of the cursor, also while the text is broken", () => {
  assert.deepEqual(at("|"), ["value", "", 0, ""]);
  assert.deepEqual(at("{|"), ["key", "", 0, ""]);
  assert.deepEqual(at('{"a": 1, |}'), ["key", "", 0, "a"]);
  assert.deepEqual(at('{"a": 1, "b|": 2, "c": 3}'), ["key", "", 3, "a,c"]);
  assert.deepEqual(at('{"tools": {"x": {"act|'), ["key", "tools/x", 4, ""]);
  assert.deepEqual(at('{"tools": {"x": {"action": |'), ["value", "tools/x/action", 0, "action"]);
  assert.deepEqual(at('{"tools": {"x": {"action": "al|"}}}'), ["value", "tools/x/action", 4, "action"]);
  assert.deepEqual(at('{"hide": ["a", "|"]}'), ["value", "hide/1", 2, ""]);
  assert.deepEqual(at('{"hide": ["a", b|]}'), ["value", "hide/1", 1, ""]);
  assert.deepEqual(at('{"default": "deny|",\n"x": 1}'), ["value", "default", 6, "default,x"]);
  assert.deepEqual(at('{"default": "deny"|}')[2], 0);
  assert.deepEqual(at('{"a": {"b": 1}, "c"|}')[0], "key");
});
