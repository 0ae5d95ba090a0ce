// People in browsers: a person is one browser context with one page, a pair of hands, and a watch on everything that goes wrong
// while they are there. Faults are noted, not thrown, so that one run tells all of them.

import { createRequire } from "node:module";
import { join } from "node:path";

import { handsOf } from "./hands.mjs";
import { PATIENCE_MS } from "./until.mjs";

const require = createRequire(join(process.env.BROWSER_MODULES, "package.json"));
const { chromium } = require("playwright-core");

const FLAGS = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** How many people have come; each has an address of their own (RFC 5737 documentation block), so that limits by address see people. */
let arrived = 0;

export const openBrowser = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    // Chromium's own sandbox refuses to run as root.
    args: process.getuid() === 0 ? [...FLAGS, "--no-sandbox"] : FLAGS,
  });

export class Person {
  /** What went wrong while this person was there, each once. */
  faults = new Set();
  /** Another host that this person may come to: where a client waits for its answer. */
  mayVisit = null;
  #leaving = false;
  #warned = false;

  /** `how`: name, hand ("mouse" or "keyboard"), colors ("light" or "dark"; `bothColors` has every page looked at in the other too), width,
   * height, script (false turns JavaScript off). */
  static async arrive(browser, product, how = {}) {
    const person = new Person();
    const { name = "person", hand = "mouse", colors = "light", width = 1280, height = 800, script = true, bothColors = false, mayVisit = null } = how;
    Object.assign(person, { name, product, script, colors, bothColors, width, height, mayVisit });
    arrived += 1;
    person.context = await browser.newContext({
      extraHTTPHeaders: { "X-Forwarded-For": `198.51.100.${arrived % 256}` },
      baseURL: product.origin,
      viewport: { width, height },
      colorScheme: colors,
      javaScriptEnabled: script,
      reducedMotion: "reduce",
      locale: "en-GB",
      timezoneId: "UTC",
      userAgent: how.userAgent,
    });
    person.context.setDefaultTimeout(PATIENCE_MS);
    await person.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: product.origin });
    person.page = await person.context.newPage();
    person.hands = handsOf(hand, person);
    person.#watch();
    return person;
  }

  fault(text) {
    this.faults.add(`${new URL(this.page.url(), this.product.origin).pathname}: ${text}`);
  }

  #watch() {
    const { page } = this;
    page.on("pageerror", (error) => this.fault(`script error: ${error.message}`));
    page.on("dialog", (dialog) => {
      if (this.#leaving && dialog.type() === "beforeunload") {
        this.#warned = true;
        return dialog.accept();
      }
      this.fault(`a browser dialog: ${dialog.message()}`);
      return dialog.dismiss();
    });
    page.on("console", (message) => {
      // A refused form answers 422 and an unknown page 404: Chromium reports the document itself. Answers are looked at below.
      if (message.type() !== "error" || message.text().startsWith("Failed to load resource")) return;
      this.fault(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      const known = [this.product.origin, this.mayVisit].includes(url.origin);
      if (url.protocol.startsWith("http") && !known) this.fault(`asked another host: ${url}`);
    });
    page.on("response", (response) => {
      const document = response.request().resourceType() === "document";
      const status = response.status();
      if (new URL(response.url()).origin === this.mayVisit) return;
      if (status >= 500 || (status >= 400 && !document)) this.fault(`${response.request().method()} ${response.url()} answered ${status}`);
    });
  }

  goto(path) {
    return this.page.goto(path, { waitUntil: "load" });
  }

  /** Leaves a page although what was written there is not saved; gives whether the browser asked first. */
  async leaves(path) {
    [this.#leaving, this.#warned] = [true, false];
    await this.goto(path);
    this.#leaving = false;
    return this.#warned;
  }

  /** Does something that opens a page, and waits until it is there. */
  async opens(act) {
    const loaded = this.page.waitForEvent("load", { timeout: PATIENCE_MS });
    await Promise.all([loaded, act()]);
  }

  get path() {
    return new URL(this.page.url()).pathname;
  }

  leave() {
    return this.context.close();
  }
}
