// Random policies, written in random ways; seeded, so that a failure comes back.

/** A small seeded generator (mulberry32) with what the tests draw. */
export const seeded = (seed) => {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end) => Math.floor(next() * end);
  return { next, below, pick: (list) => list[below(list.length)], chance: (share) => next() < share };
};

const NAMES = ["set_alias", "get_*", "a/b~c", "delete_run", "ünï", "x y", 'q"q'];

const anyRule = (random) => {
  const rule = {};
  if (random.chance(0.5)) rule.action = random.pick(["allow", "deny", "hide", "require_approval"]);
  if (random.chance(0.3)) rule.reason = random.pick(["because", 'a "quoted" {brace}', ""]);
  if (random.chance(0.4)) rule.limits = [{ window: "minute", max: random.below(99) }];
  if (random.chance(0.3)) rule.x_unknown = { deep: [1, { "]": "}" }, null] };
  return rule;
};

/** A policy with some of everything. */
export const anyPolicy = (random) => {
  const policy = { version: "1", default: random.pick(["allow", "deny"]) };
  if (random.chance(0.3)) policy.hide = ["h1", "h_*"].slice(0, random.below(3));
  if (random.chance(0.8)) policy.tools = Object.fromEntries(NAMES.filter(() => random.chance(0.4)).map((name) => [name, anyRule(random)]));
  if (random.chance(0.4)) policy.classes = { write: anyRule(random) };
  if (random.chance(0.3)) policy.all_tools = { limits: [{ window: "day", max: 1 }] };
  if (random.chance(0.3)) policy.x_unknown = { keep: "me" };
  if (random.chance(0.3)) policy.tests = [{ name: "one" }].slice(0, random.below(2));
  return policy;
};

/** A value as JSON text in one of several layouts. */
export const spread = (random, value) => {
  const layout = random.pick(["tight", "two", "four", "tab", "mixed"]);
  if (layout === "tight") return JSON.stringify(value);
  if (layout === "mixed") return mixed(random, value, "");
  return JSON.stringify(value, null, { two: 2, four: 4, tab: "\t" }[layout]) + random.pick(["", "\n"]);
};

// Each container on one line or over lines, with odd spaces.
const mixed = (random, value, indent) => {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const isList = Array.isArray(value);
  const deeper = `${indent}  `;
  const parts = isList
    ? value.map((one) => mixed(random, one, deeper))
    : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}${random.pick([":", ": ", " : "])}${mixed(random, one, deeper)}`);
  const [open, close] = isList ? "[]" : "{}";
  if (parts.length === 0 || random.chance(0.4)) return `${open}${parts.join(random.pick([",", ", ", " , "]))}${close}`;
  return `${open}\n${deeper}${parts.join(`,\n${deeper}`)}\n${indent}${close}`;
};
