// Builds the two committed bundles into a folder: `vendor/editor.js` from here, `js/workbench.js` from `web/workbench`.
//
//   node build.mjs FOLDER    with the packages of package-lock.json reachable as $NODE_PACKAGES/node_modules

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { digestOf } from "./sources.mjs";

const require = createRequire(join(process.env.NODE_PACKAGES, "package.json"));
const { build } = require("esbuild");

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
const packages = join(process.env.NODE_PACKAGES, "node_modules");

const ourStyleSheets = {
  name: "our-style-sheets",
  setup(setup) {
    const ours = join(here, "style-mod.js");
    setup.onResolve({ filter: /^style-mod$/ }, ({ importer }) => (importer === ours ? undefined : { path: ours }));
  },
};

const common = { bundle: true, format: "esm", target: ["chrome111", "firefox115", "safari16.4"], charset: "utf8", nodePaths: [packages] };

await build({
  ...common,
  entryPoints: [join(here, "editor.js")],
  outfile: join(out, "vendor/editor.js"),
  minify: true,
  legalComments: "none",
  banner: { js: "/* CodeMirror 6 and Lezer, MIT licence: see vendor/LICENSE.txt. Built by web/vendor/build.sh. */" },
  plugins: [ourStyleSheets],
});

await build({
  ...common,
  entryPoints: [join(here, "../workbench/main.js")],
  outfile: join(out, "js/workbench.js"),
  banner: { js: `// Built from web/workbench by web/vendor/build.sh; do not edit. sources: ${digestOf(createHash)}` },
});
