// JSON Pointers (RFC 6901), and the places they name in a text.

import { isArray, isObject, memberOf, childOf } from "./tree.js";

/** `["tools", "a/b", 0]` → `/tools/a~1b/0` */
export const format = (path) => path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** The reverse; positions stay text. */
export const parsePointer = (pointer) =>
  pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));

/** Where a pointer's value stands: `{ from, to, keyFrom }`, the nearest ancestor's when it is not there itself. */
export const rangeOf = (root, pointer) => {
  let here = root;
  let range = { from: root.from, to: root.to, keyFrom: root.from, exact: pointer === "" };
  const path = parsePointer(pointer);
  for (const [index, step] of path.entries()) {
    const next = childOf(here, step);
    if (!next) return { ...range, exact: false };
    const keyFrom = memberOf(here, step)?.from ?? next.from;
    range = { from: next.from, to: next.to, keyFrom, exact: index === path.length - 1 };
    here = next;
  }
  return range;
};

/** The pointer of the innermost value that an offset is in. */
export const pointerAt = (root, offset) => {
  const path = [];
  let here = root;
  for (;;) {
    const step = stepInto(here, offset);
    if (!step) return format(path);
    path.push(step.name);
    here = step.node;
  }
};

const stepInto = (node, offset) => {
  if (isObject(node)) {
    const member = node.members.find(({ from, value }) => from <= offset && offset <= value.to);
    return member && { name: member.key, node: member.value };
  }
  if (!isArray(node)) return undefined;
  const index = node.items.findIndex(({ from, to }) => from <= offset && offset <= to);
  return index < 0 ? undefined : { name: index, node: node.items[index] };
};

/** Line and column, both from 1, of an offset; columns count characters as the server does. */
export const lineColumn = (text, offset) => {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: [...before.slice(start)].length + 1 };
};

/** The offset of a line and column. */
export const offsetOf = (text, line, column) => {
  let start = 0;
  for (let left = line - 1; left > 0; left -= 1) {
    const end = text.indexOf("\n", start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  const end = text.indexOf("\n", start);
  const within = [...text.slice(start, end < 0 ? text.length : end)].slice(0, column - 1).join("");
  return start + within.length;
};
