// Which member of a policy decides about a tool (POLICY.md, section 1): its own entry, a pattern, its class, the default.

import { format } from "../json/pointer.js";
import { isArray, isObject, memberOf, nodeAt } from "../json/tree.js";
import { isGlob, literals, matches } from "./patterns.js";
import { readRule } from "./rule.js";

const hideItems = (root) => {
  const list = nodeAt(root, ["hide"]);
  if (!isArray(list)) return [];
  return list.items.flatMap((item, index) => (item.type === "string" ? [{ pattern: item.value, path: ["hide", index] }] : []));
};

const toolEntries = (root) => {
  const tools = nodeAt(root, ["tools"]);
  return isObject(tools) ? tools.members.map(({ key }) => ({ pattern: key, path: ["tools", key] })) : [];
};

// What was found out about a tree, kept as long as the tree: rows ask for the same again and again.
const known = new WeakMap();

const knownOf = (root) => {
  if (!known.has(root))
    known.set(root, { patterns: [...hideItems(root), ...toolEntries(root)], standings: new Map(), decided: new WeakMap() });
  return known.get(root);
};

/** Every pattern of `hide` and `tools`, in that order: `{ pattern, path }`. */
export const patternsOf = (root) => knownOf(root).patterns;

const closest = (patterns) =>
  patterns.reduce((best, one) => (best && literals(best.pattern) >= literals(one.pattern) ? best : one), undefined);

const entryFor = (root, name) => {
  const all = patternsOf(root);
  const exact = all.filter(({ pattern }) => !isGlob(pattern) && pattern === name);
  const own = exact.find(({ path }) => path[0] === "tools") ?? exact[0];
  return own ?? closest(all.filter(({ pattern }) => isGlob(pattern) && matches(pattern, name)));
};

/**
 * What covers a tool: `{ by: "own" | "hide" | "pattern" | "class" | "default", path, pattern?, action }`. `action` is undefined when the
 * member does not say it in a way that can be read.
 */
export const standingOf = (root, tool) => {
  const { standings } = knownOf(root);
  const key = JSON.stringify([tool.name, tool.class]);
  if (!standings.has(key)) standings.set(key, findStanding(root, tool));
  return standings.get(key);
};

const findStanding = (root, tool) => {
  const entry = entryFor(root, tool.name);
  if (entry?.path[0] === "hide") return { by: isGlob(entry.pattern) ? "pattern" : "hide", ...entry, action: "hide" };
  if (entry) return { by: isGlob(entry.pattern) ? "pattern" : "own", ...entry, action: readRule(root, entry.path).action };
  const byClass = ["classes", tool.class];
  if (nodeAt(root, byClass)) return { by: "class", path: byClass, action: readRule(root, byClass).action };
  return { by: "default", path: ["default"], action: memberOf(root, "default")?.value.value };
};

const group = (root, tools) => {
  const found = new Map();
  for (const tool of tools) {
    const pointer = format(standingOf(root, tool).path);
    found.set(pointer, [...(found.get(pointer) ?? []), tool]);
  }
  return found;
};

/** The tools that a member decides about, not merely matches. */
export const decidedBy = (root, path, tools) => {
  const { decided } = knownOf(root);
  if (!decided.has(tools)) decided.set(tools, group(root, tools));
  return decided.get(tools).get(format(path)) ?? [];
};
