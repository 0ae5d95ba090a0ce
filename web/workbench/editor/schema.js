// Finds its way in the JSON Schema of the policy language: what may stand at a path, and what it means.

import { resolve } from "../policy/paths.js";

const branches = (schema, root) => {
  const here = resolve(schema, root);
  if (here === null || typeof here !== "object") return [];
  const nested = [...(here.allOf ?? []), ...(here.anyOf ?? []), ...(here.oneOf ?? [])];
  // A `$ref` with words beside it: the words are the nearer ones.
  const said =
    schema.$ref && (schema.description || schema.title)
      ? {
          ...here,
          title: schema.title ?? here.title,
          description: schema.description ?? here.description,
          default: schema.default ?? here.default,
        }
      : here;
  return [said, ...nested.flatMap((one) => branches(one, root))];
};

const byPattern = (schema, step) =>
  Object.entries(schema.patternProperties ?? {})
    .filter(([pattern]) => new RegExp(pattern, "u").test(step))
    .map(([, child]) => child);

const children = (schema, step) => {
  if (typeof step === "number") return [schema.prefixItems?.[step] ?? schema.items].filter(Boolean);
  if (schema.properties && Object.hasOwn(schema.properties, step)) return [schema.properties[step]];
  const patterned = byPattern(schema, step);
  if (patterned.length > 0) return patterned;
  return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
};

/** The schemas that speak about the value at a path, nearest first. */
export const schemasAt = (schema, path) => {
  let here = branches(schema, schema);
  for (const step of path) here = here.flatMap((one) => children(one, step)).flatMap((child) => branches(child, schema));
  return here;
};

/** The keys an object at a path may have: `[{ key, schema }]`, in the schema's order. */
export const keysAt = (schema, path) => {
  const found = new Map();
  for (const one of schemasAt(schema, path)) {
    for (const [key, child] of Object.entries(one.properties ?? {})) {
      if (!found.has(key)) found.set(key, { key, schemas: branches(child, schema) });
    }
  }
  return [...found.values()];
};

const valuesOf = (schema) => {
  if (schema.const !== undefined) return [{ value: schema.const, about: schema.description ?? schema.title }];
  if (Array.isArray(schema.enum)) return schema.enum.map((value, index) => ({ value, about: schema.enumDescriptions?.[index] }));
  if (schema.type === "boolean") return [true, false].map((value) => ({ value }));
  const examples = [...(schema.examples ?? []), ...(schema.default === undefined ? [] : [schema.default])];
  return examples.map((value) => ({ value }));
};

/** The values that may stand at a path, as far as the schema lists them: `[{ value, about }]`. */
export const valuesAt = (schema, path) => {
  const found = new Map();
  for (const one of valuesAtAll(schema, path)) {
    const text = JSON.stringify(one.value);
    if (!found.get(text)?.about) found.set(text, one);
  }
  return [...found.values()];
};

const valuesAtAll = (schema, path) => schemasAt(schema, path).flatMap(valuesOf);

/** What a value of this kind begins as: `""`, `[]`, `{}`, or nothing. */
export const beginning = (schemas) => {
  const types = schemas.flatMap((schema) => [schema.type ?? typeof (schema.enum?.[0] ?? schema.const)].flat());
  const first = types.find((type) => ["string", "array", "object"].includes(type));
  return { string: '""', array: "[]", object: "{}" }[first] ?? "";
};

/** `{ title, description, default, values }` of the value at a path, or undefined. */
export const aboutPath = (schema, path) => {
  const all = schemasAt(schema, path);
  const said = all.find((one) => one.description) ?? all.find((one) => one.title);
  if (!said) return undefined;
  const values = all.flatMap((one) => (one.const !== undefined || one.enum ? valuesOf(one) : []));
  return {
    title: all.find((one) => one.title)?.title,
    description: said.description,
    default: all.find((one) => one.default !== undefined)?.default,
    values,
  };
};
