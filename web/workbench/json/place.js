// Where in a JSON text an offset is, also while the text is broken: what completion needs while one types.

const TOKEN = /\s+|"(?:[^"\\\n]|\\.)*"?|[{}[\],:]|[^\s"{}[\],:]+/gy;

class Scanner {
  constructor(text, offset) {
    this.text = text;
    this.offset = offset;
    this.stack = [];
    this.found = undefined;
  }

  get top() {
    return this.stack.at(-1);
  }

  path() {
    return this.stack.flatMap(({ type, key, index }) => (type === "[" ? [index] : key === undefined ? [] : [key]));
  }

  // Inside an object before its colon a key is written, anywhere else a value.
  note(from, to) {
    if (this.found) return;
    const { top } = this;
    const isKey = top?.type === "{" && !top.colon;
    const path = isKey ? this.path().slice(0, top.key === undefined ? undefined : -1) : this.path();
    this.found = { kind: isKey ? "key" : "value", path, from, to, frame: top };
  }

  open(type) {
    this.stack.push({ type, index: 0, key: undefined, colon: false, keys: [] });
  }

  next() {
    const { top } = this;
    if (!top) return;
    top.index += 1;
    top.key = undefined;
    top.colon = false;
  }

  step(token, from) {
    const { top } = this;
    if (token === "{" || token === "[") this.open(token);
    else if (token === "}" || token === "]") this.stack.pop();
    else if (token === ",") this.next();
    else if (token === ":") top && (top.colon = true);
    else if (token.startsWith('"') && top?.type === "{" && !top.colon) this.key(token, from);
  }

  key(token, from) {
    this.top.key = unquoted(token);
    if (!(from < this.offset && this.offset <= from + token.length)) this.top.keys.push(this.top.key);
  }
}

const unquoted = (token) => {
  try {
    return JSON.parse(token);
  } catch {
    return token.replace(/^"|"$/g, "");
  }
};

const isPunctuation = (token) => /^[{}[\],:]$/.test(token);
const isSpace = (token) => /^\s/.test(token);

/**
 * `{ kind: "key" | "value", path, from, to, keys }`: the path of the object a key is written in, or of the value; the range of the token
 * that is being written (empty when none is); the other keys of the object.
 */
export const placeAt = (text, offset) => {
  const scanner = new Scanner(text, offset);
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match; match = TOKEN.exec(text)) {
    const [token] = match;
    const from = match.index;
    const to = from + token.length;
    const touches = from < offset && offset <= to;
    if (!isPunctuation(token) && !isSpace(token) && touches && !(token.endsWith('"') && token.length > 1 && offset === to))
      scanner.note(from, to);
    else if (from >= offset) scanner.note(offset, offset);
    else if (isSpace(token) && offset < to) scanner.note(offset, offset);
    scanner.step(token, from);
  }
  scanner.note(offset, offset);
  const { frame, ...found } = scanner.found;
  return { ...found, keys: frame?.keys ?? [] };
};
