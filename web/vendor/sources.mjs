// What the committed bundle says about its sources, so that a stale one is found without building.

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../workbench");

const scripts = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return scripts(path);
    return entry.name.endsWith(".js") ? [path] : [];
  });

const nameOf = (path) => relative(root, path).split(sep).join("/");

/** SHA-256 over the names and texts of `web/workbench/**.js`, in the order of their names. */
export const digestOf = (createHash) => {
  const hash = createHash("sha256");
  const paths = scripts(root).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  for (const path of paths)
    hash
      .update(`${nameOf(path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  return hash.digest("hex");
};
