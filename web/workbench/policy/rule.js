// A rule's text as the builder's rows can show it, and what of it they cannot (which is then custom, and edited as JSON).

import { isArray, isObject, memberOf, nodeAt, plain } from "../json/tree.js";
import { OPERATORS, WINDOWS } from "./words.js";

export const ACTIONS = ["allow", "deny", "hide", "require_approval"];
export const CHECK_LISTS = ["require", "deny_if", "approve_if"];
export const RULE_ORDER = ["action", "reason", ...CHECK_LISTS, "limits", "rate_limit", "approval", "mode"];
export const LIMIT_ORDER = ["counter", "window", "max", "scope", "align", "amount", "count", "on_unavailable"];
export const APPROVAL_ORDER = ["timeout", "approvers", "self"];

const SCOPES = ["grant", "member", "session", "server", "account"];
const isText = (node) => node?.type === "string";
const oneOf = (node, values) => node === undefined || (isText(node) && values.includes(node.value));
const onlyHas = (node, keys) => node.members.every(({ key }) => keys.includes(key));
const get = (node, key) => memberOf(node, key)?.value;

const isWindow = (node) => (isText(node) ? WINDOWS.includes(node.value) : node?.type === "number");
const optionalText = (node) => node === undefined || isText(node);

const isLimit = (node) =>
  isObject(node) &&
  onlyHas(node, LIMIT_ORDER) &&
  isWindow(get(node, "window")) &&
  get(node, "max")?.type === "number" &&
  optionalText(get(node, "counter")) &&
  optionalText(get(node, "amount")) &&
  oneOf(get(node, "scope"), SCOPES) &&
  oneOf(get(node, "align"), ["sliding", "calendar"]) &&
  oneOf(get(node, "count"), ["attempts", "successes"]) &&
  oneOf(get(node, "on_unavailable"), ["deny", "allow"]);

const isCondition = (node) =>
  isObject(node) &&
  onlyHas(node, ["path", "op", "value"]) &&
  isText(get(node, "path")) &&
  oneOf(
    get(node, "op"),
    OPERATORS.map(([op]) => op),
  ) &&
  get(node, "op") !== undefined &&
  get(node, "value") !== undefined;

const isCheck = (node) =>
  isObject(node) &&
  onlyHas(node, ["conditions", "on_deny", "name"]) &&
  optionalText(get(node, "on_deny")) &&
  optionalText(get(node, "name")) &&
  isArray(get(node, "conditions")) &&
  get(node, "conditions").items.every(isCondition);

const isApprovers = (node) =>
  oneOf(node, ["admin", "policy_manager"]) || (isObject(node) && onlyHas(node, ["team"]) && isText(get(node, "team")));

const isApproval = (node) =>
  isObject(node) &&
  onlyHas(node, APPROVAL_ORDER) &&
  isApprovers(get(node, "approvers")) &&
  [undefined, "boolean"].includes(get(node, "self")?.type) &&
  [undefined, "number"].includes(get(node, "timeout")?.type);

const KNOWN = {
  action: (node) => isText(node) && ACTIONS.includes(node.value),
  reason: isText,
  mode: (node) => oneOf(node, ["enforce", "shadow"]),
  approval: isApproval,
  rate_limit: (node) => isLimit(node) && onlyHas(node, ["max", "window", "scope"]),
  limits: isArray,
  require: isArray,
  deny_if: isArray,
  approve_if: isArray,
};

const elements = (node, path, fits, odd) => {
  if (!isArray(node)) return [];
  const all = node.items.map((item, index) => ({ node: item, path: [...path, index], value: plain(item) }));
  odd.push(...all.filter((one) => !fits(one.node)));
  return all.filter((one) => fits(one.node));
};

const checksOf = (node, path, odd) =>
  CHECK_LISTS.flatMap((list) => elements(get(node, list), [...path, list], isCheck, odd).map((check) => ({ ...check, list })));

const oddMembers = (node, path) =>
  node.members
    .filter(({ key, value }) => !(Object.hasOwn(KNOWN, key) && KNOWN[key](value)))
    .map(({ key, value }) => ({ path: [...path, key], node: value, value: plain(value), key }));

/**
 * The rule at a path: `{ there, action, reason, limits, rateLimit, checks, approval, shadow, odd }`. Limits and checks are
 * `{ path, node, value }`; `odd` are the parts that rows cannot show.
 */
export const readRule = (root, path) => {
  const node = nodeAt(root, path);
  const empty = { path, there: node !== undefined, action: undefined, limits: [], checks: [], odd: [], shadow: false };
  if (node === undefined) return empty;
  if (!isObject(node)) return { ...empty, odd: [{ path, node, value: plain(node) }] };
  const odd = oddMembers(node, path);
  const fits = (key) => (get(node, key) && KNOWN[key](get(node, key)) ? get(node, key) : undefined);
  const rate = fits("rate_limit");
  return {
    ...empty,
    action: get(node, "action") === undefined ? "allow" : fits("action")?.value,
    reason: fits("reason")?.value,
    limits: elements(get(node, "limits"), [...path, "limits"], isLimit, odd),
    rateLimit: rate && { node: rate, path: [...path, "rate_limit"], value: plain(rate) },
    checks: checksOf(node, path, odd),
    approval: fits("approval") && plain(fits("approval")),
    shadow: fits("mode")?.value === "shadow",
    odd,
  };
};
