// Names and descriptions come from servers that are not ours.

import assert from "node:assert/strict";
import { test } from "node:test";

import { visible, visibleLines } from "../../workbench/builder/visible.js";

test("what cannot be seen is spelled out, what can be stays", () => {
  assert.equal(visible("get\u202Enur_\u200b"), "get⟨U+202E⟩nur_⟨U+200B⟩");
  assert.equal(visible("a\nb\u0000"), "a⟨U+000A⟩b⟨U+0000⟩");
  assert.equal(visibleLines("a\nb\u2066"), "a\nb⟨U+2066⟩");
  assert.equal(visible("größe 😀 表"), "größe 😀 表");
});
