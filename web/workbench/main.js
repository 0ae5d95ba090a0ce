// The workbench: one text, seen as rows and as JSON, checked and tried by the server while it is written. Without any of this the page
// is a form with a textarea.

import { h } from "./builder/dom.js";
import { kit } from "./editor/kit.js";
import { startWorkbench } from "./workbench.js";

const form = document.querySelector("form[data-workbench]");

if (form && kit) {
  const controls = h("form", { id: "wb-controls", hidden: true });
  controls.addEventListener("submit", (event) => event.preventDefault());
  document.body.append(controls);
  startWorkbench(form);
}
