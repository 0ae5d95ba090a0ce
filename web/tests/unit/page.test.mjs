// The workbench in a real Chromium under the product's content security policy, with the server's parts made up (harness.mjs). Runs where
// the browser test's packages are: BROWSER_MODULES is their folder.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { given, serve } from "./harness.mjs";

const modules = process.env.BROWSER_MODULES;
const SEED = `{
  "version": "1",
  "default": "deny",
  "tools": {
    "set_model_alias": {
      "limits": [
        { "counter": "set_model_alias_rate", "window": "minute", "max": 30, "scope": "grant" }
      ]
    }
  }
}
`;

const START = '{\n  "version": "1",\n  "default": "deny"\n}\n';

let browser;
const faults = [];

before(async () => {
  if (!modules) return;
  const { chromium } = createRequire(join(modules, "package.json"))("playwright-core");
  const args = ["--disable-gpu", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args });
});

after(() => browser?.close());

const open = async (more = {}, size = { width: 1280, height: 900 }) => {
  const state = given(more);
  const server = await serve(state);
  const context = await browser.newContext({ viewport: size, reducedMotion: "reduce", baseURL: server.origin });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.origin });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`script error: ${error.stack}`));
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  await page.goto("/");
  await page.waitForSelector("form[data-ready]");
  const text = () => page.locator("textarea[name=document]").inputValue();
  const close = async () => {
    await context.close();
    server.close();
    assert.deepEqual(faults.splice(0), []);
  };
  return { page, text, close, state, asked: server.asked };
};

const browserTest = (name, run) => test(name, { skip: !modules && "BROWSER_MODULES is not set" }, run);
const radio = (page, group, name) => page.getByRole("radiogroup", { name: group, exact: true }).getByRole("radio", { name, exact: true });
const choose = (page, group, name) => page.getByRole("radiogroup", { name: group, exact: true }).getByText(name, { exact: true }).click();
const settle = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

const paste = async (page, text) => {
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+V");
};

browserTest("by mouse: the seed's policy, byte for byte, and back by undo", async () => {
  const { page, text, close } = await open();
  await choose(page, "set_model_alias", "Allow");
  await page.getByRole("button", { name: "Limits and rules of set_model_alias" }).click();
  await page.getByRole("button", { name: "Add a limit" }).first().click();
  assert.equal(await text(), SEED);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "At most");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await text(), START);
  await page.getByRole("button", { name: "Redo" }).click();
  await page.getByRole("button", { name: "Redo" }).click();
  assert.equal(await text(), SEED);
  await close();
});

browserTest("by keyboard alone: the same", async () => {
  const { page, text, close } = await open();
  const tabTo = async (locator) => {
    for (let tabs = 0; tabs < 250; tabs += 1) {
      if (await locator.evaluate((node) => node === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`Tab does not lead to ${locator}`);
  };
  await tabTo(radio(page, "set_model_alias", "Allow"));
  await page.keyboard.press("Space");
  await tabTo(page.getByRole("button", { name: "Limits and rules of set_model_alias" }));
  await page.keyboard.press("Enter");
  await tabTo(page.getByRole("button", { name: "Add a limit" }).first());
  await page.keyboard.press("Enter");
  assert.equal(await text(), SEED);
  await page.keyboard.press("Control+A");
  await page.keyboard.type("45");
  assert.equal(await text(), SEED.replace("30", "45"));
  await page.keyboard.press("Control+z");
  assert.equal(await text(), SEED, "what was typed in one go is undone in one go");
  await tabTo(page.locator(".cm-content"));
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => !document.activeElement.closest(".cm-editor")), "Tab leads out of the editor");
  assert.equal(await text(), SEED);
  await close();
});

browserTest("pasted JSON shows in the rows; broken JSON is said, and nothing is lost", async () => {
  const { page, text, close } = await open();
  await paste(page, SEED);
  await settle(page);
  assert.ok(await radio(page, "set_model_alias", "Allow").isChecked());
  assert.match(await page.locator(".wb-row", { hasText: "set_model_alias" }).locator(".wb-why").textContent(), /at most 30 a minute per grant/);
  await paste(page, SEED.replace('"deny",', '"deny"'));
  await settle(page);
  assert.match(await page.locator(".wb-builder .notice").textContent(), /cannot be read at line 4/);
  assert.ok(await radio(page, "set_model_alias", "Deny").isDisabled());
  await page.keyboard.press("Control+z");
  await settle(page);
  assert.equal(await text(), SEED);
  assert.ok(await radio(page, "set_model_alias", "Deny").isEnabled());
  await close();
});

browserTest("problems from the server are marked in the editor; its parts lead into both sides", async () => {
  const { page, text, close, asked } = await open({ document: SEED });
  await paste(page, SEED.replace('"deny"', '"maybe"'));
  await page.locator(".cm-lintRange-error").waitFor();
  assert.equal(await page.locator(".cm-lintRange-error").first().textContent(), '"maybe"');
  assert.ok(asked.every(({ part, fields }) => part && fields.get("based_on") === "1" && [...fields.keys()].every((key) => !key.startsWith("wb-"))));
  await paste(page, SEED);
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.locator(".cm-hit").first().waitFor();
  assert.match(await page.locator(".cm-hit").first().textContent(), /set_model_alias_rate/);
  assert.equal(await page.locator(".wb-row[data-hit]").count(), 1);
  await page.getByRole("button", { name: "Keep as a test" }).click();
  assert.match(await text(), /"version": 12345678901234567890/);
  await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await text(), SEED);
  await close();
});

browserTest("the arguments form and the JSON that is sent stay in step", async () => {
  const { page, close, asked } = await open();
  await page.locator("select[name=tool]").selectOption("charge");
  const sent = page.locator("textarea[name=arguments]");
  await page.getByLabel(/^amount/).fill("12.50");
  await page.getByLabel(/^currency/).selectOption({ label: "USD" });
  assert.equal(await sent.inputValue(), '{\n  "amount": 12.50,\n  "currency": "USD"\n}');
  await sent.fill('{"amount": 7, "other": 1}');
  assert.equal(await page.getByLabel(/^amount/).inputValue(), "7");
  await page.getByLabel(/^recurring/).selectOption("true");
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.locator("[data-part=try] .outcome").waitFor();
  const last = asked.findLast(({ path }) => path === "/try").fields.get("arguments");
  assert.deepEqual(JSON.parse(last), { amount: 7, other: 1, recurring: true });
  await close();
});

browserTest("what was not saved is offered again after a reload, and only then", async () => {
  const { page, text, close } = await open();
  await choose(page, "get_run", "Hide");
  const hidden = await text();
  page.on("dialog", (dialog) => dialog.accept());
  await page.reload();
  await page.waitForSelector("form[data-ready]");
  assert.equal(await text(), START);
  await page.getByRole("button", { name: "Restore unsaved text" }).click();
  assert.equal(await text(), hidden);
  await page.getByRole("button", { name: "Save draft" }).click();
  await page.waitForURL("**/draft");
  await close();
});
