// The rows: tools, patterns, classes, every call. A row says what is done, why, and what else its rule holds.

import { nodeAt } from "../json/tree.js";
import { isGlob, matches } from "../policy/patterns.js";
import { pathsOf } from "../policy/paths.js";
import { readRule } from "../policy/rule.js";
import { decidedBy, standingOf } from "../policy/standing.js";
import { CHOICES, doneWord } from "../policy/words.js";
import { h, idOf } from "./dom.js";
import { badge, button, strip, tick, toJson } from "./parts.js";
import { ruleBody, ruleWords } from "./rule.js";
import { visible, visibleLines } from "./visible.js";

const options = CHOICES.map(({ value, label }) => [value, label]);

// A name in the list `hide` is a rule that only hides.
const ruleAt = (view, path) => (path[0] === "hide" ? { ...readRule(view.root, path), action: "hide", odd: [] } : readRule(view.root, path));

// The strip shows the own rule's action, `custom` for what rows cannot express, nothing when there is no own rule.
const actionStrip = (name, act, path, rule, own) => {
  const custom = own && rule.odd.length > 0;
  const chosen = custom ? "custom" : rule.action;
  const all = custom ? [...options, ["custom", "Custom"]] : options;
  const asJson = button("Custom", "custom", path, { class: "wb-strip-button", "aria-label": `Custom: write the rule of ${name} as JSON` });
  return strip(name, act, path, own ? chosen : undefined, all, custom ? [] : [asJson]);
};

const coveredBy = (standing, tool) =>
  ({
    own: "by its own rule",
    hide: "by the list “hide”",
    pattern: `by pattern ${standing.pattern}`,
    class: `by class ${tool.class}`,
    default: "by default",
  })[standing.by];

const sumUp = (tool, standing, words) => {
  const parts = [`${doneWord(standing.action)} ${coveredBy(standing, tool)}`, ...words];
  return capital(parts.join(" · "));
};

const isOwn = (standing) => standing.by === "own" || standing.by === "hide";

const links = (name, path) => [
  toJson(path, "JSON", `Show in JSON: ${name}`),
  button("Clear", "clear", path, { class: "link-button small", "aria-label": `Clear the rule of ${name}` }),
];

// The name may break after its underscores.
const breakable = (name) =>
  visible(name)
    .split(/(?<=_)/)
    .flatMap((part, index) => (index === 0 ? [part] : [h("wbr"), part]));

const lines = (head, controls, choice, action, words) => [
  h("div", { class: "wb-head" }, head, h("div", { class: "wb-foot" }, controls)),
  h("div", { class: "wb-under" }, choice, h("p", { class: "wb-why small", "data-action": action }, words)),
];

const foot = (view, name, path, own) => {
  const open = view.ui.open.has(idOf(path, "rule"));
  const toggle = button("Limits and rules", "open", path, {
    class: "button s quiet wb-open",
    "aria-expanded": String(open),
    "aria-label": `Limits and rules of ${name}`,
  });
  return [toggle, own && links(name, path)];
};

const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

const about = (tool) => [
  tool.description && h("p", { class: "wb-about small" }, visibleLines(tool.description)),
  h("p", { class: "small soft" }, (tool.evidence ?? []).length > 0 && `${capital(tool.class)}: ${tool.evidence.join(" ")}`),
];

// What is closed stands out for everything in it, what is open for what none of its items shows.
const isHit = (view, path, open) => (open ? view.isHitItself(path) : view.isHit(path));

const unownedHint = (tool) => h("p", { class: "hint" }, `To give ${tool.name} limits and rules of its own, choose Allow or Ask.`);

/** The row of a tool of the server. */
export const toolRow = (view, tool) => {
  const standing = standingOf(view.root, tool);
  const own = isOwn(standing);
  const path = ["tools", tool.name];
  const open = view.ui.open.has(idOf(path, "rule"));
  const key = idOf(path, "row");
  const node = nodeAt(view.root, standing.path);
  const written = node ? view.text.slice(node.from, node.to) : "";
  const state = JSON.stringify([standing, written, view.ui.selected.has(tool.name), view.isHit(standing.path)]);
  if (!open && view.isDrawn(key, state)) return h("li", { "data-key": key, "data-same": true });
  const rule = ruleAt(view, standing.by === "default" ? path : standing.path);
  return h(
    "li",
    { class: "wb-row", "data-key": key, "data-hit": own && isHit(view, standing.path, open) },
    lines(
      [
        tick(h("span", { class: "visually-hidden" }, `Select ${tool.name}`), "select", path, view.ui.selected.has(tool.name)),
        h(
          "div",
          { class: "wb-name" },
          h("code", {}, breakable(tool.name)),
          badge(tool.class),
          tool.title && tool.title !== tool.name && h("span", { class: "small soft" }, visible(tool.title)),
        ),
      ],
      foot(view, tool.name, path, own),
      actionStrip(tool.name, "tool", path, rule, own),
      standing.action ?? "custom",
      sumUp(tool, standing, open ? [] : ruleWords(rule)),
    ),
    open &&
      h(
        "div",
        { class: "wb-body" },
        about(tool),
        own && standing.by !== "hide" ? ruleBody(view, rule, pathsOf(tool.schema)) : unownedHint(tool),
      ),
  );
};

const pathsOfAll = (tools) => {
  const found = new Map();
  for (const one of tools.flatMap((tool) => pathsOf(tool.schema))) if (!found.has(one.path)) found.set(one.path, one);
  return [...found.values()];
};

const names = (tools) => {
  if (tools.length === 0) return "no tool of this server";
  const shown = tools
    .slice(0, 4)
    .map(({ name }) => name)
    .join(", ");
  return tools.length > 4 ? `${shown} and ${tools.length - 4} more` : shown;
};

const ruleRow = (view, { name, act, path, covered, note, extra }) => {
  const rule = ruleAt(view, path);
  const isHidden = path[0] === "hide";
  const open = view.ui.open.has(idOf(path, "rule"));
  const words = open ? [] : ruleWords(rule);
  return h(
    "li",
    { class: "wb-row", "data-key": idOf(path, "row"), "data-hit": isHit(view, path, open) },
    lines(
      h("div", { class: "wb-name" }, extra ?? h("code", {}, breakable(name))),
      isHidden ? links(name, path) : foot(view, name, path, rule.there),
      actionStrip(name, act, path, rule, rule.there),
      rule.there ? (rule.action ?? "custom") : "",
      [note, ...words].join(" · "),
    ),
    open &&
      !isHidden &&
      h(
        "div",
        { class: "wb-body" },
        rule.there
          ? ruleBody(view, rule, pathsOfAll(covered))
          : h("p", { class: "hint" }, "Choose Allow or Ask to give it limits and rules."),
      ),
  );
};

/** The row of a pattern, or of a name that the server has no tool for. */
export const patternRow = (view, { pattern, path }) => {
  const covered = decidedBy(view.root, path, view.tools);
  const matching = view.tools.filter((tool) => matches(pattern, tool.name));
  const unknown = !isGlob(pattern) && matching.length === 0;
  const note = unknown
    ? "The server has no tool of this name"
    : `For ${names(covered)}${matching.length > covered.length ? "; closer rules decide about the others it matches" : ""}`;
  return ruleRow(view, { name: pattern, act: "tool", path, covered, note });
};

/** The row of a risk class. */
export const classRow = (view, riskClass) => {
  const path = ["classes", riskClass];
  const there = nodeAt(view.root, path) !== undefined;
  const all = view.tools.filter((tool) => tool.class === riskClass);
  const covered = there ? decidedBy(view.root, path, view.tools) : all.filter((tool) => standingOf(view.root, tool).by === "default");
  const rest = all.length > covered.length ? `, not for ${all.length - covered.length} with closer rules` : "";
  const note = there
    ? `For ${names(covered)}${rest}`
    : `${all.length === 0 ? "No tools of this class" : `${all.length} of this class`}; no rule for it`;
  return ruleRow(view, { name: `class ${riskClass}`, act: "class", path, covered, note, extra: badge(riskClass) });
};

/** The rule for every call. */
export const everyCall = (view) => ruleBody(view, readRule(view.root, ["all_tools"]), pathsOfAll(view.tools));
