// What the builder's controls do: each takes the text and gives the text after it. `ui` is what is not in the text.

import { nodeAt, parse, plain } from "../json/tree.js";
import * as edits from "../policy/edits.js";
import { pathsOf } from "../policy/paths.js";
import { standingOf } from "../policy/standing.js";
import { NUMBER, asKind, conditionFor, converted, firstCondition, meant } from "../policy/values.js";
import { DURATIONS } from "../policy/words.js";
import { idOf } from "./dom.js";
import { bulkTools } from "./view.js";

/** What was typed means nothing yet: it is said at the input, and the text stays as it is. */
export class Unfit extends Error {}

const need = (holds, message) => {
  if (!holds) throw new Unfit(message);
};

const written = (text, path) => {
  const node = nodeAt(parse(text), path);
  return text.slice(node.from, node.to);
};

const pathsFor = (view, path) => {
  const own = view.tools.filter((tool) => path[0] === "tools" && tool.name === path[1]);
  const ofClass = view.tools.filter((tool) => path[0] === "classes" && tool.class === path[1]);
  const tools = own.length > 0 ? own : path[0] === "classes" ? ofClass : view.tools;
  const found = new Map(tools.flatMap((tool) => pathsOf(tool.schema)).map((one) => [one.path, one]));
  return [...found.values()];
};

const ruleOf = (path) => (path[0] === "all_tools" ? path.slice(0, 1) : path.slice(0, 2));

const unit = (name) => DURATIONS.find(([one]) => one === name)[1];

// --- rules -------------------------------------------------------------------------------------------------------------------------

const patternOf = (view, path) => (path[0] === "hide" ? nodeAt(view.root, path)?.value : path[1]);

const rules = {
  default: (view, path, { value }) => edits.setDefault(view.text, value),
  tool: (view, path, { value }) => (value === "custom" ? view.text : edits.setTool(view.text, patternOf(view, path), value)),
  class: (view, path, { value }) => (value === "custom" ? view.text : edits.setClass(view.text, path[1], value)),
  clear: (view, path) => (path[0] === "classes" ? edits.clearClass(view.text, path[1]) : edits.clearTool(view.text, patternOf(view, path))),
  custom: (view, path) => {
    view.after({ goTo: path });
    if (path[0] === "hide") return view.text;
    if (path[0] === "classes")
      return nodeAt(view.root, path)
        ? view.text
        : edits.setClass(view.text, path[1], nodeAt(view.root, ["default"])?.value === "allow" ? "allow" : "deny");
    const tool = view.tools.find(({ name }) => name === path[1]);
    return tool ? edits.ownTool(view.text, tool) : view.text;
  },
  text: (view, path, { value }) => edits.setText(view.text, path, value),
  shadow: (view, path, { checked }) => edits.setShadow(view.text, path, checked),
  remove: (view, path) => edits.removeElement(view.text, path),
  "test-remove": (view, path) => edits.removeElement(view.text, path),
};

// --- limits ------------------------------------------------------------------------------------------------------------------------

const json = JSON.stringify;
const orGone = (value, usual) => (value === usual ? undefined : json(value));

const limits = {
  "limit-add": (view, path) => {
    const count = plain(nodeAt(view.root, [...path, "limits"]) ?? { type: "array", items: [] }).length;
    view.after({ focus: idOf([...path, "limits", count], "limit-max") });
    return edits.addLimit(view.text, path);
  },
  "limit-max": (view, path, { value }) => {
    need(NUMBER.test(value.trim()) && !value.trim().startsWith("-"), "This has to be a number, 0 or more.");
    const summed = nodeAt(view.root, [...path, "amount"]) !== undefined;
    need(summed || /^[0-9]+$/.test(value.trim()), "This has to be a whole number.");
    return edits.setField(view.text, [...path, "max"], value.trim());
  },
  "limit-window": (view, path, { value }) => edits.setWindow(view.text, path, value === "seconds" ? "60" : json(value)),
  "limit-seconds": (view, path, { value }) => {
    need(/^[1-9][0-9]*$/.test(value.trim()) && Number(value) <= 2678400, "This has to be a whole number from 1 to 2678400.");
    return edits.setWindow(view.text, path, value.trim());
  },
  "limit-scope": (view, path, { value }) => edits.setField(view.text, [...path, "scope"], json(value)),
  "limit-amount": (view, path, { value }) => edits.setField(view.text, [...path, "amount"], orGone(value, "")),
  "limit-count": (view, path, { value }) => edits.setField(view.text, [...path, "count"], orGone(value, "attempts")),
  "limit-align": (view, path, { value }) => {
    const usual = nodeAt(view.root, [...path, "window"])?.value === "month" ? "calendar" : "sliding";
    return edits.setField(view.text, [...path, "align"], orGone(value, usual));
  },
  "limit-away": (view, path, { value }) => edits.setField(view.text, [...path, "on_unavailable"], orGone(value, "deny")),
  "limit-counter": (view, path, { value }) => {
    need(value === "" || /^[A-Za-z0-9_.:-]{1,128}$/.test(value), "Letters, digits and _ . : - only, up to 128.");
    return edits.setField(view.text, [...path, "counter"], orGone(value, ""));
  },
};

// --- argument rules ----------------------------------------------------------------------------------------------------------------

const setValue = (text, path, value) => edits.setField(text, [...path, "value"], value);

const setPath = (view, path, chosen) => {
  const paths = pathsFor(view, path);
  const known = paths.find((one) => one.path === chosen);
  const before = plain(nodeAt(view.root, path));
  const text = edits.setField(view.text, [...path, "path"], json(chosen));
  const typeBefore = paths.find((one) => one.path === before.path)?.type;
  if (!known || known.type === typeBefore) return text;
  // Another kind of argument: what fits it, instead of “is over 100” about a text.
  const fitting = conditionFor(known);
  return setValue(edits.setField(text, [...path, "op"], json(fitting.op)), path, json(fitting.value));
};

const checks = {
  "check-add": (view, path) => {
    const at = [...path, "deny_if"];
    const count = plain(nodeAt(view.root, at) ?? { type: "array", items: [] }).length;
    view.after({ focus: idOf([...at, count], "check-list") });
    return edits.addCheck(view.text, path, "deny_if", firstCondition(pathsFor(view, path)));
  },
  "check-list": (view, path, { value }) => {
    const moved = edits.moveCheck(view.text, path, value);
    const list = nodeAt(parse(moved), [...ruleOf(path), value]);
    view.after({ focus: idOf([...ruleOf(path), value, list.items.length - 1], "check-list") });
    return moved;
  },
  "check-text": (view, path, { value }) => edits.setText(view.text, path, value),
  "condition-add": (view, path) => edits.addCondition(view.text, path, firstCondition(pathsFor(view, path))),
  "condition-remove": (view, path) => edits.removeCondition(view.text, path),
  "condition-path": (view, path, { value }) => {
    const key = idOf(path, "path");
    if (value === "") {
      view.ui.ownPaths.add(key);
      view.after({ focus: idOf(path, "condition-other") });
      return view.text;
    }
    view.ui.ownPaths.delete(key);
    return setPath(view, path, value);
  },
  "condition-other": (view, path, { value }) => {
    need(value.trim() !== "", "A path such as args.amount or args.files[*].path.");
    return edits.setField(view.text, [...path, "path"], json(value.trim()));
  },
  "condition-op": (view, path, { value }) => {
    const op = value === "exists-not" ? "exists" : value;
    const before = plain(nodeAt(view.root, [...path, "value"]));
    const now = op === "exists" ? json(value === "exists") : converted(op, before, written(view.text, [...path, "value"]));
    return setValue(edits.setField(view.text, [...path, "op"], json(op)), path, now);
  },
  "condition-kind": (view, path, { value }) =>
    setValue(view.text, path, asKind(value, plain(nodeAt(view.root, [...path, "value"])), written(view.text, [...path, "value"]))),
  "condition-value": (view, path, control) => {
    const op = nodeAt(view.root, [...path, "op"]).value;
    const kind = control.dataset.kind ?? "bool";
    const { json: value, problem } = meant(op, kind, control.value);
    need(!problem, problem);
    return setValue(view.text, path, value);
  },
};

// --- approvals ---------------------------------------------------------------------------------------------------------------------

const approvals = {
  "approval-who": (view, path, { value }) => {
    if (value === "team") view.after({ focus: idOf(path, "approval-team") });
    return edits.setApproval(view.text, path, "approvers", value === "team" ? { team: "" } : value);
  },
  "approval-team": (view, path, { value }) => edits.setApproval(view.text, path, "approvers", { team: value.trim() }),
  "approval-timeout": (view, path, control) => {
    need(/^[1-9][0-9]*$/.test(control.value.trim()), "This has to be a whole number, 1 or more.");
    return edits.setApproval(view.text, path, "timeout", Number(control.value) * unit(control.dataset.unit));
  },
  "approval-unit": (view, path, { value, before }) => edits.setApproval(view.text, path, "timeout", before * unit(value)),
  "approval-self": (view, path, { checked }) => edits.setApproval(view.text, path, "self", checked ? true : undefined),
};

// --- several at once, and what is not in the text -----------------------------------------------------------------------------------

const all = (action) => (view) => {
  const { tools } = bulkTools(view);
  view.say(`${tools.length} ${tools.length === 1 ? "tool" : "tools"} set.`);
  return edits.setTools(
    view.text,
    tools.map(({ name }) => name),
    action,
  );
};

const toggle = (set, key, on = !set.has(key)) => (on ? set.add(key) : set.delete(key));

const unchanged = (act) => (view, path, control) => {
  act(view, path, control);
  return view.text;
};

const several = {
  "bulk-allow": all("allow"),
  "bulk-deny": all("deny"),
  "bulk-hide": all("hide"),
  "bulk-require_approval": all("require_approval"),
  "bulk-clear": all(""),
  "bulk-none": unchanged(({ ui }) => ui.selected.clear()),
  select: unchanged(({ ui }, path, { checked }) => toggle(ui.selected, path[1], checked)),
  filter: unchanged(({ ui }, path, { value }) => (ui.filter = value)),
  "filter-class": unchanged(({ ui }, path, { value }) => (ui.class = value)),
  "filter-standing": unchanged(({ ui }, path, { value }) => (ui.standing = value)),
  open: unchanged(({ ui }, path) => toggle(ui.open, idOf(path, "rule"))),
  goto: unchanged((view, path) => view.after({ goTo: path })),
  "goto-fault": unchanged((view) => view.after({ goToFault: true })),
  "pattern-name": unchanged(({ ui }, path, { value }) => (ui.pattern = value)),
  "pattern-add": (view) => {
    const pattern = view.ui.pattern.trim();
    need(edits.canBePattern(view.text, pattern), pattern === "" ? "Write a name or a pattern first." : "There is a rule for this already.");
    view.ui.pattern = "";
    const { action } = standingOf(view.root, { name: pattern, class: "" });
    return edits.setTool(view.text, pattern, action === "allow" ? "deny" : "allow");
  },
};

export const ACTS = { ...rules, ...limits, ...checks, ...approvals, ...several };
