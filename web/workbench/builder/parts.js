// The small parts that the builder's rows are made of. Each control says what it does (`data-do`) and where (`data-at`, a pointer).

import { format } from "../json/pointer.js";
import { h, idOf } from "./dom.js";

const doing = (act, path, more = {}) => ({ "data-do": act, "data-at": format(path), ...more });

/** A button. */
export const button = (label, act, path, more = {}) =>
  h("button", { type: "button", class: "button s", id: idOf(path, act), ...doing(act, path), ...more }, label);

export const toJson = (path, label = "Show in JSON", name = undefined) =>
  button(label, "goto", path, { class: "link-button small", "aria-label": name });

/** A list to choose from. `options`: `[value, label]`, or `{ group, options }`. */
export const choose = (label, act, path, value, options, more = {}) => {
  const option = ([one, words]) => h("option", { value: one, selected: one === value }, words);
  const all = options.map((one) => (Array.isArray(one) ? option(one) : h("optgroup", { label: one.group }, one.options.map(option))));
  return h("select", { class: "wb-input", "aria-label": label, id: idOf(path, act), value, ...doing(act, path), ...more }, all);
};

/** An input of one line; its error, if there is one, stands behind it. */
export const write = (ui, label, act, path, value, more = {}) => {
  const id = idOf(path, act);
  const bad = ui.bad?.id === id ? ui.bad.message : undefined;
  const input = h("input", {
    type: "text",
    class: "wb-input",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": label,
    id,
    value,
    "aria-invalid": bad && "true",
    "aria-describedby": bad && `${id}-bad`,
    ...doing(act, path),
    ...more,
  });
  return bad ? [input, h("span", { class: "error wb-bad", id: `${id}-bad` }, bad)] : [input];
};

/** A box to tick, with its words. */
export const tick = (label, act, path, checked, more = {}) => {
  const id = idOf(path, act);
  return h(
    "span",
    { class: "choice" },
    h("input", { type: "checkbox", id, checked, ...doing(act, path), ...more }),
    h("label", { for: id }, label),
  );
};

/** One of several, as a strip of radio buttons. */
export const strip = (label, act, path, value, options, more = []) =>
  h(
    "div",
    { class: "wb-strip", role: "radiogroup", "aria-label": label },
    options.map(([one, words, extra = {}]) => {
      const id = idOf(path, `${act}-${one}`);
      const name = idOf(path, act);
      return [
        h("input", { type: "radio", id, name, value: one, checked: one === value, ...doing(act, path), ...extra }),
        h("label", { for: id, "data-value": one }, words),
      ];
    }),
    more,
  );

const SIGNS = { read: "○", write: "◐", execute: "▶", destructive: "✕", financial: "¤" };

/** The badge of a risk class, as everywhere in the pages. */
export const badge = (riskClass) =>
  h(
    "span",
    { class: `badge ${riskClass}` },
    h("span", { "aria-hidden": "true" }, SIGNS[riskClass] ?? ""),
    `${riskClass[0].toUpperCase()}${riskClass.slice(1)}`,
  );
