// Built from web/workbench by web/vendor/build.sh; do not edit. sources: 6d4b0422b25feb442975d30e296d08137499df509216edbb73ec8db112f1b675

// web/workbench/builder/dom.js
var CONTROLS = "wb-controls";
var CONTROL_TAGS = ["input", "select", "textarea", "button", "fieldset"];
var setOne = (node, name, value) => {
  if (value === void 0 || value === null || value === false) return;
  if (name === "value") node.value = value;
  else if (name === "checked") node.checked = value;
  else node.setAttribute(name, value === true ? "" : String(value));
};
var h = (tag, attributes = {}, ...children2) => {
  const node = document.createElement(tag);
  if (CONTROL_TAGS.includes(tag)) node.setAttribute("form", CONTROLS);
  const { value, ...rest } = attributes;
  for (const [name, one] of Object.entries(rest)) setOne(node, name, one);
  node.append(...children2.flat(Infinity).filter((child) => child !== void 0 && child !== null && child !== false && child !== ""));
  setOne(node, "value", value);
  return node;
};
var keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.getAttribute("data-key") : null) || null;
var sameKind = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
var isKept = (node, name) => name === "open" && node.nodeName === "DETAILS";
var morphAttributes = (from, to) => {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !isKept(from, name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
};
var morphState = (from, to, typing) => {
  if (!("value" in from) || from.nodeName === "BUTTON" || from.nodeName === "LI") return;
  if (from.type === "checkbox" || from.type === "radio") from.checked = to.checked;
  else if (from !== typing && from.value !== to.value) from.value = to.value;
};
var morphChildren = (from, to, typing) => {
  const keyed = new Map([...from.childNodes].flatMap((child) => keyOf(child) ? [[keyOf(child), child]] : []));
  let here = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const known3 = keyOf(wanted) && keyed.get(keyOf(wanted));
    if (known3 && known3 !== here && sameKind(known3, wanted)) {
      from.insertBefore(known3, here);
      here = known3;
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
var morph = (from, to, typing = null) => {
  if (from.nodeType === Node.ELEMENT_NODE && to.hasAttribute("data-same")) return;
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  morphAttributes(from, to);
  morphChildren(from, to, typing);
  morphState(from, to, typing);
};
var idOf = (path, what) => `wb-${path.map((step2) => encodeURIComponent(String(step2))).join("/")}:${what}`;

// web/workbench/editor/kit.js
var kit = globalThis.portcullisEditor;

// web/workbench/json/tree.js
var Fault = class extends Error {
  constructor(message, offset) {
    super(message);
    this.offset = offset;
  }
};
var SPACE = /[ \t\r\n]*/y;
var STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
var NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
var WORD = /true|false|null/y;
var DEEPEST = 64;
var Reader = class {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === void 0) return void 0;
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
      found === void 0 ? `The text ends where ${expected} is expected` : `Expected ${expected}, found ${JSON.stringify(found)}`,
      this.at
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
    const raw2 = this.match(STRING);
    if (raw2 === void 0) throw new Fault("This string does not end, or holds something that must be escaped", from);
    return { type: "string", from, to: this.at, value: JSON.parse(raw2) };
  }
  scalar() {
    const from = this.at;
    const number = this.match(NUMBER);
    if (number !== void 0) return { type: "number", from, to: this.at, value: Number(number), raw: number };
    const word = this.match(WORD);
    if (word === void 0) this.fail("a value");
    const value = JSON.parse(word);
    return { type: value === null ? "null" : "boolean", from, to: this.at, value };
  }
  object(depth) {
    const node = { type: "object", from: this.at, to: 0, members: [] };
    const seen = /* @__PURE__ */ new Set();
    this.at += 1;
    if (!this.take("}")) {
      do
        node.members.push(this.member(depth, seen));
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
      do
        node.items.push(this.value(depth + 1));
      while (this.take(","));
      if (!this.take("]")) this.fail("“,” or “]”");
    }
    node.to = this.at;
    return node;
  }
};
var KEPT = 4;
var kept = /* @__PURE__ */ new Map();
var parse = (text) => {
  if (kept.has(text)) return kept.get(text);
  const root = read(text);
  if (kept.size === KEPT) kept.delete(kept.keys().next().value);
  kept.set(text, root);
  return root;
};
var read = (text) => {
  const reader = new Reader(text);
  const root = reader.value(0);
  if (reader.peek() !== void 0) reader.fail("the end");
  return root;
};
var tryParse = (text) => {
  try {
    return { root: parse(text) };
  } catch (fault) {
    if (fault instanceof Fault) return { fault };
    throw fault;
  }
};
var isObject = (node) => node?.type === "object";
var isArray = (node) => node?.type === "array";
var memberOf = (node, key) => isObject(node) ? node.members.find((member) => member.key === key) : void 0;
var childOf = (node, step2) => {
  if (isArray(node)) return /^(?:0|[1-9][0-9]*)$/.test(String(step2)) ? node.items[Number(step2)] : void 0;
  return memberOf(node, String(step2))?.value;
};
var nodeAt = (node, path) => path.reduce((here, step2) => here && childOf(here, step2), node);
var plain = (node) => {
  if (isObject(node)) return Object.fromEntries(node.members.map((member) => [member.key, plain(member.value)]));
  if (isArray(node)) return node.items.map(plain);
  return node?.value;
};

// web/workbench/json/pointer.js
var format = (path) => path.map((step2) => `/${String(step2).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
var parsePointer = (pointer) => pointer.split("/").slice(1).map((step2) => step2.replaceAll("~1", "/").replaceAll("~0", "~"));
var rangeOf = (root, pointer) => {
  let here = root;
  let range = { from: root.from, to: root.to, keyFrom: root.from, exact: pointer === "" };
  const path = parsePointer(pointer);
  for (const [index, step2] of path.entries()) {
    const next = childOf(here, step2);
    if (!next) return { ...range, exact: false };
    const keyFrom = memberOf(here, step2)?.from ?? next.from;
    range = { from: next.from, to: next.to, keyFrom, exact: index === path.length - 1 };
    here = next;
  }
  return range;
};
var lineColumn = (text, offset) => {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: [...before.slice(start)].length + 1 };
};
var offsetOf = (text, line3, column) => {
  let start = 0;
  for (let left = line3 - 1; left > 0; left -= 1) {
    const end2 = text.indexOf("\n", start);
    if (end2 < 0) return text.length;
    start = end2 + 1;
  }
  const end = text.indexOf("\n", start);
  const within = [...text.slice(start, end < 0 ? text.length : end)].slice(0, column - 1).join("");
  return start + within.length;
};

// web/workbench/json/write.js
var Inline = class {
  constructor(value) {
    this.value = value;
  }
};
var Raw = class {
  constructor(text) {
    this.text = text;
  }
};
var inline = (value) => new Inline(value);
var raw = (text) => new Raw(text);
var onOneLine = (value) => {
  if (value instanceof Raw) return value.text;
  if (value instanceof Inline) return onOneLine(value.value);
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${onOneLine(one)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
};
var write = (value, indent, unit2) => {
  if (value instanceof Inline || value instanceof Raw || value === null || typeof value !== "object") return onOneLine(value);
  const deeper = indent + unit2;
  const lines2 = Array.isArray(value) ? value.map((one) => write(one, deeper, unit2)) : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${write(one, deeper, unit2)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return lines2.length === 0 ? open + close : `${open}
${deeper}${lines2.join(`,
${deeper}`)}
${indent}${close}`;
};
var FIRST_INDENT = /\n([ \t]+)\S/;
var unitOf = (text) => {
  const found = FIRST_INDENT.exec(text)?.[1];
  if (!found) return "  ";
  return found.startsWith("	") ? "	" : found;
};
var indentAt = (text, offset) => {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start))[0];
};

// web/workbench/json/edit.js
var NoPlace = class extends Error {
};
var splice = (text, from, to, insert2) => text.slice(0, from) + insert2 + text.slice(to);
var isOneLine = (text, node) => !text.slice(node.from, node.to).includes("\n");
var partsOf = (node) => isArray(node) ? node.items : node.members;
var fromOf = (part) => part.from;
var toOf = (part) => part.value?.to ?? part.to;
var partText = (text, part) => {
  if (part.keyTo === void 0) return text.slice(part.from, part.to);
  return `${text.slice(part.from, part.keyTo)}: ${text.slice(part.value.from, part.value.to)}`;
};
var overLines = (text, node) => {
  const parts = partsOf(node);
  if (parts.length === 0 || !isOneLine(text, node)) return text;
  const indent = indentAt(text, node.from);
  const deeper = indent + unitOf(text);
  const [open, close] = isArray(node) ? "[]" : "{}";
  const lines2 = parts.map((part) => partText(text, part)).join(`,
${deeper}`);
  return splice(text, node.from, node.to, `${open}
${deeper}${lines2}
${indent}${close}`);
};
var ensureLines = (text, path) => {
  let result = text;
  for (let depth = 0; depth <= path.length; depth += 1) {
    const node = nodeAt(parse(result), path.slice(0, depth));
    if (isObject(node) || isArray(node)) result = overLines(result, node);
  }
  return result;
};
var insertPart = (text, node, index, content, indentOfParts) => {
  const parts = partsOf(node);
  const between = isOneLine(text, node) ? ", " : `,
${indentOfParts}`;
  if (index > 0) return splice(text, toOf(parts[index - 1]), toOf(parts[index - 1]), between + content);
  return splice(text, fromOf(parts[0]), fromOf(parts[0]), content + between);
};
var insertFirst = (text, node, content, lines2) => {
  const [open, close] = isArray(node) ? "[]" : "{}";
  const indent = indentAt(text, node.from);
  const tight = isArray(node) ? content : ` ${content} `;
  const filled = lines2 ? `${open}
${indent + unitOf(text)}${content}
${indent}${close}` : open + tight + close;
  return splice(text, node.from, node.to, filled);
};
var keyText = (key) => key === void 0 ? "" : `${JSON.stringify(key)}: `;
var appendMembers = (text, path, members) => {
  if (members.length === 0) return text;
  const [[key, value], ...others] = members;
  const begun = insert(text, path, { key, index: partsOf(nodeAt(parse(text), path)).length, value, lines: true });
  const last = partsOf(nodeAt(parse(begun), path)).at(-1);
  const indent = indentAt(begun, fromOf(last));
  const content = others.map(([one, what]) => `,
${indent}${keyText(one)}${write(what, indent, unitOf(begun))}`).join("");
  return splice(begun, toOf(last), toOf(last), content);
};
var insert = (before, path, { key, index, value, lines: lines2 }) => {
  const unit2 = unitOf(before);
  const overSeveral = lines2 || write(value, "", unit2).includes("\n");
  const text = overSeveral ? ensureLines(before, path) : before;
  const node = nodeAt(parse(text), path);
  const parts = partsOf(node);
  if (parts.length === 0) {
    const content = keyText(key) + write(value, indentAt(text, node.from) + unit2, unit2);
    return insertFirst(text, node, content, overSeveral);
  }
  const indent = isOneLine(text, node) ? "" : indentAt(text, fromOf(parts[Math.max(index - 1, 0)]));
  return insertPart(text, node, index, keyText(key) + write(value, indent, unit2), indent);
};
var placeFor = (node, key, order) => {
  const rank = order.indexOf(key);
  if (rank < 0) return node.members.length;
  const before = node.members.findLastIndex((member) => order.indexOf(member.key) >= 0 && order.indexOf(member.key) < rank);
  if (before >= 0) return before + 1;
  const after = node.members.findIndex((member) => order.indexOf(member.key) > rank);
  return after >= 0 ? after : node.members.length;
};
var setMember = (text, path, value, { order = [], lines: lines2 = false } = {}) => {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const node = nodeAt(parse(text), parent);
  if (isArray(node)) return replaceAt(text, path, value);
  if (!isObject(node)) throw new NoPlace(`no object at ${JSON.stringify(parent)}`);
  if (memberOf(node, key)) return replaceAt(text, path, value);
  return insert(text, parent, { key, index: placeFor(node, key, order), value, lines: lines2 });
};
var replaceAt = (text, path, value) => {
  const node = nodeAt(parse(text), path);
  if (!node) throw new NoPlace(`nothing at ${JSON.stringify(path)}`);
  return splice(text, node.from, node.to, write(value, indentAt(text, node.from), unitOf(text)));
};
var append = (text, path, value) => {
  const node = nodeAt(parse(text), path);
  if (!isArray(node)) throw new NoPlace(`no array at ${JSON.stringify(path)}`);
  return insert(text, path, { index: node.items.length, value, lines: true });
};
var removeAt = (text, path) => {
  const parent = nodeAt(parse(text), path.slice(0, -1));
  const parts = isObject(parent) || isArray(parent) ? partsOf(parent) : [];
  const gone = childOf(parent ?? {}, path.at(-1));
  const index = parts.findIndex((part) => (part.value ?? part) === gone || part === gone);
  if (!gone || index < 0) return text;
  if (parts.length === 1) return splice(text, parent.from + 1, parent.to - 1, "");
  if (index === parts.length - 1) return splice(text, toOf(parts[index - 1]), toOf(parts[index]), "");
  return splice(text, fromOf(parts[index]), fromOf(parts[index + 1]), "");
};
var removeAndPrune = (text, path, levels) => {
  let result = removeAt(text, path);
  for (let up = 1; up <= levels && up < path.length; up += 1) {
    const holder = path.slice(0, path.length - up);
    const node = nodeAt(parse(result), holder);
    if (!node || partsOf(node).length > 0) return result;
    result = removeAt(result, holder);
  }
  return result;
};
var changeBetween = (before, after) => {
  if (before === after) return void 0;
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before[from] === after[from]) from += 1;
  let same = 0;
  while (same < most - from && before[before.length - 1 - same] === after[after.length - 1 - same]) same += 1;
  return { from, to: before.length - same, insert: after.slice(from, after.length - same) };
};

// web/workbench/policy/patterns.js
var isGlob = (pattern) => /[*?]/.test(pattern);
var matches = (pattern, name) => {
  const wanted = [...pattern];
  const given = [...name];
  let [at, here, star, from] = [0, 0, -1, 0];
  while (here < given.length) {
    if (wanted[at] === "*") [star, from, at] = [at, here, at + 1];
    else if (wanted[at] === "?" || wanted[at] === given[here]) [at, here] = [at + 1, here + 1];
    else if (star >= 0) [from, at, here] = [from + 1, star + 1, from + 1];
    else return false;
  }
  while (wanted[at] === "*") at += 1;
  return at === wanted.length;
};
var literals = (pattern) => [...pattern.replace(/[*?]/g, "")].length;

// web/workbench/policy/paths.js
var DEEPEST2 = 4;
var MOST = 200;
var FACTS = [
  ["grant.label", "the grant's label"],
  ["member.email", "the caller's mail address"],
  ["member.role", "the caller's role"],
  ["client.name", "the client's name"],
  ["client.version", "the client's version"],
  ["client.ip", "the client's address"],
  ["session.id", "the session's id"],
  ["tool.class", "the tool's class"],
  ["time.hour", "the hour (UTC)"],
  ["time.weekday", "the weekday (UTC)"]
];
var step = (key) => /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
var resolve = (schema, root, hops = 8) => {
  const ref = schema?.$ref;
  if (typeof ref !== "string" || hops === 0) return schema;
  if (!ref.startsWith("#")) return schema;
  const target = ref.split("/").slice(1).reduce((here, part) => here?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")], root);
  return resolve(target, root, hops - 1) ?? {};
};
var typeOf = (schema, root) => {
  const here = resolve(schema, root);
  if (here === null || typeof here !== "object") return void 0;
  const types = [here.type].flat().filter((type) => type && type !== "null");
  if (types.length > 0) return types[0];
  if (here.properties) return "object";
  if (Array.isArray(here.enum)) return typeof here.enum.find((one) => one !== null);
  const choice = (here.anyOf ?? here.oneOf)?.find((one) => typeOf(one, root) !== void 0);
  return choice && typeOf(choice, root);
};
var mainBranch = (schema, root) => {
  const here = resolve(schema, root) ?? {};
  if (here.type || here.properties || here.enum || here.const !== void 0) return here;
  const choice = (here.anyOf ?? here.oneOf)?.map((one) => resolve(one, root)).find((one) => typeOf(one, root) !== void 0);
  return choice ? { ...choice, title: here.title ?? choice.title, description: here.description ?? choice.description } : here;
};
var walk = (schema, root, path, depth, found) => {
  if (found.length >= MOST || depth > DEEPEST2) return;
  const here = mainBranch(schema, root);
  const type = typeOf(here, root);
  if (path !== "args") found.push({ path, type, schema: here });
  if (type === "object") {
    for (const [key, child] of Object.entries(here.properties ?? {})) walk(child, root, path + step(key), depth + 1, found);
  }
  if (type === "array" && here.items) walk(here.items, root, `${path}[*]`, depth + 1, found);
};
var known = /* @__PURE__ */ new WeakMap();
var pathsOf = (schema) => {
  if (schema === null || typeof schema !== "object") return [];
  if (!known.has(schema)) {
    const found = [];
    walk(schema, schema, "args", 0, found);
    known.set(schema, found);
  }
  return known.get(schema);
};
var pathWord = (path) => FACTS.find(([fact]) => fact === path)?.[1] ?? path.replace(/^args\.?/, "");

// web/workbench/policy/words.js
var CHOICES = [
  { value: "allow", label: "Allow", done: "allowed" },
  { value: "deny", label: "Deny", done: "denied" },
  { value: "hide", label: "Hide", done: "hidden" },
  { value: "require_approval", label: "Ask", done: "asked about" }
];
var doneWord = (action) => CHOICES.find(({ value }) => value === action)?.done ?? "custom";
var WINDOWS = ["second", "minute", "hour", "day", "week", "month"];
var SCOPES = [
  ["grant", "per grant"],
  ["member", "per member"],
  ["session", "per session"],
  ["server", "per server"],
  ["account", "per account"]
];
var SECONDS = { second: 1, minute: 60, hour: 3600, day: 86400, week: 604800 };
var DATED = ["day", "week", "month"];
var nameOf = (window) => typeof window === "number" ? Object.keys(SECONDS).find((name) => SECONDS[name] === window) : window;
var plural = ([count2, unit2]) => `${count2} ${count2 === 1 ? unit2.slice(0, -1) : unit2}`;
var windowWords = (window, align) => {
  const name = nameOf(window);
  const calendar = align === "calendar" || name === "month" && align === void 0;
  if (name === void 0) return calendar ? `in every ${plural(duration(window))} by the clock` : `in ${plural(duration(window))}`;
  if (calendar && DATED.includes(name)) return `a calendar ${name}`;
  return `${name === "hour" ? "an" : "a"} ${name}${calendar ? " by the clock" : ""}`;
};
var togetherWords = (path) => {
  if (path[0] === "all_tools") return "all tools together";
  if (path[0] === "classes") return `all other ${path[1]} tools together`;
  return path[0] === "tools" && isGlob(path[1]) ? `all of ${path[1]} together` : void 0;
};
var limitWords = (limit) => {
  const what = limit.amount === void 0 ? "" : ` of ${pathWord(String(limit.amount))}`;
  const failed = limit.count === "successes" ? ", failed calls not counted" : "";
  const away = limit.on_unavailable === "allow" ? ", not counted while the counters cannot be reached" : "";
  return `at most ${limit.max}${what} ${windowWords(limit.window, limit.align)} per ${limit.scope ?? "grant"}${failed}${away}`;
};
var OPERATORS = [
  ["eq", "is", "any"],
  ["neq", "is not", "any"],
  ["gt", "is over", "number"],
  ["gte", "is at least", "number"],
  ["lt", "is under", "number"],
  ["lte", "is at most", "number"],
  ["in", "is one of", "list"],
  ["not_in", "is none of", "list"],
  ["exists", "is given", "bool"],
  ["contains", "contains", "any"],
  ["not_contains", "does not contain", "any"],
  ["starts_with", "starts with", "text"],
  ["ends_with", "ends with", "text"],
  ["regex", "matches", "text"],
  ["not_regex", "does not match", "text"],
  ["cidr", "is inside", "networks"],
  ["not_cidr", "is outside", "networks"],
  ["len_lte", "has a length of at most", "number"],
  ["len_gte", "has a length of at least", "number"]
];
var BARE = ["regex", "not_regex", "cidr", "not_cidr"];
var LISTS = ["in", "not_in", "cidr", "not_cidr"];
var NOUNS = ["gt", "gte", "lt", "lte", "cidr", "not_cidr"];
var asJson = (value) => {
  if (Array.isArray(value)) return `[${value.map(asJson).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${asJson(one)}`).join(", ")}}`;
};
var valueWords = (op, value) => {
  const one = (item) => BARE.includes(op) && typeof item === "string" ? item : asJson(item);
  if (!LISTS.includes(op)) return one(value);
  return [value].flat().map(one).join(", ") || "nothing";
};
var predicate = ({ op, value }) => {
  if (op === "exists") return value === false ? "is not given" : "is given";
  return `${OPERATORS.find(([one]) => one === op)?.[1] ?? op} ${valueWords(op, value)}`;
};
var subject = (path, quantifier) => `${path.includes("[*]") ? `${quantifier} ` : ""}${pathWord(path)}`;
var conditionWords = (condition2, quantifier = "any") => `${subject(String(condition2.path), quantifier)} ${predicate(condition2)}`;
var CONSEQUENCES = [
  ["deny_if", "Refuse if"],
  ["require", "Refuse unless"],
  ["approve_if", "Ask a person if"]
];
var when = (conditions, after, before) => {
  if (conditions.length === 0) return `every call ${after}`;
  const [only] = conditions;
  const isNoun = conditions.length === 1 && NOUNS.includes(only.op);
  if (isNoun) return `${subject(String(only.path), "any")} ${predicate(only).slice("is ".length)} ${after}`;
  return `${before} when ${conditions.map((one) => conditionWords(one)).join(" and ")}`;
};
var checkWords = (list4, { conditions }) => {
  if (list4 === "deny_if") return when(conditions, "is refused", "refused");
  if (list4 === "approve_if") return when(conditions, "needs approval", "needs approval");
  if (conditions.length === 0) return "no condition";
  return `only when ${conditions.map((one) => conditionWords(one, "every")).join(" and ")}`;
};
var duration = (seconds) => {
  const unit2 = DURATIONS.findLast(([, size]) => seconds % size === 0) ?? DURATIONS[0];
  return [seconds / unit2[1], unit2[0]];
};
var DURATIONS = [
  ["seconds", 1],
  ["minutes", 60],
  ["hours", 3600],
  ["days", 86400]
];

// web/workbench/policy/rule.js
var ACTIONS = ["allow", "deny", "hide", "require_approval"];
var CHECK_LISTS = ["require", "deny_if", "approve_if"];
var RULE_ORDER = ["action", "reason", ...CHECK_LISTS, "limits", "rate_limit", "approval", "mode"];
var LIMIT_ORDER = ["counter", "window", "max", "scope", "align", "amount", "count", "on_unavailable"];
var APPROVAL_ORDER = ["timeout", "approvers", "self"];
var SCOPES2 = ["grant", "member", "session", "server", "account"];
var isText = (node) => node?.type === "string";
var oneOf = (node, values) => node === void 0 || isText(node) && values.includes(node.value);
var onlyHas = (node, keys2) => node.members.every(({ key }) => keys2.includes(key));
var get = (node, key) => memberOf(node, key)?.value;
var isWindow = (node) => isText(node) ? WINDOWS.includes(node.value) : node?.type === "number";
var optionalText = (node) => node === void 0 || isText(node);
var isLimit = (node) => isObject(node) && onlyHas(node, LIMIT_ORDER) && isWindow(get(node, "window")) && get(node, "max")?.type === "number" && optionalText(get(node, "counter")) && optionalText(get(node, "amount")) && oneOf(get(node, "scope"), SCOPES2) && oneOf(get(node, "align"), ["sliding", "calendar"]) && oneOf(get(node, "count"), ["attempts", "successes"]) && oneOf(get(node, "on_unavailable"), ["deny", "allow"]);
var isCondition = (node) => isObject(node) && onlyHas(node, ["path", "op", "value"]) && isText(get(node, "path")) && oneOf(
  get(node, "op"),
  OPERATORS.map(([op]) => op)
) && get(node, "op") !== void 0 && get(node, "value") !== void 0;
var isCheck = (node) => isObject(node) && onlyHas(node, ["conditions", "on_deny", "name"]) && optionalText(get(node, "on_deny")) && optionalText(get(node, "name")) && isArray(get(node, "conditions")) && get(node, "conditions").items.every(isCondition);
var isApprovers = (node) => oneOf(node, ["admin", "policy_manager"]) || isObject(node) && onlyHas(node, ["team"]) && isText(get(node, "team"));
var isApproval = (node) => isObject(node) && onlyHas(node, APPROVAL_ORDER) && isApprovers(get(node, "approvers")) && [void 0, "boolean"].includes(get(node, "self")?.type) && [void 0, "number"].includes(get(node, "timeout")?.type);
var KNOWN = {
  action: (node) => isText(node) && ACTIONS.includes(node.value),
  reason: isText,
  mode: (node) => oneOf(node, ["enforce", "shadow"]),
  approval: isApproval,
  rate_limit: (node) => isLimit(node) && onlyHas(node, ["max", "window", "scope"]),
  limits: isArray,
  require: isArray,
  deny_if: isArray,
  approve_if: isArray
};
var elements = (node, path, fits, odd) => {
  if (!isArray(node)) return [];
  const all2 = node.items.map((item, index) => ({ node: item, path: [...path, index], value: plain(item) }));
  odd.push(...all2.filter((one) => !fits(one.node)));
  return all2.filter((one) => fits(one.node));
};
var checksOf = (node, path, odd) => CHECK_LISTS.flatMap((list4) => elements(get(node, list4), [...path, list4], isCheck, odd).map((check) => ({ ...check, list: list4 })));
var oddMembers = (node, path) => node.members.filter(({ key, value }) => !(Object.hasOwn(KNOWN, key) && KNOWN[key](value))).map(({ key, value }) => ({ path: [...path, key], node: value, value: plain(value), key }));
var readRule = (root, path) => {
  const node = nodeAt(root, path);
  const empty2 = { path, there: node !== void 0, action: void 0, limits: [], checks: [], odd: [], shadow: false };
  if (node === void 0) return empty2;
  if (!isObject(node)) return { ...empty2, odd: [{ path, node, value: plain(node) }] };
  const odd = oddMembers(node, path);
  const fits = (key) => get(node, key) && KNOWN[key](get(node, key)) ? get(node, key) : void 0;
  const rate = fits("rate_limit");
  return {
    ...empty2,
    action: get(node, "action") === void 0 ? "allow" : fits("action")?.value,
    reason: fits("reason")?.value,
    limits: elements(get(node, "limits"), [...path, "limits"], isLimit, odd),
    rateLimit: rate && { node: rate, path: [...path, "rate_limit"], value: plain(rate) },
    checks: checksOf(node, path, odd),
    approval: fits("approval") && plain(fits("approval")),
    shadow: fits("mode")?.value === "shadow",
    odd
  };
};

// web/workbench/policy/standing.js
var hideItems = (root) => {
  const list4 = nodeAt(root, ["hide"]);
  if (!isArray(list4)) return [];
  return list4.items.flatMap((item, index) => item.type === "string" ? [{ pattern: item.value, path: ["hide", index] }] : []);
};
var toolEntries = (root) => {
  const tools2 = nodeAt(root, ["tools"]);
  return isObject(tools2) ? tools2.members.map(({ key }) => ({ pattern: key, path: ["tools", key] })) : [];
};
var known2 = /* @__PURE__ */ new WeakMap();
var knownOf = (root) => {
  if (!known2.has(root))
    known2.set(root, { patterns: [...hideItems(root), ...toolEntries(root)], standings: /* @__PURE__ */ new Map(), decided: /* @__PURE__ */ new WeakMap() });
  return known2.get(root);
};
var patternsOf = (root) => knownOf(root).patterns;
var closest = (patterns2) => patterns2.reduce((best, one) => best && literals(best.pattern) >= literals(one.pattern) ? best : one, void 0);
var entryFor = (root, name) => {
  const all2 = patternsOf(root);
  const exact = all2.filter(({ pattern }) => !isGlob(pattern) && pattern === name);
  const own = exact.find(({ path }) => path[0] === "tools") ?? exact[0];
  return own ?? closest(all2.filter(({ pattern }) => isGlob(pattern) && matches(pattern, name)));
};
var standingOf = (root, tool) => {
  const { standings } = knownOf(root);
  const key = JSON.stringify([tool.name, tool.class]);
  if (!standings.has(key)) standings.set(key, findStanding(root, tool));
  return standings.get(key);
};
var findStanding = (root, tool) => {
  const entry = entryFor(root, tool.name);
  if (entry?.path[0] === "hide") return { by: isGlob(entry.pattern) ? "pattern" : "hide", ...entry, action: "hide" };
  if (entry) return { by: isGlob(entry.pattern) ? "pattern" : "own", ...entry, action: readRule(root, entry.path).action };
  const byClass = ["classes", tool.class];
  if (nodeAt(root, byClass)) return { by: "class", path: byClass, action: readRule(root, byClass).action };
  return { by: "default", path: ["default"], action: memberOf(root, "default")?.value.value };
};
var group = (root, tools2) => {
  const found = /* @__PURE__ */ new Map();
  for (const tool of tools2) {
    const pointer = format(standingOf(root, tool).path);
    found.set(pointer, [...found.get(pointer) ?? [], tool]);
  }
  return found;
};
var decidedBy = (root, path, tools2) => {
  const { decided } = knownOf(root);
  if (!decided.has(tools2)) decided.set(tools2, group(root, tools2));
  return decided.get(tools2).get(format(path)) ?? [];
};

// web/workbench/policy/edits.js
var DOCUMENT_ORDER = ["version", "default", "description", "hide", "tools", "classes", "all_tools", "tests"];
var CLASS_ORDER = ["read", "write", "execute", "destructive", "financial"];
var CHECK_ORDER = ["name", "conditions", "on_deny"];
var EMPTY = '{\n  "version": "1",\n  "default": "deny"\n}\n';
var has = (text, path) => nodeAt(parse(text), path) !== void 0;
var orderAt = (path) => {
  if (path.length === 0) return DOCUMENT_ORDER;
  if (path.length === 1 && path[0] === "classes") return CLASS_ORDER;
  if (path.at(-1) === "approval") return APPROVAL_ORDER;
  if (path.at(-1) === "rate_limit" || path.at(-2) === "limits") return LIMIT_ORDER;
  if (["require", "deny_if", "approve_if"].includes(path.at(-2))) return CHECK_ORDER;
  if (path[0] === "all_tools" || path.length === 2) return RULE_ORDER;
  return [];
};
var goesOverLines = (path) => path.length < 2 && path[0] !== "all_tools";
var set = (text, path, value) => {
  const holder = path.slice(0, -1);
  return setMember(text, path, value, { order: orderAt(holder), lines: goesOverLines(holder) });
};
var ensure = (text, path, value) => has(text, path) ? text : set(text, path, value);
var ensureObject = (text, path) => path.reduce((result, _, index) => ensure(result, path.slice(0, index + 1), {}), text);
var setDefault = (text, action) => set(text, ["default"], action);
var setText = (text, path, value) => {
  if (value === "") return removeAt(text, path);
  return set(ensureObject(text, path.slice(0, -1)), path, value);
};
var ruleOf = (action) => action === "allow" ? {} : inline({ action });
var setAction = (text, path, action) => {
  const node = nodeAt(parse(text), path);
  if (!isObject(node)) throw new NoPlace("the rule is not an object");
  const said = memberOf(node, "action")?.value;
  if (said?.value === action) return text;
  if (action === "allow") return said ? removeAt(text, [...path, "action"]) : text;
  return set(text, [...path, "action"], action);
};
var hiddenAt = (text, pattern) => {
  const list4 = nodeAt(parse(text), ["hide"]);
  return isArray(list4) ? list4.items.findIndex((item) => item.type === "string" && item.value === pattern) : -1;
};
var clearTool = (text, pattern) => {
  const shown2 = removeAndPrune(text, ["tools", pattern], 1);
  const index = hiddenAt(shown2, pattern);
  return index < 0 ? shown2 : removeAndPrune(shown2, ["hide", index], 1);
};
var setTool = (text, pattern, action) => {
  if (has(text, ["tools", pattern])) return setAction(text, ["tools", pattern], action);
  const index = hiddenAt(text, pattern);
  if (index >= 0 && action === "hide") return text;
  const shown2 = index < 0 ? text : removeAndPrune(text, ["hide", index], 1);
  return set(ensure(shown2, ["tools"], {}), ["tools", pattern], ruleOf(action));
};
var ownTool = (text, tool) => {
  if (has(text, ["tools", tool.name])) return text;
  const { action } = standingOf(parse(text), tool);
  return setTool(text, tool.name, action ?? "deny");
};
var setClass = (text, riskClass, action) => {
  const path = ["classes", riskClass];
  if (has(text, path)) return setAction(text, path, action);
  return set(ensure(text, ["classes"], {}), path, ruleOf(action));
};
var clearClass = (text, riskClass) => removeAndPrune(text, ["classes", riskClass], 1);
var setTools = (text, names2, action) => {
  if (action === "") return names2.reduce(clearTool, text);
  const isKnown = (name) => has(text, ["tools", name]) || hiddenAt(text, name) >= 0;
  const changed = names2.filter(isKnown).reduce((result, name) => setTool(result, name, action), text);
  const added = names2.filter((name) => !isKnown(name)).map((name) => [name, ruleOf(action)]);
  return added.length === 0 ? changed : appendMembers(ensure(changed, ["tools"], {}), ["tools"], added);
};
var nameOfRule = (path) => String(path.at(-1)).replace(/\*+|\?/g, "").replace(/[^A-Za-z0-9_.:-]+/g, "_").replace(/^_+|_+$/g, "") || "any";
var countersOf = (text) => {
  const found = /* @__PURE__ */ new Set();
  const walk2 = (value) => {
    if (value === null || typeof value !== "object") return;
    if (typeof value.counter === "string") found.add(value.counter);
    Object.values(value).forEach(walk2);
  };
  const { tests: tests2, ...rules2 } = plain(parse(text));
  walk2(rules2);
  return found;
};
var unused = (text, wanted) => {
  const used = countersOf(text);
  if (!used.has(wanted)) return wanted;
  let number = 2;
  while (used.has(`${wanted}_${number}`)) number += 1;
  return `${wanted}_${number}`;
};
var counterFor = (text, rulePath, window) => {
  const first = !isArray(nodeAt(parse(text), [...rulePath, "limits"]));
  const wanted = `${nameOfRule(rulePath).slice(0, 110)}_${first ? "rate" : window}`;
  return unused(text, wanted);
};
var addLimit = (text, rulePath) => {
  const limit = inline({ counter: counterFor(text, rulePath, "minute"), window: "minute", max: 30, scope: "grant" });
  return appendTo(text, [...rulePath, "limits"], limit);
};
var appendTo = (text, path, value) => {
  const ready = ensureObject(text, path.slice(0, -1));
  return has(ready, path) ? append(ready, path, value) : set(ready, path, [value]);
};
var setField = (text, path, value) => value === void 0 ? removeAt(text, path) : set(text, path, raw(value));
var setWindow = (text, path, value) => {
  const limit = plain(nodeAt(parse(text), path));
  const changed = setField(text, [...path, "window"], value);
  const byWindow = `${nameOfRule(path.slice(0, -2)).slice(0, 110)}_${limit.window}`;
  if (limit.counter !== byWindow) return changed;
  const window = JSON.parse(value);
  return setField(changed, [...path, "counter"], JSON.stringify(unused(text, `${byWindow.slice(0, -`${limit.window}`.length)}${window}`)));
};
var removeElement = (text, path) => removeAndPrune(text, path, path[0] === "all_tools" ? 2 : 1);
var addCheck = (text, rulePath, list4, condition2) => appendTo(text, [...rulePath, list4], inline({ conditions: [condition2] }));
var moveCheck = (text, path, list4) => {
  const node = nodeAt(parse(text), path);
  if (!node || path.at(-2) === list4) return text;
  const written2 = raw(text.slice(node.from, node.to));
  return appendTo(removeAndPrune(text, path, 1), [...path.slice(0, -2), list4], written2);
};
var addCondition = (text, checkPath, condition2) => {
  const path = [...checkPath, "conditions"];
  const node = nodeAt(parse(text), path);
  if (!isArray(node)) throw new NoPlace("the check has no conditions");
  const written2 = node.items.map((item) => raw(text.slice(item.from, item.to)));
  const oneLine = !text.slice(node.from, node.to).includes("\n");
  return oneLine ? replaceAt(text, path, inline([...written2, condition2])) : append(text, path, inline(condition2));
};
var removeCondition = (text, path) => {
  const check = path.slice(0, -2);
  const conditions = nodeAt(parse(text), path.slice(0, -1));
  return isArray(conditions) && conditions.items.length > 1 ? removeAt(text, path) : removeElement(text, check);
};
var setApproval = (text, rulePath, key, value) => {
  const path = [...rulePath, "approval", key];
  if (value === void 0) return removeAndPrune(text, path, 1);
  if (has(text, path.slice(0, -1))) return set(text, path, inline(value));
  return set(text, path.slice(0, -1), inline({ [key]: value }));
};
var setShadow = (text, rulePath, shadow) => {
  const path = [...rulePath, "mode"];
  return shadow ? set(ensureObject(text, rulePath), path, "shadow") : removeAndPrune(text, path, rulePath[0] === "all_tools" ? 1 : 0);
};
var verbatim = (text, node) => {
  if (isObject(node)) return Object.fromEntries(node.members.map(({ key, value }) => [key, verbatim(text, value)]));
  if (isArray(node)) return node.items.map((item) => verbatim(text, item));
  return raw(text.slice(node.from, node.to));
};
var addTest = (text, test) => {
  const { calls, ...rest } = verbatim(test, parse(test));
  const members = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, inline(value)]));
  return appendTo(text, ["tests"], Array.isArray(calls) ? { ...members, calls: calls.map(inline) } : members);
};
var canBePattern = (text, pattern) => pattern.trim() !== "" && !has(text, ["tools", pattern]) && !(isGlob(pattern) && hiddenAt(text, pattern) >= 0);

// web/workbench/policy/values.js
var NUMBER2 = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
var wants = (op) => OPERATORS.find(([one]) => one === op)?.[2] ?? "any";
var isPlainItem = (item) => typeof item === "string" && item !== "" && item.trim() === item && !item.includes(",");
var kindOf = (op, value) => {
  const wanted = wants(op);
  if (wanted === "number") return typeof value === "number" ? "number" : "json";
  if (wanted === "text") return typeof value === "string" ? "text" : "json";
  if (wanted === "list") return Array.isArray(value) && value.every(isPlainItem) ? "list" : "json";
  if (wanted === "networks") return typeof value === "string" || Array.isArray(value) && value.every(isPlainItem) ? "list" : "json";
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "bool";
  return typeof value === "number" ? "number" : "json";
};
var shown = (kind, value, written2) => {
  if (kind === "text") return value;
  if (kind === "list") return [value].flat().join(", ");
  return kind === "json" || kind === "number" ? written2 : String(value);
};
var splitList = (typed) => typed.split(",").map((item) => item.trim()).filter((item) => item !== "");
var meant = (op, kind, typed) => {
  if (kind === "text") return { json: JSON.stringify(typed) };
  if (kind === "number") return NUMBER2.test(typed.trim()) ? { json: typed.trim() } : { problem: "This has to be a number." };
  if (kind === "bool") return { json: typed === "true" ? "true" : "false" };
  if (kind === "list") return list(op, splitList(typed));
  try {
    JSON.parse(typed);
    return { json: typed.trim() };
  } catch {
    return { problem: "This has to be JSON: texts in quotes, lists in brackets." };
  }
};
var list = (op, items) => {
  if (items.length === 0) return { problem: "Name at least one." };
  const single = wants(op) === "networks" && items.length === 1;
  return { json: single ? JSON.stringify(items[0]) : `[${items.map((item) => JSON.stringify(item)).join(", ")}]` };
};
var asNumber = (value) => {
  const [first] = [value].flat();
  if (typeof first === "number") return String(first);
  return typeof first === "string" && NUMBER2.test(first) ? first : "0";
};
var asText = (value) => {
  const [first] = [value].flat();
  return typeof first === "string" ? first : first === void 0 || first === null ? "" : JSON.stringify(first);
};
var converted = (op, value, written2) => {
  const wanted = wants(op);
  if (wanted === "number") return typeof value === "number" ? written2 : asNumber(value);
  if (wanted === "text") return JSON.stringify(asText(value));
  if (wanted === "list") return Array.isArray(value) ? written2 : `[${written2}]`;
  if (wanted === "networks") return typeof value === "string" || Array.isArray(value) ? written2 : '"10.0.0.0/8"';
  if (wanted === "bool") return typeof value === "boolean" ? written2 : "true";
  return Array.isArray(value) && value.length > 0 ? JSON.stringify(value[0]) : written2;
};
var asKind = (kind, value, written2) => {
  if (kind === "number") return typeof value === "number" ? written2 : asNumber(value);
  if (kind === "bool") return JSON.stringify(value === true || value === "true");
  return kind === "text" ? JSON.stringify(asText(value)) : written2;
};
var firstCondition = (paths) => {
  const [path] = [
    ...paths.filter(({ type }) => type === "number" || type === "integer"),
    ...paths.filter(({ type }) => type !== "object"),
    ...paths
  ];
  if (!path) return { path: "args.name", op: "eq", value: "" };
  return conditionFor(path);
};
var conditionFor = ({ path, type, schema }) => {
  if (type === "number" || type === "integer") return { path, op: "gt", value: 100 };
  if (type === "boolean") return { path, op: "eq", value: true };
  if (type === "array") return { path, op: "len_gte", value: 10 };
  if (type === "object") return { path, op: "exists", value: true };
  return { path, op: "eq", value: Array.isArray(schema?.enum) ? schema.enum.find((one) => typeof one === "string") ?? "" : "" };
};

// web/workbench/builder/parts.js
var doing = (act, path, more3 = {}) => ({ "data-do": act, "data-at": format(path), ...more3 });
var button = (label, act, path, more3 = {}) => h("button", { type: "button", class: "button s", id: idOf(path, act), ...doing(act, path), ...more3 }, label);
var toJson = (path, label = "Show in JSON", name = void 0) => button(label, "goto", path, { class: "link-button small", "aria-label": name });
var choose = (label, act, path, value, options2, more3 = {}) => {
  const option = ([one, words]) => h("option", { value: one, selected: one === value }, words);
  const all2 = options2.map((one) => Array.isArray(one) ? option(one) : h("optgroup", { label: one.group }, one.options.map(option)));
  return h("select", { class: "wb-input", "aria-label": label, id: idOf(path, act), value, ...doing(act, path), ...more3 }, all2);
};
var write2 = (ui, label, act, path, value, more3 = {}) => {
  const id = idOf(path, act);
  const bad = ui.bad?.id === id ? ui.bad.message : void 0;
  const input2 = h("input", {
    type: "text",
    class: "wb-input",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": label,
    id,
    value,
    "aria-invalid": bad && "true",
    "aria-describedby": bad && `${id}-bad`,
    ...doing(act, path),
    ...more3
  });
  return bad ? [input2, h("span", { class: "error wb-bad", id: `${id}-bad` }, bad)] : [input2];
};
var tick = (label, act, path, checked, more3 = {}) => {
  const id = idOf(path, act);
  return h(
    "span",
    { class: "choice" },
    h("input", { type: "checkbox", id, checked, ...doing(act, path), ...more3 }),
    h("label", { for: id }, label)
  );
};
var strip = (label, act, path, value, options2, more3 = []) => h(
  "div",
  { class: "wb-strip", role: "radiogroup", "aria-label": label },
  options2.map(([one, words, extra = {}]) => {
    const id = idOf(path, `${act}-${one}`);
    const name = idOf(path, act);
    return [
      h("input", { type: "radio", id, name, value: one, checked: one === value, ...doing(act, path), ...extra }),
      h("label", { for: id, "data-value": one }, words)
    ];
  }),
  more3
);
var SIGNS = { read: "○", write: "◐", execute: "▶", destructive: "✕", financial: "¤" };
var badge = (riskClass) => h(
  "span",
  { class: `badge ${riskClass}` },
  h("span", { "aria-hidden": "true" }, SIGNS[riskClass] ?? ""),
  `${riskClass[0].toUpperCase()}${riskClass.slice(1)}`
);

// web/workbench/builder/checks.js
var operatorOptions = OPERATORS.flatMap(
  ([op, words]) => op === "exists" ? [
    ["exists", "is given"],
    ["exists-not", "is not given"]
  ] : [[op, words]]
);
var pathOptions = (paths, path) => {
  const own = paths.map((one) => [one.path, one.type ? `${pathWord(one.path)} (${one.type})` : pathWord(one.path)]);
  const known3 = [...own, ...FACTS].some(([value]) => value === path);
  return [
    ...own.length > 0 ? [{ group: "Arguments", options: own }] : [],
    { group: "About the call", options: FACTS.map(([value, words]) => [value, words]) },
    ["", known3 ? "another path…" : "another path:"]
  ];
};
var isOffered = (paths, path) => paths.some((one) => one.path === path) || FACTS.some(([fact]) => fact === path);
var pathParts = (view, paths, path, value) => {
  const typed = view.ui.ownPaths.has(idOf(path, "path")) || !isOffered(paths, value.path);
  return [
    choose("What is looked at", "condition-path", path, typed ? "" : value.path, pathOptions(paths, value.path)),
    typed && write2(view.ui, "Path", "condition-other", path, value.path, { class: "wb-input mono", size: "16" })
  ];
};
var valueList = (paths, path) => paths.find((one) => one.path === path)?.schema?.enum?.filter((one) => typeof one === "string") ?? [];
var KINDS = [
  ["text", "text"],
  ["number", "number"],
  ["bool", "yes or no"],
  ["json", "JSON"]
];
var valueInput = (view, paths, path, value, written2) => {
  const kind = kindOf(value.op, value.value);
  if (kind === "bool")
    return choose("Value", "condition-value", path, String(value.value), [
      ["true", "true"],
      ["false", "false"]
    ]);
  const offered = kind === "text" ? valueList(paths, value.path) : [];
  const listId = idOf(path, "values");
  const hint = { list: "a, b, c", json: "JSON" }[kind];
  const attributes = { size: "12", list: offered.length > 0 && listId, placeholder: hint, "data-kind": kind };
  return [
    write2(view.ui, "Value", "condition-value", path, shown(kind, value.value, written2), attributes),
    offered.length > 0 && h(
      "datalist",
      { id: listId },
      offered.map((one) => h("option", { value: one }))
    )
  ];
};
var valueParts = (view, paths, path, node, value) => {
  if (value.op === "exists" && typeof value.value === "boolean") return [];
  const at = memberOf(node, "value").value;
  const written2 = view.text.slice(at.from, at.to);
  const kind = kindOf(value.op, value.value);
  return [
    valueInput(view, paths, path, value, written2),
    wants(value.op) === "any" && choose("Kind of value", "condition-kind", path, kind, KINDS, { class: "wb-input wb-kind" })
  ];
};
var operatorOf = ({ op, value }) => op === "exists" && value === false ? "exists-not" : op;
var condition = (view, paths, path, value, first) => {
  const node = nodeAt(view.root, path);
  return h(
    "span",
    { class: "wb-sentence", "data-key": idOf(path, "condition") },
    !first && h("span", { class: "wb-and" }, "and "),
    pathParts(view, paths, path, value),
    choose("How", "condition-op", path, operatorOf(value), operatorOptions),
    valueParts(view, paths, path, node, value),
    !first && button("×", "condition-remove", path, { class: "button s quiet wb-x", "aria-label": `Remove “and ${conditionWords(value)}”` })
  );
};
var more = (view, { path, value, list: list4 }) => h(
  "details",
  { class: "wb-more", "data-key": idOf(path, "more") },
  h("summary", {}, "More"),
  h(
    "div",
    { class: "wb-grid" },
    labelled(
      list4 === "approve_if" ? "Told to whoever asks" : "Told to the caller",
      write2(view.ui, "Told to the caller", "check-text", [...path, "on_deny"], value.on_deny ?? "", { maxlength: "500" })
    ),
    labelled("Name of this rule", write2(view.ui, "Name of this rule", "check-text", [...path, "name"], value.name ?? ""))
  )
);
var labelled = (label, control) => h("div", { class: "wb-labelled" }, h("span", { "aria-hidden": "true" }, label), control);
var checkRow = (view, check, paths) => {
  const { path, value, list: list4 } = check;
  const words = checkWords(list4, value);
  return h(
    "li",
    { class: "wb-item", "data-key": idOf(path, "check"), "data-hit": view.isHit(path) },
    h(
      "div",
      { class: "wb-line" },
      h(
        "span",
        { class: "wb-sentence" },
        choose("Consequence", "check-list", path, list4, CONSEQUENCES),
        value.conditions.length === 0 && "(every call: it has no condition)",
        value.conditions.map((one, index) => condition(view, paths, [...path, "conditions", index], one, index === 0))
      ),
      h(
        "span",
        { class: "wb-end" },
        button("And…", "condition-add", path, { class: "button s quiet", "aria-label": `And… another condition in “${words}”` }),
        toJson(path, "JSON", `JSON of “${words}”`),
        button("Remove", "remove", path, { class: "button s quiet", "aria-label": `Remove “${words}”` })
      )
    ),
    more(view, check)
  );
};

// web/workbench/builder/limits.js
var rawOf = (text, node, key) => {
  const value = memberOf(node, key)?.value;
  return value ? text.slice(value.from, value.to) : "";
};
var windowOptions = [...WINDOWS.map((window) => [window, window]), ["seconds", "seconds"]];
var amountOptions = (paths, amount) => {
  const numbers = paths.filter(({ type }) => type === "number" || type === "integer").map(({ path }) => [path, `the sum of ${pathWord(path)}`]);
  const known3 = amount === void 0 || numbers.some(([path]) => path === amount);
  return [["", "calls"], ...numbers, ...known3 ? [] : [[amount, `the sum of ${pathWord(amount)}`]]];
};
var windowParts = (ui, { path, value }) => {
  const counted = typeof value.window === "number";
  return [
    counted && write2(ui, "Seconds", "limit-seconds", path, String(value.window), { inputmode: "numeric", size: "7" }),
    choose("Window", "limit-window", path, counted ? "seconds" : value.window, windowOptions)
  ];
};
var sentence = (view, limit) => {
  const { path, node, value } = limit;
  const counted = typeof value.window === "number";
  return h(
    "span",
    { class: "wb-sentence" },
    "At most ",
    write2(view.ui, "At most", "limit-max", path, rawOf(view.text, node, "max"), { inputmode: "decimal", size: "6" }),
    value.amount !== void 0 && `of ${pathWord(value.amount)} `,
    counted ? " in " : value.window === "hour" ? " an " : " a ",
    windowParts(view.ui, limit),
    choose("Counted", "limit-scope", path, value.scope ?? "grant", SCOPES)
  );
};
var more2 = (view, { path, value }, paths) => h(
  "details",
  { class: "wb-more", "data-key": idOf(path, "more") },
  h("summary", {}, "More"),
  h(
    "div",
    { class: "wb-grid" },
    labelled2("What is counted", choose("What is counted", "limit-amount", path, value.amount ?? "", amountOptions(paths, value.amount))),
    labelled2(
      "Which calls",
      choose("Which calls", "limit-count", path, value.count ?? "attempts", [
        ["attempts", "all calls"],
        ["successes", "failed calls are not counted"]
      ])
    ),
    labelled2(
      "How the window moves",
      choose("How the window moves", "limit-align", path, value.align ?? (value.window === "month" ? "calendar" : "sliding"), [
        ["sliding", "sliding: any such stretch of time"],
        ["calendar", "by the calendar, in UTC"]
      ])
    ),
    labelled2(
      "When the counters cannot be reached",
      choose("When the counters cannot be reached", "limit-away", path, value.on_unavailable ?? "deny", [
        ["deny", "refuse"],
        ["allow", "let pass"]
      ])
    ),
    labelled2("Counter", write2(view.ui, "Counter", "limit-counter", path, value.counter ?? "", { placeholder: "by pattern and window" }))
  ),
  h("p", { class: "hint" }, "Limits with the same counter, window and scope share one count, also across tools.")
);
var labelled2 = (label, control) => h("div", { class: "wb-labelled" }, h("span", { "aria-hidden": "true" }, label), control);
var limitRow = (view, limit, paths) => h(
  "li",
  { class: "wb-item", "data-key": idOf(limit.path, "limit"), "data-hit": view.isHit(limit.path) },
  h(
    "div",
    { class: "wb-line" },
    sentence(view, limit),
    h(
      "span",
      { class: "wb-end" },
      toJson(limit.path, "JSON", `JSON of the limit “${limitWords(limit.value)}”`),
      button("Remove", "remove", limit.path, { class: "button s quiet", "aria-label": `Remove the limit “${limitWords(limit.value)}”` })
    )
  ),
  more2(view, limit, paths)
);
var rateRow = (view, limit) => h(
  "li",
  { class: "wb-item", "data-key": idOf(limit.path, "rate"), "data-hit": view.isHit(limit.path) },
  h(
    "div",
    { class: "wb-line" },
    sentence(view, limit),
    h(
      "span",
      { class: "wb-end" },
      toJson(limit.path, "JSON", "JSON of the rate limit"),
      button("Remove", "remove", limit.path, { class: "button s quiet", "aria-label": "Remove the rate limit" })
    )
  )
);

// web/workbench/builder/rule.js
var placeWords = (path) => path.slice(-2).filter((step2, index, both) => index === both.length - 1 || typeof both[1] === "number").map((step2) => typeof step2 === "number" ? step2 + 1 : step2).join(" ");
var oddRow = ({ path, value }) => {
  const text = JSON.stringify(value);
  return h(
    "li",
    { class: "wb-item wb-odd", "data-key": idOf(path, "odd") },
    h(
      "span",
      {},
      "Something these rows cannot show: ",
      h("code", {}, `${placeWords(path)}: ${text.length > 160 ? `${text.slice(0, 160)}…` : text}`)
    ),
    " ",
    toJson(path, "Edit in JSON", `Edit in JSON: ${path.join(" ")}`)
  );
};
var list2 = (label, rows) => rows.length > 0 && h("ul", { class: "wb-items", "aria-label": label }, rows);
var approvers = (view, path, value) => {
  const team = value.approvers?.team;
  return [
    choose("Who may approve", "approval-who", path, team === void 0 ? value.approvers ?? "admin" : "team", [
      ["admin", "an admin"],
      ["policy_manager", "a policy manager"],
      ["team", "a member of the team"]
    ]),
    team !== void 0 && write2(view.ui, "Team", "approval-team", path, team, { size: "12", placeholder: "team" })
  ];
};
var approval = (view, rule) => {
  const value = rule.approval ?? {};
  const [amount, unit2] = duration(value.timeout ?? 1800);
  const { path } = rule;
  return h(
    "div",
    { class: "wb-line wb-approval", "data-key": idOf(path, "approval") },
    h(
      "span",
      { class: "wb-sentence" },
      "Approved by ",
      approvers(view, path, value),
      " within ",
      write2(view.ui, "Time to approve", "approval-timeout", path, String(amount), { inputmode: "numeric", size: "4", "data-unit": unit2 }),
      choose(
        "Unit of the time",
        "approval-unit",
        path,
        unit2,
        DURATIONS.map(([one]) => [one, one])
      )
    ),
    tick("The one who asks may approve too", "approval-self", path, value.self === true)
  );
};
var needsApprovalTerms = (rule) => rule.action === "require_approval" || rule.approval || rule.checks.some(({ list: name }) => name === "approve_if");
var adders = ({ path }) => h("div", { class: "row" }, button("Add a limit", "limit-add", path), button("Add an argument rule", "check-add", path));
var reason = (view, { path, reason: text }) => h(
  "div",
  { class: "wb-labelled" },
  h("label", { for: idOf([...path, "reason"], "text") }, "Told to the caller with a refusal"),
  h("div", {}, write2(view.ui, void 0, "text", [...path, "reason"], text ?? "", { maxlength: "500" }))
);
var ruleBody = (view, rule, paths) => {
  const blocked = rule.action === "deny" || rule.action === "hide";
  const isForAll = rule.path[0] === "all_tools";
  const usable = rule.odd.every(({ path }) => path.length > rule.path.length);
  const limits2 = [...rule.limits.map((limit) => limitRow(view, limit, paths)), ...rule.rateLimit ? [rateRow(view, rule.rateLimit)] : []];
  return h(
    "div",
    { class: "wb-rule", "data-key": idOf(rule.path, "body") },
    list2("Limits", limits2),
    limits2.length > 0 && togetherWords(rule.path) && h("p", { class: "hint" }, `These limits count ${togetherWords(rule.path)}.`),
    list2(
      "Argument rules",
      rule.checks.map((check) => checkRow(view, check, paths))
    ),
    list2("Shown as JSON only", rule.odd.map(oddRow)),
    blocked && h("p", { class: "hint" }, `What is ${doneWord(rule.action)} needs no limits.`),
    usable && !blocked && adders(rule),
    usable && needsApprovalTerms(rule) && approval(view, rule),
    usable && rule.there && !isForAll && reason(view, rule),
    usable && rule.there && tick("Watch only (shadow): record what it would refuse, and let it pass", "shadow", rule.path, rule.shadow)
  );
};
var limitsOf = (rule) => [...rule.limits, ...rule.rateLimit ? [rule.rateLimit] : []];
var ruleWords = (rule) => [
  ...limitsOf(rule).map(({ value }) => [limitWords(value), togetherWords(rule.path)].filter(Boolean).join(", ")),
  ...rule.checks.map(({ list: name, value }) => checkWords(name, value)),
  ...rule.shadow ? ["watched only"] : []
];

// web/workbench/builder/visible.js
var HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\u2028\u2029\u115f\u1160\u3164\uffa0]/gu;
var spelled = (character) => `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
var visible = (text) => String(text).replace(HIDDEN, spelled);
var visibleLines = (text) => String(text).split("\n").map(visible).join("\n");

// web/workbench/builder/rows.js
var options = CHOICES.map(({ value, label }) => [value, label]);
var ruleAt = (view, path) => path[0] === "hide" ? { ...readRule(view.root, path), action: "hide", odd: [] } : readRule(view.root, path);
var actionStrip = (name, act, path, rule, own) => {
  const custom = own && rule.odd.length > 0;
  const chosen = custom ? "custom" : rule.action;
  const all2 = custom ? [...options, ["custom", "Custom"]] : options;
  const asJson3 = button("Custom", "custom", path, { class: "wb-strip-button", "aria-label": `Custom: write the rule of ${name} as JSON` });
  return strip(name, act, path, own ? chosen : void 0, all2, custom ? [] : [asJson3]);
};
var coveredBy = (standing, tool) => ({
  own: "by its own rule",
  hide: "by the list “hide”",
  pattern: `by pattern ${standing.pattern}`,
  class: `by class ${tool.class}`,
  default: "by default"
})[standing.by];
var sumUp = (tool, standing, words) => {
  const parts = [`${doneWord(standing.action)} ${coveredBy(standing, tool)}`, ...words];
  return capital(parts.join(" · "));
};
var isOwn = (standing) => standing.by === "own" || standing.by === "hide";
var links = (name, path) => [
  toJson(path, "JSON", `Show in JSON: ${name}`),
  button("Clear", "clear", path, { class: "link-button small", "aria-label": `Clear the rule of ${name}` })
];
var breakable = (name) => visible(name).split(/(?<=_)/).flatMap((part, index) => index === 0 ? [part] : [h("wbr"), part]);
var lines = (head, controls, choice, action, words) => [
  h("div", { class: "wb-head" }, head, h("div", { class: "wb-foot" }, controls)),
  h("div", { class: "wb-under" }, choice, h("p", { class: "wb-why small", "data-action": action }, words))
];
var foot = (view, name, path, own) => {
  const open = view.ui.open.has(idOf(path, "rule"));
  const toggle2 = button("Limits and rules", "open", path, {
    class: "button s quiet wb-open",
    "aria-expanded": String(open),
    "aria-label": `Limits and rules of ${name}`
  });
  return [toggle2, own && links(name, path)];
};
var capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;
var about = (tool) => [
  tool.description && h("p", { class: "wb-about small" }, visibleLines(tool.description)),
  h("p", { class: "small soft" }, (tool.evidence ?? []).length > 0 && `${capital(tool.class)}: ${tool.evidence.join(" ")}`)
];
var isHit = (view, path, open) => open ? view.isHitItself(path) : view.isHit(path);
var unownedHint = (tool) => h("p", { class: "hint" }, `To give ${tool.name} limits and rules of its own, choose Allow or Ask.`);
var toolRow = (view, tool) => {
  const standing = standingOf(view.root, tool);
  const own = isOwn(standing);
  const path = ["tools", tool.name];
  const open = view.ui.open.has(idOf(path, "rule"));
  const key = idOf(path, "row");
  const node = nodeAt(view.root, standing.path);
  const written2 = node ? view.text.slice(node.from, node.to) : "";
  const state = JSON.stringify([standing, written2, view.ui.selected.has(tool.name), view.isHit(standing.path)]);
  if (!open && view.isDrawn(key, state)) return h("li", { "data-key": key, "data-same": true });
  const rule = ruleAt(view, standing.by === "default" ? path : standing.path);
  return h(
    "li",
    { class: "wb-row", "data-key": key, "data-hit": own && isHit(view, standing.path, open) },
    lines(
      [
        tick(h("span", { class: "visually-hidden" }, `Select ${tool.name}`), "select", path, view.ui.selected.has(tool.name)),
        h(
          "div",
          { class: "wb-name" },
          h("code", {}, breakable(tool.name)),
          badge(tool.class),
          tool.title && tool.title !== tool.name && h("span", { class: "small soft" }, visible(tool.title))
        )
      ],
      foot(view, tool.name, path, own),
      actionStrip(tool.name, "tool", path, rule, own),
      standing.action ?? "custom",
      sumUp(tool, standing, open ? [] : ruleWords(rule))
    ),
    open && h(
      "div",
      { class: "wb-body" },
      about(tool),
      own && standing.by !== "hide" ? ruleBody(view, rule, pathsOf(tool.schema)) : unownedHint(tool)
    )
  );
};
var pathsOfAll = (tools2) => {
  const found = /* @__PURE__ */ new Map();
  for (const one of tools2.flatMap((tool) => pathsOf(tool.schema))) if (!found.has(one.path)) found.set(one.path, one);
  return [...found.values()];
};
var names = (tools2) => {
  if (tools2.length === 0) return "no tool of this server";
  const shown2 = tools2.slice(0, 4).map(({ name }) => name).join(", ");
  return tools2.length > 4 ? `${shown2} and ${tools2.length - 4} more` : shown2;
};
var ruleRow = (view, { name, act, path, covered, note, extra }) => {
  const rule = ruleAt(view, path);
  const isHidden = path[0] === "hide";
  const open = view.ui.open.has(idOf(path, "rule"));
  const words = open ? [] : ruleWords(rule);
  return h(
    "li",
    { class: "wb-row", "data-key": idOf(path, "row"), "data-hit": isHit(view, path, open) },
    lines(
      h("div", { class: "wb-name" }, extra ?? h("code", {}, breakable(name))),
      isHidden ? links(name, path) : foot(view, name, path, rule.there),
      actionStrip(name, act, path, rule, rule.there),
      rule.there ? rule.action ?? "custom" : "",
      [note, ...words].join(" · ")
    ),
    open && !isHidden && h(
      "div",
      { class: "wb-body" },
      rule.there ? ruleBody(view, rule, pathsOfAll(covered)) : h("p", { class: "hint" }, "Choose Allow or Ask to give it limits and rules.")
    )
  );
};
var patternRow = (view, { pattern, path }) => {
  const covered = decidedBy(view.root, path, view.tools);
  const matching = view.tools.filter((tool) => matches(pattern, tool.name));
  const unknown = !isGlob(pattern) && matching.length === 0;
  const note = unknown ? "The server has no tool of this name" : `For ${names(covered)}${matching.length > covered.length ? "; closer rules decide about the others it matches" : ""}`;
  return ruleRow(view, { name: pattern, act: "tool", path, covered, note });
};
var classRow = (view, riskClass) => {
  const path = ["classes", riskClass];
  const there = nodeAt(view.root, path) !== void 0;
  const all2 = view.tools.filter((tool) => tool.class === riskClass);
  const covered = there ? decidedBy(view.root, path, view.tools) : all2.filter((tool) => standingOf(view.root, tool).by === "default");
  const rest = all2.length > covered.length ? `, not for ${all2.length - covered.length} with closer rules` : "";
  const note = there ? `For ${names(covered)}${rest}` : `${all2.length === 0 ? "No tools of this class" : `${all2.length} of this class`}; no rule for it`;
  return ruleRow(view, { name: `class ${riskClass}`, act: "class", path, covered, note, extra: badge(riskClass) });
};
var everyCall = (view) => ruleBody(view, readRule(view.root, ["all_tools"]), pathsOfAll(view.tools));

// web/workbench/builder/view.js
var CLASSES = ["read", "write", "execute", "destructive", "financial"];
var section = (name, title, ...content) => sectionWith({}, name, title, ...content);
var sectionWith = (more3, name, title, ...content) => h(
  "section",
  { class: "wb-section", "aria-labelledby": `wb-${name}-head`, "data-key": `section-${name}`, ...more3 },
  h("h2", { id: `wb-${name}-head` }, title),
  content
);
var wrongShape = (path, what) => h("p", { class: "notice warn" }, `${format(path)} is not ${what}, so it cannot be shown here. `, toJson(path, "Mend it in the JSON"));
var guarded = (root, path, isRight, what, content) => {
  const node = nodeAt(root, path);
  return node !== void 0 && !isRight(node) ? wrongShape(path, what) : content();
};
var defaults = (view) => {
  const said = nodeAt(view.root, ["default"])?.value;
  return sectionWith(
    { "data-hit": view.isHit(["default"]) },
    "default",
    "Tools that no rule names",
    strip("Tools that no rule names", "default", ["default"], view.isEmpty ? void 0 : said, [
      ["deny", "Deny"],
      ["allow", "Allow"]
    ]),
    h(
      "p",
      { class: "hint" },
      said === "allow" ? "Every tool may be called, unless a rule says otherwise. New tools of the server too." : "Only what a rule allows may be called. New tools of the server stay closed."
    )
  );
};
var shownTools = ({ tools: tools2, ui, root }) => {
  const words = ui.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const text = (tool) => `${tool.name} ${tool.title ?? ""} ${tool.description ?? ""}`.toLowerCase();
  const stands = (tool) => ui.standing === "" || root && standingOf(root, tool).action === ui.standing;
  return tools2.filter(
    (tool) => (ui.class === "" || tool.class === ui.class) && stands(tool) && words.every((word) => text(tool).includes(word))
  );
};
var bulkTools = (view) => {
  const chosen = view.tools.filter((tool) => view.ui.selected.has(tool.name));
  return chosen.length > 0 ? { tools: chosen, selected: true } : { tools: shownTools(view), selected: false };
};
var count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
var filters = (view) => {
  const { ui } = view;
  return h(
    "div",
    { class: "wb-filters" },
    write2(ui, "Filter tools", "filter", ["filter"], ui.filter, { type: "search", placeholder: "Filter tools", size: "14" }),
    choose("Risk", "filter-class", ["filter"], ui.class, [["", "every risk"], ...CLASSES.map((one) => [one, one])]),
    choose("State", "filter-standing", ["filter"], ui.standing, [["", "every state"], ...CHOICES.map(({ value, done }) => [value, done])])
  );
};
var bulk = (view) => {
  const { tools: tools2, selected } = bulkTools(view);
  const what = `the ${count(tools2.length, selected ? "selected tool" : "shown tool")}`;
  const set2 = ({ value, label }) => button(label, `bulk-${value}`, ["bulk"], { "aria-label": `${label} ${what}`, disabled: tools2.length === 0 });
  return h(
    "div",
    { class: "wb-bulk", role: "group", "aria-label": `For ${what}` },
    h("span", { class: "small" }, `For ${what}:`),
    CHOICES.map(set2),
    button("Clear", "bulk-clear", ["bulk"], { "aria-label": `Clear the own rules of ${what}`, disabled: tools2.length === 0 }),
    selected && button("Select none", "bulk-none", ["bulk"], { class: "link-button small" })
  );
};
var tools = (view) => {
  const shown2 = shownTools(view);
  const rows = () => [
    filters(view),
    bulk(view),
    h(
      "p",
      { class: "visually-hidden", "aria-live": "polite" },
      view.ui.filter || view.ui.class || view.ui.standing ? `${count(shown2.length, "tool")} shown` : ""
    ),
    shown2.length > 0 ? h(
      "ul",
      { class: "wb-rows" },
      shown2.map((tool) => toolRow(view, tool))
    ) : h(
      "p",
      { class: "hint" },
      view.tools.length === 0 ? "The server has not told its tools yet. Patterns and classes can be set already." : "No tool is left by the filter."
    )
  ];
  return section("tools", `Tools of the server (${view.tools.length})`, guarded(view.root, ["tools"], isObject, "an object", rows));
};
var isOther = (view) => ({ pattern }) => isGlob(pattern) || !view.tools.some(({ name }) => name === pattern);
var patterns = (view) => {
  const others = patternsOf(view.root).filter(isOther(view));
  return section(
    "patterns",
    "Patterns and other names",
    guarded(
      view.root,
      ["hide"],
      isArray,
      "a list",
      () => others.length > 0 && h(
        "ul",
        { class: "wb-rows" },
        others.map((one) => patternRow(view, one))
      )
    ),
    h(
      "div",
      { class: "wb-line" },
      write2(view.ui, "Pattern", "pattern-name", ["pattern"], view.ui.pattern, {
        placeholder: "delete_*",
        class: "wb-input mono",
        size: "16"
      }),
      button("Add a pattern", "pattern-add", ["pattern"])
    ),
    h(
      "p",
      { class: "hint" },
      "* stands for any run of characters, ? for one. An exact name beats a pattern, the longer pattern the shorter."
    )
  );
};
var classes = (view) => section(
  "classes",
  "By risk",
  h("p", { class: "hint" }, "For tools that no rule and no pattern above names."),
  guarded(
    view.root,
    ["classes"],
    isObject,
    "an object",
    () => h(
      "ul",
      { class: "wb-rows" },
      CLASSES.map((one) => classRow(view, one))
    )
  )
);
var testRow = (view, item, index) => {
  const path = ["tests", index];
  const name = nodeAt(item, ["name"])?.value ?? `Test ${index + 1}`;
  return h(
    "li",
    { class: "wb-item wb-line", "data-key": idOf(path, "test") },
    h("span", {}, String(name)),
    h(
      "span",
      { class: "wb-end" },
      toJson(path, "JSON", `JSON of the test “${name}”`),
      button("Remove", "test-remove", path, { class: "button s quiet", "aria-label": `Remove the test “${name}”` })
    )
  );
};
var tests = (view) => {
  const list4 = nodeAt(view.root, ["tests"]);
  const items = isArray(list4) ? list4.items : [];
  const rows = () => items.length > 0 ? h(
    "ul",
    { class: "wb-items" },
    items.map((item, index) => testRow(view, item, index))
  ) : h("p", { class: "hint" }, "None yet. A tried or recorded call can become one; a policy whose tests fail cannot be published.");
  return section("tests", `Tests (${items.length})`, guarded(view.root, ["tests"], isArray, "a list", rows));
};
var everything = (view) => section("every", "Every call", h("p", { class: "hint" }, "Added to what the rules above say, whatever the tool."), everyCall(view));
var description = (view) => section(
  "about",
  "Description",
  write2(view.ui, "Description of this policy, for people", "text", ["description"], nodeAt(view.root, ["description"])?.value ?? "", {
    class: "wb-input wb-wide",
    placeholder: "For people who read this policy"
  })
);
var broken = (view) => h(
  "div",
  { class: "notice warn", "data-key": "broken" },
  h(
    "p",
    {},
    h("strong", {}, "The JSON cannot be read"),
    ` at line ${view.fault.line}, column ${view.fault.column}: ${view.fault.message}. The rows show the last state that could; they wait until it is mended. Nothing is lost.`
  ),
  button("Show the place", "goto-fault", [])
);
var empty = () => h("p", { class: "notice", "data-key": "empty" }, "There is no text yet. What is set here begins one that denies everything else.");
var LOOKING = ["open", "goto", "goto-fault", "filter", "filter-class", "filter-standing"];
var lock = (node) => {
  for (const control of node.querySelectorAll("[data-do]")) {
    if (!LOOKING.includes(control.dataset.do)) control.disabled = true;
  }
  return node;
};
var sections = (view) => {
  if (!view.root) return [];
  if (!isObject(view.root)) return wrongShape([], "an object");
  return [defaults(view), tools(view), patterns(view), classes(view), everything(view), tests(view), description(view)];
};
var builder = (view) => {
  const whole = h("div", { class: "wb-builder" }, view.isEmpty && empty(), view.fault && broken(view), sections(view));
  return view.fault || !view.mayWrite ? lock(whole) : whole;
};

// web/workbench/builder/acts.js
var Unfit = class extends Error {
};
var need = (holds, message) => {
  if (!holds) throw new Unfit(message);
};
var written = (text, path) => {
  const node = nodeAt(parse(text), path);
  return text.slice(node.from, node.to);
};
var pathsFor = (view, path) => {
  const own = view.tools.filter((tool) => path[0] === "tools" && tool.name === path[1]);
  const ofClass = view.tools.filter((tool) => path[0] === "classes" && tool.class === path[1]);
  const tools2 = own.length > 0 ? own : path[0] === "classes" ? ofClass : view.tools;
  const found = new Map(tools2.flatMap((tool) => pathsOf(tool.schema)).map((one) => [one.path, one]));
  return [...found.values()];
};
var ruleOf2 = (path) => path[0] === "all_tools" ? path.slice(0, 1) : path.slice(0, 2);
var unit = (name) => DURATIONS.find(([one]) => one === name)[1];
var patternOf = (view, path) => path[0] === "hide" ? nodeAt(view.root, path)?.value : path[1];
var rules = {
  default: (view, path, { value }) => setDefault(view.text, value),
  tool: (view, path, { value }) => value === "custom" ? view.text : setTool(view.text, patternOf(view, path), value),
  class: (view, path, { value }) => value === "custom" ? view.text : setClass(view.text, path[1], value),
  clear: (view, path) => path[0] === "classes" ? clearClass(view.text, path[1]) : clearTool(view.text, patternOf(view, path)),
  custom: (view, path) => {
    view.after({ goTo: path });
    if (path[0] === "hide") return view.text;
    if (path[0] === "classes")
      return nodeAt(view.root, path) ? view.text : setClass(view.text, path[1], nodeAt(view.root, ["default"])?.value === "allow" ? "allow" : "deny");
    const tool = view.tools.find(({ name }) => name === path[1]);
    return tool ? ownTool(view.text, tool) : view.text;
  },
  text: (view, path, { value }) => setText(view.text, path, value),
  shadow: (view, path, { checked }) => setShadow(view.text, path, checked),
  remove: (view, path) => removeElement(view.text, path),
  "test-remove": (view, path) => removeElement(view.text, path)
};
var json = JSON.stringify;
var orGone = (value, usual) => value === usual ? void 0 : json(value);
var limits = {
  "limit-add": (view, path) => {
    const count2 = plain(nodeAt(view.root, [...path, "limits"]) ?? { type: "array", items: [] }).length;
    view.after({ focus: idOf([...path, "limits", count2], "limit-max") });
    return addLimit(view.text, path);
  },
  "limit-max": (view, path, { value }) => {
    need(NUMBER2.test(value.trim()) && !value.trim().startsWith("-"), "This has to be a number, 0 or more.");
    const summed = nodeAt(view.root, [...path, "amount"]) !== void 0;
    need(summed || /^[0-9]+$/.test(value.trim()), "This has to be a whole number.");
    return setField(view.text, [...path, "max"], value.trim());
  },
  "limit-window": (view, path, { value }) => setWindow(view.text, path, value === "seconds" ? "60" : json(value)),
  "limit-seconds": (view, path, { value }) => {
    need(/^[1-9][0-9]*$/.test(value.trim()) && Number(value) <= 2678400, "This has to be a whole number from 1 to 2678400.");
    return setWindow(view.text, path, value.trim());
  },
  "limit-scope": (view, path, { value }) => setField(view.text, [...path, "scope"], json(value)),
  "limit-amount": (view, path, { value }) => setField(view.text, [...path, "amount"], orGone(value, "")),
  "limit-count": (view, path, { value }) => setField(view.text, [...path, "count"], orGone(value, "attempts")),
  "limit-align": (view, path, { value }) => {
    const usual = nodeAt(view.root, [...path, "window"])?.value === "month" ? "calendar" : "sliding";
    return setField(view.text, [...path, "align"], orGone(value, usual));
  },
  "limit-away": (view, path, { value }) => setField(view.text, [...path, "on_unavailable"], orGone(value, "deny")),
  "limit-counter": (view, path, { value }) => {
    need(value === "" || /^[A-Za-z0-9_.:-]{1,128}$/.test(value), "Letters, digits and _ . : - only, up to 128.");
    return setField(view.text, [...path, "counter"], orGone(value, ""));
  }
};
var setValue = (text, path, value) => setField(text, [...path, "value"], value);
var setPath = (view, path, chosen) => {
  const paths = pathsFor(view, path);
  const known3 = paths.find((one) => one.path === chosen);
  const before = plain(nodeAt(view.root, path));
  const text = setField(view.text, [...path, "path"], json(chosen));
  const typeBefore = paths.find((one) => one.path === before.path)?.type;
  if (!known3 || known3.type === typeBefore) return text;
  const fitting = conditionFor(known3);
  return setValue(setField(text, [...path, "op"], json(fitting.op)), path, json(fitting.value));
};
var checks = {
  "check-add": (view, path) => {
    const at = [...path, "deny_if"];
    const count2 = plain(nodeAt(view.root, at) ?? { type: "array", items: [] }).length;
    view.after({ focus: idOf([...at, count2], "check-list") });
    return addCheck(view.text, path, "deny_if", firstCondition(pathsFor(view, path)));
  },
  "check-list": (view, path, { value }) => {
    const moved = moveCheck(view.text, path, value);
    const list4 = nodeAt(parse(moved), [...ruleOf2(path), value]);
    view.after({ focus: idOf([...ruleOf2(path), value, list4.items.length - 1], "check-list") });
    return moved;
  },
  "check-text": (view, path, { value }) => setText(view.text, path, value),
  "condition-add": (view, path) => addCondition(view.text, path, firstCondition(pathsFor(view, path))),
  "condition-remove": (view, path) => removeCondition(view.text, path),
  "condition-path": (view, path, { value }) => {
    const key = idOf(path, "path");
    if (value === "") {
      view.ui.ownPaths.add(key);
      view.after({ focus: idOf(path, "condition-other") });
      return view.text;
    }
    view.ui.ownPaths.delete(key);
    return setPath(view, path, value);
  },
  "condition-other": (view, path, { value }) => {
    need(value.trim() !== "", "A path such as args.amount or args.files[*].path.");
    return setField(view.text, [...path, "path"], json(value.trim()));
  },
  "condition-op": (view, path, { value }) => {
    const op = value === "exists-not" ? "exists" : value;
    const before = plain(nodeAt(view.root, [...path, "value"]));
    const now = op === "exists" ? json(value === "exists") : converted(op, before, written(view.text, [...path, "value"]));
    return setValue(setField(view.text, [...path, "op"], json(op)), path, now);
  },
  "condition-kind": (view, path, { value }) => setValue(view.text, path, asKind(value, plain(nodeAt(view.root, [...path, "value"])), written(view.text, [...path, "value"]))),
  "condition-value": (view, path, control) => {
    const op = nodeAt(view.root, [...path, "op"]).value;
    const kind = control.dataset.kind ?? "bool";
    const { json: value, problem } = meant(op, kind, control.value);
    need(!problem, problem);
    return setValue(view.text, path, value);
  }
};
var approvals = {
  "approval-who": (view, path, { value }) => {
    if (value === "team") view.after({ focus: idOf(path, "approval-team") });
    return setApproval(view.text, path, "approvers", value === "team" ? { team: "" } : value);
  },
  "approval-team": (view, path, { value }) => setApproval(view.text, path, "approvers", { team: value.trim() }),
  "approval-timeout": (view, path, control) => {
    need(/^[1-9][0-9]*$/.test(control.value.trim()), "This has to be a whole number, 1 or more.");
    return setApproval(view.text, path, "timeout", Number(control.value) * unit(control.dataset.unit));
  },
  "approval-unit": (view, path, { value, before }) => setApproval(view.text, path, "timeout", before * unit(value)),
  "approval-self": (view, path, { checked }) => setApproval(view.text, path, "self", checked ? true : void 0)
};
var all = (action) => (view) => {
  const { tools: tools2 } = bulkTools(view);
  view.say(`${tools2.length} ${tools2.length === 1 ? "tool" : "tools"} set.`);
  return setTools(
    view.text,
    tools2.map(({ name }) => name),
    action
  );
};
var toggle = (set2, key, on = !set2.has(key)) => on ? set2.add(key) : set2.delete(key);
var unchanged = (act) => (view, path, control) => {
  act(view, path, control);
  return view.text;
};
var several = {
  "bulk-allow": all("allow"),
  "bulk-deny": all("deny"),
  "bulk-hide": all("hide"),
  "bulk-require_approval": all("require_approval"),
  "bulk-clear": all(""),
  "bulk-none": unchanged(({ ui }) => ui.selected.clear()),
  select: unchanged(({ ui }, path, { checked }) => toggle(ui.selected, path[1], checked)),
  filter: unchanged(({ ui }, path, { value }) => ui.filter = value),
  "filter-class": unchanged(({ ui }, path, { value }) => ui.class = value),
  "filter-standing": unchanged(({ ui }, path, { value }) => ui.standing = value),
  open: unchanged(({ ui }, path) => toggle(ui.open, idOf(path, "rule"))),
  goto: unchanged((view, path) => view.after({ goTo: path })),
  "goto-fault": unchanged((view) => view.after({ goToFault: true })),
  "pattern-name": unchanged(({ ui }, path, { value }) => ui.pattern = value),
  "pattern-add": (view) => {
    const pattern = view.ui.pattern.trim();
    need(canBePattern(view.text, pattern), pattern === "" ? "Write a name or a pattern first." : "There is a rule for this already.");
    view.ui.pattern = "";
    const { action } = standingOf(view.root, { name: pattern, class: "" });
    return setTool(view.text, pattern, action === "allow" ? "deny" : "allow");
  }
};
var ACTS = { ...rules, ...limits, ...checks, ...approvals, ...several };

// web/workbench/builder/recall.js
var keyOf2 = () => `portcullis:rows:${location.pathname.split("/policies/").at(0)}`;
var NOTHING = { filter: "", class: "", standing: "", open: [] };
var stored = () => {
  try {
    return { ...NOTHING, ...JSON.parse(sessionStorage.getItem(keyOf2())) };
  } catch {
    return NOTHING;
  }
};
var recall = () => {
  const { open, ...rest } = stored();
  return { ...rest, open: new Set(open) };
};
var remember = (ui) => {
  const kept2 = { filter: ui.filter, class: ui.class, standing: ui.standing, open: [...ui.open] };
  try {
    sessionStorage.setItem(keyOf2(), JSON.stringify(kept2));
  } catch {
  }
};

// web/workbench/builder/builder.js
var isTyped = (control) => control.matches("input:not([type=radio], [type=checkbox])");
var ITEM = /^\/(?:limits|rate_limit|require|deny_if|approve_if)(?:\/|$)/;
var isWithin = (pointer, hit) => hit === pointer || hit.startsWith(`${pointer}/`);
var Builder = class {
  #ui;
  #root = null;
  #fault = null;
  #hit = null;
  #text = "";
  #due = false;
  #drawn = /* @__PURE__ */ new Map();
  #after = {};
  /** `about`: parent, tools, mayWrite, text(), put(text, typing), goTo(pointer), goToOffset(offset), say(words). */
  constructor(about2) {
    this.about = about2;
    this.#ui = { pattern: "", selected: /* @__PURE__ */ new Set(), ownPaths: /* @__PURE__ */ new Set(), bad: null, ...recall() };
    this.dom = document.createElement("div");
    this.dom.className = "wb-builder";
    about2.parent.append(this.dom);
    this.#listen();
    this.read(about2.text());
    this.#draw();
    addEventListener("pagehide", () => remember(this.#ui));
  }
  /** Takes another state of the text; what cannot be read leaves the last state standing. */
  read(text) {
    this.isEmpty = text.trim() === "";
    const meant2 = this.isEmpty ? EMPTY : text;
    const { root, fault } = tryParse(meant2);
    if (root) this.#take(root, meant2);
    else this.#fault = { ...lineColumn(text, fault.offset), message: fault.message, offset: fault.offset };
    this.#plan();
  }
  #take(root, text) {
    this.#root = root;
    this.#text = text;
    this.#fault = null;
  }
  /** Makes the row of a pointer stand out; null ends it. */
  hit(pointer) {
    this.#hit = pointer;
    this.#draw();
    const shown2 = this.dom.querySelector("[data-hit]");
    const pane = this.about.parent;
    if (shown2) pane.scrollTop += shown2.getBoundingClientRect().top - pane.getBoundingClientRect().top - pane.clientHeight / 3;
  }
  // Rows that were drawn for the same state are not drawn again.
  #memory() {
    const before = this.#drawn;
    this.#drawn = /* @__PURE__ */ new Map();
    const locked = Boolean(this.#fault);
    return (key, state) => {
      const now = `${locked} ${state}`;
      this.#drawn.set(key, now);
      return before.get(key) === now;
    };
  }
  #view() {
    return {
      root: this.#root,
      text: this.#text,
      tools: this.about.tools,
      mayWrite: this.about.mayWrite,
      ui: this.#ui,
      fault: this.#fault,
      isEmpty: this.isEmpty,
      isDrawn: () => false,
      isHit: (path) => this.#hit !== null && isWithin(format(path), this.#hit),
      isHitItself: (path) => this.#hit !== null && isWithin(format(path), this.#hit) && !ITEM.test(this.#hit.slice(format(path).length)),
      after: (wish) => Object.assign(this.#after, wish),
      say: this.about.say
    };
  }
  #plan() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => this.#due && this.#draw());
  }
  #draw(typing = null) {
    this.#due = false;
    const unfit = this.#ui.bad && document.getElementById(this.#ui.bad.id);
    morph(this.dom, builder({ ...this.#view(), isDrawn: this.#memory() }), typing ?? unfit);
    const { focus } = this.#after;
    delete this.#after.focus;
    if (focus) document.getElementById(focus)?.focus();
  }
  #listen() {
    const { dom } = this;
    dom.addEventListener("input", ({ target }) => isTyped(target) && this.#act(target));
    dom.addEventListener("change", ({ target }) => !isTyped(target) && this.#act(target));
    dom.addEventListener("click", (event) => {
      const control = event.target.closest("button[data-do]");
      if (control) this.#act(control);
    });
    dom.addEventListener("focusout", () => this.#forgive());
    dom.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input[data-do=pattern-name]"))
        this.#act(dom.querySelector("[data-do=pattern-add]"));
    });
  }
  // What was typed and meant nothing goes back to what the text says.
  #forgive() {
    if (!this.#ui.bad) return;
    this.#ui.bad = null;
    this.#plan();
  }
  #act(control) {
    const path = parsePointer(control.dataset.at).map((step2, index, all2) => isPosition(all2, index) ? Number(step2) : step2);
    const typing = isTyped(control) ? control : null;
    const around = ancestorsOf(control, this.dom);
    try {
      this.#ui.bad = null;
      const text = ACTS[control.dataset.do](this.#view(), path, valuesOf(control));
      if (text !== this.#text || this.isEmpty && control.dataset.do === "default") this.about.put(text, typing?.id ?? null);
    } catch (error) {
      this.#refuse(control, error);
    }
    this.#draw(typing);
    if (document.activeElement === document.body) focusWithin(around);
    this.#finish();
  }
  #refuse(control, error) {
    if (error instanceof Unfit) {
      const input2 = control.matches("button") ? control.parentElement.querySelector("input") : control;
      this.#ui.bad = { id: input2.id, message: error.message };
      this.about.say(error.message);
    } else if (error instanceof NoPlace) {
      this.about.say("The JSON has something else at this place: change it there.");
    } else {
      throw error;
    }
  }
  #finish() {
    const { goTo, goToFault } = this.#after;
    this.#after = {};
    if (goTo) this.about.goTo(format(goTo));
    if (goToFault && this.#fault) this.about.goToOffset(this.#fault.offset);
  }
};
var ancestorsOf = (node, root) => {
  const found = [];
  for (let here = node.parentElement; here && here !== root.parentElement; here = here.parentElement) found.push(here);
  return found;
};
var focusWithin = (around) => {
  const nearest = around.filter((node) => node.isConnected).map((node) => node.querySelector("button, input, select")).find(Boolean);
  nearest?.focus();
};
var isPosition = (path, index) => {
  if (path[0] === "tools" || path[0] === "classes") return index > 1 && /^[0-9]+$/.test(path[index]);
  return /^[0-9]+$/.test(path[index]);
};
var valuesOf = (control) => {
  const timeout = control.parentElement?.querySelector("[data-do=approval-timeout]");
  return { value: control.value, checked: control.checked, dataset: control.dataset, before: Number(timeout?.value) };
};

// web/workbench/json/place.js
var TOKEN = /\s+|"(?:[^"\\\n]|\\.)*"?|[{}[\],:]|[^\s"{}[\],:]+/gy;
var Scanner = class {
  constructor(text, offset) {
    this.text = text;
    this.offset = offset;
    this.stack = [];
    this.found = void 0;
  }
  get top() {
    return this.stack.at(-1);
  }
  path() {
    return this.stack.flatMap(({ type, key, index }) => type === "[" ? [index] : key === void 0 ? [] : [key]);
  }
  // Inside an object before its colon a key is written, anywhere else a value.
  note(from, to) {
    if (this.found) return;
    const { top } = this;
    const isKey = top?.type === "{" && !top.colon;
    const path = isKey ? this.path().slice(0, top.key === void 0 ? void 0 : -1) : this.path();
    this.found = { kind: isKey ? "key" : "value", path, from, to, frame: top };
  }
  open(type) {
    this.stack.push({ type, index: 0, key: void 0, colon: false, keys: [] });
  }
  next() {
    const { top } = this;
    if (!top) return;
    top.index += 1;
    top.key = void 0;
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
};
var unquoted = (token) => {
  try {
    return JSON.parse(token);
  } catch {
    return token.replace(/^"|"$/g, "");
  }
};
var isPunctuation = (token) => /^[{}[\],:]$/.test(token);
var isSpace = (token) => /^\s/.test(token);
var placeAt = (text, offset) => {
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

// web/workbench/editor/schema.js
var branches = (schema, root) => {
  const here = resolve(schema, root);
  if (here === null || typeof here !== "object") return [];
  const nested = [...here.allOf ?? [], ...here.anyOf ?? [], ...here.oneOf ?? []];
  const said = schema.$ref && (schema.description || schema.title) ? {
    ...here,
    title: schema.title ?? here.title,
    description: schema.description ?? here.description,
    default: schema.default ?? here.default
  } : here;
  return [said, ...nested.flatMap((one) => branches(one, root))];
};
var byPattern = (schema, step2) => Object.entries(schema.patternProperties ?? {}).filter(([pattern]) => new RegExp(pattern, "u").test(step2)).map(([, child]) => child);
var children = (schema, step2) => {
  if (typeof step2 === "number") return [schema.prefixItems?.[step2] ?? schema.items].filter(Boolean);
  if (schema.properties && Object.hasOwn(schema.properties, step2)) return [schema.properties[step2]];
  const patterned = byPattern(schema, step2);
  if (patterned.length > 0) return patterned;
  return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
};
var schemasAt = (schema, path) => {
  let here = branches(schema, schema);
  for (const step2 of path) here = here.flatMap((one) => children(one, step2)).flatMap((child) => branches(child, schema));
  return here;
};
var keysAt = (schema, path) => {
  const found = /* @__PURE__ */ new Map();
  for (const one of schemasAt(schema, path)) {
    for (const [key, child] of Object.entries(one.properties ?? {})) {
      if (!found.has(key)) found.set(key, { key, schemas: branches(child, schema) });
    }
  }
  return [...found.values()];
};
var valuesOf2 = (schema) => {
  if (schema.const !== void 0) return [{ value: schema.const, about: schema.description ?? schema.title }];
  if (Array.isArray(schema.enum)) return schema.enum.map((value, index) => ({ value, about: schema.enumDescriptions?.[index] }));
  if (schema.type === "boolean") return [true, false].map((value) => ({ value }));
  const examples = [...schema.examples ?? [], ...schema.default === void 0 ? [] : [schema.default]];
  return examples.map((value) => ({ value }));
};
var valuesAt = (schema, path) => {
  const found = /* @__PURE__ */ new Map();
  for (const one of valuesAtAll(schema, path)) {
    const text = JSON.stringify(one.value);
    if (!found.get(text)?.about) found.set(text, one);
  }
  return [...found.values()];
};
var valuesAtAll = (schema, path) => schemasAt(schema, path).flatMap(valuesOf2);
var beginning = (schemas) => {
  const types = schemas.flatMap((schema) => [schema.type ?? typeof (schema.enum?.[0] ?? schema.const)].flat());
  const first = types.find((type) => ["string", "array", "object"].includes(type));
  return { string: '""', array: "[]", object: "{}" }[first] ?? "";
};
var aboutPath = (schema, path) => {
  const all2 = schemasAt(schema, path);
  const said = all2.find((one) => one.description) ?? all2.find((one) => one.title);
  if (!said) return void 0;
  const values = all2.flatMap((one) => one.const !== void 0 || one.enum ? valuesOf2(one) : []);
  return {
    title: all2.find((one) => one.title)?.title,
    description: said.description,
    default: all2.find((one) => one.default !== void 0)?.default,
    values
  };
};

// web/workbench/editor/complete.js
var toolsWithPath = (tools2, path) => {
  const own = path[0] === "tools" ? tools2.filter((tool) => tool.name === path[1]) : [];
  if (own.length > 0) return own;
  return path[0] === "classes" ? tools2.filter((tool) => tool.class === path[1]) : tools2;
};
var toolOption = (tool) => ({ value: tool.name, detail: tool.class, about: tool.description || tool.title });
var pathOptions2 = (tools2, path, onlyNumbers) => {
  const found = /* @__PURE__ */ new Map();
  for (const tool of toolsWithPath(tools2, path)) {
    for (const one of pathsOf(tool.schema)) {
      const fits = !onlyNumbers || one.type === "number" || one.type === "integer";
      if (fits && !found.has(one.path)) found.set(one.path, { value: one.path, detail: one.type, about: one.schema.description });
    }
  }
  const facts = onlyNumbers ? [] : FACTS.map(([value, about2]) => ({ value, detail: "about the call", about: about2 }));
  return [...found.values(), ...facts];
};
var keyOptions = (schema, tools2, path) => {
  if (path.length === 1 && path[0] === "tools") return tools2.map((tool) => ({ ...toolOption(tool), begins: "{}" }));
  return keysAt(schema, path).map(({ key, schemas }) => ({
    value: key,
    about: schemas.find((one) => one.description)?.description,
    begins: beginning(schemas)
  }));
};
var valueOptions = (schema, tools2, path) => {
  const last = path.at(-1);
  if (path[0] === "hide" || path[0] === "tests" && last === "tool") return tools2.map(toolOption);
  if (last === "path" && path.includes("conditions")) return pathOptions2(tools2, path, false);
  if (last === "amount") return pathOptions2(tools2, path, true);
  return valuesAt(schema, path);
};
var info = (text) => () => {
  const node = document.createElement("div");
  node.textContent = text;
  return node;
};
var applyKey = (option, place) => (view, completion, from) => {
  const rest = view.state.sliceDoc(place.to);
  const hasColon = /^\s*:/.test(rest);
  const value = hasColon ? "" : `: ${option.begins}`;
  const comma = !hasColon && /^\s*"/.test(rest) ? "," : "";
  const insert2 = JSON.stringify(option.value) + value + comma;
  const inside = option.begins && !hasColon ? comma.length + 1 : comma.length;
  view.dispatch({
    changes: { from, to: place.to, insert: insert2 },
    selection: { anchor: from + insert2.length - inside },
    userEvent: "input.complete",
    annotations: kit.isolateHistory.of("full")
  });
  if (option.begins === '""' && !hasColon) kit.startCompletion(view);
};
var optionOf = (option, place) => {
  const text = JSON.stringify(option.value);
  return {
    label: text,
    displayLabel: typeof option.value === "string" ? option.value : text,
    detail: option.detail,
    info: option.about ? info(option.about) : void 0,
    type: place.kind === "key" ? "property" : "constant",
    apply: place.kind === "key" ? applyKey(option, place) : text
  };
};
var completions = (schema, tools2) => async (context) => {
  const text = context.state.doc.toString();
  const place = placeAt(text, context.pos);
  const writing = place.from < context.pos;
  if (!context.explicit && !writing) return null;
  const known3 = await schema() ?? {};
  const options2 = place.kind === "key" ? keyOptions(known3, tools2, place.path).filter(({ value }) => !place.keys.includes(value)) : valueOptions(known3, tools2, place.path);
  if (options2.length === 0) return null;
  return { from: place.from, to: place.to, options: options2.map((one) => optionOf(one, place)), validFor: /^"?[^"\n,:]*$/ };
};

// web/workbench/editor/hit.js
var { Decoration, EditorView, StateEffect, StateField } = kit;
var setHit = StateEffect.define({
  map: (range, changes) => range && { from: changes.mapPos(range.from), to: changes.mapPos(range.to) }
});
var line = Decoration.line({ class: "cm-hit" });
var linesOf = (doc, range) => {
  if (!range) return Decoration.none;
  const marks = [];
  for (let at = doc.lineAt(range.from); ; at = doc.line(at.number + 1)) {
    marks.push(line.range(at.from));
    if (at.to >= range.to || at.number === doc.lines) break;
  }
  return Decoration.set(marks);
};
var hitField = StateField.define({
  create: () => Decoration.none,
  update: (marks, transaction) => {
    const effect = transaction.effects.find((one) => one.is(setHit));
    return effect ? linesOf(transaction.newDoc, effect.value) : marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field)
});

// web/workbench/editor/hover.js
var line2 = (className, text) => {
  const node = document.createElement("p");
  node.className = className;
  node.textContent = text;
  return node;
};
var wordsOf = (about2) => {
  const values = about2.values.map(({ value, about: meaning }) => `${JSON.stringify(value)}${meaning ? `: ${meaning}` : ""}`);
  return [
    about2.title && ["wb-hover-title", about2.title],
    about2.description && ["", about2.description],
    values.length > 0 && ["wb-hover-values", values.join("\n")],
    about2.default !== void 0 && ["wb-hover-values", `Default: ${JSON.stringify(about2.default)}`]
  ].filter(Boolean);
};
var toolWords = (tool) => [
  ["wb-hover-title", `${tool.name} · ${tool.class}`],
  ["", tool.description || tool.title || "A tool of this server."]
];
var aboutPlace = (text, offset, schema, tools2) => {
  const place = placeAt(text, offset);
  if (place.from === place.to) return void 0;
  const written2 = text.slice(place.from, place.to).replace(/^"|"$/g, "");
  const path = place.kind === "key" ? [...place.path, written2] : place.path;
  const tool = tools2.find(({ name }) => name === written2);
  if (tool && (["tools", "hide"].includes(path[0]) ? path.length === 2 : path.at(-1) === "tool")) return toolWords(tool);
  const about2 = schema && aboutPath(schema, path);
  return about2 && wordsOf(about2);
};
var hover = (schema, tools2) => kit.hoverTooltip(async (view, pos) => {
  const { doc } = view.state;
  const lines2 = aboutPlace(doc.toString(), Math.min(pos + 1, doc.length), await schema(), tools2);
  if (!lines2) return null;
  return {
    pos,
    above: true,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "wb-hover";
      dom.append(...lines2.map(([name, text]) => line2(name, text)));
      return { dom };
    }
  };
});

// web/workbench/editor/look.js
var { EditorView: EditorView2, HighlightStyle, syntaxHighlighting, tags } = kit;
var theme = EditorView2.theme({
  "&": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    fontSize: "0.875rem",
    border: "1px solid var(--line-firm)",
    borderRadius: "var(--corner)"
  },
  "&.cm-focused": { outline: "3px solid var(--accent)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5rem", overflow: "auto" },
  ".cm-content": { padding: "var(--space-2) 0", caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "var(--wb-selection)"
  },
  ".cm-content ::selection": { color: "inherit", backgroundColor: "transparent" },
  ".cm-gutters": {
    backgroundColor: "var(--sunken)",
    color: "var(--ink-soft)",
    borderRight: "1px solid var(--line)",
    borderRadius: "var(--corner) 0 0 var(--corner)"
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
    maxWidth: "min(28rem, 92vw)"
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
    textUnderlineOffset: "3px"
  },
  ".cm-lintRange-active": { backgroundColor: "var(--danger-ground)" },
  ".cm-lintPoint:after": { borderBottomColor: "var(--danger)" },
  ".cm-lint-marker-error": {
    content: "none",
    backgroundColor: "var(--danger)",
    borderRadius: "50%",
    width: "0.6rem",
    height: "0.6rem",
    margin: "0.45rem auto 0"
  },
  ".cm-gutter-lint": { width: "1.1rem" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--ink)", fontFamily: "var(--sans)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line-firm)" },
  ".cm-textfield": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-firm)",
    borderRadius: "var(--corner)",
    padding: "0.2rem 0.4rem"
  },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line-firm)",
    borderRadius: "var(--corner)"
  },
  ".cm-searchMatch": { backgroundColor: "var(--warn-ground)", outline: "1px solid var(--warn)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--accent-ground)", outline: "2px solid var(--accent)" },
  ".cm-specialChar": { color: "var(--danger)" }
});
var colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent-strong)", fontWeight: "600" },
  { tag: tags.string, color: "var(--note)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--violet)" },
  { tag: [tags.separator, tags.squareBracket, tags.brace], color: "var(--ink-soft)" },
  { tag: tags.invalid, color: "var(--danger)" }
]);
var look = [theme, syntaxHighlighting(colours)];

// web/workbench/editor/editor.js
var { EditorState, EditorView: EditorView3, keymap } = kit;
var base = (label, describedBy) => [
  kit.lineNumbers(),
  kit.foldGutter({ markerDOM: foldMark }),
  kit.lintGutter(),
  kit.highlightSpecialChars(),
  kit.history(),
  kit.drawSelection(),
  kit.indentUnit.of("  "),
  EditorState.tabSize.of(2),
  kit.indentOnInput(),
  kit.bracketMatching(),
  kit.closeBrackets(),
  kit.highlightActiveLine(),
  kit.highlightActiveLineGutter(),
  kit.highlightSelectionMatches(),
  kit.json(),
  EditorView3.lineWrapping,
  EditorView3.contentAttributes.of({
    "aria-label": label,
    "aria-describedby": describedBy,
    tabindex: "0",
    spellcheck: "false",
    autocapitalize: "none"
  }),
  hitField,
  look
];
var foldMark = (open) => {
  const mark = document.createElement("span");
  mark.textContent = open ? "▾" : "▸";
  mark.setAttribute("aria-hidden", "true");
  return mark;
};
var keys = [
  ...kit.closeBracketsKeymap,
  ...kit.defaultKeymap,
  ...kit.searchKeymap,
  ...kit.historyKeymap,
  ...kit.foldKeymap,
  ...kit.completionKeymap,
  ...kit.lintKeymap
];
var Editor = class {
  #typing = null;
  /** `about`: textarea, label, describedBy, tools, schema (gives a promise of it), readOnly, changed (called with the text after each
   * change), moved (with the offset of the cursor). */
  constructor(about2) {
    this.textarea = about2.textarea;
    this.view = new EditorView3({ state: this.#state(about2), parent: about2.parent });
  }
  #state(about2) {
    return EditorState.create({
      doc: about2.textarea.value,
      extensions: [
        base(about2.label, about2.describedBy),
        keymap.of(keys),
        kit.autocompletion({ override: [completions(about2.schema, about2.tools)], icons: false, tooltipClass: () => "wb-complete" }),
        hover(about2.schema, about2.tools),
        EditorState.readOnly.of(about2.readOnly),
        EditorView3.updateListener.of((update) => {
          if (update.selectionSet || update.docChanged) about2.moved(update.state.selection.main.head);
          if (!update.docChanged) return;
          about2.textarea.value = this.text;
          about2.changed(this.text);
        })
      ]
    });
  }
  get text() {
    return this.view.state.doc.toString();
  }
  /** Puts a text in place of the present one by the smallest change. Changes with the same `typing` in a row are undone together. */
  put(text, typing = null) {
    const change = changeBetween(this.text, text);
    if (!change) return false;
    const goesOn = typing !== null && typing === this.#typing;
    this.#typing = typing;
    const annotations = typing === null ? kit.isolateHistory.of("full") : goesOn ? void 0 : kit.isolateHistory.of("before");
    this.view.dispatch({ changes: change, annotations, userEvent: typing === null ? "input.builder" : "input.type" });
    return true;
  }
  undo() {
    return kit.undo(this.view);
  }
  redo() {
    return kit.redo(this.view);
  }
  get depths() {
    return { undo: kit.undoDepth(this.view.state), redo: kit.redoDepth(this.view.state) };
  }
  // The cursor stands where it begins, so that its line is the active one.
  #show(from, to = from) {
    this.view.dispatch({ selection: { anchor: to, head: from }, effects: EditorView3.scrollIntoView(from, { y: "center" }) });
    this.view.focus();
  }
  /** Puts the cursor at a line and column. */
  goToLine(line3, column) {
    this.#show(offsetOf(this.text, line3, column));
  }
  /** Puts the cursor at an offset. */
  goToOffset(offset) {
    this.#show(Math.min(offset, this.text.length));
  }
  /** Selects the value of a pointer, or of what is nearest around it. */
  goTo(pointer) {
    const { root } = tryParse(this.text);
    if (!root) return this.view.focus();
    const range = rangeOf(root, pointer);
    this.#show(range.keyFrom, range.to);
    return void 0;
  }
  /** Makes the member of a pointer stand out; null ends it. */
  hit(pointer) {
    const { root } = tryParse(this.text);
    const range = root && pointer ? rangeOf(root, pointer) : null;
    const shown2 = range && { from: range.keyFrom, to: range.to };
    this.view.dispatch({ effects: setHit.of(shown2) });
    if (shown2) this.view.scrollDOM.scrollTop = this.view.lineBlockAt(shown2.from).top - this.view.scrollDOM.clientHeight / 3;
  }
  /** Marks problems: `[{ pointer, line, column, message }]`. */
  problems(list4) {
    const { text } = this;
    const { root } = tryParse(text);
    const diagnostics = list4.map((problem) => ({ ...placeOf(text, root, problem), severity: "error", message: problem.message }));
    this.view.dispatch(kit.setDiagnostics(this.view.state, diagnostics));
  }
};
var placeOf = (text, root, { pointer, line: line3, column }) => {
  const at = Math.min(offsetOf(text, line3, column), text.length);
  const range = root && pointer ? rangeOf(root, pointer) : null;
  if (range?.exact) {
    const end = text.indexOf("\n", range.from);
    return { from: range.from === at ? range.from : Math.min(at, range.to), to: end >= 0 && end < range.to ? Math.max(end, at) : range.to };
  }
  const rest = /^(?:"(?:[^"\\\n]|\\.)*"?|[^\s",:{}[\]]+|.)?/u.exec(text.slice(at))[0];
  return { from: at, to: at + rest.length };
};

// web/workbench/keep.js
var OWN = `portcullis:unsaved:${globalThis.location?.pathname}`;
var SENT = "portcullis:sent";
var read2 = (key) => {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
};
var write3 = (key, value) => {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
  }
};
var wasRefused = () => (performance.getEntriesByType("navigation")[0]?.responseStatus ?? 0) >= 400;
var Keeper = class {
  #leaving = false;
  /** `text`: what the page came with. */
  constructor(form2, text) {
    this.saved = wasRefused() ? null : text;
    this.now = text;
    this.#settleSent();
    addEventListener("submit", (event) => {
      if (event.target !== form2 || event.defaultPrevented) return;
      this.#leaving = true;
      write3(SENT, OWN);
    });
    addEventListener("pageshow", () => this.#leaving = false);
    addEventListener("beforeunload", (event) => {
      if (!this.#leaving && this.isUnsaved) event.preventDefault();
    });
  }
  // The copy of a text that another page has sent, and that was kept, is not needed any more.
  #settleSent() {
    const sent = read2(SENT);
    write3(SENT, null);
    if (sent && !this.isUnsaved && read2(sent)?.text === this.now) write3(sent, null);
  }
  get isUnsaved() {
    return this.now !== this.saved;
  }
  changed(text) {
    this.now = text;
    write3(OWN, this.isUnsaved ? { text, at: Date.now() } : null);
  }
  /** What a crash or a reload left behind, if it is something else than what the page shows: `{ text, at }`. */
  left() {
    const found = read2(OWN);
    if (found && typeof found.text === "string" && found.text !== this.now) return found;
    if (!this.isUnsaved) write3(OWN, null);
    return null;
  }
  forget() {
    write3(OWN, null);
  }
};

// web/workbench/panels/ask.js
var put = (part, html) => part.dispatchEvent(new CustomEvent("portcullis:put", { bubbles: true, detail: html }));
var fields = (form2) => new URLSearchParams(new FormData(form2)).toString();
var failure = (status) => {
  if (status === 401) return "You are logged out: log in again in another tab, then repeat.";
  return status === 0 ? "The server could not be reached." : `The server answered ${status}.`;
};
var quiet = (waitMs, act) => {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, waitMs);
  };
};
var Asker = class {
  #turn = 0;
  constructor({ form: form2, part, url, say: say2, done }) {
    Object.assign(this, { form: form2, part, url, say: say2, done });
  }
  async ask() {
    if (!this.part || !this.url) return;
    const mine = ++this.#turn;
    this.part.setAttribute("aria-busy", "true");
    const headers = { "content-type": "application/x-www-form-urlencoded", "x-part": "1", accept: "text/html" };
    const answer = await fetch(this.url, { method: "POST", headers, body: fields(this.form), redirect: "error" }).catch(() => null);
    const html = answer && (answer.ok || answer.status === 422) ? await answer.text() : null;
    if (mine !== this.#turn) return;
    this.part.removeAttribute("aria-busy");
    if (html === null) return this.say(failure(answer?.status ?? 0));
    put(this.part, html);
    return this.done(this.part);
  }
};
var problemsIn = (part) => {
  const data = part.querySelector("script[data-problems]");
  try {
    return data ? JSON.parse(data.textContent) : [];
  } catch {
    return [];
  }
};

// web/workbench/panels/fields.js
var kindOf2 = (schema, root) => {
  const scalar = Array.isArray(schema.enum) && schema.enum.every((one) => one === null || typeof one !== "object");
  if (scalar) return "enum";
  const type = typeOf(schema, root);
  if (["string", "number", "integer", "boolean"].includes(type)) return type;
  if (type === "array" && typeOf(schema.items ?? {}, root) === "string" && !schema.items.enum) return "strings";
  return "json";
};
var fieldsOf = (schema) => {
  const top = mainBranch(schema ?? {}, schema ?? {});
  const required = Array.isArray(top.required) ? top.required : [];
  const all2 = Object.entries(top.properties ?? {}).map(([key, one]) => {
    const child = mainBranch(one, schema);
    return {
      key,
      kind: kindOf2(child, schema),
      required: required.includes(key),
      title: child.title,
      description: child.description,
      values: child.enum?.filter((value) => value !== null) ?? [],
      fallback: child.default,
      secret: child.format === "password"
    };
  });
  return [...all2.filter((field) => field.required), ...all2.filter((field) => !field.required)];
};
var shownIn = (field, text) => {
  const root = parse(text);
  const node = isObject(root) ? memberOf(root, field.key)?.value : void 0;
  if (!node) return void 0;
  const written2 = text.slice(node.from, node.to);
  if (field.kind === "strings")
    return node.type === "array" && node.items.every(({ type }) => type === "string") ? node.items.map(({ value }) => value).join("\n") : void 0;
  if (field.kind === "string") return node.type === "string" ? node.value : void 0;
  return written2;
};
var meantBy = (field, typed) => {
  if (typed === void 0) return {};
  if (field.kind === "string") return typed === "" && !field.required ? {} : { json: JSON.stringify(typed) };
  if (typed.trim() === "") return {};
  if (field.kind === "number") return NUMBER2.test(typed.trim()) ? { json: typed.trim() } : { problem: "This has to be a number." };
  if (field.kind === "integer")
    return /^-?(?:0|[1-9][0-9]*)$/.test(typed.trim()) ? { json: typed.trim() } : { problem: "This has to be a whole number." };
  if (field.kind === "strings") return { json: JSON.stringify(typed.split("\n").filter((line3) => line3 !== "")) };
  return asJson2(typed);
};
var asJson2 = (typed) => {
  try {
    parse(typed.trim());
    return { json: typed.trim() };
  } catch {
    return { problem: "This has to be JSON." };
  }
};
var isFor = (schema, text) => {
  const root = tryParse(text).root;
  if (!isObject(root) || root.members.length === 0) return false;
  const known3 = new Set(fieldsOf(schema).map(({ key }) => key));
  return root.members.every(({ key }) => known3.has(key));
};
var beginning2 = (schema) => {
  const empty2 = { string: '""', enum: void 0, number: "0", integer: "0", boolean: "false", strings: "[]", json: "null" };
  const members = fieldsOf(schema).filter((field) => field.required).map(
    (field) => `  ${JSON.stringify(field.key)}: ${field.fallback === void 0 ? empty2[field.kind] ?? JSON.stringify(field.values[0] ?? null) : JSON.stringify(field.fallback)}`
  );
  return members.length === 0 ? "{}" : `{
${members.join(",\n")}
}`;
};

// web/workbench/panels/try.js
var input = (field, id, shown2, more3) => {
  if (field.kind === "boolean")
    return list3(
      id,
      shown2,
      ["true", "false"].map((one) => [one, one]),
      more3
    );
  if (field.kind === "enum")
    return list3(
      id,
      shown2,
      field.values.map((value) => [JSON.stringify(value), String(value)]),
      more3
    );
  if (field.kind === "strings" || field.kind === "json") {
    return h("textarea", {
      ...more3,
      id,
      rows: "2",
      class: field.kind === "json" ? "wb-input mono" : "wb-input",
      spellcheck: "false",
      value: shown2 ?? ""
    });
  }
  const type = field.secret ? "password" : "text";
  const inputmode = { integer: "numeric", number: "decimal" }[field.kind];
  return h("input", { ...more3, id, type, inputmode, class: "wb-input", autocomplete: "off", spellcheck: "false", value: shown2 ?? "" });
};
var list3 = (id, shown2, options2, more3) => {
  const all2 = [["", "left out"], ...options2].map(([value, label]) => h("option", { value, selected: value === (shown2 ?? "") }, label));
  return h("select", { ...more3, id, class: "wb-input", value: shown2 ?? "" }, all2);
};
var KINDS2 = { strings: "one a line", json: "JSON", integer: "whole number", number: "number" };
var TryForm = class {
  #bad = null;
  /** The tool that the arguments are for, and what was written for each. */
  #chosen;
  #kept = /* @__PURE__ */ new Map();
  /** `form` holds the inputs `tool` and `arguments`; without them nothing is built. */
  constructor(form2, tools2) {
    this.tool = form2.elements.namedItem("tool");
    this.text = form2.elements.namedItem("arguments");
    if (!this.tool || !this.text) return;
    this.tools = tools2;
    this.filled = this.text.value.trim();
    this.dom = h("div", { class: "wb-arguments" });
    (this.text.closest(".field") ?? this.text).before(this.dom);
    this.#listen();
    this.#choose();
  }
  #listen() {
    this.tool.addEventListener("change", () => this.#choose());
    this.text.addEventListener("input", () => this.#draw());
    this.dom.addEventListener("input", ({ target }) => target.dataset.field !== void 0 && this.#typed(target));
  }
  get #schema() {
    return this.#schemaOf(this.tool.value);
  }
  #schemaOf(tool) {
    return this.tools.find(({ name }) => name === tool)?.schema ?? null;
  }
  // Another tool's empty arguments replace what nobody has touched. What was written for one tool stays with it; what was not, stays.
  #choose() {
    const before = this.#chosen;
    const tool = this.tool.value;
    this.#chosen = tool;
    const { value } = this.text;
    const untouched = ["", "{}", this.filled].includes(value.trim());
    const leaves = before !== void 0 && before !== tool && isFor(this.#schemaOf(before), value) && !isFor(this.#schema, value);
    if (leaves && !untouched) this.#kept.set(before, value);
    if (leaves || untouched) this.#fill(this.#kept.get(tool) ?? beginning2(this.#schema));
    this.#bad = null;
    this.#draw();
  }
  #fill(text) {
    this.text.value = text;
    this.filled = this.#kept.has(this.tool.value) ? null : text.trim();
  }
  #typed(control) {
    const field = fieldsOf(this.#schema)[Number(control.dataset.field)];
    const { json: json2, problem } = meantBy(field, control.value);
    this.#bad = problem ? { key: field.key, problem } : null;
    const { root } = tryParse(this.text.value.trim() === "" ? "{}" : this.text.value);
    if (!problem && isObject(root)) this.#write(field, json2);
    this.#draw();
  }
  #write(field, json2) {
    const text = this.text.value.trim() === "" ? "{}" : this.text.value;
    this.text.value = json2 === void 0 ? removeAt(text, [field.key]) : setMember(text, [field.key], raw(json2), { lines: true });
  }
  #row(field, index) {
    const id = idOf(["argument", field.key], "value");
    const bad = this.#bad?.key === field.key ? this.#bad.problem : void 0;
    const described = [field.description && `${id}-about`, bad && `${id}-bad`].filter(Boolean).join(" ");
    const more3 = {
      "data-field": index,
      "aria-describedby": described || void 0,
      "aria-invalid": bad && "true",
      "aria-required": field.required && "true"
    };
    const note = [field.required ? "required" : "", KINDS2[field.kind] ?? ""].filter(Boolean).join(", ");
    return h(
      "div",
      { class: "field", "data-key": id },
      h("label", { for: id }, h("code", {}, field.key), note && h("span", { class: "small soft" }, ` ${note}`)),
      field.description && h("p", { class: "hint", id: `${id}-about` }, field.description),
      input(field, id, shownIn(field, this.#readable()), more3),
      bad && h("p", { class: "error", id: `${id}-bad` }, bad)
    );
  }
  #readable() {
    return tryParse(this.text.value).root ? this.text.value : "{}";
  }
  #draw() {
    const { root } = tryParse(this.text.value.trim() === "" ? "{}" : this.text.value);
    const fresh = h("div", { class: "wb-arguments", role: "group", "aria-label": "Arguments" });
    const fields2 = fieldsOf(this.#schema);
    if (!isObject(root))
      fresh.append(h("p", { class: "hint" }, "The arguments below are no JSON object yet: the form waits until they are."));
    else if (fields2.length === 0)
      fresh.append(
        h(
          "p",
          { class: "hint" },
          this.#schema ? "This tool takes no arguments." : "The server tells no schema for this tool: write its arguments as JSON."
        )
      );
    else fresh.append(...fields2.map((field, index) => this.#row(field, index)));
    morph(this.dom, fresh);
  }
};

// web/workbench/toolbar.js
var VIEWS = [
  ["both", "Both"],
  ["builder", "Builder"],
  ["json", "JSON"]
];
var JUMPS = [
  ["publish-head", "Save and publish"],
  ["panels", "Try"]
];
var KEY = "portcullis:workbench-view";
var WIDE = matchMedia("(min-width: 72rem)");
var remembered = () => {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
};
var remember2 = (view) => {
  try {
    sessionStorage.setItem(KEY, view);
  } catch {
  }
};
var toolbar = ({ undo, redo, mend, panes: panes2 }) => {
  const button2 = (label, act, shortcut) => {
    const node = h("button", { type: "button", class: "button s", "aria-keyshortcuts": shortcut }, label);
    node.addEventListener("click", act);
    return node;
  };
  const back = button2("Undo", undo, "Control+Z");
  const forth = button2("Redo", redo, "Control+Y");
  const faults = h("button", { type: "button", class: "button s danger wb-faults", hidden: true });
  faults.addEventListener("click", mend);
  const state = h("span", { class: "small soft wb-unsaved" });
  const views = VIEWS.map(([value, label]) => h("button", { type: "button", value, "data-view": value }, label));
  const show = (view) => {
    panes2.dataset.view = view;
    for (const one of views) one.setAttribute("aria-pressed", String(one.value === view));
  };
  const jumps = JUMPS.filter(([id]) => document.getElementById(id)).map(([id, label]) => h("a", { href: `#${id}`, class: "small" }, label));
  const dom = h(
    "div",
    { class: "wb-bar" },
    h("div", { class: "segments", role: "group", "aria-label": "What is shown" }, views),
    back,
    forth,
    faults,
    state,
    h("span", { class: "wb-jumps" }, jumps)
  );
  dom.addEventListener("click", ({ target }) => {
    const view = target.closest("[data-view]")?.value;
    if (!view) return;
    remember2(view);
    show(view);
  });
  const update = (depths, unsaved) => {
    back.setAttribute("aria-disabled", String(depths.undo === 0));
    forth.setAttribute("aria-disabled", String(depths.redo === 0));
    state.textContent = unsaved ? "Not saved yet" : "";
  };
  const tell = (count2) => {
    faults.hidden = count2 === 0;
    faults.textContent = `${count2} problem${count2 === 1 ? "" : "s"}`;
  };
  const known3 = VIEWS.some(([view]) => view === remembered());
  show(known3 ? remembered() : WIDE.matches ? "both" : "builder");
  update({ undo: 0, redo: 0 }, false);
  const need2 = (side) => {
    if (panes2.dataset.view !== "both" && panes2.dataset.view !== side) show(side);
  };
  return { dom, update, tell, need: need2 };
};

// web/workbench/workbench.js
var CHECK_AFTER_MS = 350;
var say = (words) => {
  const region = document.getElementById("announce");
  if (region) region.textContent = words;
};
var readData = () => {
  const node = document.getElementById("workbench-data");
  return { tools: [], mayWrite: true, ...node ? JSON.parse(node.textContent) : {} };
};
var HINT = "Tab leaves the editor. Ctrl+Space completes, Ctrl+] and Ctrl+[ indent, Ctrl+F searches, F8 goes to the next problem, Ctrl+S saves the draft (Cmd on a Mac).";
var sideOf = (node, parent) => {
  let side = node;
  while (side.parentElement !== parent) side = side.parentElement;
  return side;
};
var panes = (form2, textarea) => {
  const left = form2.querySelector("[data-builder]");
  const both = left.parentElement;
  const right = sideOf(textarea, both);
  const field = textarea.closest(".field");
  const label = field.querySelector("label").textContent.trim();
  const editor = h("div", { class: "wb-editor" });
  const here = h("p", { class: "wb-here small soft", id: "wb-here" });
  field.before(h("p", { class: "hint", id: "wb-editor-hint" }, HINT), editor, here);
  left.hidden = false;
  field.hidden = true;
  both.classList.add("wb-panes");
  right.classList.add("wb-json");
  return { both, left, editor, here, label };
};
var Workbench = class {
  constructor(form2) {
    this.form = form2;
    this.data = readData();
    this.textarea = form2.querySelector("textarea[name=document]");
    this.parts = Object.fromEntries(["check", "try", "effect"].map((name) => [name, form2.querySelector(`[data-part=${name}]`)]));
    this.schema = null;
    this.problems = [];
    this.keeper = new Keeper(form2, this.textarea.value);
    this.panes = panes(form2, this.textarea);
  }
  start() {
    const { data, panes: at } = this;
    this.bar = toolbar({ undo: () => this.travel("undo"), redo: () => this.travel("redo"), mend: () => this.#mend(), panes: at.both });
    at.both.before(this.bar.dom);
    this.schemaRead = this.#readSchema();
    this.editor = this.#editor();
    this.builder = new Builder({
      parent: at.left,
      tools: data.tools,
      mayWrite: data.mayWrite,
      text: () => this.editor.text,
      put: (text, typing) => this.editor.put(text, typing),
      goTo: (pointer) => this.goTo(pointer),
      goToOffset: (offset) => this.show("json", () => this.editor.goToOffset(offset)),
      say
    });
    this.#panels();
    this.#listen();
    this.#offerLeft();
    if (this.parts.check?.querySelector("[data-problems]")) this.#marks();
    else this.askers.check.ask();
    if (this.problems.length > 0) this.bar.need("json");
    this.#hit(this.parts.try);
  }
  #editor() {
    const { textarea, data, panes: at } = this;
    const described = ["wb-editor-hint", this.parts.check?.id].filter(Boolean).join(" ");
    return new Editor({
      textarea,
      parent: at.editor,
      label: at.label,
      describedBy: described,
      tools: data.tools,
      schema: () => this.schemaRead,
      readOnly: !data.mayWrite,
      changed: (text) => this.changed(text),
      moved: (offset) => this.#tellPlace(offset)
    });
  }
  changed(text) {
    this.keeper.changed(text);
    this.builder.read(text);
    this.bar.update(this.editor.depths, this.keeper.isUnsaved);
    this.checkSoon();
  }
  travel(direction) {
    const done = direction === "undo" ? this.editor.undo() : this.editor.redo();
    say(done ? direction === "undo" ? "Undone" : "Redone" : `Nothing to ${direction}`);
  }
  show(side, act) {
    this.bar.need(side);
    act();
  }
  goTo(pointer) {
    this.show("json", () => this.editor.goTo(pointer));
  }
  // Where the cursor is and what that means: hover help for those who do not hover.
  #tellPlace(offset) {
    const { text } = this.editor;
    const { kind, path, from, to } = placeAt(text, offset);
    const written2 = kind === "key" && from < to ? [text.slice(from, to).replace(/^"|"$/g, "")] : [];
    const about2 = this.schema && from < to ? aboutPlace(text, from + 1, this.schema, this.data.tools) : void 0;
    const pointer = format([...path, ...written2]);
    this.panes.here.textContent = [pointer || "The document", ...(about2 ?? []).map(([, line3]) => line3)].join(" · ");
  }
  // --- the server's parts ----------------------------------------------------------------------------------------------------------
  #panels() {
    const { form: form2, data, parts } = this;
    const asker = (name, url, done) => new Asker({ form: form2, part: parts[name], url, say, done });
    this.askers = {
      check: asker("check", data.checkUrl, () => this.#marks()),
      try: asker("try", data.tryUrl, (part) => this.#decided(part)),
      effect: asker("effect", data.effectUrl, () => say("The effect is shown."))
    };
    this.checkSoon = quiet(CHECK_AFTER_MS, () => this.askers.check.ask());
    this.tryForm = new TryForm(form2, data.tools);
  }
  #marks() {
    if (!this.parts.check) return;
    this.problems = problemsIn(this.parts.check);
    this.editor.problems(this.problems);
    this.bar.tell(this.problems.length);
  }
  #mend() {
    const [first] = this.problems;
    this.show("json", () => first ? this.editor.goToLine(first.line, first.column) : this.editor.view.focus());
  }
  #hit(part) {
    const rule = part?.querySelector("[data-rule]")?.dataset.rule || null;
    this.editor.hit(rule);
    this.builder.hit(rule);
  }
  #decided(part) {
    this.#hit(part);
    say(part.textContent.trim().replace(/\s+/g, " ").slice(0, 200));
  }
  #addTest(button2) {
    try {
      this.editor.put(addTest(this.editor.text, button2.dataset.addTest));
      say("The test was added to the policy, at the end of “tests”. Undo takes it out again.");
    } catch {
      say("The test could not be added: mend the JSON first.");
    }
  }
  // --- what a person does ------------------------------------------------------------------------------------------------------------
  #listen() {
    const { form: form2, textarea, data } = this;
    form2.addEventListener("submit", (event) => this.#submit(event));
    document.addEventListener("click", (event) => this.#click(event));
    document.addEventListener("keydown", (event) => this.#key(event));
    textarea.addEventListener("input", () => this.editor.put(textarea.value));
    form2.addEventListener("reset", () => queueMicrotask(() => this.editor.put(textarea.value)));
    form2.querySelector(`label[for="${textarea.id}"]`)?.addEventListener("click", () => this.editor.view.focus());
    if (!data.mayWrite) textarea.readOnly = true;
  }
  #submit(event) {
    const target = event.submitter?.hasAttribute("formaction") ? event.submitter.formAction : this.form.action;
    const asked = ["try", "effect", "check"].find((name) => target && this.parts[name] && this.#isUrl(target, this.data[`${name}Url`]));
    if (!asked) return;
    event.preventDefault();
    this.askers[asked].ask();
  }
  #isUrl(target, url) {
    return Boolean(url) && new URL(target).pathname === new URL(url, location.href).pathname;
  }
  #click(event) {
    const at = event.target.closest(`[data-line], [data-goto], button[data-add-test], a[href="#${this.textarea.id}"]`);
    if (!at || this.panes.left.contains(at)) return;
    if (at.dataset.addTest !== void 0) return this.#addTest(at);
    event.preventDefault();
    if (at.dataset.goto !== void 0) return this.goTo(at.dataset.goto);
    if (at.dataset.line === void 0) return this.#mend();
    return this.show("json", () => this.editor.goToLine(Number(at.dataset.line), Number(at.dataset.column) || 1));
  }
  // Undo and redo also work with the focus in the builder, where no text is being typed; Ctrl+S saves the draft.
  #key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === "s" && !event.shiftKey) return this.#save(event);
    if (key !== "z" && key !== "y") return;
    if (!this.panes.left.contains(event.target)) return;
    event.preventDefault();
    this.travel(key === "y" || event.shiftKey ? "redo" : "undo");
  }
  #save(event) {
    const button2 = this.form.querySelector('button[formaction$="/draft"]');
    if (!button2 || !this.data.mayWrite) return;
    event.preventDefault();
    this.form.requestSubmit(button2);
  }
  #offerLeft() {
    const left = this.keeper.left();
    if (!left || !this.data.mayWrite) return;
    const at = new Intl.DateTimeFormat(void 0, { dateStyle: "medium", timeStyle: "short" }).format(new Date(left.at));
    const restore = h("button", { type: "button", class: "button s" }, "Restore unsaved text");
    const forget = h("button", { type: "button", class: "button s quiet" }, "Forget it");
    const notice = h(
      "div",
      { class: "notice wb-left", role: "status" },
      h("p", {}, `This tab still has a text of ${at} that was not saved.`),
      h("div", { class: "row" }, restore, forget)
    );
    restore.addEventListener("click", () => {
      notice.remove();
      this.editor.put(left.text);
      this.editor.view.focus();
    });
    forget.addEventListener("click", () => {
      notice.remove();
      this.keeper.forget();
      this.editor.view.focus();
    });
    this.bar.dom.before(notice);
  }
  async #readSchema() {
    if (!this.data.schemaUrl) return null;
    const answer = await fetch(this.data.schemaUrl, { headers: { accept: "application/json" } }).catch(() => null);
    this.schema = answer?.ok ? await answer.json().catch(() => null) : null;
    return this.schema;
  }
};
var startWorkbench = (form2) => {
  new Workbench(form2).start();
  form2.dataset.ready = "";
};

// web/workbench/main.js
var form = document.querySelector("form[data-workbench]");
if (form && kit) {
  const controls = h("form", { id: "wb-controls", hidden: true });
  controls.addEventListener("submit", (event) => event.preventDefault());
  document.body.append(controls);
  startWorkbench(form);
}
