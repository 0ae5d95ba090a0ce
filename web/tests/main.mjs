// Runs the cases one after another against one product on a blank data folder, and closes with `N passed, N failed`.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { Person, openBrowser } from "./browser.mjs";
import approvals from "./cases/approvals.mjs";
import byUrl from "./cases/by-url.mjs";
import firstCall from "./cases/first-call.mjs";
import oauth from "./cases/oauth.mjs";
import people from "./cases/people.mjs";
import policyLife from "./cases/policy-life.mjs";
import policies from "./cases/policies.mjs";
import teams from "./cases/teams.mjs";
import tour from "./cases/tour.mjs";
import upstreamOauth from "./cases/upstream-oauth.mjs";
import workbench from "./cases/workbench.mjs";
import { connect, startProduct, stopAll } from "./product.mjs";

const CASES = [firstCall, byUrl, people, oauth, upstreamOauth, policies, workbench, policyLife, approvals, teams, tour].flat();

const [binary, word] = process.argv.slice(2);
const out = process.env.BROWSER_OUT;

/** What a case gets: the product, and ways to bring people and connectors in that leave when it ends. */
class World {
  #people = [];
  #connectors = [];

  constructor(browser, product) {
    // Who has an account already is the product's, not the case's.
    product.signedUp ??= new Set();
    Object.assign(this, { browser, product, signedUp: product.signedUp });
  }

  async arrive(how) {
    const person = await Person.arrive(this.browser, this.product, how);
    this.#people.push(person);
    return person;
  }

  connect(line, name) {
    const connector = connect(this.product, line, name);
    this.#connectors.push(connector);
    return connector;
  }

  faults() {
    return this.#people.flatMap((person) => [...person.faults].map((fault) => `${person.name} at ${fault}`));
  }

  async photographFailure(title) {
    mkdirSync(join(out, "failed"), { recursive: true });
    for (const person of this.#people) {
      const path = join(out, "failed", `${title} - ${person.name}.png`.replaceAll("/", " "));
      await person.page.screenshot({ path, fullPage: true }).catch(() => {});
    }
  }

  async end() {
    for (const person of this.#people) await person.leave();
    for (const connector of this.#connectors) await connector.stop();
  }
}

const runCase = async (browser, product, { title, run }) => {
  const world = new World(browser, product);
  const began = Date.now();
  let failure = null;
  let note = "";
  try {
    note = (await run(world)) ?? "";
  } catch (error) {
    failure = error.stack ?? String(error);
    await world.photographFailure(title);
  }
  const faults = world.faults();
  await world.end();
  const passed = failure === null && faults.length === 0;
  console.log(`${passed ? "ok  " : "FAIL"} ${title} (${((Date.now() - began) / 1000).toFixed(1)} s)${note ? `: ${note}` : ""}`);
  for (const fault of faults) console.log(`     ${fault}`);
  if (failure) console.log(failure.replace(/^/gm, "     "));
  return passed;
};

mkdirSync(out, { recursive: true });
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stopAll().then(() => process.exit(1)));
const product = await startProduct(binary, process.env.BROWSER_DATA, out);
const browser = await openBrowser();
let passed = 0;
let failed = 0;
try {
  for (const one of CASES.filter(({ title }) => !word || title.includes(word))) {
    if (await runCase(browser, product, one)) passed += 1;
    else failed += 1;
  }
} finally {
  await browser.close();
  const how = await product.stop();
  if (how !== 0) {
    failed += 1;
    console.log(`FAIL the product did not stop cleanly: ${how}`);
  }
}
console.log(`screenshots and logs: ${out}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
