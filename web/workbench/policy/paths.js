// The paths a rule can read: from a tool's input schema, and the facts about a call.

const DEEPEST = 4;
const MOST = 200;

/** Facts about the call, each as a sentence names it (in the words of the judge). */
export const FACTS = [
  ["grant.label", "the grant's label"],
  ["member.email", "the caller's mail address"],
  ["member.role", "the caller's role"],
  ["client.name", "the client's name"],
  ["client.version", "the client's version"],
  ["client.ip", "the client's address"],
  ["session.id", "the session's id"],
  ["tool.class", "the tool's class"],
  ["time.hour", "the hour (UTC)"],
  ["time.weekday", "the weekday (UTC)"],
];

const step = (key) => (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);

/** Follows `$ref` within a schema. */
export const resolve = (schema, root, hops = 8) => {
  const ref = schema?.$ref;
  if (typeof ref !== "string" || hops === 0) return schema;
  if (!ref.startsWith("#")) return schema;
  const target = ref
    .split("/")
    .slice(1)
    .reduce((here, part) => here?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")], root);
  return resolve(target, root, hops - 1) ?? {};
};

/** The one type a schema says, `null` aside; of `anyOf` and `oneOf` the first that is not null. */
export const typeOf = (schema, root) => {
  const here = resolve(schema, root);
  if (here === null || typeof here !== "object") return undefined;
  const types = [here.type].flat().filter((type) => type && type !== "null");
  if (types.length > 0) return types[0];
  if (here.properties) return "object";
  if (Array.isArray(here.enum)) return typeof here.enum.find((one) => one !== null);
  const choice = (here.anyOf ?? here.oneOf)?.find((one) => typeOf(one, root) !== undefined);
  return choice && typeOf(choice, root);
};

/** The branch of a schema that says its type: itself, or the first of `anyOf` and `oneOf` that is not null. */
export const mainBranch = (schema, root) => {
  const here = resolve(schema, root) ?? {};
  if (here.type || here.properties || here.enum || here.const !== undefined) return here;
  const choice = (here.anyOf ?? here.oneOf)?.map((one) => resolve(one, root)).find((one) => typeOf(one, root) !== undefined);
  return choice ? { ...choice, title: here.title ?? choice.title, description: here.description ?? choice.description } : here;
};

const walk = (schema, root, path, depth, found) => {
  if (found.length >= MOST || depth > DEEPEST) return;
  const here = mainBranch(schema, root);
  const type = typeOf(here, root);
  if (path !== "args") found.push({ path, type, schema: here });
  if (type === "object") {
    for (const [key, child] of Object.entries(here.properties ?? {})) walk(child, root, path + step(key), depth + 1, found);
  }
  if (type === "array" && here.items) walk(here.items, root, `${path}[*]`, depth + 1, found);
};

const known = new WeakMap();

/** `[{ path, type, schema }]` for every argument of a tool. */
export const pathsOf = (schema) => {
  if (schema === null || typeof schema !== "object") return [];
  if (!known.has(schema)) {
    const found = [];
    walk(schema, schema, "args", 0, found);
    known.set(schema, found);
  }
  return known.get(schema);
};

/** A path as people read it: without `args.`; facts in words. */
export const pathWord = (path) => FACTS.find(([fact]) => fact === path)?.[1] ?? path.replace(/^args\.?/, "");
