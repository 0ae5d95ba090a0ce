// CodeMirror, from the bundle that the page loads before this one (web/vendor/editor.js).

export const kit = globalThis.portcullisEditor;
