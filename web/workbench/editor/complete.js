// Completion of keys and values: from the language's schema, and from what the server of this policy has.

import { placeAt } from "../json/place.js";
import { FACTS, pathsOf } from "../policy/paths.js";
import { kit } from "./kit.js";
import { beginning, keysAt, valuesAt } from "./schema.js";

const toolsWithPath = (tools, path) => {
  const own = path[0] === "tools" ? tools.filter((tool) => tool.name === path[1]) : [];
  if (own.length > 0) return own;
  return path[0] === "classes" ? tools.filter((tool) => tool.class === path[1]) : tools;
};

const toolOption = (tool) => ({ value: tool.name, detail: tool.class, about: tool.description || tool.title });

const pathOptions = (tools, path, onlyNumbers) => {
  const found = new Map();
  for (const tool of toolsWithPath(tools, path)) {
    for (const one of pathsOf(tool.schema)) {
      const fits = !onlyNumbers || one.type === "number" || one.type === "integer";
      if (fits && !found.has(one.path)) found.set(one.path, { value: one.path, detail: one.type, about: one.schema.description });
    }
  }
  const facts = onlyNumbers ? [] : FACTS.map(([value, about]) => ({ value, detail: "about the call", about }));
  return [...found.values(), ...facts];
};

/** The keys that may be written at a path: `[{ value, detail, about, begins }]`. */
export const keyOptions = (schema, tools, path) => {
  if (path.length === 1 && path[0] === "tools") return tools.map((tool) => ({ ...toolOption(tool), begins: "{}" }));
  return keysAt(schema, path).map(({ key, schemas }) => ({
    value: key,
    about: schemas.find((one) => one.description)?.description,
    begins: beginning(schemas),
  }));
};

/** The values that may be written at a path. */
export const valueOptions = (schema, tools, path) => {
  const last = path.at(-1);
  if (path[0] === "hide" || (path[0] === "tests" && last === "tool")) return tools.map(toolOption);
  if (last === "path" && path.includes("conditions")) return pathOptions(tools, path, false);
  if (last === "amount") return pathOptions(tools, path, true);
  return valuesAt(schema, path);
};

const info = (text) => () => {
  const node = document.createElement("div");
  node.textContent = text;
  return node;
};

// A key brings its colon and the beginning of its value, and a comma when another member follows.
const applyKey = (option, place) => (view, completion, from) => {
  const rest = view.state.sliceDoc(place.to);
  const hasColon = /^\s*:/.test(rest);
  const value = hasColon ? "" : `: ${option.begins}`;
  const comma = !hasColon && /^\s*"/.test(rest) ? "," : "";
  const insert = JSON.stringify(option.value) + value + comma;
  const inside = option.begins && !hasColon ? comma.length + 1 : comma.length;
  view.dispatch({
    changes: { from, to: place.to, insert },
    selection: { anchor: from + insert.length - inside },
    userEvent: "input.complete",
    annotations: kit.isolateHistory.of("full"),
  });
  // What may stand there is offered at once.
  if (option.begins === '""' && !hasColon) kit.startCompletion(view);
};

const optionOf = (option, place) => {
  const text = JSON.stringify(option.value);
  return {
    label: text,
    displayLabel: typeof option.value === "string" ? option.value : text,
    detail: option.detail,
    info: option.about ? info(option.about) : undefined,
    type: place.kind === "key" ? "property" : "constant",
    apply: place.kind === "key" ? applyKey(option, place) : text,
  };
};

/** A completion source; `schema()` promises the language's schema, or null when it cannot be had. Who types before it is there waits for it. */
export const completions = (schema, tools) => async (context) => {
  const text = context.state.doc.toString();
  const place = placeAt(text, context.pos);
  const writing = place.from < context.pos;
  if (!context.explicit && !writing) return null;
  const known = (await schema()) ?? {};
  const options =
    place.kind === "key"
      ? keyOptions(known, tools, place.path).filter(({ value }) => !place.keys.includes(value))
      : valueOptions(known, tools, place.path);
  if (options.length === 0) return null;
  return { from: place.from, to: place.to, options: options.map((one) => optionOf(one, place)), validFor: /^"?[^"\n,:]*$/ };
};
