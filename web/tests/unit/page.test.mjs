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
let leave = async () => {};
const faults = [];

before(async () => {
  if (!modules) return;
  const { chromium } = createRequire(join(modules, "package.json"))("playwright-core");
  const args = ["--disable-gpu", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args });
});

after(() => browser?.close());

const open = async (more = {}, size = { width: 1280, height: 900 }) => {
  const server = await serve(given(more));
  const context = await browser.newContext({ viewport: size, reducedMotion: "reduce", baseURL: server.origin });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.origin });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(`script error: ${error.stack}`));
  page.on("console", (message) => message.type() === "error" && faults.push(`console: ${message.text()}`));
  await page.goto("/");
  await page.waitForSelector("form[data-ready]");
  const text = () => page.locator("textarea[name=document]").inputValue();
  leave = async () => {
    await context.close();
    server.close();
    assert.deepEqual(faults.splice(0), []);
  };
  return { page, text, asked: server.asked };
};

const browserTest = (name, run) =>
  test(name, { skip: !modules && "BROWSER_MODULES is not set", timeout: 600_000 }, async () => {
    try {
      await run();
    } finally {
      await leave();
    }
  });
const radio = (page, group, name) => page.getByRole("radiogroup", { name: group, exact: true }).getByRole("radio", { name, exact: true });
const choose = (page, group, name) => page.getByRole("radiogroup", { name: group, exact: true }).getByText(name, { exact: true }).click();
// The builder draws in the frame after a change: what is read of it without waiting for an element is read after that.
const settle = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

const paste = async (page, text) => {
  await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+V");
};

browserTest("by mouse: the seed's policy, byte for byte, and back by undo", async () => {
  const { page, text } = await open();
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
});

browserTest("an empty text is a policy that denies everything, once something is set", async () => {
  const { page, text } = await open({ document: "" });
  await page.getByRole("button", { name: "Limits and rules of get_run" }).click();
  assert.equal(await text(), "", "looking around writes nothing");
  await choose(page, "set_model_alias", "Allow");
  await page.getByRole("button", { name: "Limits and rules of set_model_alias" }).click();
  await page.getByRole("button", { name: "Add a limit" }).nth(0).click();
  assert.equal(await text(), SEED);
  for (let undone = 0; undone < 2; undone += 1) await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await text(), "");
  await settle(page);
  await choose(page, "Tools that no rule names", "Deny");
  assert.equal(await text(), START);
});

browserTest("by keyboard alone: the same", async () => {
  const { page, text } = await open();
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
  // However long the machine takes between two keys, they are struck in one go.
  await page.clock.setFixedTime(Date.now());
  await page.keyboard.press("Control+A");
  await page.keyboard.type("45");
  assert.equal(await text(), SEED.replace("30", "45"));
  await page.keyboard.press("Control+z");
  assert.equal(await text(), SEED, "what was typed in one go is undone in one go");
  await tabTo(page.locator(".cm-content"));
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => !document.activeElement.closest(".cm-editor")), "Tab leads out of the editor");
  assert.equal(await text(), SEED);
});

browserTest("pasted JSON shows in the rows; broken JSON is said, and nothing is lost", async () => {
  const { page, text } = await open();
  await paste(page, SEED);
  await settle(page);
  assert.ok(await radio(page, "set_model_alias", "Allow").isChecked());
  assert.match(
    await page.locator(".wb-row", { hasText: "set_model_alias" }).locator(".wb-why").textContent(),
    /at most 30 a minute per grant/,
  );
  await paste(page, SEED.replace('"deny",', '"deny"'));
  await settle(page);
  assert.match(await page.locator(".wb-builder .notice").textContent(), /cannot be read at line 4/);
  assert.ok(await radio(page, "set_model_alias", "Deny").isDisabled());
  await page.keyboard.press("Control+z");
  await settle(page);
  assert.equal(await text(), SEED);
  assert.ok(await radio(page, "set_model_alias", "Deny").isEnabled());
});

browserTest("problems from the server are marked in the editor; its parts lead into both sides", async () => {
  const { page, text, asked } = await open({ document: SEED });
  await paste(page, SEED.replace('"deny"', '"maybe"'));
  await page.locator(".cm-lintRange-error").waitFor();
  assert.equal(await page.locator(".cm-lintRange-error").first().textContent(), '"maybe"');
  assert.ok(
    asked.every(({ part, fields }) => part && fields.get("based_on") === "1" && [...fields.keys()].every((key) => !key.startsWith("wb-"))),
  );
  await paste(page, SEED);
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.locator(".cm-hit").first().waitFor();
  assert.match(await page.locator(".cm-hit").first().textContent(), /set_model_alias_rate/);
  assert.equal(await page.locator(".wb-row[data-hit]").count(), 1);
  assert.equal(
    await page.evaluate(() => Math.round(document.activeElement.getBoundingClientRect().top) >= 0),
    true,
    "who tried is still there",
  );
  await page.getByRole("button", { name: "Limits and rules of set_model_alias" }).click();
  assert.equal(await page.locator(".wb-row[data-hit]").count(), 0);
  assert.equal(await page.locator(".wb-body [data-hit]").count(), 1, "in an open row the limit itself stands out");
  await page.getByRole("button", { name: "Keep as a test" }).click();
  assert.match(await text(), /"version": 12345678901234567890/);
  await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await text(), SEED);
});

browserTest("the arguments form and the JSON that is sent stay in step", async () => {
  const { page, asked } = await open();
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
});

browserTest("what was not saved is offered again after a reload, and only then", async () => {
  const { page, text } = await open();
  await choose(page, "get_run", "Hide");
  const hidden = await text();
  await page.getByRole("button", { name: "Limits and rules of get_run" }).click();
  let warned = 0;
  page.on("dialog", (dialog) => {
    warned += 1;
    dialog.accept();
  });
  await page.getByRole("button", { name: "Try", exact: true }).click();
  await page.locator("[data-part=try] .outcome").waitFor();
  await page.reload();
  assert.equal(warned, 1, "leaving was warned about, also after a call was tried");
  await page.waitForSelector("form[data-ready]");
  assert.equal(await text(), START);
  assert.equal(
    await page.getByRole("button", { name: "Limits and rules of get_run" }).getAttribute("aria-expanded"),
    "true",
    "what was opened is open",
  );
  await page.getByRole("button", { name: "Restore unsaved text" }).click();
  assert.equal(await text(), hidden);
  await page.getByRole("button", { name: "Save draft" }).click();
  await page.waitForURL("**/draft");
  await page.waitForSelector("form[data-ready]");
  assert.equal(warned, 1, "saving is not leaving");
  await page.goto("/");
  await page.waitForSelector("form[data-ready]");
  assert.equal(await page.getByRole("button", { name: "Restore unsaved text" }).count(), 0, "what was saved is not offered");
});

browserTest("the editor completes, explains and searches, with no style or picture that the policy refuses", async () => {
  const { page, text } = await open({ document: START.replace('"deny"', '"maybe"') });
  const editor = page.locator(".cm-content");
  await editor.click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.keyboard.type('"too');
  await page.locator(".cm-tooltip-autocomplete").waitFor();
  await page.waitForTimeout(100); // CodeMirror takes no Enter in the first 75 ms of a list.
  await page.keyboard.press("Enter");
  assert.match(await text(), /^\{\n {2}"tools": \{\},\n {2}"version"/);
  await page.keyboard.type('"charge');
  await page.locator(".cm-tooltip-autocomplete").waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".cm-lint-marker").first().hover();
  await page.locator(".cm-tooltip-lint").waitFor();
  await page.locator(".cm-line span", { hasText: '"version"' }).first().hover();
  await page.locator(".wb-hover").waitFor();
  assert.match(await page.locator(".wb-hover").textContent(), /version of the language/);
  await editor.click();
  await page.keyboard.press("Control+f");
  await page.locator(".cm-search").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("F8");
  assert.equal(await page.evaluate(() => Boolean(document.activeElement.closest(".cm-editor"))), true);
});

browserTest("limits, argument rules, approvals, bulk and patterns, each as small edits", async () => {
  const { page, text } = await open();
  const value = async () => JSON.parse(await text());
  await choose(page, "charge", "Ask");
  await page.getByRole("button", { name: "Limits and rules of charge" }).click();
  const body = page.locator(".wb-row", { hasText: "charge" }).locator(".wb-body");
  await body.getByRole("button", { name: "Add a limit" }).click();
  await body.getByText("More", { exact: true }).first().click();
  await body.getByLabel("What is counted").selectOption("args.amount");
  await body.getByRole("textbox", { name: "At most", exact: true }).fill("99.50");
  await body.getByLabel("Window", { exact: true }).selectOption("seconds");
  await body.getByLabel("Seconds", { exact: true }).fill("0");
  assert.match(await body.locator(".wb-bad").textContent(), /whole number/);
  await body.getByLabel("Seconds", { exact: true }).fill("90");
  assert.equal(await body.locator(".wb-bad").count(), 0);
  await body.getByRole("button", { name: "Add an argument rule" }).click();
  await body.getByRole("textbox", { name: "Value" }).fill("100");
  await body.getByRole("button", { name: /^And/ }).click();
  await body.getByLabel("What is looked at").nth(1).selectOption("args.currency");
  await body.getByRole("combobox", { name: "Value", exact: true }).fill("USD");
  await body.getByLabel("Consequence", { exact: true }).selectOption("approve_if");
  await body.getByLabel("Who may approve").selectOption("team");
  await body.getByLabel("Team", { exact: true }).fill("billing");
  await body.getByLabel("Time to approve").fill("2");
  await body.getByLabel("Unit of the time").selectOption("hours");
  await body.getByLabel("Told to the caller with a refusal").fill('Ask "billing".');
  assert.deepEqual((await value()).tools.charge, {
    action: "require_approval",
    reason: 'Ask "billing".',
    approve_if: [
      {
        conditions: [
          { path: "args.amount", op: "gt", value: 100 },
          { path: "args.currency", op: "eq", value: "USD" },
        ],
      },
    ],
    limits: [{ counter: "charge_rate", window: 90, max: 99.5, scope: "grant", amount: "args.amount" }],
    approval: { timeout: 7200, approvers: { team: "billing" } },
  });
  assert.match(await text(), /"max": 99\.50/);
  await page.getByLabel("Filter tools").fill("run");
  await page.getByLabel("Risk", { exact: true }).selectOption("read");
  await page.getByRole("button", { name: "Hide the 2 shown tools" }).click();
  await page.getByLabel("Pattern", { exact: true }).fill("delete_*");
  await page.keyboard.press("Enter");
  const after = await value();
  assert.deepEqual([after.tools.get_run, after.tools.search_runs, after.tools["delete_*"]], [{ action: "hide" }, { action: "hide" }, {}]);
  await page.getByRole("button", { name: "Clear the rule of delete_*" }).click();
  assert.notEqual(await page.evaluate(() => document.activeElement.tagName), "BODY", "the focus stays in the builder");
  for (let undone = 0; undone < 40 && (await text()) !== START; undone += 1) await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await text(), START, "undo leads back to the first byte");
});

browserTest("undo shows in the input one stands in; what rows cannot show is custom and left alone", async () => {
  const odd = '{"version":"1","default":"deny","tools":{"charge":{"surprise":[1,{"a":null}],"limits":[{"window":"minute","max":1}]}}}';
  const { page, text } = await open({ document: odd });
  assert.ok(await radio(page, "charge", "Custom").isChecked());
  await page.getByRole("button", { name: "Limits and rules of charge" }).click();
  const max = page.getByRole("textbox", { name: "At most", exact: true });
  await max.fill("25");
  assert.equal(await text(), odd.replace('"max":1', '"max":25'));
  await max.press("Control+z");
  await settle(page);
  assert.equal(await max.inputValue(), "1");
  await page.getByRole("button", { name: "Edit in JSON: tools charge surprise" }).click();
  assert.equal(await page.evaluate(() => getSelection().toString()), '"surprise":[1,{"a":null}]');
  await paste(page, SEED);
  await page.getByRole("button", { name: "Show in JSON: set_model_alias" }).click();
  assert.equal(
    await page.locator(".cm-lineNumbers .cm-activeLineGutter").first().textContent(),
    "5",
    "the cursor stands where the member begins",
  );
});

browserTest("who may not write looks around, and changes nothing", async () => {
  const { page, text } = await open({ document: SEED, mayWrite: false });
  await page.getByRole("button", { name: "Limits and rules of set_model_alias" }).click();
  assert.ok(await page.getByRole("textbox", { name: "At most", exact: true }).isDisabled());
  await page.locator(".cm-content").click();
  await page.keyboard.type("x");
  assert.equal(await text(), SEED);
});

browserTest("at 320 px one side at a time, and the other when it has to be seen", async () => {
  const { page } = await open({ document: SEED }, { width: 320, height: 640 });
  assert.ok(await page.locator(".wb-rows").first().isVisible());
  assert.ok(!(await page.locator(".cm-editor").isVisible()));
  await page.getByRole("button", { name: "Show in JSON: set_model_alias" }).click();
  assert.ok(await page.locator(".cm-editor").isVisible());
  assert.equal(await page.evaluate(() => document.scrollingElement.scrollWidth), 320);
});
