// Values of conditions: how each is typed in a row, and what JSON text is meant.

import { OPERATORS } from "./words.js";

export const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** What an operator compares with: `any`, `number`, `list`, `bool`, `text`, `networks`. */
export const wants = (op) => OPERATORS.find(([one]) => one === op)?.[2] ?? "any";

const isPlainItem = (item) => typeof item === "string" && item !== "" && item.trim() === item && !item.includes(",");

/** How a value is typed: `text`, `number`, `bool`, `list`, `json`. */
export const kindOf = (op, value) => {
  const wanted = wants(op);
  if (wanted === "number") return typeof value === "number" ? "number" : "json";
  if (wanted === "text") return typeof value === "string" ? "text" : "json";
  if (wanted === "list") return Array.isArray(value) && value.every(isPlainItem) ? "list" : "json";
  if (wanted === "networks") return typeof value === "string" || (Array.isArray(value) && value.every(isPlainItem)) ? "list" : "json";
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "bool";
  return typeof value === "number" ? "number" : "json";
};

/** What stands in the input for a value; `written` is its JSON text. */
export const shown = (kind, value, written) => {
  if (kind === "text") return value;
  if (kind === "list") return [value].flat().join(", ");
  return kind === "json" || kind === "number" ? written : String(value);
};

const splitList = (typed) =>
  typed
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

/** The JSON text that is meant by what was typed, or `{ problem }`. */
export const meant = (op, kind, typed) => {
  if (kind === "text") return { json: JSON.stringify(typed) };
  if (kind === "number") return NUMBER.test(typed.trim()) ? { json: typed.trim() } : { problem: "This has to be a number." };
  if (kind === "bool") return { json: typed === "true" ? "true" : "false" };
  if (kind === "list") return list(op, splitList(typed));
  try {
    JSON.parse(typed);
    return { json: typed.trim() };
  } catch {
    return { problem: "This has to be JSON: texts in quotes, lists in brackets." };
  }
};

const list = (op, items) => {
  if (items.length === 0) return { problem: "Name at least one." };
  const single = wants(op) === "networks" && items.length === 1;
  return { json: single ? JSON.stringify(items[0]) : `[${items.map((item) => JSON.stringify(item)).join(", ")}]` };
};

const asNumber = (value) => {
  const [first] = [value].flat();
  if (typeof first === "number") return String(first);
  return typeof first === "string" && NUMBER.test(first) ? first : "0";
};

const asText = (value) => {
  const [first] = [value].flat();
  return typeof first === "string" ? first : first === undefined || first === null ? "" : JSON.stringify(first);
};

/** The JSON text of a value brought to what another operator wants. `written` is its text now. */
export const converted = (op, value, written) => {
  const wanted = wants(op);
  if (wanted === "number") return typeof value === "number" ? written : asNumber(value);
  if (wanted === "text") return JSON.stringify(asText(value));
  if (wanted === "list") return Array.isArray(value) ? written : `[${written}]`;
  if (wanted === "networks") return typeof value === "string" || Array.isArray(value) ? written : '"10.0.0.0/8"';
  if (wanted === "bool") return typeof value === "boolean" ? written : "true";
  return Array.isArray(value) && value.length > 0 ? JSON.stringify(value[0]) : written;
};

/** The JSON text of a value turned into another kind of value. */
export const asKind = (kind, value, written) => {
  if (kind === "number") return typeof value === "number" ? written : asNumber(value);
  if (kind === "bool") return JSON.stringify(value === true || value === "true");
  return kind === "text" ? JSON.stringify(asText(value)) : written;
};

/** A first condition on an argument, by its type in the schema. */
export const firstCondition = (paths) => {
  const [path] = [
    ...paths.filter(({ type }) => type === "number" || type === "integer"),
    ...paths.filter(({ type }) => type !== "object"),
    ...paths,
  ];
  if (!path) return { path: "args.name", op: "eq", value: "" };
  return conditionFor(path);
};

/** A condition that fits a path: over 100 for numbers, is “” for texts… */
export const conditionFor = ({ path, type, schema }) => {
  if (type === "number" || type === "integer") return { path, op: "gt", value: 100 };
  if (type === "boolean") return { path, op: "eq", value: true };
  if (type === "array") return { path, op: "len_gte", value: 10 };
  if (type === "object") return { path, op: "exists", value: true };
  return { path, op: "eq", value: Array.isArray(schema?.enum) ? (schema.enum.find((one) => typeof one === "string") ?? "") : "" };
};
