// Which inputs a tool's arguments need, from its input schema; and the JSON text that they mean. Pure.

import { parse, tryParse, isObject, memberOf } from "../json/tree.js";
import { mainBranch, typeOf } from "../policy/paths.js";
import { NUMBER } from "../policy/values.js";

const kindOf = (schema, root) => {
  const scalar = Array.isArray(schema.enum) && schema.enum.every((one) => one === null || typeof one !== "object");
  if (scalar) return "enum";
  const type = typeOf(schema, root);
  if (["string", "number", "integer", "boolean"].includes(type)) return type;
  if (type === "array" && typeOf(schema.items ?? {}, root) === "string" && !schema.items.enum) return "strings";
  return "json";
};

/** `[{ key, kind, required, title, description, values, example }]` of an input schema, required ones first. */
export const fieldsOf = (schema) => {
  const top = mainBranch(schema ?? {}, schema ?? {});
  const required = Array.isArray(top.required) ? top.required : [];
  const all = Object.entries(top.properties ?? {}).map(([key, one]) => {
    const child = mainBranch(one, schema);
    return {
      key,
      kind: kindOf(child, schema),
      required: required.includes(key),
      title: child.title,
      description: child.description,
      values: child.enum?.filter((value) => value !== null) ?? [],
      fallback: child.default,
      secret: child.format === "password",
    };
  });
  return [...all.filter((field) => field.required), ...all.filter((field) => !field.required)];
};

/** What a field shows for the JSON text of the arguments; undefined when it is not among them. */
export const shownIn = (field, text) => {
  const root = parse(text);
  const node = isObject(root) ? memberOf(root, field.key)?.value : undefined;
  if (!node) return undefined;
  const written = text.slice(node.from, node.to);
  if (field.kind === "strings")
    return node.type === "array" && node.items.every(({ type }) => type === "string")
      ? node.items.map(({ value }) => value).join("\n")
      : undefined;
  if (field.kind === "string") return node.type === "string" ? node.value : undefined;
  return written;
};

/** The JSON text that a field's input means; undefined when it is left out; `{ problem }` when it means nothing. */
export const meantBy = (field, typed) => {
  if (typed === undefined) return {};
  if (field.kind === "string") return typed === "" && !field.required ? {} : { json: JSON.stringify(typed) };
  if (typed.trim() === "") return {};
  if (field.kind === "number") return NUMBER.test(typed.trim()) ? { json: typed.trim() } : { problem: "This has to be a number." };
  if (field.kind === "integer")
    return /^-?(?:0|[1-9][0-9]*)$/.test(typed.trim()) ? { json: typed.trim() } : { problem: "This has to be a whole number." };
  if (field.kind === "strings") return { json: JSON.stringify(typed.split("\n").filter((line) => line !== "")) };
  return asJson(typed);
};

const asJson = (typed) => {
  try {
    parse(typed.trim());
    return { json: typed.trim() };
  } catch {
    return { problem: "This has to be JSON." };
  }
};

/** Whether a text of arguments was written for a tool: an object with members, all of which the tool's schema names. */
export const isFor = (schema, text) => {
  const root = tryParse(text).root;
  if (!isObject(root) || root.members.length === 0) return false;
  const known = new Set(fieldsOf(schema).map(({ key }) => key));
  return root.members.every(({ key }) => known.has(key));
};

/** What the arguments of a call are written as before anything is typed: every required one, empty. */
export const beginning = (schema) => {
  const empty = { string: '""', enum: undefined, number: "0", integer: "0", boolean: "false", strings: "[]", json: "null" };
  const members = fieldsOf(schema)
    .filter((field) => field.required)
    .map(
      (field) =>
        `  ${JSON.stringify(field.key)}: ${field.fallback === undefined ? (empty[field.kind] ?? JSON.stringify(field.values[0] ?? null)) : JSON.stringify(field.fallback)}`,
    );
  return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n}`;
};
