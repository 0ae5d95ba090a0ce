// Puts the two sides and the panels together.

import { Builder } from "./builder/builder.js";
import { h } from "./builder/dom.js";
import { Editor } from "./editor/editor.js";
import { aboutPlace } from "./editor/hover.js";
import { placeAt } from "./json/place.js";
import { format } from "./json/pointer.js";
import { Keeper } from "./keep.js";
import { Asker, problemsIn, quiet } from "./panels/ask.js";
import { TryForm } from "./panels/try.js";
import { addTest } from "./policy/edits.js";
import { toolbar } from "./toolbar.js";

const CHECK_AFTER_MS = 350;

const say = (words) => {
  const region = document.getElementById("announce");
  if (region) region.textContent = words;
};

const readData = () => {
  const node = document.getElementById("workbench-data");
  return { tools: [], mayWrite: true, ...(node ? JSON.parse(node.textContent) : {}) };
};

const HINT =
  "Tab leaves the editor. Ctrl+Space completes, Ctrl+] and Ctrl+[ indent, Ctrl+F searches, F8 goes to the next problem, Ctrl+S saves the draft (Cmd on a Mac).";

// The side of the page that holds the textarea, beside the builder's.
const sideOf = (node, parent) => {
  let side = node;
  while (side.parentElement !== parent) side = side.parentElement;
  return side;
};

// The builder beside the editor; the textarea stays in the form, out of sight, and is what is sent.
const panes = (form, textarea) => {
  const left = form.querySelector("[data-builder]");
  const both = left.parentElement;
  const right = sideOf(textarea, both);
  const field = textarea.closest(".field");
  const label = field.querySelector("label").textContent.trim();
  const editor = h("div", { class: "wb-editor" });
  const here = h("p", { class: "wb-here small soft", id: "wb-here" });
  field.before(h("p", { class: "hint", id: "wb-editor-hint" }, HINT), editor, here);
  left.hidden = false;
  field.hidden = true;
  both.classList.add("wb-panes");
  right.classList.add("wb-json");
  return { both, left, editor, here, label };
};

class Workbench {
  constructor(form) {
    this.form = form;
    this.data = readData();
    this.textarea = form.querySelector("textarea[name=document]");
    this.parts = Object.fromEntries(["check", "try", "effect"].map((name) => [name, form.querySelector(`[data-part=${name}]`)]));
    this.schema = null;
    this.problems = [];
    this.keeper = new Keeper(form, this.textarea.value);
    this.panes = panes(form, this.textarea);
  }

  start() {
    const { data, panes: at } = this;
    this.bar = toolbar({ undo: () => this.travel("undo"), redo: () => this.travel("redo"), mend: () => this.#mend(), panes: at.both });
    at.both.before(this.bar.dom);
    this.schemaRead = this.#readSchema();
    this.editor = this.#editor();
    this.builder = new Builder({
      parent: at.left,
      tools: data.tools,
      mayWrite: data.mayWrite,
      text: () => this.editor.text,
      put: (text, typing) => this.editor.put(text, typing),
      goTo: (pointer) => this.goTo(pointer),
      goToOffset: (offset) => this.show("json", () => this.editor.goToOffset(offset)),
      say,
    });
    this.#panels();
    this.#listen();
    this.#offerLeft();
    if (this.parts.check?.querySelector("[data-problems]")) this.#marks();
    else this.askers.check.ask();
    if (this.problems.length > 0) this.bar.need("json");
    this.#hit(this.parts.try);
  }

  #editor() {
    const { textarea, data, panes: at } = this;
    const described = ["wb-editor-hint", this.parts.check?.id].filter(Boolean).join(" ");
    return new Editor({
      textarea,
      parent: at.editor,
      label: at.label,
      describedBy: described,
      tools: data.tools,
      schema: () => this.schemaRead,
      readOnly: !data.mayWrite,
      changed: (text) => this.changed(text),
      moved: (offset) => this.#tellPlace(offset),
    });
  }

  changed(text) {
    this.keeper.changed(text);
    this.builder.read(text);
    this.bar.update(this.editor.depths, this.keeper.isUnsaved);
    this.checkSoon();
  }

  travel(direction) {
    const done = direction === "undo" ? this.editor.undo() : this.editor.redo();
    say(done ? (direction === "undo" ? "Undone" : "Redone") : `Nothing to ${direction}`);
  }

  show(side, act) {
    this.bar.need(side);
    act();
  }

  goTo(pointer) {
    this.show("json", () => this.editor.goTo(pointer));
  }

  // Where the cursor is and what that means: hover help for those who do not hover.
  #tellPlace(offset) {
    const { text } = this.editor;
    const { kind, path, from, to } = placeAt(text, offset);
    const written = kind === "key" && from < to ? [text.slice(from, to).replace(/^"|"$/g, "")] : [];
    const about = this.schema && from < to ? aboutPlace(text, from + 1, this.schema, this.data.tools) : undefined;
    const pointer = format([...path, ...written]);
    this.panes.here.textContent = [pointer || "The document", ...(about ?? []).map(([, line]) => line)].join(" · ");
  }

  // --- the server's parts ----------------------------------------------------------------------------------------------------------

  #panels() {
    const { form, data, parts } = this;
    const asker = (name, url, done) => new Asker({ form, part: parts[name], url, say, done });
    this.askers = {
      check: asker("check", data.checkUrl, () => this.#marks()),
      try: asker("try", data.tryUrl, (part) => this.#decided(part)),
      effect: asker("effect", data.effectUrl, () => say("The effect is shown.")),
    };
    this.checkSoon = quiet(CHECK_AFTER_MS, () => this.askers.check.ask());
    this.tryForm = new TryForm(form, data.tools);
  }

  #marks() {
    if (!this.parts.check) return;
    this.problems = problemsIn(this.parts.check);
    this.editor.problems(this.problems);
    this.bar.tell(this.problems.length);
  }

  #mend() {
    const [first] = this.problems;
    this.show("json", () => (first ? this.editor.goToLine(first.line, first.column) : this.editor.view.focus()));
  }

  #hit(part) {
    const rule = part?.querySelector("[data-rule]")?.dataset.rule || null;
    this.editor.hit(rule);
    this.builder.hit(rule);
  }

  #decided(part) {
    this.#hit(part);
    say(part.textContent.trim().replace(/\s+/g, " ").slice(0, 200));
  }

  #addTest(button) {
    try {
      this.editor.put(addTest(this.editor.text, button.dataset.addTest));
      say("The test was added to the policy, at the end of “tests”. Undo takes it out again.");
    } catch {
      say("The test could not be added: mend the JSON first.");
    }
  }

  // --- what a person does ------------------------------------------------------------------------------------------------------------

  #listen() {
    const { form, textarea, data } = this;
    form.addEventListener("submit", (event) => this.#submit(event));
    document.addEventListener("click", (event) => this.#click(event));
    document.addEventListener("keydown", (event) => this.#key(event));
    // Whatever else writes into the textarea (the browser's own restoring, say) is taken over.
    textarea.addEventListener("input", () => this.editor.put(textarea.value));
    form.addEventListener("reset", () => queueMicrotask(() => this.editor.put(textarea.value)));
    form.querySelector(`label[for="${textarea.id}"]`)?.addEventListener("click", () => this.editor.view.focus());
    if (!data.mayWrite) textarea.readOnly = true;
  }

  #submit(event) {
    const target = event.submitter?.hasAttribute("formaction") ? event.submitter.formAction : this.form.action;
    const asked = ["try", "effect", "check"].find((name) => target && this.parts[name] && this.#isUrl(target, this.data[`${name}Url`]));
    if (!asked) return;
    event.preventDefault();
    this.askers[asked].ask();
  }

  #isUrl(target, url) {
    return Boolean(url) && new URL(target).pathname === new URL(url, location.href).pathname;
  }

  #click(event) {
    const at = event.target.closest(`[data-line], [data-goto], button[data-add-test], a[href="#${this.textarea.id}"]`);
    if (!at || this.panes.left.contains(at)) return;
    if (at.dataset.addTest !== undefined) return this.#addTest(at);
    event.preventDefault();
    if (at.dataset.goto !== undefined) return this.goTo(at.dataset.goto);
    if (at.dataset.line === undefined) return this.#mend();
    return this.show("json", () => this.editor.goToLine(Number(at.dataset.line), Number(at.dataset.column) || 1));
  }

  // Undo and redo also work with the focus in the builder, where no text is being typed; Ctrl+S saves the draft.
  #key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "s" && !event.shiftKey) return this.#save(event);
    if (key !== "z" && key !== "y") return;
    if (!this.panes.left.contains(event.target)) return;
    event.preventDefault();
    this.travel(key === "y" || event.shiftKey ? "redo" : "undo");
  }

  #save(event) {
    const button = this.form.querySelector('button[formaction$="/draft"]');
    if (!button || !this.data.mayWrite) return;
    event.preventDefault();
    this.form.requestSubmit(button);
  }

  #offerLeft() {
    const left = this.keeper.left();
    if (!left || !this.data.mayWrite) return;
    const at = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(new Date(left.at));
    const restore = h("button", { type: "button", class: "button s" }, "Restore unsaved text");
    const forget = h("button", { type: "button", class: "button s quiet" }, "Forget it");
    const notice = h(
      "div",
      { class: "notice wb-left", role: "status" },
      h("p", {}, `This tab still has a text of ${at} that was not saved.`),
      h("div", { class: "row" }, restore, forget),
    );
    restore.addEventListener("click", () => {
      notice.remove();
      this.editor.put(left.text);
      this.editor.view.focus();
    });
    forget.addEventListener("click", () => {
      notice.remove();
      this.keeper.forget();
      this.editor.view.focus();
    });
    this.bar.dom.before(notice);
  }

  async #readSchema() {
    if (!this.data.schemaUrl) return null;
    const answer = await fetch(this.data.schemaUrl, { headers: { accept: "application/json" } }).catch(() => null);
    this.schema = answer?.ok ? await answer.json().catch(() => null) : null;
    return this.schema;
  }
}

/** Builds the workbench into a page's form. */
export const startWorkbench = (form) => {
  new Workbench(form).start();
  form.dataset.ready = "";
};
