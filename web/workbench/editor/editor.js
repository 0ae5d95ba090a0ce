// The JSON side: CodeMirror over the form's textarea, which stays in the form and always holds the same text.

import { offsetOf, rangeOf } from "../json/pointer.js";
import { changeBetween } from "../json/edit.js";
import { tryParse } from "../json/tree.js";
import { completions } from "./complete.js";
import { hitField, setHit } from "./hit.js";
import { hover } from "./hover.js";
import { kit } from "./kit.js";
import { look } from "./look.js";

const { EditorState, EditorView, keymap } = kit;

const base = (label, describedBy) => [
  kit.lineNumbers(),
  kit.foldGutter({ markerDOM: foldMark }),
  kit.lintGutter(),
  kit.highlightSpecialChars(),
  kit.history(),
  kit.drawSelection(),
  kit.indentUnit.of("  "),
  EditorState.tabSize.of(2),
  kit.indentOnInput(),
  kit.bracketMatching(),
  kit.closeBrackets(),
  kit.highlightActiveLine(),
  kit.highlightActiveLineGutter(),
  kit.highlightSelectionMatches(),
  kit.json(),
  EditorView.lineWrapping,
  EditorView.contentAttributes.of({
    "aria-label": label,
    "aria-describedby": describedBy,
    tabindex: "0",
    spellcheck: "false",
    autocapitalize: "none",
  }),
  hitField,
  look,
];

const foldMark = (open) => {
  const mark = document.createElement("span");
  mark.textContent = open ? "▾" : "▸";
  mark.setAttribute("aria-hidden", "true");
  return mark;
};

// Tab is not taken: it leads on to the next control, as everywhere on the page.
const keys = [
  ...kit.closeBracketsKeymap,
  ...kit.defaultKeymap,
  ...kit.searchKeymap,
  ...kit.historyKeymap,
  ...kit.foldKeymap,
  ...kit.completionKeymap,
  ...kit.lintKeymap,
];

export class Editor {
  #typing = null;

  /** `about`: textarea, label, describedBy, tools, schema (gives a promise of it), readOnly, changed (called with the text after each
   * change), moved (with the offset of the cursor). */
  constructor(about) {
    this.textarea = about.textarea;
    this.view = new EditorView({ state: this.#state(about), parent: about.parent });
  }

  #state(about) {
    return EditorState.create({
      doc: about.textarea.value,
      extensions: [
        base(about.label, about.describedBy),
        keymap.of(keys),
        kit.autocompletion({ override: [completions(about.schema, about.tools)], icons: false, tooltipClass: () => "wb-complete" }),
        hover(about.schema, about.tools),
        EditorState.readOnly.of(about.readOnly),
        EditorView.updateListener.of((update) => {
          if (update.selectionSet || update.docChanged) about.moved(update.state.selection.main.head);
          if (!update.docChanged) return;
          about.textarea.value = this.text;
          about.changed(this.text);
        }),
      ],
    });
  }

  get text() {
    return this.view.state.doc.toString();
  }

  /** Puts a text in place of the present one by the smallest change. Changes with the same `typing` in a row are undone together. */
  put(text, typing = null) {
    const change = changeBetween(this.text, text);
    if (!change) return false;
    const goesOn = typing !== null && typing === this.#typing;
    this.#typing = typing;
    const annotations = typing === null ? kit.isolateHistory.of("full") : goesOn ? undefined : kit.isolateHistory.of("before");
    this.view.dispatch({ changes: change, annotations, userEvent: typing === null ? "input.builder" : "input.type" });
    return true;
  }

  undo() {
    return kit.undo(this.view);
  }

  redo() {
    return kit.redo(this.view);
  }

  get depths() {
    return { undo: kit.undoDepth(this.view.state), redo: kit.redoDepth(this.view.state) };
  }

  // The cursor stands where it begins, so that its line is the active one.
  #show(from, to = from) {
    this.view.dispatch({ selection: { anchor: to, head: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    this.view.focus();
  }

  /** Puts the cursor at a line and column. */
  goToLine(line, column) {
    this.#show(offsetOf(this.text, line, column));
  }

  /** Puts the cursor at an offset. */
  goToOffset(offset) {
    this.#show(Math.min(offset, this.text.length));
  }

  /** Selects the value of a pointer, or of what is nearest around it. */
  goTo(pointer) {
    const { root } = tryParse(this.text);
    if (!root) return this.view.focus();
    const range = rangeOf(root, pointer);
    this.#show(range.keyFrom, range.to);
    return undefined;
  }

  /** Makes the member of a pointer stand out; null ends it. */
  hit(pointer) {
    const { root } = tryParse(this.text);
    const range = root && pointer ? rangeOf(root, pointer) : null;
    const shown = range && { from: range.keyFrom, to: range.to };
    this.view.dispatch({ effects: setHit.of(shown) });
    // The editor scrolls, the page does not: who has asked is reading elsewhere on it.
    if (shown) this.view.scrollDOM.scrollTop = this.view.lineBlockAt(shown.from).top - this.view.scrollDOM.clientHeight / 3;
  }

  /** Marks problems: `[{ pointer, line, column, message }]`. */
  problems(list) {
    const { text } = this;
    const { root } = tryParse(text);
    const diagnostics = list.map((problem) => ({ ...placeOf(text, root, problem), severity: "error", message: problem.message }));
    this.view.dispatch(kit.setDiagnostics(this.view.state, diagnostics));
  }
}

const placeOf = (text, root, { pointer, line, column }) => {
  const at = Math.min(offsetOf(text, line, column), text.length);
  const range = root && pointer ? rangeOf(root, pointer) : null;
  if (range?.exact) {
    const end = text.indexOf("\n", range.from);
    return { from: range.from === at ? range.from : Math.min(at, range.to), to: end >= 0 && end < range.to ? Math.max(end, at) : range.to };
  }
  const rest = /^(?:"(?:[^"\\\n]|\\.)*"?|[^\s",:{}[\]]+|.)?/u.exec(text.slice(at))[0];
  return { from: at, to: at + rest.length };
};
