// What a rule holds beside its action: limits, argument rules, what is told, who approves, shadow.

import { doneWord, duration, DURATIONS, checkWords, limitWords, togetherWords } from "../policy/words.js";
import { checkRow } from "./checks.js";
import { h, idOf } from "./dom.js";
import { limitRow, rateRow } from "./limits.js";
import { button, choose, tick, toJson, write } from "./parts.js";

// `limits/1` is “limits 2” to people.
const placeWords = (path) =>
  path
    .slice(-2)
    .filter((step, index, both) => index === both.length - 1 || typeof both[1] === "number")
    .map((step) => (typeof step === "number" ? step + 1 : step))
    .join(" ");

const oddRow = ({ path, value }) => {
  const text = JSON.stringify(value);
  return h(
    "li",
    { class: "wb-item wb-odd", "data-key": idOf(path, "odd") },
    h(
      "span",
      {},
      "Something these rows cannot show: ",
      h("code", {}, `${placeWords(path)}: ${text.length > 160 ? `${text.slice(0, 160)}…` : text}`),
    ),
    " ",
    toJson(path, "Edit in JSON", `Edit in JSON: ${path.join(" ")}`),
  );
};

const list = (label, rows) => rows.length > 0 && h("ul", { class: "wb-items", "aria-label": label }, rows);

const approvers = (view, path, value) => {
  const team = value.approvers?.team;
  return [
    choose("Who may approve", "approval-who", path, team === undefined ? (value.approvers ?? "admin") : "team", [
      ["admin", "an admin"],
      ["policy_manager", "a policy manager"],
      ["team", "a member of the team"],
    ]),
    team !== undefined && write(view.ui, "Team", "approval-team", path, team, { size: "12", placeholder: "team" }),
  ];
};

const approval = (view, rule) => {
  const value = rule.approval ?? {};
  const [amount, unit] = duration(value.timeout ?? 1800);
  const { path } = rule;
  return h(
    "div",
    { class: "wb-line wb-approval", "data-key": idOf(path, "approval") },
    h(
      "span",
      { class: "wb-sentence" },
      "Approved by ",
      approvers(view, path, value),
      " within ",
      write(view.ui, "Time to approve", "approval-timeout", path, String(amount), { inputmode: "numeric", size: "4", "data-unit": unit }),
      choose(
        "Unit of the time",
        "approval-unit",
        path,
        unit,
        DURATIONS.map(([one]) => [one, one]),
      ),
    ),
    tick("The one who asks may approve too", "approval-self", path, value.self === true),
  );
};

const needsApprovalTerms = (rule) =>
  rule.action === "require_approval" || rule.approval || rule.checks.some(({ list: name }) => name === "approve_if");

const adders = ({ path }) =>
  h("div", { class: "row" }, button("Add a limit", "limit-add", path), button("Add an argument rule", "check-add", path));

const reason = (view, { path, reason: text }) =>
  h(
    "div",
    { class: "wb-labelled" },
    h("label", { for: idOf([...path, "reason"], "text") }, "Told to the caller with a refusal"),
    h("div", {}, write(view.ui, undefined, "text", [...path, "reason"], text ?? "", { maxlength: "500" })),
  );

/** The body of a rule. `paths` are the arguments it may read. */
export const ruleBody = (view, rule, paths) => {
  const blocked = rule.action === "deny" || rule.action === "hide";
  const isForAll = rule.path[0] === "all_tools";
  const usable = rule.odd.every(({ path }) => path.length > rule.path.length);
  const limits = [...rule.limits.map((limit) => limitRow(view, limit, paths)), ...(rule.rateLimit ? [rateRow(view, rule.rateLimit)] : [])];
  return h(
    "div",
    { class: "wb-rule", "data-key": idOf(rule.path, "body") },
    list("Limits", limits),
    limits.length > 0 && togetherWords(rule.path) && h("p", { class: "hint" }, `These limits count ${togetherWords(rule.path)}.`),
    list(
      "Argument rules",
      rule.checks.map((check) => checkRow(view, check, paths)),
    ),
    list("Shown as JSON only", rule.odd.map(oddRow)),
    blocked && h("p", { class: "hint" }, `What is ${doneWord(rule.action)} needs no limits.`),
    usable && !blocked && adders(rule),
    usable && needsApprovalTerms(rule) && approval(view, rule),
    usable && rule.there && !isForAll && reason(view, rule),
    usable && rule.there && tick("Watch only (shadow): record what it would refuse, and let it pass", "shadow", rule.path, rule.shadow),
  );
};

const limitsOf = (rule) => [...rule.limits, ...(rule.rateLimit ? [rule.rateLimit] : [])];

/** A rule's limits and checks in words, for the closed row. */
export const ruleWords = (rule) => [
  ...limitsOf(rule).map(({ value }) => [limitWords(value), togetherWords(rule.path)].filter(Boolean).join(", ")),
  ...rule.checks.map(({ list: name, value }) => checkWords(name, value)),
  ...(rule.shadow ? ["watched only"] : []),
];
