// Which names a pattern matches, and which of two patterns is the closer one (POLICY.md, section 1).

/** Whether a pattern is a glob; else it is an exact name. */
export const isGlob = (pattern) => /[*?]/.test(pattern);

const REGEX_SPECIAL = /[.+^${}()|[\]\\]/g;

/** Whether a pattern matches a name. `*` is any run of characters, `?` one; case matters. */
export const matches = (pattern, name) => {
  if (!isGlob(pattern)) return pattern === name;
  const source = pattern.replace(REGEX_SPECIAL, "\\$&").replace(/\*+/g, "[^]*").replaceAll("?", "[^]");
  return new RegExp(`^${source}$`, "u").test(name);
};

/** How many characters a glob says literally. */
export const literals = (pattern) => [...pattern.replace(/[*?]/g, "")].length;
