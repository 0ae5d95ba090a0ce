// Limits as sentences: “At most [30] a [minute] per [grant]”.

import { memberOf } from "../json/tree.js";
import { pathWord } from "../policy/paths.js";
import { SCOPES, WINDOWS, limitWords } from "../policy/words.js";
import { h, idOf } from "./dom.js";
import { button, choose, toJson, write } from "./parts.js";

const rawOf = (text, node, key) => {
  const value = memberOf(node, key)?.value;
  return value ? text.slice(value.from, value.to) : "";
};

const windowOptions = [...WINDOWS.map((window) => [window, window]), ["seconds", "seconds"]];

const amountOptions = (paths, amount) => {
  const numbers = paths
    .filter(({ type }) => type === "number" || type === "integer")
    .map(({ path }) => [path, `the sum of ${pathWord(path)}`]);
  const known = amount === undefined || numbers.some(([path]) => path === amount);
  return [["", "calls"], ...numbers, ...(known ? [] : [[amount, `the sum of ${pathWord(amount)}`]])];
};

const windowParts = (ui, { path, value }) => {
  const counted = typeof value.window === "number";
  return [
    counted && write(ui, "Seconds", "limit-seconds", path, String(value.window), { inputmode: "numeric", size: "7" }),
    choose("Window", "limit-window", path, counted ? "seconds" : value.window, windowOptions),
  ];
};

const sentence = (view, limit) => {
  const { path, node, value } = limit;
  const counted = typeof value.window === "number";
  return h(
    "span",
    { class: "wb-sentence" },
    "At most ",
    write(view.ui, "At most", "limit-max", path, rawOf(view.text, node, "max"), { inputmode: "decimal", size: "6" }),
    value.amount !== undefined && `of ${pathWord(value.amount)} `,
    counted ? " in " : value.window === "hour" ? " an " : " a ",
    windowParts(view.ui, limit),
    choose("Counted", "limit-scope", path, value.scope ?? "grant", SCOPES),
  );
};

const more = (view, { path, value }, paths) =>
  h(
    "details",
    { class: "wb-more", "data-key": idOf(path, "more") },
    h("summary", {}, "More"),
    h(
      "div",
      { class: "wb-grid" },
      labelled("What is counted", choose("What is counted", "limit-amount", path, value.amount ?? "", amountOptions(paths, value.amount))),
      labelled(
        "Which calls",
        choose("Which calls", "limit-count", path, value.count ?? "attempts", [
          ["attempts", "all calls"],
          ["successes", "failed calls are not counted"],
        ]),
      ),
      labelled(
        "How the window moves",
        choose("How the window moves", "limit-align", path, value.align ?? (value.window === "month" ? "calendar" : "sliding"), [
          ["sliding", "sliding: any such stretch of time"],
          ["calendar", "by the calendar, in UTC"],
        ]),
      ),
      labelled(
        "When the counters cannot be reached",
        choose("When the counters cannot be reached", "limit-away", path, value.on_unavailable ?? "deny", [
          ["deny", "refuse"],
          ["allow", "let pass"],
        ]),
      ),
      labelled("Counter", write(view.ui, "Counter", "limit-counter", path, value.counter ?? "", { placeholder: "by pattern and window" })),
    ),
    h("p", { class: "hint" }, "Limits with the same counter, window and scope share one count, also across tools."),
  );

const labelled = (label, control) => h("div", { class: "wb-labelled" }, h("span", { "aria-hidden": "true" }, label), control);

/** One limit of a rule. */
export const limitRow = (view, limit, paths) =>
  h(
    "li",
    { class: "wb-item", "data-key": idOf(limit.path, "limit"), "data-hit": view.isHit(limit.path) },
    h(
      "div",
      { class: "wb-line" },
      sentence(view, limit),
      h(
        "span",
        { class: "wb-end" },
        toJson(limit.path, "JSON", `JSON of the limit “${limitWords(limit.value)}”`),
        button("Remove", "remove", limit.path, { class: "button s quiet", "aria-label": `Remove the limit “${limitWords(limit.value)}”` }),
      ),
    ),
    more(view, limit, paths),
  );

/** `rate_limit`, the short form: the same sentence with less in it. */
export const rateRow = (view, limit) =>
  h(
    "li",
    { class: "wb-item", "data-key": idOf(limit.path, "rate"), "data-hit": view.isHit(limit.path) },
    h(
      "div",
      { class: "wb-line" },
      sentence(view, limit),
      h(
        "span",
        { class: "wb-end" },
        toJson(limit.path, "JSON", "JSON of the rate limit"),
        button("Remove", "remove", limit.path, { class: "button s quiet", "aria-label": "Remove the rate limit" }),
      ),
    ),
  );
