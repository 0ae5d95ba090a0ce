// The workbench in hands: its builder's controls are found by what they do and where (`data-do`, `data-at`), its panels by their names.

import { readFileSync } from "node:fs";

import { workbench } from "./steps.mjs";
import { until } from "./until.mjs";

/** The document at the top of the policy language's definition, from the one copy that the product's own tests read. */
export const SEED = readFileSync(new URL("../../crates/portcullis/tests/it/seed-policy.json", import.meta.url), "utf8");

/** What an empty policy of the workbench begins with. */
export const NOTHING = '{\n  "version": "1",\n  "default": "deny"\n}\n';

/** A button, list or input of the builder. */
export const control = (person, act, at) => person.page.locator(`[data-do="${act}"][data-at="${at}"]`);

export const choice = (person, act, at, value) => person.page.locator(`[data-do="${act}"][data-at="${at}"][value="${value}"]`);

export const tool = (person, name, action) => choice(person, "tool", `/tools/${name}`, action);

/** The policy's text, as it would be sent. */
export const text = (person) => person.page.locator("textarea[name=document]").inputValue();

/** Waits until the policy's text is this. */
export const expectText = async (person, wanted, why = "") => {
  let found = null;
  await until(async () => (found = await text(person)) === wanted, why).catch((late) => {
    throw new Error(`${late.message}; the text is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
  });
};

/** Waits until the rows have taken over what the text says. */
export const shows = (person, locator, what) => until(() => locator.first().isVisible(), `${person.name} sees ${what}`);

/** At small sizes one side is seen at a time. */
export const side = async (person, which) => {
  const button = person.page.locator(`.wb-bar [data-view="${which}"]`);
  if ((await button.isVisible()) && person.width < 1152) await person.hands.press(button);
};

export const editor = (person) => person.page.locator(".cm-content");

export const stepIntoEditor = async (person) => {
  await side(person, "json");
  await person.hands.stepInto(editor(person));
};

/** Undo or redo, by its button. */
export const travel = (person, shortcut) => person.hands.press(person.page.locator(`.wb-bar [aria-keyshortcuts="${shortcut}"]`));
export const undo = (person) => travel(person, "Control+Z");
export const redo = (person) => travel(person, "Control+Y");

/** What is wrong with the text, as the page tells it: `[{ line, pointer, words }]`. */
export const problems = (person) =>
  person.page.locator('[data-part="check"] .problems li').evaluateAll((items) =>
    items.map((item) => ({
      line: Number(item.querySelector("[data-line]").dataset.line),
      pointer: item.querySelector("code")?.textContent ?? "",
      words: item.textContent,
    })),
  );

const sorted = (places) => JSON.stringify(places.map((place) => JSON.stringify(place)).sort());

/** Waits until the page tells exactly these problems, each as its line and pointer, in whatever order, and gives them. */
export const told = async (person, wanted) => {
  let all = [];
  const same = async () => {
    all = await problems(person);
    return sorted(all.map(({ line, pointer }) => [line, pointer])) === sorted(wanted);
  };
  await until(same, `the problems at ${JSON.stringify(wanted)} are told`).catch((late) => {
    throw new Error(`${late.message}; told are ${JSON.stringify(all)}`);
  });
  return all;
};

export const isFine = (person) =>
  until(async () => (await person.page.locator('[data-part="check"] .fine').count()) === 1, "no problem is told any more");

export const openTab = (person, name) => person.hands.choose(person.page.locator(`#panel-${name}`));

/** An input of the form that a tool's schema gives its arguments. */
export const argument = (person, name) => {
  const label = person.page.locator("code", { hasText: new RegExp(`^${name}$`) });
  return person.page.locator(".wb-arguments .field").filter({ has: label }).locator("[data-field]");
};

/** Tries a call with the text of the page; gives the part that tells what came out. */
export const tryCall = async (person, { name, args, grant = null }) => {
  const bench = await workbench(person);
  await openTab(person, "try");
  await person.hands.select(bench.locator("[name=tool]"), name);
  if (grant !== null) await person.hands.select(bench.locator("[name=grant]"), grant);
  if (person.script) for (const [key, value] of Object.entries(args)) await person.hands.write(argument(person, key), value);
  else await person.hands.write(bench.locator("[name=arguments]"), JSON.stringify(args));
  const button = bench.locator('button[formaction$="/try"]');
  if (!person.script) await person.opens(() => person.hands.press(button));
  else {
    const answered = person.page.waitForResponse((response) => response.url().endsWith("/try"));
    await person.hands.press(button);
    await answered;
  }
  const outcome = person.page.locator('[data-part="try"] .outcome');
  const isAbout = async () => (await outcome.count()) === 1 && (await outcome.locator("code").first().textContent()) === name;
  await until(isAbout, `what becomes of ${name} is told`);
  return outcome;
};

/** The counters of a tried call: `[[before, after, at most]]`. */
export const counters = (outcome) =>
  outcome.locator("tbody tr").evaluateAll((rows) =>
    rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent.trim())),
  );

/** The versions as the page lists them, newest first, in words. */
export const versions = (person) =>
  person.page.locator(".versions > li").evaluateAll((all) => all.map((one) => one.textContent.replace(/\s+/g, " ")));

/** Writes what changes and publishes. */
export const publish = async (person, note, deed = "publish") => {
  const bench = await workbench(person);
  await person.hands.write(bench.locator("[name=note]"), note);
  await person.opens(() => person.hands.press(bench.locator(`button[formaction$="/${deed}"]`)));
};

/** Opens the one policy that the server's page lists. */
export const openPolicy = async (person) => {
  await person.goto(`${person.home}/servers/mlflow`);
  await follow(person, person.page.locator('main a[href*="/policies/policy_"]').first());
  await workbench(person);
  return person.path;
};

/** Opens a link, by whatever hands. */
export const follow = (person, link) => person.opens(() => person.hands.press(link));
