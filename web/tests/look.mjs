// What every page must keep, whoever looks at it: one h1, no sideways scrolling, no axe violations. And a photograph of it.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.BROWSER_MODULES, "package.json"));
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// Through the debugger, which the page's content security policy does not bind.
const evaluate = async (session, expression) => {
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
};

const RUN_AXE = `axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations.map((violation) => ({
  id: violation.id,
  help: violation.help,
  nodes: violation.nodes.map((node) => node.target.join(" ") + " " + (node.any[0]?.message ?? "")),
})))`;

const checkAccess = async (person) => {
  const session = await person.context.newCDPSession(person.page);
  try {
    await evaluate(session, `${AXE};void 0`);
    for (const { id, help, nodes } of await evaluate(session, RUN_AXE)) {
      person.fault(`axe ${id} (${help}): ${nodes.slice(0, 3).join(" | ")}${nodes.length > 3 ? ` and ${nodes.length - 3} more` : ""}`);
    }
  } finally {
    await session.detach();
  }
};

const checkShape = async (person) => {
  const shape = await person.page.evaluate(() => {
    const wide = document.documentElement.clientWidth;
    const sticksOut = (node) => node.getBoundingClientRect().right > wide + 0.5;
    const outside = (node) => sticksOut(node) && ![...node.children].some(sticksOut);
    return {
      headings: document.querySelectorAll("h1").length,
      wide,
      scroll: document.scrollingElement.scrollWidth,
      title: document.title,
      outside: [...document.querySelectorAll("body *")].filter(outside).map((node) => `${node.tagName} ${node.id} ${node.className}`).slice(0, 6),
    };
  });
  if (shape.headings !== 1) person.fault(`${shape.headings} h1 elements`);
  if (shape.title.trim() === "") person.fault("no title");
  if (shape.scroll > shape.wide) person.fault(`scrolls sideways: ${shape.scroll} px in ${shape.wide} px; outside: ${shape.outside.join(", ")}`);
};

const OTHER = { light: "dark", dark: "light" };

const lookIn = async (person, name, colors) => {
  if (person.script) await checkAccess(person);
  const folder = join(person.product.out, `${person.width}-${colors}${person.script ? "" : "-noscript"}`);
  mkdirSync(folder, { recursive: true });
  await person.page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: "disabled" });
};

/** Checks the page a person is on and photographs it as `name`; in the other colours too for who looks at both. */
export const look = async (person, name) => {
  await checkShape(person);
  await lookIn(person, name, person.colors);
  if (!person.bothColors) return;
  await person.page.emulateMedia({ colorScheme: OTHER[person.colors] });
  await lookIn(person, name, OTHER[person.colors]);
  await person.page.emulateMedia({ colorScheme: person.colors });
};
