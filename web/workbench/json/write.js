// How values are written: as POLICY.md writes its examples. Containers go over lines, what `inline` marks stays on one.

class Inline {
  constructor(value) {
    this.value = value;
  }
}

class Raw {
  constructor(text) {
    this.text = text;
  }
}

/** The value, on one line: `{ "max": 30, "window": "minute" }`. */
export const inline = (value) => new Inline(value);

/** JSON text as it stands: numbers as they were typed. */
export const raw = (text) => new Raw(text);

const onOneLine = (value) => {
  if (value instanceof Raw) return value.text;
  if (value instanceof Inline) return onOneLine(value.value);
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${onOneLine(one)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
};

/** The text of a value whose first line begins at `indent`, each level deeper by `unit`. */
export const write = (value, indent, unit) => {
  if (value instanceof Inline || value instanceof Raw || value === null || typeof value !== "object") return onOneLine(value);
  const deeper = indent + unit;
  const lines = Array.isArray(value)
    ? value.map((one) => write(one, deeper, unit))
    : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${write(one, deeper, unit)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return lines.length === 0 ? open + close : `${open}\n${deeper}${lines.join(`,\n${deeper}`)}\n${indent}${close}`;
};

const FIRST_INDENT = /\n([ \t]+)\S/;

/** What a text indents by: what its first indented line does, or two spaces. */
export const unitOf = (text) => {
  const found = FIRST_INDENT.exec(text)?.[1];
  if (!found) return "  ";
  return found.startsWith("\t") ? "\t" : found;
};

/** What the line of an offset begins with. */
export const indentAt = (text, offset) => {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start))[0];
};
