// What the builder does to a policy, each as text in, text out. Written the way POLICY.md writes its examples.

import { NoPlace, append, appendMembers, removeAndPrune, removeAt, replaceAt, setMember } from "../json/edit.js";
import { isArray, isObject, memberOf, nodeAt, parse, plain } from "../json/tree.js";
import { inline, raw } from "../json/write.js";
import { isGlob } from "./patterns.js";
import { APPROVAL_ORDER, LIMIT_ORDER, RULE_ORDER } from "./rule.js";
import { standingOf } from "./standing.js";

const DOCUMENT_ORDER = ["version", "default", "description", "hide", "tools", "classes", "all_tools", "tests"];
const CLASS_ORDER = ["read", "write", "execute", "destructive", "financial"];
const CHECK_ORDER = ["name", "conditions", "on_deny"];

/** What an empty text stands for. */
export const EMPTY = '{\n  "version": "1",\n  "default": "deny"\n}\n';

const has = (text, path) => nodeAt(parse(text), path) !== undefined;

// The usual order of the keys of the object at a path.
const orderAt = (path) => {
  if (path.length === 0) return DOCUMENT_ORDER;
  if (path.length === 1 && path[0] === "classes") return CLASS_ORDER;
  if (path.at(-1) === "approval") return APPROVAL_ORDER;
  if (path.at(-1) === "rate_limit" || path.at(-2) === "limits") return LIMIT_ORDER;
  if (["require", "deny_if", "approve_if"].includes(path.at(-2))) return CHECK_ORDER;
  if (path[0] === "all_tools" || path.length === 2) return RULE_ORDER;
  return [];
};

// The document, its lists of rules and rules with lists in them go over lines; small things stay on one.
const goesOverLines = (path) => path.length < 2 && path[0] !== "all_tools";

const set = (text, path, value) => {
  const holder = path.slice(0, -1);
  return setMember(text, path, value, { order: orderAt(holder), lines: goesOverLines(holder) });
};

const ensure = (text, path, value) => (has(text, path) ? text : set(text, path, value));

// An object at a path and all objects around it.
const ensureObject = (text, path) => path.reduce((result, _, index) => ensure(result, path.slice(0, index + 1), {}), text);

export const setDefault = (text, action) => set(text, ["default"], action);

/** Sets a text member of the document or of a rule; empty text removes it. */
export const setText = (text, path, value) => {
  if (value === "") return removeAt(text, path);
  return set(ensureObject(text, path.slice(0, -1)), path, value);
};

// --- what a tool, pattern, class may do --------------------------------------------------------------------------------------------

const ruleOf = (action) => (action === "allow" ? {} : inline({ action }));

const setAction = (text, path, action) => {
  const node = nodeAt(parse(text), path);
  if (!isObject(node)) throw new NoPlace("the rule is not an object");
  const said = memberOf(node, "action")?.value;
  if (said?.value === action) return text;
  if (action === "allow") return said ? removeAt(text, [...path, "action"]) : text;
  return set(text, [...path, "action"], action);
};

const hiddenAt = (text, pattern) => {
  const list = nodeAt(parse(text), ["hide"]);
  return isArray(list) ? list.items.findIndex((item) => item.type === "string" && item.value === pattern) : -1;
};

/** Removes the own entry of a pattern, from `tools` and from `hide`. */
export const clearTool = (text, pattern) => {
  const shown = removeAndPrune(text, ["tools", pattern], 1);
  const index = hiddenAt(shown, pattern);
  return index < 0 ? shown : removeAndPrune(shown, ["hide", index], 1);
};

/** Lets a tool or pattern be allowed, denied, hidden or asked about; limits and rules of its entry stay. */
export const setTool = (text, pattern, action) => {
  if (has(text, ["tools", pattern])) return setAction(text, ["tools", pattern], action);
  const index = hiddenAt(text, pattern);
  if (index >= 0 && action === "hide") return text;
  const shown = index < 0 ? text : removeAndPrune(text, ["hide", index], 1);
  return set(ensure(shown, ["tools"], {}), ["tools", pattern], ruleOf(action));
};

/** An own entry for a tool that changes nothing yet: what covers it now, said at its own place. */
export const ownTool = (text, tool) => {
  if (has(text, ["tools", tool.name])) return text;
  const { action } = standingOf(parse(text), tool);
  return setTool(text, tool.name, action ?? "deny");
};

export const setClass = (text, riskClass, action) => {
  const path = ["classes", riskClass];
  if (has(text, path)) return setAction(text, path, action);
  return set(ensure(text, ["classes"], {}), path, ruleOf(action));
};

export const clearClass = (text, riskClass) => removeAndPrune(text, ["classes", riskClass], 1);

/** Sets several tools at once; `action` "" removes their own entries. */
export const setTools = (text, names, action) => {
  if (action === "") return names.reduce(clearTool, text);
  const isKnown = (name) => has(text, ["tools", name]) || hiddenAt(text, name) >= 0;
  const changed = names.filter(isKnown).reduce((result, name) => setTool(result, name, action), text);
  const added = names.filter((name) => !isKnown(name)).map((name) => [name, ruleOf(action)]);
  return added.length === 0 ? changed : appendMembers(ensure(changed, ["tools"], {}), ["tools"], added);
};

// --- limits ------------------------------------------------------------------------------------------------------------------------

const nameOfRule = (path) =>
  String(path.at(-1))
    .replace(/\*+|\?/g, "")
    .replace(/[^A-Za-z0-9_.:-]+/g, "_")
    .replace(/^_+|_+$/g, "") || "any";

const countersOf = (text) => {
  const found = new Set();
  const walk = (value) => {
    if (value === null || typeof value !== "object") return;
    if (typeof value.counter === "string") found.add(value.counter);
    Object.values(value).forEach(walk);
  };
  const { tests, ...rules } = plain(parse(text));
  walk(rules);
  return found;
};

const unused = (text, wanted) => {
  const used = countersOf(text);
  if (!used.has(wanted)) return wanted;
  let number = 2;
  while (used.has(`${wanted}_${number}`)) number += 1;
  return `${wanted}_${number}`;
};

/** A counter name for another limit of a rule: `<name>_rate` for its first, `<name>_<window>` for further ones; none that is in use. */
export const counterFor = (text, rulePath, window) => {
  const first = !isArray(nodeAt(parse(text), [...rulePath, "limits"]));
  const wanted = `${nameOfRule(rulePath).slice(0, 110)}_${first ? "rate" : window}`;
  return unused(text, wanted);
};

/** Adds “at most 30 a minute per grant” to the rule at a path. */
export const addLimit = (text, rulePath) => {
  const limit = inline({ counter: counterFor(text, rulePath, "minute"), window: "minute", max: 30, scope: "grant" });
  return appendTo(text, [...rulePath, "limits"], limit);
};

const appendTo = (text, path, value) => {
  const ready = ensureObject(text, path.slice(0, -1));
  return has(ready, path) ? append(ready, path, value) : set(ready, path, [value]);
};

/** Sets a field of a limit; undefined removes it. `value` is JSON text, so that numbers stay as they were typed. */
export const setField = (text, path, value) => (value === undefined ? removeAt(text, path) : set(text, path, raw(value)));

/**
 * Sets a limit's window, given as JSON text. A counter that is named by the window it had (`<tool>_minute`) follows; any other name stays,
 * since what is counted under it goes on.
 */
export const setWindow = (text, path, value) => {
  const limit = plain(nodeAt(parse(text), path));
  const changed = setField(text, [...path, "window"], value);
  const byWindow = `${nameOfRule(path.slice(0, -2)).slice(0, 110)}_${limit.window}`;
  if (limit.counter !== byWindow) return changed;
  const window = JSON.parse(value);
  return setField(changed, [...path, "counter"], JSON.stringify(unused(text, `${byWindow.slice(0, -`${limit.window}`.length)}${window}`)));
};

/** Removes a limit or check, and its list when it was the last. The entry of a tool stays; an empty `all_tools` goes. */
export const removeElement = (text, path) => removeAndPrune(text, path, path[0] === "all_tools" ? 2 : 1);

// --- argument rules ----------------------------------------------------------------------------------------------------------------

/** Adds a check with one condition to a list of the rule at a path. */
export const addCheck = (text, rulePath, list, condition) => appendTo(text, [...rulePath, list], inline({ conditions: [condition] }));

/** Moves a check to another list of its rule, as it is written. */
export const moveCheck = (text, path, list) => {
  const node = nodeAt(parse(text), path);
  if (!node || path.at(-2) === list) return text;
  const written = raw(text.slice(node.from, node.to));
  return appendTo(removeAndPrune(text, path, 1), [...path.slice(0, -2), list], written);
};

/** Adds a condition to a check: all of them must hold. */
export const addCondition = (text, checkPath, condition) => {
  const path = [...checkPath, "conditions"];
  const node = nodeAt(parse(text), path);
  if (!isArray(node)) throw new NoPlace("the check has no conditions");
  const written = node.items.map((item) => raw(text.slice(item.from, item.to)));
  const oneLine = !text.slice(node.from, node.to).includes("\n");
  return oneLine ? replaceAt(text, path, inline([...written, condition])) : append(text, path, inline(condition));
};

/** Removes a condition; the check with it when it was the only one, since a check without conditions always holds. */
export const removeCondition = (text, path) => {
  const check = path.slice(0, -2);
  const conditions = nodeAt(parse(text), path.slice(0, -1));
  return isArray(conditions) && conditions.items.length > 1 ? removeAt(text, path) : removeElement(text, check);
};

// --- the rest of a rule ------------------------------------------------------------------------------------------------------------

/** Sets a term of an approval; undefined removes it, and the last one the member. */
export const setApproval = (text, rulePath, key, value) => {
  const path = [...rulePath, "approval", key];
  if (value === undefined) return removeAndPrune(text, path, 1);
  if (has(text, path.slice(0, -1))) return set(text, path, inline(value));
  return set(text, path.slice(0, -1), inline({ [key]: value }));
};

export const setShadow = (text, rulePath, shadow) => {
  const path = [...rulePath, "mode"];
  return shadow ? set(ensureObject(text, rulePath), path, "shadow") : removeAndPrune(text, path, rulePath[0] === "all_tools" ? 1 : 0);
};

// --- tests -------------------------------------------------------------------------------------------------------------------------

// The value of a node as it is written, numbers included.
const verbatim = (text, node) => {
  if (isObject(node)) return Object.fromEntries(node.members.map(({ key, value }) => [key, verbatim(text, value)]));
  if (isArray(node)) return node.items.map((item) => verbatim(text, item));
  return raw(text.slice(node.from, node.to));
};

/** Appends a test, given as JSON text; each of its calls goes on a line. */
export const addTest = (text, test) => {
  const { calls, ...rest } = verbatim(test, parse(test));
  const members = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, inline(value)]));
  return appendTo(text, ["tests"], Array.isArray(calls) ? { ...members, calls: calls.map(inline) } : members);
};

/** Whether a text can be a new pattern of `tools`. */
export const canBePattern = (text, pattern) =>
  pattern.trim() !== "" && !has(text, ["tools", pattern]) && !(isGlob(pattern) && hiddenAt(text, pattern) >= 0);
