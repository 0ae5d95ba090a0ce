// A policy from nothing to in force and back, with a mouse, by keyboard alone, on a small screen and without script: built in rows until
// the text is the seed's to the byte, undone and redone, cleared and pasted, broken and mended, tried, kept as a test, saved, published,
// changed, compared and restored; a client's calls tell what is really in force.

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

import {
  NOTHING, SEED, argument, choice, control, counters, editor, expectText, follow, isFine, openTab, publish, redo, shows, side,
  stepIntoEditor, text, told, tool, tryCall, undo, versions,
} from "../bench.mjs";
import { openClient } from "../gateway-client.mjs";
import { look } from "../look.mjs";
import {
  blankAccount, confirm, connectServer, copyKey, copyUrl, giveGrant, pasteText, pressInWorkbench, registerMlflow, workbench,
} from "../steps.mjs";
import { until } from "../until.mjs";

const ALIAS = { name: "churn", alias: "champion", version: "1" };
const RULE = "/tools/set_model_alias";
const LIMIT = `${RULE}/limits/0`;

const arrive = async (world, how) => {
  const person = await world.arrive(how);
  await blankAccount(person, world, { email: "bench@example.com", account: `Bench ${person.name}` });
  const line = await registerMlflow(person);
  const connector = await connectServer(person, world, line, person.name);
  return { person, connector };
};

const openNew = async (person) => {
  await follow(person, person.page.locator('main a[href$="/policies/new?start=empty"]').first());
  await workbench(person);
  await expectText(person, NOTHING, "a new policy denies everything");
};

// --- building ----------------------------------------------------------------------------------------------------------------------

const build = async (person) => {
  await look(person, "workbench-01-new");
  assert.ok(await choice(person, "default", "/default", "deny").isChecked(), "what no rule names is denied");
  await person.hands.choose(tool(person, "set_model_alias", "allow"));
  await person.hands.press(control(person, "open", RULE));
  await person.hands.press(control(person, "limit-add", RULE));
  await expectText(person, SEED, "the rows write the seed's policy, byte for byte");
  const isFocused = await control(person, "limit-max", LIMIT).evaluate((node) => node === document.activeElement);
  assert.ok(isFocused, "the new limit's number can be typed at once");
  await isFine(person);
  await look(person, "workbench-02-built");
};

/** One history for both sides: rows, then keys in the JSON, back to the first byte and forth to the last. */
const undoAndRedo = async (person) => {
  await person.hands.write(control(person, "limit-max", LIMIT), "45");
  await expectText(person, SEED.replace("30", "45"));
  await stepIntoEditor(person);
  await person.hands.key("Control+End");
  await person.hands.type("\n");
  const typed = SEED.replace("30", "45").concat("\n");
  await expectText(person, typed);
  const seen = [typed];
  while ((await text(person)) !== NOTHING && seen.length < 8) {
    await undo(person);
    seen.push(await text(person));
  }
  assert.equal(seen.at(-1), NOTHING, "undo leads back to the first byte");
  assert.ok(seen.includes(SEED), "by way of the seed's policy");
  for (let step = 1; step < seen.length; step += 1) await redo(person);
  await expectText(person, typed, "and redo forth again");
};

const pasteSeed = async (person) => {
  await stepIntoEditor(person);
  await person.hands.key("Control+A");
  await person.hands.key("Delete");
  await expectText(person, "");
  await side(person, "builder");
  await shows(person, person.page.locator('[data-key="empty"]'), "that there is no text");
  await side(person, "json");
  await pasteText(person, SEED);
  await side(person, "builder");
  await until(() => tool(person, "set_model_alias", "allow").isChecked(), "the rows show what was pasted");
  assert.equal(await control(person, "limit-max", LIMIT).inputValue(), "30");
  assert.equal(await control(person, "limit-window", LIMIT).inputValue(), "minute");
  assert.equal(await control(person, "limit-scope", LIMIT).inputValue(), "grant");
  await isFine(person);
};

const keys = async (person, ...names) => {
  for (const name of names) await person.hands.key(name);
};

const markers = (person) => person.page.locator(".cm-lintRange-error");

/** Each fault is told in words, at its line, and marked in the text. */
const breakAndMend = async (person) => {
  await stepIntoEditor(person);
  await keys(person, "Control+Home", ...Array(5).fill("ArrowDown"), "Home", "ArrowRight", "ArrowRight", "ArrowRight", "Delete");
  const misspelt = SEED.replace("limits", "liits");
  await expectText(person, misspelt);
  const [slip] = await told(person, [[6, `${RULE}/liits`]]);
  assert.match(slip.words, /liits.*limits/s, "what was probably meant is said");
  await shows(person, markers(person), "the mark in the text");
  assert.match(await markers(person).first().textContent(), /liits/);
  await look(person, "workbench-03-misspelt");

  await pasteText(person, SEED.replace("30", '"thirty"'));
  await told(person, [[7, `${LIMIT}/max`]]);
  await until(async () => (await markers(person).allTextContents()).join("") === '"thirty"', "the wrong value is marked");
  await followProblem(person);
  await look(person, "workbench-04-wrong-type");

  await pasteText(person, SEED);
  await keys(person, "Control+End", "Backspace", "Backspace");
  await expectText(person, SEED.slice(0, -2));
  await side(person, "builder");
  await shows(person, person.page.locator('[data-key="broken"]'), "that the JSON cannot be read");
  assert.ok(await tool(person, "set_model_alias", "deny").isDisabled(), "rows wait while the text cannot be read");
  assert.equal(await control(person, "limit-max", LIMIT).inputValue(), "30", "and show the last state that could");
  await told(person, [[11, ""]]);
  await shows(person, person.page.locator(".wb-faults"), "from the rows too that something is wrong");
  await look(person, "workbench-05-broken");
  await person.hands.press(person.page.locator('[data-do="goto-fault"]'));
  assert.ok(await editor(person).evaluate((node) => node.contains(document.activeElement)), "the place is shown");
  for (let steps = 0; steps < 4 && (await text(person)) !== SEED; steps += 1) await person.hands.key("Control+z");
  await expectText(person, SEED, "nothing is lost");
  await isFine(person);
};

/** A problem's line leads to its place in the text. */
const followProblem = async (person) => {
  await person.hands.press(person.page.locator('[data-part="check"] .problems [data-line]').first());
  await until(async () => /thirty/.test(await person.page.locator(".cm-activeLine").textContent()), "a problem leads to its line");
};

/** Nobody is caught in the editor. */
const leaveEditor = async (person) => {
  await stepIntoEditor(person);
  await keys(person, "Escape", "Tab");
  assert.ok(!(await editor(person).evaluate((node) => node.contains(document.activeElement))), "Tab leads out of the editor");
  await stepIntoEditor(person);
  await keys(person, "Escape", "Shift+Tab");
  assert.ok(!(await editor(person).evaluate((node) => node.contains(document.activeElement))), "Shift-Tab too");
  await expectText(person, SEED);
};

// --- trying ------------------------------------------------------------------------------------------------------------------------

const tryBoth = async (person) => {
  const allowed = await tryCall(person, { name: "set_model_alias", args: ALIAS });
  assert.equal(await allowed.locator(".badge.allowed").count(), 1);
  assert.deepEqual(await counters(allowed), [["0", "1", "30"]]);
  assert.equal(await allowed.getAttribute("data-rule"), RULE);
  assert.ok((await person.page.locator(".cm-hit").count()) > 0, "the deciding rule stands out in the text");
  assert.ok((await person.page.locator(".wb-row[data-hit], .wb-body [data-hit]").count()) > 0, "and among the rows");
  await look(person, "workbench-06-tried");
  await person.hands.press(allowed.locator("button[data-add-test]"));
  assert.equal(JSON.parse(await text(person)).tests.length, 1);

  const denied = await tryCall(person, { name: "delete_run", args: { run_id: "r1" } });
  const sent = person.page.locator("textarea[name=arguments]");
  assert.deepEqual(JSON.parse(await sent.inputValue()), { run_id: "r1" }, "one tool's arguments are not another's");
  assert.equal(await denied.locator(".badge.denied").count(), 1);
  assert.equal(await denied.getAttribute("data-rule"), "/default");
  assert.match(await person.page.locator(".cm-hit").first().textContent(), /"default": "deny"/);
  await person.hands.press(denied.locator("button[data-add-test]"));
  const tests = JSON.parse(await text(person)).tests;
  assert.deepEqual(tests.map(({ calls }) => [calls[0].tool, calls[0].expect]), [["set_model_alias", "allow"], ["delete_run", "deny"]]);
  await until(async () => (await person.page.locator('[data-part="check"] .tests .badge.allowed').count()) === 2, "both tests pass");
  await look(person, "workbench-07-tests");
};

/** What the schema of the tool says about its arguments is told before anything is called. */
const tryMisfit = async (person) => {
  await person.hands.select((await workbench(person)).locator("[name=tool]"), "set_model_alias");
  const sent = person.page.locator("textarea[name=arguments]");
  assert.deepEqual(JSON.parse(await sent.inputValue()), ALIAS, "what was written for a tool is there again");
  await person.hands.write(sent, '{"name": "churn"}');
  assert.equal(await argument(person, "name").inputValue(), "churn", "the form follows the JSON");
  const refused = await tryCall(person, { name: "set_model_alias", args: {} });
  await until(async () => (await refused.locator("code").allTextContents()).includes("invalid_arguments"), "missing arguments are told");
};

// --- in force ----------------------------------------------------------------------------------------------------------------------

const saveAndPublish = async (person) => {
  const before = await text(person);
  await pressInWorkbench(person, "draft");
  await expectText(person, before, "the draft is the text");
  assert.deepEqual(await versions(person), [], "a draft is no version");
  await look(person, "workbench-08-draft");
  await publish(person, "The seed's policy");
  const policy = person.path;
  const [first] = await versions(person);
  assert.match(first, /Version 1/);
  assert.match(first, new RegExp(person.email));
  assert.match(first, /The seed's policy/);
  await openTab(person, "versions");
  await look(person, "workbench-09-published");
  return policy;
};

const grantAndCall = async (person, policy) => {
  await person.goto(`${person.home}/servers/mlflow`);
  await giveGrant(person);
  const client = await openClient(await copyUrl(person), await copyKey(person));
  await person.goto(policy);
  return client;
};

const outcomes = async (client) => {
  const alias = await client.call("set_model_alias", ALIAS);
  const run = await client.call("get_run", { run_id: "1" });
  return [alias, run].map(({ outcome, code, rule }) => (outcome === "allow" ? "allow" : `${code} ${rule}`));
};

/** Waits until calls are decided like this: the gateway hears of what is published a moment later. */
const decided = (client, expected, what) =>
  until(async () => isDeepStrictEqual(await outcomes(client), expected), what);

const FIRST = ["allow", "default_deny /default"];
const SECOND = [`denied ${RULE}/action`, "allow"];

/** As that very grant, with what it has used up really. */
const tryAsGrant = async (person) => {
  const grants = (await workbench(person)).locator("[name=grant] option");
  const values = await grants.evaluateAll((all) => all.map((one) => one.value).filter((value) => value.startsWith("grant_")));
  assert.equal(values.length, 1);
  const outcome = await tryCall(person, { name: "set_model_alias", args: ALIAS, grant: values[0] });
  assert.deepEqual(await counters(outcome), [["1", "2", "30"]], "one real call was counted, and trying counts nothing");
  const again = await tryCall(person, { name: "set_model_alias", args: {}, grant: values[0] });
  assert.deepEqual(await counters(again), [["1", "2", "30"]]);
};

const changeAndRestore = async (person, client, policy) => {
  assert.deepEqual(await outcomes(client), FIRST);
  if (person.script) await tryAsGrant(person);
  const second = SEED.replace(/"limits": [^]*\]/, '"action": "deny"').replace("\n    }\n", '\n    },\n    "get_run": {}\n');
  if (person.script) {
    await side(person, "builder");
    await person.hands.choose(tool(person, "set_model_alias", "deny"));
    await person.hands.choose(tool(person, "get_run", "allow"));
    for (const test of [1, 0]) await person.hands.press(control(person, "test-remove", `/tests/${test}`));
  } else await pasteText(person, second);
  await publish(person, "The other way round");
  await decided(client, SECOND, "calls are decided by what was published");
  assert.equal((await versions(person)).length, 2);

  await openTab(person, "versions");
  await follow(person, person.page.locator('.versions a[href*="/compare?from=1&to=2"]').first());
  assert.match((await person.page.locator(".diff .added").allTextContents()).join("\n"), /get_run/);
  await look(person, "workbench-10-compared");
  await person.goto(`${policy}?version=1`);
  await confirm(person, person.page.locator("main"), "/restore");
  await workbench(person);
  await decided(client, FIRST, "what was restored decides");
  const all = await versions(person);
  assert.equal(all.length, 3, "nothing of the history is gone");
  assert.match(all[0], /Version 3.*in force/);
  await look(person, "workbench-11-restored");
};

const run = async (world, how) => {
  const { person } = await arrive(world, how);
  const before = { clicks: person.hands.clicks, pastes: person.hands.pastes, keys: person.hands.keys };
  await openNew(person);
  await build(person);
  const used = { ...person.hands };
  await undoAndRedo(person);
  await pasteSeed(person);
  await breakAndMend(person);
  await leaveEditor(person);
  await tryBoth(person);
  await tryMisfit(person);
  const policy = await saveAndPublish(person);
  const client = await grantAndCall(person, policy);
  await changeAndRestore(person, client, policy);
  const { clicks, keys } = person.hands;
  if (how.hand === "keyboard") return `the seed's policy in ${used.keys - before.keys} keys, the journey in ${keys - before.keys}`;
  return `the seed's policy in ${used.clicks - before.clicks} clicks, the journey in ${clicks - before.clicks}`;
};

const withoutScript = async (world) => {
  const { person } = await arrive(world, { name: "bench-noscript", script: false });
  await openNew(person);
  await pasteText(person, SEED.replace("limits", "limit"));
  await pressInWorkbench(person, "publish");
  await told(person, [[6, `${RULE}/limit`]]);
  await expectText(person, SEED.replace("limits", "limit"), "the text is kept");
  await pasteText(person, SEED);
  const allowed = await tryCall(person, { name: "set_model_alias", args: ALIAS });
  assert.equal(await allowed.locator(".badge.allowed").count(), 1);
  assert.deepEqual(await counters(allowed), [["0", "1", "30"]]);
  await look(person, "workbench-tried");
  const denied = await tryCall(person, { name: "delete_run", args: { run_id: "1" } });
  assert.equal(await denied.getAttribute("data-rule"), "/default");
  await expectText(person, SEED, "trying leaves the text alone");
  const policy = await saveAndPublish(person);
  const client = await grantAndCall(person, policy);
  await changeAndRestore(person, client, policy);
};

export default [
  { title: "workbench: by mouse", run: (world) => run(world, { name: "bench-mouse" }) },
  { title: "workbench: by keyboard alone, in the dark", run: (world) => run(world, { name: "bench-keys", hand: "keyboard", colors: "dark" }) },
  { title: "workbench: on a small screen", run: (world) => run(world, { name: "bench-small", width: 320, height: 640, bothColors: true }) },
  { title: "workbench: without script", run: withoutScript },
];
