// The whole builder for one state of the text.

import { format } from "../json/pointer.js";
import { isArray, isObject, nodeAt } from "../json/tree.js";
import { isGlob } from "../policy/patterns.js";
import { patternsOf, standingOf } from "../policy/standing.js";
import { CHOICES } from "../policy/words.js";
import { h, idOf } from "./dom.js";
import { button, choose, strip, toJson, write } from "./parts.js";
import { classRow, everyCall, patternRow, toolRow } from "./rows.js";

export const CLASSES = ["read", "write", "execute", "destructive", "financial"];

const section = (name, title, ...content) => sectionWith({}, name, title, ...content);

const sectionWith = (more, name, title, ...content) =>
  h(
    "section",
    { class: "wb-section", "aria-labelledby": `wb-${name}-head`, "data-key": `section-${name}`, ...more },
    h("h2", { id: `wb-${name}-head` }, title),
    content,
  );

const wrongShape = (path, what) =>
  h("p", { class: "notice warn" }, `${format(path)} is not ${what}, so it cannot be shown here. `, toJson(path, "Mend it in the JSON"));

// Sections of members that are something else than they have to be say so and touch nothing.
const guarded = (root, path, isRight, what, content) => {
  const node = nodeAt(root, path);
  return node !== undefined && !isRight(node) ? wrongShape(path, what) : content();
};

const defaults = (view) => {
  const said = nodeAt(view.root, ["default"])?.value;
  return sectionWith(
    { "data-hit": view.isHit(["default"]) },
    "default",
    "Tools that no rule names",
    strip("Tools that no rule names", "default", ["default"], view.isEmpty ? undefined : said, [
      ["deny", "Deny"],
      ["allow", "Allow"],
    ]),
    h(
      "p",
      { class: "hint" },
      said === "allow"
        ? "Every tool may be called, unless a rule says otherwise. New tools of the server too."
        : "Only what a rule allows may be called. New tools of the server stay closed.",
    ),
  );
};

/** The tools that the filter leaves. */
export const shownTools = ({ tools, ui, root }) => {
  const words = ui.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (tool) => `${tool.name} ${tool.title ?? ""} ${tool.description ?? ""}`.toLowerCase();
  const stands = (tool) => ui.standing === "" || (root && standingOf(root, tool).action === ui.standing);
  return tools.filter(
    (tool) => (ui.class === "" || tool.class === ui.class) && stands(tool) && words.every((word) => text(tool).includes(word)),
  );
};

/** The tools that bulk actions are for: the selected ones, else the shown ones. */
export const bulkTools = (view) => {
  const chosen = view.tools.filter((tool) => view.ui.selected.has(tool.name));
  return chosen.length > 0 ? { tools: chosen, selected: true } : { tools: shownTools(view), selected: false };
};

const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

const filters = (view) => {
  const { ui } = view;
  return h(
    "div",
    { class: "wb-filters" },
    write(ui, "Filter tools", "filter", ["filter"], ui.filter, { type: "search", placeholder: "Filter tools", size: "14" }),
    choose("Risk", "filter-class", ["filter"], ui.class, [["", "every risk"], ...CLASSES.map((one) => [one, one])]),
    choose("State", "filter-standing", ["filter"], ui.standing, [["", "every state"], ...CHOICES.map(({ value, done }) => [value, done])]),
  );
};

const bulk = (view) => {
  const { tools, selected } = bulkTools(view);
  const what = `the ${count(tools.length, selected ? "selected tool" : "shown tool")}`;
  const set = ({ value, label }) =>
    button(label, `bulk-${value}`, ["bulk"], { "aria-label": `${label} ${what}`, disabled: tools.length === 0 });
  return h(
    "div",
    { class: "wb-bulk", role: "group", "aria-label": `For ${what}` },
    h("span", { class: "small" }, `For ${what}:`),
    CHOICES.map(set),
    button("Clear", "bulk-clear", ["bulk"], { "aria-label": `Clear the own rules of ${what}`, disabled: tools.length === 0 }),
    selected && button("Select none", "bulk-none", ["bulk"], { class: "link-button small" }),
  );
};

const tools = (view) => {
  const shown = shownTools(view);
  const rows = () => [
    filters(view),
    bulk(view),
    h(
      "p",
      { class: "visually-hidden", "aria-live": "polite" },
      view.ui.filter || view.ui.class || view.ui.standing ? `${count(shown.length, "tool")} shown` : "",
    ),
    shown.length > 0
      ? h(
          "ul",
          { class: "wb-rows" },
          shown.map((tool) => toolRow(view, tool)),
        )
      : h(
          "p",
          { class: "hint" },
          view.tools.length === 0
            ? "The server has not told its tools yet. Patterns and classes can be set already."
            : "No tool is left by the filter.",
        ),
  ];
  return section("tools", `Tools of the server (${view.tools.length})`, guarded(view.root, ["tools"], isObject, "an object", rows));
};

const isOther =
  (view) =>
  ({ pattern }) =>
    isGlob(pattern) || !view.tools.some(({ name }) => name === pattern);

const patterns = (view) => {
  const others = patternsOf(view.root).filter(isOther(view));
  return section(
    "patterns",
    "Patterns and other names",
    guarded(
      view.root,
      ["hide"],
      isArray,
      "a list",
      () =>
        others.length > 0 &&
        h(
          "ul",
          { class: "wb-rows" },
          others.map((one) => patternRow(view, one)),
        ),
    ),
    h(
      "div",
      { class: "wb-line" },
      write(view.ui, "Pattern", "pattern-name", ["pattern"], view.ui.pattern, {
        placeholder: "delete_*",
        class: "wb-input mono",
        size: "16",
      }),
      button("Add a pattern", "pattern-add", ["pattern"]),
    ),
    h(
      "p",
      { class: "hint" },
      "* stands for any run of characters, ? for one. An exact name beats a pattern, the longer pattern the shorter.",
    ),
  );
};

const classes = (view) =>
  section(
    "classes",
    "By risk",
    h("p", { class: "hint" }, "For tools that no rule and no pattern above names."),
    guarded(view.root, ["classes"], isObject, "an object", () =>
      h(
        "ul",
        { class: "wb-rows" },
        CLASSES.map((one) => classRow(view, one)),
      ),
    ),
  );

const testRow = (view, item, index) => {
  const path = ["tests", index];
  const name = nodeAt(item, ["name"])?.value ?? `Test ${index + 1}`;
  return h(
    "li",
    { class: "wb-item wb-line", "data-key": idOf(path, "test") },
    h("span", {}, String(name)),
    h(
      "span",
      { class: "wb-end" },
      toJson(path, "JSON", `JSON of the test “${name}”`),
      button("Remove", "test-remove", path, { class: "button s quiet", "aria-label": `Remove the test “${name}”` }),
    ),
  );
};

const tests = (view) => {
  const list = nodeAt(view.root, ["tests"]);
  const items = isArray(list) ? list.items : [];
  const rows = () =>
    items.length > 0
      ? h(
          "ul",
          { class: "wb-items" },
          items.map((item, index) => testRow(view, item, index)),
        )
      : h("p", { class: "hint" }, "None yet. A tried or recorded call can become one; a policy whose tests fail cannot be published.");
  return section("tests", `Tests (${items.length})`, guarded(view.root, ["tests"], isArray, "a list", rows));
};

const everything = (view) =>
  section("every", "Every call", h("p", { class: "hint" }, "Added to what the rules above say, whatever the tool."), everyCall(view));

const description = (view) =>
  section(
    "about",
    "Description",
    write(view.ui, "Description of this policy, for people", "text", ["description"], nodeAt(view.root, ["description"])?.value ?? "", {
      class: "wb-input wb-wide",
      placeholder: "For people who read this policy",
    }),
  );

const broken = (view) =>
  h(
    "div",
    { class: "notice warn", "data-key": "broken" },
    h(
      "p",
      {},
      h("strong", {}, "The JSON cannot be read"),
      ` at line ${view.fault.line}, column ${view.fault.column}: ${view.fault.message}. The rows show the last state that could; they wait until it is mended. Nothing is lost.`,
    ),
    button("Show the place", "goto-fault", []),
  );

const empty = () =>
  h("p", { class: "notice", "data-key": "empty" }, "There is no text yet. What is set here begins one that denies everything else.");

// What only looks around goes on working while nothing can be changed.
const LOOKING = ["open", "goto", "goto-fault", "filter", "filter-class", "filter-standing"];

const lock = (node) => {
  for (const control of node.querySelectorAll("[data-do]")) {
    if (!LOOKING.includes(control.dataset.do)) control.disabled = true;
  }
  return node;
};

const sections = (view) => {
  if (!view.root) return [];
  if (!isObject(view.root)) return wrongShape([], "an object");
  return [defaults(view), tools(view), patterns(view), classes(view), everything(view), tests(view), description(view)];
};

/** The builder as elements. `view`: root, text, tools, ui, fault, mayWrite, isEmpty, isHit, isHitItself. */
export const builder = (view) => {
  const whole = h("div", { class: "wb-builder" }, view.isEmpty && empty(), view.fault && broken(view), sections(view));
  return view.fault || !view.mayWrite ? lock(whole) : whole;
};
