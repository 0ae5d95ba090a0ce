// A policy's parts in plain words.

import { pathWord } from "./paths.js";

export const CHOICES = [
  { value: "allow", label: "Allow", done: "allowed" },
  { value: "deny", label: "Deny", done: "denied" },
  { value: "hide", label: "Hide", done: "hidden" },
  { value: "require_approval", label: "Ask", done: "asked about" },
];

/** `allow` → `allowed` */
export const doneWord = (action) => CHOICES.find(({ value }) => value === action)?.done ?? "custom";

export const WINDOWS = ["second", "minute", "hour", "day", "week", "month"];
export const SCOPES = [
  ["grant", "per grant"],
  ["member", "per person or agent"],
  ["session", "per session"],
  ["server", "for the whole server"],
  ["account", "for the whole account"],
];

const article = (window) => (window === "hour" ? "an" : "a");

/** `minute` → `a minute`, 90 → `in 90 seconds` */
export const windowWords = (window, align) => {
  if (typeof window === "number") return `in ${window} seconds`;
  if (!WINDOWS.includes(window)) return "in an unknown window";
  return align === "calendar" && window !== "month" ? `a calendar ${window}` : `${article(window)} ${window}`;
};

/** A limit (plain value) as a sentence: “at most 30 a minute per grant”. */
export const limitWords = (limit) => {
  const what = limit.amount === undefined ? "" : ` of ${pathWord(String(limit.amount))}`;
  const scope = SCOPES.find(([value]) => value === (limit.scope ?? "grant"))?.[1] ?? "";
  const only = limit.count === "successes" ? ", successes only" : "";
  return `at most ${limit.max ?? "?"}${what} ${windowWords(limit.window, limit.align)} ${scope}${only}`.trim();
};

/** Operators, in the order they are offered: value, words, what its value is. */
export const OPERATORS = [
  ["eq", "is", "any"],
  ["neq", "is not", "any"],
  ["gt", "is over", "number"],
  ["gte", "is at least", "number"],
  ["lt", "is under", "number"],
  ["lte", "is at most", "number"],
  ["in", "is one of", "list"],
  ["not_in", "is none of", "list"],
  ["exists", "is there", "bool"],
  ["contains", "contains", "any"],
  ["not_contains", "does not contain", "any"],
  ["starts_with", "starts with", "text"],
  ["ends_with", "ends with", "text"],
  ["regex", "matches the pattern", "text"],
  ["not_regex", "does not match the pattern", "text"],
  ["cidr", "is an address in", "networks"],
  ["not_cidr", "is an address outside", "networks"],
  ["len_lte", "is no longer than", "number"],
  ["len_gte", "is at least as long as", "number"],
];

const valueWords = (value) => {
  if (typeof value === "string") return `“${value}”`;
  return Array.isArray(value) ? value.map(valueWords).join(", ") : JSON.stringify(value) ?? "?";
};

/** A condition (plain value): “amount is over 100”. */
export const conditionWords = ({ path, op, value }) => {
  const subject = pathWord(String(path));
  if (op === "exists") return `${subject} ${value === false ? "is missing" : "is there"}`;
  const words = OPERATORS.find(([one]) => one === op)?.[1] ?? String(op);
  return `${subject} ${words} ${valueWords(value)}`;
};

/** What a check does, by the list it stands in. */
export const CONSEQUENCES = [
  ["deny_if", "Refuse if"],
  ["require", "Refuse unless"],
  ["approve_if", "Ask a person if"],
];

/** A check (plain value) of a list: “refuse if amount is over 100”. */
export const checkWords = (list, check) => {
  const start = CONSEQUENCES.find(([value]) => value === list)?.[1] ?? list;
  const conditions = Array.isArray(check.conditions) ? check.conditions : [];
  const what = conditions.length === 0 ? "it is called at all" : conditions.map(conditionWords).join(" and ");
  return `${start[0].toLowerCase()}${start.slice(1)} ${what}`;
};

/** Seconds in the largest unit that holds them wholly: 1800 → [30, "minutes"]. */
export const duration = (seconds) => {
  const unit = DURATIONS.findLast(([, size]) => seconds % size === 0) ?? DURATIONS[0];
  return [seconds / unit[1], unit[0]];
};

export const DURATIONS = [
  ["seconds", 1],
  ["minutes", 60],
  ["hours", 3600],
  ["days", 86400],
];
