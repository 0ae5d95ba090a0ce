// The parts of CodeMirror that the workbench uses, bundled once: what changes with our own scripts is not in here.

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, closeCompletion, completionKeymap, completionStatus, startCompletion } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, isolateHistory, redo, redoDepth, undo, undoDepth } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { HighlightStyle, bracketMatching, codeFolding, foldGutter, foldKeymap, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { forceLinting, lintGutter, lintKeymap, linter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorSelection, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

globalThis.portcullisEditor = {
  Annotation, Compartment, Decoration, EditorSelection, EditorState, EditorView, HighlightStyle, Prec, StateEffect, StateField,
  acceptCompletion, autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, closeCompletion, codeFolding, completionKeymap,
  completionStatus, defaultKeymap, drawSelection, foldGutter, foldKeymap, forceLinting, highlightActiveLine, highlightActiveLineGutter,
  highlightSelectionMatches, highlightSpecialChars, history, historyKeymap, hoverTooltip, indentOnInput, indentUnit, isolateHistory, json,
  keymap, lineNumbers, lintGutter, lintKeymap, linter, redo, redoDepth, search, searchKeymap, setDiagnostics, startCompletion,
  syntaxHighlighting, tags, undo, undoDepth,
};
