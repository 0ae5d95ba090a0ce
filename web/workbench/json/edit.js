// Edits of JSON text that touch nothing else: order of keys, spacing and unknown members survive. Text in, text out.
// A container on one line that has to take something of several lines is put over lines first; only its white space changes.

import { childOf, isArray, isObject, memberOf, nodeAt, parse } from "./tree.js";
import { indentAt, unitOf, write } from "./write.js";

/** An edit that the text has no place for: a container on the way is something else. */
export class NoPlace extends Error {}

const splice = (text, from, to, insert) => text.slice(0, from) + insert + text.slice(to);
const isOneLine = (text, node) => !text.slice(node.from, node.to).includes("\n");
const partsOf = (node) => (isArray(node) ? node.items : node.members);
const fromOf = (part) => part.from;
const toOf = (part) => part.value?.to ?? part.to;

const partText = (text, part) => {
  if (part.keyTo === undefined) return text.slice(part.from, part.to);
  return `${text.slice(part.from, part.keyTo)}: ${text.slice(part.value.from, part.value.to)}`;
};

// One level of a container over lines; what stands in its parts stays as it is written.
const overLines = (text, node) => {
  const parts = partsOf(node);
  if (parts.length === 0 || !isOneLine(text, node)) return text;
  const indent = indentAt(text, node.from);
  const deeper = indent + unitOf(text);
  const [open, close] = isArray(node) ? "[]" : "{}";
  const lines = parts.map((part) => partText(text, part)).join(`,\n${deeper}`);
  return splice(text, node.from, node.to, `${open}\n${deeper}${lines}\n${indent}${close}`);
};

// The container at a path and all around it over lines, outermost first.
const ensureLines = (text, path) => {
  let result = text;
  for (let depth = 0; depth <= path.length; depth += 1) {
    const node = nodeAt(parse(result), path.slice(0, depth));
    if (isObject(node) || isArray(node)) result = overLines(result, node);
  }
  return result;
};

const insertPart = (text, node, index, content, indentOfParts) => {
  const parts = partsOf(node);
  const between = isOneLine(text, node) ? ", " : `,\n${indentOfParts}`;
  if (index > 0) return splice(text, toOf(parts[index - 1]), toOf(parts[index - 1]), between + content);
  return splice(text, fromOf(parts[0]), fromOf(parts[0]), content + between);
};

const insertFirst = (text, node, content, lines) => {
  const [open, close] = isArray(node) ? "[]" : "{}";
  const indent = indentAt(text, node.from);
  const tight = isArray(node) ? content : ` ${content} `;
  const filled = lines ? `${open}\n${indent + unitOf(text)}${content}\n${indent}${close}` : open + tight + close;
  return splice(text, node.from, node.to, filled);
};

const keyText = (key) => (key === undefined ? "" : `${JSON.stringify(key)}: `);

/** Appends members, `[[key, value]]`, that are not there yet, to the object at `path`, each on lines of its own. */
export const appendMembers = (text, path, members) => {
  if (members.length === 0) return text;
  const [[key, value], ...others] = members;
  const begun = insert(text, path, { key, index: partsOf(nodeAt(parse(text), path)).length, value, lines: true });
  const last = partsOf(nodeAt(parse(begun), path)).at(-1);
  const indent = indentAt(begun, fromOf(last));
  const content = others.map(([one, what]) => `,\n${indent}${keyText(one)}${write(what, indent, unitOf(begun))}`).join("");
  return splice(begun, toOf(last), toOf(last), content);
};

// `how.lines`: the container goes over lines even when what is put in would fit on its line.
const insert = (before, path, { key, index, value, lines }) => {
  const unit = unitOf(before);
  const overSeveral = lines || write(value, "", unit).includes("\n");
  const text = overSeveral ? ensureLines(before, path) : before;
  const node = nodeAt(parse(text), path);
  const parts = partsOf(node);
  if (parts.length === 0) {
    const content = keyText(key) + write(value, indentAt(text, node.from) + unit, unit);
    return insertFirst(text, node, content, overSeveral);
  }
  const indent = isOneLine(text, node) ? "" : indentAt(text, fromOf(parts[Math.max(index - 1, 0)]));
  return insertPart(text, node, index, keyText(key) + write(value, indent, unit), indent);
};

const placeFor = (node, key, order) => {
  const rank = order.indexOf(key);
  if (rank < 0) return node.members.length;
  const before = node.members.findLastIndex((member) => order.indexOf(member.key) >= 0 && order.indexOf(member.key) < rank);
  if (before >= 0) return before + 1;
  const after = node.members.findIndex((member) => order.indexOf(member.key) > rank);
  return after >= 0 ? after : node.members.length;
};

/**
 * Sets the member at `path` of a text. A member that is there keeps its place; a new one takes its place by `order` (keys in their
 * usual order; else last). `lines`: the object it goes into is written over lines.
 */
export const setMember = (text, path, value, { order = [], lines = false } = {}) => {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const node = nodeAt(parse(text), parent);
  if (isArray(node)) return replaceAt(text, path, value);
  if (!isObject(node)) throw new NoPlace(`no object at ${JSON.stringify(parent)}`);
  if (memberOf(node, key)) return replaceAt(text, path, value);
  return insert(text, parent, { key, index: placeFor(node, key, order), value, lines });
};

/** Puts another value where one stands. */
export const replaceAt = (text, path, value) => {
  const node = nodeAt(parse(text), path);
  if (!node) throw new NoPlace(`nothing at ${JSON.stringify(path)}`);
  return splice(text, node.from, node.to, write(value, indentAt(text, node.from), unitOf(text)));
};

/** Appends an element to the array at `path`; the array is written over lines. */
export const append = (text, path, value) => {
  const node = nodeAt(parse(text), path);
  if (!isArray(node)) throw new NoPlace(`no array at ${JSON.stringify(path)}`);
  return insert(text, path, { index: node.items.length, value, lines: true });
};

/** Gives a member another key, at its place. */
export const renameKey = (text, path, key) => {
  const parent = nodeAt(parse(text), path.slice(0, -1));
  const member = memberOf(parent, String(path.at(-1)));
  if (!member || memberOf(parent, key)) throw new NoPlace(`no key ${JSON.stringify(key)} can go there`);
  return splice(text, member.from, member.keyTo, JSON.stringify(key));
};

/** Removes a member or element; what holds it stays, also when it is empty then. */
export const removeAt = (text, path) => {
  const parent = nodeAt(parse(text), path.slice(0, -1));
  const parts = isObject(parent) || isArray(parent) ? partsOf(parent) : [];
  const gone = childOf(parent ?? {}, path.at(-1));
  const index = parts.findIndex((part) => (part.value ?? part) === gone || part === gone);
  if (!gone || index < 0) return text;
  if (parts.length === 1) return splice(text, parent.from + 1, parent.to - 1, "");
  if (index === parts.length - 1) return splice(text, toOf(parts[index - 1]), toOf(parts[index]), "");
  return splice(text, fromOf(parts[index]), fromOf(parts[index + 1]), "");
};

/** Removes what stands at `path`, and up to `levels` of the containers around it that are empty then. */
export const removeAndPrune = (text, path, levels) => {
  let result = removeAt(text, path);
  for (let up = 1; up <= levels && up < path.length; up += 1) {
    const holder = path.slice(0, path.length - up);
    const node = nodeAt(parse(result), holder);
    if (!node || partsOf(node).length > 0) return result;
    result = removeAt(result, holder);
  }
  return result;
};

/** The smallest single change from one text to another: `{ from, to, insert }`, or undefined. */
export const changeBetween = (before, after) => {
  if (before === after) return undefined;
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before[from] === after[from]) from += 1;
  let same = 0;
  while (same < most - from && before[before.length - 1 - same] === after[after.length - 1 - same]) same += 1;
  return { from, to: before.length - same, insert: after.slice(from, after.length - same) };
};
