// Argument rules as sentences: “[Refuse if] [amount] [is over] [100]”.

import { memberOf, nodeAt } from "../json/tree.js";
import { FACTS, pathWord } from "../policy/paths.js";
import { kindOf, shown, wants } from "../policy/values.js";
import { CONSEQUENCES, OPERATORS, checkWords, conditionWords } from "../policy/words.js";
import { h, idOf } from "./dom.js";
import { button, choose, toJson, write } from "./parts.js";

const operatorOptions = OPERATORS.flatMap(([op, words]) =>
  op === "exists"
    ? [
        ["exists", "is given"],
        ["exists-not", "is not given"],
      ]
    : [[op, words]],
);

const pathOptions = (paths, path) => {
  const own = paths.map((one) => [one.path, one.type ? `${pathWord(one.path)} (${one.type})` : pathWord(one.path)]);
  const known = [...own, ...FACTS].some(([value]) => value === path);
  return [
    ...(own.length > 0 ? [{ group: "Arguments", options: own }] : []),
    { group: "About the call", options: FACTS.map(([value, words]) => [value, words]) },
    ["", known ? "another path…" : "another path:"],
  ];
};

const isOffered = (paths, path) => paths.some((one) => one.path === path) || FACTS.some(([fact]) => fact === path);

const pathParts = (view, paths, path, value) => {
  const typed = view.ui.ownPaths.has(idOf(path, "path")) || !isOffered(paths, value.path);
  return [
    choose("What is looked at", "condition-path", path, typed ? "" : value.path, pathOptions(paths, value.path)),
    typed && write(view.ui, "Path", "condition-other", path, value.path, { class: "wb-input mono", size: "16" }),
  ];
};

const valueList = (paths, path) => paths.find((one) => one.path === path)?.schema?.enum?.filter((one) => typeof one === "string") ?? [];

const KINDS = [
  ["text", "text"],
  ["number", "number"],
  ["bool", "yes or no"],
  ["json", "JSON"],
];

const valueInput = (view, paths, path, value, written) => {
  const kind = kindOf(value.op, value.value);
  if (kind === "bool")
    return choose("Value", "condition-value", path, String(value.value), [
      ["true", "true"],
      ["false", "false"],
    ]);
  const offered = kind === "text" ? valueList(paths, value.path) : [];
  const listId = idOf(path, "values");
  const hint = { list: "a, b, c", json: "JSON" }[kind];
  const attributes = { size: "12", list: offered.length > 0 && listId, placeholder: hint, "data-kind": kind };
  return [
    write(view.ui, "Value", "condition-value", path, shown(kind, value.value, written), attributes),
    offered.length > 0 &&
      h(
        "datalist",
        { id: listId },
        offered.map((one) => h("option", { value: one })),
      ),
  ];
};

const valueParts = (view, paths, path, node, value) => {
  if (value.op === "exists" && typeof value.value === "boolean") return [];
  const at = memberOf(node, "value").value;
  const written = view.text.slice(at.from, at.to);
  const kind = kindOf(value.op, value.value);
  return [
    valueInput(view, paths, path, value, written),
    wants(value.op) === "any" && choose("Kind of value", "condition-kind", path, kind, KINDS, { class: "wb-input wb-kind" }),
  ];
};

const operatorOf = ({ op, value }) => (op === "exists" && value === false ? "exists-not" : op);

const condition = (view, paths, path, value, first) => {
  const node = nodeAt(view.root, path);
  return h(
    "span",
    { class: "wb-sentence", "data-key": idOf(path, "condition") },
    !first && h("span", { class: "wb-and" }, "and "),
    pathParts(view, paths, path, value),
    choose("How", "condition-op", path, operatorOf(value), operatorOptions),
    valueParts(view, paths, path, node, value),
    !first &&
      button("×", "condition-remove", path, { class: "button s quiet wb-x", "aria-label": `Remove “and ${conditionWords(value)}”` }),
  );
};

const more = (view, { path, value, list }) =>
  h(
    "details",
    { class: "wb-more", "data-key": idOf(path, "more") },
    h("summary", {}, "More"),
    h(
      "div",
      { class: "wb-grid" },
      labelled(
        list === "approve_if" ? "Told to whoever asks" : "Told to the caller",
        write(view.ui, "Told to the caller", "check-text", [...path, "on_deny"], value.on_deny ?? "", { maxlength: "500" }),
      ),
      labelled("Name of this rule", write(view.ui, "Name of this rule", "check-text", [...path, "name"], value.name ?? "")),
    ),
  );

const labelled = (label, control) => h("div", { class: "wb-labelled" }, h("span", { "aria-hidden": "true" }, label), control);

/** One check of a rule. */
export const checkRow = (view, check, paths) => {
  const { path, value, list } = check;
  const words = checkWords(list, value);
  return h(
    "li",
    { class: "wb-item", "data-key": idOf(path, "check"), "data-hit": view.isHit(path) },
    h(
      "div",
      { class: "wb-line" },
      h(
        "span",
        { class: "wb-sentence" },
        choose("Consequence", "check-list", path, list, CONSEQUENCES),
        value.conditions.length === 0 && "(every call: it has no condition)",
        value.conditions.map((one, index) => condition(view, paths, [...path, "conditions", index], one, index === 0)),
      ),
      h(
        "span",
        { class: "wb-end" },
        button("And…", "condition-add", path, { class: "button s quiet", "aria-label": `And… another condition in “${words}”` }),
        toJson(path, "JSON", `JSON of “${words}”`),
        button("Remove", "remove", path, { class: "button s quiet", "aria-label": `Remove “${words}”` }),
      ),
    ),
    more(view, check),
  );
};
