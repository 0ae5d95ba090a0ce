// One member of the policy made to stand out: the rule that decided a tried call.

import { kit } from "./kit.js";

const { Decoration, EditorView, StateEffect, StateField } = kit;

/** `{ from, to }` of what shall stand out, or null. */
export const setHit = StateEffect.define({
  map: (range, changes) => range && { from: changes.mapPos(range.from), to: changes.mapPos(range.to) },
});

const line = Decoration.line({ class: "cm-hit" });

const linesOf = (doc, range) => {
  if (!range) return Decoration.none;
  const marks = [];
  for (let at = doc.lineAt(range.from); ; at = doc.line(at.number + 1)) {
    marks.push(line.range(at.from));
    if (at.to >= range.to || at.number === doc.lines) break;
  }
  return Decoration.set(marks);
};

export const hitField = StateField.define({
  create: () => Decoration.none,
  update: (marks, transaction) => {
    const effect = transaction.effects.find((one) => one.is(setHit));
    return effect ? linesOf(transaction.newDoc, effect.value) : marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});
