// Undo, redo, and which sides are shown. The choice of sides lasts as long as the tab.

import { h } from "./builder/dom.js";

const VIEWS = [
  ["both", "Both"],
  ["builder", "Builder"],
  ["json", "JSON"],
];
/** The page's own places that are worth a way there from anywhere. */
const JUMPS = [
  ["publish-head", "Save and publish"],
  ["panels", "Try"],
];
const KEY = "portcullis:workbench-view";
const WIDE = matchMedia("(min-width: 72rem)");

const remembered = () => {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
};

const remember = (view) => {
  try {
    sessionStorage.setItem(KEY, view);
  } catch {
    // Not remembered then.
  }
};

/** `about`: undo, redo, mend (goes to the first problem), panes. Gives `{ dom, update, tell, need }`. */
export const toolbar = ({ undo, redo, mend, panes }) => {
  const button = (label, act, shortcut) => {
    const node = h("button", { type: "button", class: "button s", "aria-keyshortcuts": shortcut }, label);
    node.addEventListener("click", act);
    return node;
  };
  const back = button("Undo", undo, "Control+Z");
  const forth = button("Redo", redo, "Control+Y");
  const faults = h("button", { type: "button", class: "button s danger wb-faults", hidden: true });
  faults.addEventListener("click", mend);
  const state = h("span", { class: "small soft wb-unsaved" });
  const views = VIEWS.map(([value, label]) => h("button", { type: "button", value, "data-view": value }, label));
  const show = (view) => {
    panes.dataset.view = view;
    for (const one of views) one.setAttribute("aria-pressed", String(one.value === view));
  };
  const jumps = JUMPS.filter(([id]) => document.getElementById(id)).map(([id, label]) => h("a", { href: `#${id}`, class: "small" }, label));
  const dom = h(
    "div",
    { class: "wb-bar" },
    h("div", { class: "segments", role: "group", "aria-label": "What is shown" }, views),
    back,
    forth,
    faults,
    state,
    h("span", { class: "wb-jumps" }, jumps),
  );
  dom.addEventListener("click", ({ target }) => {
    const view = target.closest("[data-view]")?.value;
    if (!view) return;
    remember(view);
    show(view);
  });
  // `aria-disabled`, not `disabled`: who has just undone the last change keeps the focus.
  const update = (depths, unsaved) => {
    back.setAttribute("aria-disabled", String(depths.undo === 0));
    forth.setAttribute("aria-disabled", String(depths.redo === 0));
    state.textContent = unsaved ? "Not saved yet" : "";
  };
  /** Says how many problems there are, whichever side is shown. */
  const tell = (count) => {
    faults.hidden = count === 0;
    faults.textContent = `${count} problem${count === 1 ? "" : "s"}`;
  };
  const known = VIEWS.some(([view]) => view === remembered());
  show(known ? remembered() : WIDE.matches ? "both" : "builder");
  update({ undo: 0, redo: 0 }, false);
  /** Makes a side visible that has to be seen. */
  const need = (side) => {
    if (panes.dataset.view !== "both" && panes.dataset.view !== side) show(side);
  };
  return { dom, update, tell, need };
};
