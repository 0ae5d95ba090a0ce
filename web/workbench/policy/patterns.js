// Which names a pattern matches, and which of two patterns is the closer one (POLICY.md, section 1).

/** Whether a pattern is a glob; else it is an exact name. */
export const isGlob = (pattern) => /[*?]/.test(pattern);

/** Whether a pattern matches a name. `*` is any run of characters, `?` one; case matters. Never goes back further than the last `*`. */
export const matches = (pattern, name) => {
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

/** How many characters a glob says literally. */
export const literals = (pattern) => [...pattern.replace(/[*?]/g, "")].length;
