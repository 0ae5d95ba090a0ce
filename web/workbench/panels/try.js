// Try a call: a form for the arguments, made from the chosen tool's schema and kept in step with the JSON that is sent.

import { h, idOf, morph } from "../builder/dom.js";
import { removeAt, setMember } from "../json/edit.js";
import { isObject, tryParse } from "../json/tree.js";
import { raw } from "../json/write.js";
import { beginning, fieldsOf, isFor, meantBy, shownIn } from "./fields.js";

const input = (field, id, shown, more) => {
  if (field.kind === "boolean")
    return list(
      id,
      shown,
      ["true", "false"].map((one) => [one, one]),
      more,
    );
  if (field.kind === "enum")
    return list(
      id,
      shown,
      field.values.map((value) => [JSON.stringify(value), String(value)]),
      more,
    );
  if (field.kind === "strings" || field.kind === "json") {
    return h("textarea", {
      ...more,
      id,
      rows: "2",
      class: field.kind === "json" ? "wb-input mono" : "wb-input",
      spellcheck: "false",
      value: shown ?? "",
    });
  }
  const type = field.secret ? "password" : "text";
  const inputmode = { integer: "numeric", number: "decimal" }[field.kind];
  return h("input", { ...more, id, type, inputmode, class: "wb-input", autocomplete: "off", spellcheck: "false", value: shown ?? "" });
};

const list = (id, shown, options, more) => {
  const all = [["", "left out"], ...options].map(([value, label]) => h("option", { value, selected: value === (shown ?? "") }, label));
  return h("select", { ...more, id, class: "wb-input", value: shown ?? "" }, all);
};

const KINDS = { strings: "one a line", json: "JSON", integer: "whole number", number: "number" };

export class TryForm {
  #bad = null;
  /** The tool that the arguments are for, and what was written for each. */
  #chosen;
  #kept = new Map();

  /** `form` holds the inputs `tool` and `arguments`; without them nothing is built. */
  constructor(form, tools) {
    this.tool = form.elements.namedItem("tool");
    this.text = form.elements.namedItem("arguments");
    if (!this.tool || !this.text) return;
    this.tools = tools;
    this.filled = this.text.value.trim();
    this.dom = h("div", { class: "wb-arguments" });
    (this.text.closest(".field") ?? this.text).before(this.dom);
    this.#listen();
    this.#choose();
  }

  #listen() {
    this.tool.addEventListener("change", () => this.#choose());
    this.text.addEventListener("input", () => this.#draw());
    this.dom.addEventListener("input", ({ target }) => target.dataset.field !== undefined && this.#typed(target));
  }

  get #schema() {
    return this.#schemaOf(this.tool.value);
  }

  #schemaOf(tool) {
    return this.tools.find(({ name }) => name === tool)?.schema ?? null;
  }

  // Another tool's empty arguments replace what nobody has touched. What was written for one tool stays with it; what was not, stays.
  #choose() {
    const before = this.#chosen;
    const tool = this.tool.value;
    this.#chosen = tool;
    const { value } = this.text;
    const untouched = ["", "{}", this.filled].includes(value.trim());
    const leaves = before !== undefined && before !== tool && isFor(this.#schemaOf(before), value) && !isFor(this.#schema, value);
    if (leaves && !untouched) this.#kept.set(before, value);
    if (leaves || untouched) this.#fill(this.#kept.get(tool) ?? beginning(this.#schema));
    this.#bad = null;
    this.#draw();
  }

  #fill(text) {
    this.text.value = text;
    this.filled = this.#kept.has(this.tool.value) ? null : text.trim();
  }

  #typed(control) {
    const field = fieldsOf(this.#schema)[Number(control.dataset.field)];
    const { json, problem } = meantBy(field, control.value);
    this.#bad = problem ? { key: field.key, problem } : null;
    const { root } = tryParse(this.text.value.trim() === "" ? "{}" : this.text.value);
    if (!problem && isObject(root)) this.#write(field, json);
    this.#draw();
  }

  #write(field, json) {
    const text = this.text.value.trim() === "" ? "{}" : this.text.value;
    this.text.value = json === undefined ? removeAt(text, [field.key]) : setMember(text, [field.key], raw(json), { lines: true });
  }

  #row(field, index) {
    const id = idOf(["argument", field.key], "value");
    const bad = this.#bad?.key === field.key ? this.#bad.problem : undefined;
    const described = [field.description && `${id}-about`, bad && `${id}-bad`].filter(Boolean).join(" ");
    const more = {
      "data-field": index,
      "aria-describedby": described || undefined,
      "aria-invalid": bad && "true",
      "aria-required": field.required && "true",
    };
    const note = [field.required ? "required" : "", KINDS[field.kind] ?? ""].filter(Boolean).join(", ");
    return h(
      "div",
      { class: "field", "data-key": id },
      h("label", { for: id }, h("code", {}, field.key), note && h("span", { class: "small soft" }, ` ${note}`)),
      field.description && h("p", { class: "hint", id: `${id}-about` }, field.description),
      input(field, id, shownIn(field, this.#readable()), more),
      bad && h("p", { class: "error", id: `${id}-bad` }, bad),
    );
  }

  #readable() {
    return tryParse(this.text.value).root ? this.text.value : "{}";
  }

  #draw() {
    const { root } = tryParse(this.text.value.trim() === "" ? "{}" : this.text.value);
    const fresh = h("div", { class: "wb-arguments", role: "group", "aria-label": "Arguments" });
    const fields = fieldsOf(this.#schema);
    if (!isObject(root))
      fresh.append(h("p", { class: "hint" }, "The arguments below are no JSON object yet: the form waits until they are."));
    else if (fields.length === 0)
      fresh.append(
        h(
          "p",
          { class: "hint" },
          this.#schema ? "This tool takes no arguments." : "The server tells no schema for this tool: write its arguments as JSON.",
        ),
      );
    else fresh.append(...fields.map((field, index) => this.#row(field, index)));
    morph(this.dom, fresh);
  }
}
