// A policy's parts in plain words.

import { pathWord } from "./paths.js";
import { isGlob } from "./patterns.js";

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
  ["member", "per member"],
  ["session", "per session"],
  ["server", "per server"],
  ["account", "per account"],
];

const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86400, week: 604800 };
const DATED = ["day", "week", "month"];

// A window of whole seconds that has a name is told by it, as the judge tells it.
const nameOf = (window) => (typeof window === "number" ? Object.keys(SECONDS).find((name) => SECONDS[name] === window) : window);

const plural = ([count, unit]) => `${count} ${count === 1 ? unit.slice(0, -1) : unit}`;

/** `minute` → `a minute`, 90 → `in 90 seconds` */
export const windowWords = (window, align) => {
  const name = nameOf(window);
  const calendar = align === "calendar" || (name === "month" && align === undefined);
  if (name === undefined) return calendar ? `in every ${plural(duration(window))} by the clock` : `in ${plural(duration(window))}`;
  if (calendar && DATED.includes(name)) return `a calendar ${name}`;
  return `${name === "hour" ? "an" : "a"} ${name}${calendar ? " by the clock" : ""}`;
};

/** With which other tools the limits of the rule at a path share their count; undefined for one tool's own. */
export const togetherWords = (path) => {
  if (path[0] === "all_tools") return "all tools together";
  if (path[0] === "classes") return `all other ${path[1]} tools together`;
  return path[0] === "tools" && isGlob(path[1]) ? `all of ${path[1]} together` : undefined;
};

/** A limit (plain value) as a sentence: “at most 30 a minute per grant”. */
export const limitWords = (limit) => {
  const what = limit.amount === undefined ? "" : ` of ${pathWord(String(limit.amount))}`;
  const failed = limit.count === "successes" ? ", failed calls not counted" : "";
  const away = limit.on_unavailable === "allow" ? ", not counted while the counters cannot be reached" : "";
  return `at most ${limit.max}${what} ${windowWords(limit.window, limit.align)} per ${limit.scope ?? "grant"}${failed}${away}`;
};

/** Operators, in the order they are offered: value, words, what its value is. The words are those of the judge (`standings`). */
export const OPERATORS = [
  ["eq", "is", "any"],
  ["neq", "is not", "any"],
  ["gt", "is over", "number"],
  ["gte", "is at least", "number"],
  ["lt", "is under", "number"],
  ["lte", "is at most", "number"],
  ["in", "is one of", "list"],
  ["not_in", "is none of", "list"],
  ["exists", "is given", "bool"],
  ["contains", "contains", "any"],
  ["not_contains", "does not contain", "any"],
  ["starts_with", "starts with", "text"],
  ["ends_with", "ends with", "text"],
  ["regex", "matches", "text"],
  ["not_regex", "does not match", "text"],
  ["cidr", "is inside", "networks"],
  ["not_cidr", "is outside", "networks"],
  ["len_lte", "has a length of at most", "number"],
  ["len_gte", "has a length of at least", "number"],
];

const BARE = ["regex", "not_regex", "cidr", "not_cidr"];
const LISTS = ["in", "not_in", "cidr", "not_cidr"];
const NOUNS = ["gt", "gte", "lt", "lte", "cidr", "not_cidr"];

const asJson = (value) => {
  if (Array.isArray(value)) return `[${value.map(asJson).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `${JSON.stringify(key)}: ${asJson(one)}`)
    .join(", ")}}`;
};

const valueWords = (op, value) => {
  const one = (item) => (BARE.includes(op) && typeof item === "string" ? item : asJson(item));
  if (!LISTS.includes(op)) return one(value);
  return [value].flat().map(one).join(", ") || "nothing";
};

const predicate = ({ op, value }) => {
  if (op === "exists") return value === false ? "is not given" : "is given";
  return `${OPERATORS.find(([one]) => one === op)?.[1] ?? op} ${valueWords(op, value)}`;
};

const subject = (path, quantifier) => `${path.includes("[*]") ? `${quantifier} ` : ""}${pathWord(path)}`;

/** A condition (plain value): “amount is over 100”. */
export const conditionWords = (condition, quantifier = "any") => `${subject(String(condition.path), quantifier)} ${predicate(condition)}`;

/** What a check does, by the list it stands in. */
export const CONSEQUENCES = [
  ["deny_if", "Refuse if"],
  ["require", "Refuse unless"],
  ["approve_if", "Ask a person if"],
];

const when = (conditions, after, before) => {
  if (conditions.length === 0) return `every call ${after}`;
  const [only] = conditions;
  const isNoun = conditions.length === 1 && NOUNS.includes(only.op);
  if (isNoun) return `${subject(String(only.path), "any")} ${predicate(only).slice("is ".length)} ${after}`;
  return `${before} when ${conditions.map((one) => conditionWords(one)).join(" and ")}`;
};

/** A check (plain value) of a list: “amount over 100 is refused”. */
export const checkWords = (list, { conditions }) => {
  if (list === "deny_if") return when(conditions, "is refused", "refused");
  if (list === "approve_if") return when(conditions, "needs approval", "needs approval");
  if (conditions.length === 0) return "no condition";
  return `only when ${conditions.map((one) => conditionWords(one, "every")).join(" and ")}`;
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
