// Strict JSON with places: every value and key with the offsets it stands at, so that edits can leave all other bytes alone.
// Strict as the server is: duplicate keys, trailing commas and comments are faults.

/** A text that is no strict JSON; `offset` is where it stops being it. */
export class Fault extends Error {
  constructor(message, offset) {
    super(message);
    this.offset = offset;
  }
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const DEEPEST = 64;

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.at += found.length;
    return found;
  }

  peek() {
    this.match(SPACE);
    return this.text[this.at];
  }

  take(character) {
    if (this.peek() !== character) return false;
    this.at += 1;
    return true;
  }

  fail(expected) {
    const found = this.peek();
    throw new Fault(
      found === undefined ? `The text ends where ${expected} is expected` : `Expected ${expected}, found ${JSON.stringify(found)}`,
      this.at,
    );
  }

  value(depth) {
    if (depth > DEEPEST) throw new Fault(`Nested deeper than ${DEEPEST}`, this.at);
    const next = this.peek();
    if (next === "{") return this.object(depth);
    if (next === "[") return this.array(depth);
    return next === '"' ? this.string() : this.scalar();
  }

  string() {
    const from = this.at;
    const raw = this.match(STRING);
    if (raw === undefined) throw new Fault("This string does not end, or holds something that must be escaped", from);
    return { type: "string", from, to: this.at, value: JSON.parse(raw) };
  }

  scalar() {
    const from = this.at;
    const number = this.match(NUMBER);
    if (number !== undefined) return { type: "number", from, to: this.at, value: Number(number), raw: number };
    const word = this.match(WORD);
    if (word === undefined) this.fail("a value");
    const value = JSON.parse(word);
    return { type: value === null ? "null" : "boolean", from, to: this.at, value };
  }

  object(depth) {
    const node = { type: "object", from: this.at, to: 0, members: [] };
    const seen = new Set();
    this.at += 1;
    if (!this.take("}")) {
      do node.members.push(this.member(depth, seen));
      while (this.take(","));
      if (!this.take("}")) this.fail("“,” or “}”");
    }
    node.to = this.at;
    return node;
  }

  member(depth, seen) {
    if (this.peek() !== '"') this.fail("a key in quotes");
    const key = this.string();
    if (seen.has(key.value)) throw new Fault(`The key ${JSON.stringify(key.value)} stands twice`, key.from);
    seen.add(key.value);
    if (!this.take(":")) this.fail("“:”");
    return { key: key.value, from: key.from, keyTo: key.to, value: this.value(depth + 1) };
  }

  array(depth) {
    const node = { type: "array", from: this.at, to: 0, items: [] };
    this.at += 1;
    if (!this.take("]")) {
      do node.items.push(this.value(depth + 1));
      while (this.take(","));
      if (!this.take("]")) this.fail("“,” or “]”");
    }
    node.to = this.at;
    return node;
  }
}

// The last trees: an edit looks at the same text several times. Trees are never changed.
const KEPT = 4;
const kept = new Map();

/** The tree of a text; throws a `Fault`. */
export const parse = (text) => {
  if (kept.has(text)) return kept.get(text);
  const root = read(text);
  if (kept.size === KEPT) kept.delete(kept.keys().next().value);
  kept.set(text, root);
  return root;
};

const read = (text) => {
  const reader = new Reader(text);
  const root = reader.value(0);
  if (reader.peek() !== undefined) reader.fail("the end");
  return root;
};

/** `{ root }` or `{ fault }`. */
export const tryParse = (text) => {
  try {
    return { root: parse(text) };
  } catch (fault) {
    if (fault instanceof Fault) return { fault };
    throw fault;
  }
};

export const isObject = (node) => node?.type === "object";
export const isArray = (node) => node?.type === "array";

/** The member of an object node with this key. */
export const memberOf = (node, key) => (isObject(node) ? node.members.find((member) => member.key === key) : undefined);

/** The child of a node: a member's value or an element. */
export const childOf = (node, step) => {
  if (isArray(node)) return /^(?:0|[1-9][0-9]*)$/.test(String(step)) ? node.items[Number(step)] : undefined;
  return memberOf(node, String(step))?.value;
};

/** The node at a path of keys and positions, or undefined. */
export const nodeAt = (node, path) => path.reduce((here, step) => here && childOf(here, step), node);

/** The plain value of a node. Numbers lose what JavaScript's cannot hold: for reading only, edits keep the text. */
export const plain = (node) => {
  if (isObject(node)) return Object.fromEntries(node.members.map((member) => [member.key, plain(member.value)]));
  if (isArray(node)) return node.items.map(plain);
  return node?.value;
};
