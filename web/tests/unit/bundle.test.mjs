// The committed bundle says which sources it was built from.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { digestOf } from "../../vendor/sources.mjs";

test("js/workbench.js is built from the sources as they are: else run web/vendor/build.sh", () => {
  const [first] = readFileSync(new URL("../../static/js/workbench.js", import.meta.url), "utf8").split("\n");
  assert.equal(/sources: ([0-9a-f]{64})$/.exec(first)?.[1], digestOf(createHash));
});
