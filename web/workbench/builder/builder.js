// The visual side: reads the text, shows it as rows, and changes it by small edits. It keeps nothing of the policy itself.

import { format, lineColumn, parsePointer } from "../json/pointer.js";
import { NoPlace } from "../json/edit.js";
import { tryParse } from "../json/tree.js";
import { EMPTY } from "../policy/edits.js";
import { ACTS, Unfit } from "./acts.js";
import { morph } from "./dom.js";
import { recall, remember } from "./recall.js";
import { builder } from "./view.js";

/** What typing changes at once; everything else waits for `change` or `click`. */
const isTyped = (control) => control.matches("input:not([type=radio], [type=checkbox])");

/** What an open row shows as items, each of which stands out by itself. */
const ITEM = /^\/(?:limits|rate_limit|require|deny_if|approve_if)(?:\/|$)/;

const isWithin = (pointer, hit) => hit === pointer || hit.startsWith(`${pointer}/`);

export class Builder {
  #ui;
  #root = null;
  #fault = null;
  #hit = null;
  #text = "";
  #due = false;
  #drawn = new Map();
  #after = {};

  /** `about`: parent, tools, mayWrite, text(), put(text, typing), goTo(pointer), goToOffset(offset), say(words). */
  constructor(about) {
    this.about = about;
    this.#ui = { pattern: "", selected: new Set(), ownPaths: new Set(), bad: null, ...recall() };
    this.dom = document.createElement("div");
    this.dom.className = "wb-builder";
    about.parent.append(this.dom);
    this.#listen();
    this.read(about.text());
    this.#draw();
    addEventListener("pagehide", () => remember(this.#ui));
  }

  /** Takes another state of the text; what cannot be read leaves the last state standing. */
  read(text) {
    this.isEmpty = text.trim() === "";
    const meant = this.isEmpty ? EMPTY : text;
    const { root, fault } = tryParse(meant);
    if (root) this.#take(root, meant);
    else this.#fault = { ...lineColumn(text, fault.offset), message: fault.message, offset: fault.offset };
    this.#plan();
  }

  #take(root, text) {
    this.#root = root;
    this.#text = text;
    this.#fault = null;
  }

  /** Makes the row of a pointer stand out; null ends it. */
  hit(pointer) {
    this.#hit = pointer;
    this.#draw();
    const shown = this.dom.querySelector("[data-hit]");
    // The pane scrolls, the page does not.
    const pane = this.about.parent;
    if (shown) pane.scrollTop += shown.getBoundingClientRect().top - pane.getBoundingClientRect().top - pane.clientHeight / 3;
  }

  // Rows that were drawn for the same state are not drawn again.
  #memory() {
    const before = this.#drawn;
    this.#drawn = new Map();
    const locked = Boolean(this.#fault);
    return (key, state) => {
      const now = `${locked} ${state}`;
      this.#drawn.set(key, now);
      return before.get(key) === now;
    };
  }

  #view() {
    return {
      root: this.#root,
      text: this.#text,
      tools: this.about.tools,
      mayWrite: this.about.mayWrite,
      ui: this.#ui,
      fault: this.#fault,
      isEmpty: this.isEmpty,
      isDrawn: () => false,
      isHit: (path) => this.#hit !== null && isWithin(format(path), this.#hit),
      isHitItself: (path) => this.#hit !== null && isWithin(format(path), this.#hit) && !ITEM.test(this.#hit.slice(format(path).length)),
      after: (wish) => Object.assign(this.#after, wish),
      say: this.about.say,
    };
  }

  #plan() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => this.#due && this.#draw());
  }

  #draw(typing = null) {
    this.#due = false;
    const unfit = this.#ui.bad && document.getElementById(this.#ui.bad.id);
    morph(this.dom, builder({ ...this.#view(), isDrawn: this.#memory() }), typing ?? unfit);
    const { focus } = this.#after;
    delete this.#after.focus;
    if (focus) document.getElementById(focus)?.focus();
  }

  #listen() {
    const { dom } = this;
    dom.addEventListener("input", ({ target }) => isTyped(target) && this.#act(target));
    dom.addEventListener("change", ({ target }) => !isTyped(target) && this.#act(target));
    dom.addEventListener("click", (event) => {
      const control = event.target.closest("button[data-do]");
      if (control) this.#act(control);
    });
    dom.addEventListener("focusout", () => this.#forgive());
    dom.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input[data-do=pattern-name]"))
        this.#act(dom.querySelector("[data-do=pattern-add]"));
    });
  }

  // What was typed and meant nothing goes back to what the text says.
  #forgive() {
    if (!this.#ui.bad) return;
    this.#ui.bad = null;
    this.#plan();
  }

  #act(control) {
    const path = parsePointer(control.dataset.at).map((step, index, all) => (isPosition(all, index) ? Number(step) : step));
    const typing = isTyped(control) ? control : null;
    const around = ancestorsOf(control, this.dom);
    try {
      this.#ui.bad = null;
      const text = ACTS[control.dataset.do](this.#view(), path, valuesOf(control));
      if (text !== this.#text || (this.isEmpty && control.dataset.do === "default")) this.about.put(text, typing?.id ?? null);
    } catch (error) {
      this.#refuse(control, error);
    }
    this.#draw(typing);
    if (document.activeElement === document.body) focusWithin(around);
    this.#finish();
  }

  #refuse(control, error) {
    if (error instanceof Unfit) {
      const input = control.matches("button") ? control.parentElement.querySelector("input") : control;
      this.#ui.bad = { id: input.id, message: error.message };
      this.about.say(error.message);
    } else if (error instanceof NoPlace) {
      this.about.say("The JSON has something else at this place: change it there.");
    } else {
      throw error;
    }
  }

  #finish() {
    const { goTo, goToFault } = this.#after;
    this.#after = {};
    if (goTo) this.about.goTo(format(goTo));
    if (goToFault && this.#fault) this.about.goToOffset(this.#fault.offset);
  }
}

const ancestorsOf = (node, root) => {
  const found = [];
  for (let here = node.parentElement; here && here !== root.parentElement; here = here.parentElement) found.push(here);
  return found;
};

// The focus of a control that is gone goes to what is nearest to where it was.
const focusWithin = (around) => {
  const nearest = around
    .filter((node) => node.isConnected)
    .map((node) => node.querySelector("button, input, select"))
    .find(Boolean);
  nearest?.focus();
};

// Names of tools and classes are never positions, also when they are digits.
const isPosition = (path, index) => {
  if (path[0] === "tools" || path[0] === "classes") return index > 1 && /^[0-9]+$/.test(path[index]);
  return /^[0-9]+$/.test(path[index]);
};

const valuesOf = (control) => {
  const timeout = control.parentElement?.querySelector("[data-do=approval-timeout]");
  return { value: control.value, checked: control.checked, dataset: control.dataset, before: Number(timeout?.value) };
};
