// Elements from plain descriptions, and an old tree made like a new one without losing focus, selection or what is being typed.
// Attributes and text only: no markup is ever parsed here.

/** All controls of the builder belong to this empty form, so that none of them is sent with the page's. */
export const CONTROLS = "wb-controls";

const CONTROL_TAGS = ["input", "select", "textarea", "button", "fieldset"];

const setOne = (node, name, value) => {
  if (value === undefined || value === null || value === false) return;
  if (name === "value") node.value = value;
  else if (name === "checked") node.checked = value;
  else node.setAttribute(name, value === true ? "" : String(value));
};

/** An element. Children are nodes, texts, or lists of them; what is falsy is left out. */
export const h = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  if (CONTROL_TAGS.includes(tag)) node.setAttribute("form", CONTROLS);
  const { value, ...rest } = attributes;
  for (const [name, one] of Object.entries(rest)) setOne(node, name, one);
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
  // A list takes its value only once its options are there.
  setOne(node, "value", value);
  return node;
};

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.getAttribute("data-key") : null) || null;

const sameKind = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

// What a person opened stays open.
const isKept = (node, name) => name === "open" && node.nodeName === "DETAILS";

const morphAttributes = (from, to) => {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !isKept(from, name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
};

const morphState = (from, to, typing) => {
  if (!("value" in from) || from.nodeName === "BUTTON" || from.nodeName === "LI") return;
  if (from.type === "checkbox" || from.type === "radio") from.checked = to.checked;
  else if (from !== typing && from.value !== to.value) from.value = to.value;
};

const morphChildren = (from, to, typing) => {
  const keyed = new Map([...from.childNodes].flatMap((child) => (keyOf(child) ? [[keyOf(child), child]] : [])));
  let here = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const known = keyOf(wanted) && keyed.get(keyOf(wanted));
    if (known && known !== here && sameKind(known, wanted)) {
      from.insertBefore(known, here);
      here = known;
    }
    if (here && sameKind(here, wanted)) {
      morph(here, wanted, typing);
      here = here.nextSibling;
    } else {
      from.insertBefore(wanted, here);
    }
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
};

/** Makes `from` like `to`, keeping the nodes that both have; `data-same` says that a node is as it was, and what stands in `typing` is left as it is. */
export const morph = (from, to, typing = null) => {
  if (from.nodeType === Node.ELEMENT_NODE && to.hasAttribute("data-same")) return;
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  morphAttributes(from, to);
  morphChildren(from, to, typing);
  morphState(from, to, typing);
};

/** An id made of a path, for labels and for what keeps the focus. */
export const idOf = (path, what) => `wb-${path.map((step) => encodeURIComponent(String(step))).join("/")}:${what}`;
