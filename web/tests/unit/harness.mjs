// The workbench's page without the product: the same style sheets, scripts and content security policy, with the server's parts made up
// here. For the tests beside this, and to look at while working: `node harness.mjs [PORT]`.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { TOOLS } from "./tools.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const files = join(here, "../../static");

const NONCE = "harness";
const POLICY = [
  "default-src 'none'",
  `script-src 'nonce-${NONCE}'`,
  "style-src 'self'",
  "img-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types portcullis",
].join("; ");

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const script = (name) => `<script type="module" nonce="${NONCE}" src="/static/${name}"></script>`;
const sheet = (name) => `<link rel="stylesheet" href="/static/${name}">`;

/** `given`: document, theme, mayWrite, tools. */
export const page = (given) => {
  const data = {
    tools: given.tools,
    schemaUrl: "/policy.schema.json",
    checkUrl: "/check",
    tryUrl: "/try",
    effectUrl: "/effect",
    mayWrite: given.mayWrite,
  };
  const options = given.tools.map(({ name }) => `<option>${escaped(name)}</option>`).join("");
  return `<!doctype html>
<html lang="en" data-theme="${given.theme}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Workbench</title>
${sheet("css/portcullis.css")}${sheet("css/work.css")}${sheet("css/workbench.css")}
${script("js/live.js")}${script("js/page.js")}${script("vendor/editor.js")}${script("js/workbench.js")}</head>
<body><div class="frame"><main id="main"><div class="page-head"><h1>Everyday</h1></div>
<form class="bench stack" method="post" action="/check" data-workbench>
<input type="hidden" name="based_on" value="1"><input type="hidden" name="revision" value="0">
<div class="bench-sides">
<div class="bench-builder" data-builder hidden></div>
<div class="bench-text stack-s">
<div class="field"><label for="document">Policy, as JSON</label><div class="editor">
<textarea id="document" name="document" class="code" data-editor rows="16" spellcheck="false">
${escaped(given.document)}</textarea></div></div>
<div data-part="check" id="document-errors" aria-live="polite"></div>
<div class="row"><button class="button s">Check and run the tests</button></div>
</div></div>
<div class="row"><button class="button" formaction="/draft">Save draft</button><button class="button primary" formaction="/publish">Publish</button></div>
<section class="stack-s" aria-labelledby="try-head"><h2 id="try-head">Try a call</h2>
<div class="field"><label for="tool">Tool</label><select id="tool" name="tool">${options}</select></div>
<div class="field"><label for="arguments">Arguments, as JSON</label><textarea id="arguments" class="code" name="arguments" rows="4">{}</textarea></div>
<div><button class="button" formaction="/try">Try</button></div>
<div data-part="try" aria-live="polite"></div></section>
<script type="application/json" id="workbench-data">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>
</form></main></div><div id="announce" class="visually-hidden" aria-live="polite"></div></body></html>`;
};

const TRIED = `<div class="outcome" data-rule="/tools/set_model_alias/limits/0"><p>Refused: at most 30 a minute per grant.</p>
<button type="button" class="button s" data-add-test='{"name":"tried","calls":[{"at":0,"tool":"set_model_alias","args":{"version":12345678901234567890},"expect":"deny"}]}'>Keep as a test</button></div>`;

const problemsOf = (document) => {
  const at = document.split("\n").findIndex((line) => line.includes("maybe"));
  return at < 0
    ? []
    : [
        {
          pointer: "/default",
          line: at + 1,
          column: document.split("\n")[at].indexOf('"maybe"') + 1,
          message: "“maybe” is not allowed here",
        },
      ];
};

const checked = (document) => {
  const problems = problemsOf(document);
  const list = problems
    .map((one) => `<a href="#document" data-line="${one.line}" data-column="${one.column}">Line ${one.line}</a> ${one.message}`)
    .join("");
  return `${list || '<p class="fine">No problems found.</p>'}<script type="application/json" data-problems>${JSON.stringify(problems)}</script>`;
};

const TYPES = { css: "text/css", js: "text/javascript", woff2: "font/woff2", svg: "image/svg+xml" };

const read = async (request) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
};

/** A server for one page; `given` may be changed while it runs, `asked` holds what was posted. */
export const serve = async (given, port = 0) => {
  const asked = [];
  const answers = {
    "/": () => ["text/html; charset=utf-8", page(given)],
    "/check": (fields) => ["text/html; charset=utf-8", checked(fields.get("document"))],
    "/try": () => ["text/html; charset=utf-8", TRIED],
    "/policy.schema.json": () => ["application/json", readFileSync(join(here, "schema.json"))],
  };
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    const fields = await read(request);
    if (request.method === "POST") asked.push({ path, part: request.headers["x-part"] === "1", fields });
    const headers = { "content-security-policy": POLICY };
    if (path.startsWith("/static/")) {
      const type = TYPES[path.split(".").at(-1)];
      return response.writeHead(200, { ...headers, "content-type": type }).end(readFileSync(join(files, path.slice(8))));
    }
    const answer = answers[path]?.(fields) ?? [
      "text/html; charset=utf-8",
      page({ ...given, document: fields.get("document") ?? given.document }),
    ];
    return response.writeHead(200, { ...headers, "content-type": answer[0] }).end(answer[1]);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, asked, close: () => server.close() };
};

export const given = (more = {}) => ({
  document: '{\n  "version": "1",\n  "default": "deny"\n}\n',
  theme: "system",
  mayWrite: true,
  tools: TOOLS,
  ...more,
});

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { origin } = await serve(given(), Number(process.argv[2] ?? 8097));
  console.log(origin);
}
