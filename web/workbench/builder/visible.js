// Text that a server tells, shown so that it cannot pass for another: what is invisible or turns the direction of reading is spelled out.

const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu;

const spelled = (character) => `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;

/** One line. */
export const visible = (text) => String(text).replace(HIDDEN, spelled);

/** Several lines; their ends stay. */
export const visibleLines = (text) => String(text).split("\n").map(visible).join("\n");
