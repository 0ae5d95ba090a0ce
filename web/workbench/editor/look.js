// How the editor looks: the page's own tokens, so that it follows light and dark.

import { kit } from "./kit.js";

const { EditorView, HighlightStyle, syntaxHighlighting, tags } = kit;

const theme = EditorView.theme({
  "&": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    fontSize: "0.875rem",
    border: "1px solid var(--line-firm)",
    borderRadius: "var(--corner)",
  },
  "&.cm-focused": { outline: "3px solid var(--accent)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5rem", overflow: "auto" },
  ".cm-content": { padding: "var(--space-2) 0", caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "var(--wb-selection)",
  },
  ".cm-content ::selection": { color: "inherit", backgroundColor: "transparent" },
  ".cm-gutters": {
    backgroundColor: "var(--sunken)",
    color: "var(--ink-soft)",
    borderRight: "1px solid var(--line)",
    borderRadius: "var(--corner) 0 0 var(--corner)",
  },
  ".cm-activeLine": { backgroundColor: "var(--wb-active)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--wb-active)", color: "var(--ink)" },
  ".cm-selectionMatch": { backgroundColor: "var(--warn-ground)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-ground)", outline: "1px solid var(--accent)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunken)", border: "1px solid var(--line-firm)", color: "var(--ink-soft)" },
  ".cm-hit": { backgroundColor: "var(--warn-ground)", boxShadow: "inset 4px 0 0 var(--warn)" },

  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-firm)",
    borderRadius: "var(--corner)",
    boxShadow: "var(--lift)",
    maxWidth: "min(28rem, 92vw)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "16rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.2rem 0.5rem", maxWidth: "none" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-tooltip.cm-completionInfo": { padding: "var(--space-2) var(--space-3)", fontFamily: "var(--sans)", maxWidth: "22rem" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: 0.85 },
  ".cm-completionIcon": { display: "none" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: 700 },

  ".cm-diagnostic": { padding: "var(--space-1) var(--space-3)", fontFamily: "var(--sans)", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderLeft: "5px solid var(--danger)" },
  ".cm-lintRange-error": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--danger)",
    textDecorationSkipInk: "none",
    textUnderlineOffset: "3px",
  },
  ".cm-lintRange-active": { backgroundColor: "var(--danger-ground)" },
  ".cm-lintPoint:after": { borderBottomColor: "var(--danger)" },
  ".cm-lint-marker-error": {
    content: "none",
    backgroundColor: "var(--danger)",
    borderRadius: "50%",
    width: "0.6rem",
    height: "0.6rem",
    margin: "0.45rem auto 0",
  },
  ".cm-gutter-lint": { width: "1.1rem" },

  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)", fontFamily: "var(--sans)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line-firm)" },
  ".cm-textfield": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-firm)",
    borderRadius: "var(--corner)",
    padding: "0.2rem 0.4rem",
  },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-firm)",
    borderRadius: "var(--corner)",
  },
  ".cm-searchMatch": { backgroundColor: "var(--warn-ground)", outline: "1px solid var(--warn)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--accent-ground)", outline: "2px solid var(--accent)" },
  ".cm-specialChar": { color: "var(--danger)" },
});

const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent-strong)", fontWeight: "600" },
  { tag: tags.string, color: "var(--note)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--violet)" },
  { tag: [tags.separator, tags.squareBracket, tags.brace], color: "var(--ink-soft)" },
  { tag: tags.invalid, color: "var(--danger)" },
]);

export const look = [theme, syntaxHighlighting(colours)];
