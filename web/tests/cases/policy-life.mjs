// What happens to a policy among people: faults told at their lines, a failing test that keeps it from being published, two people who
// edit it at once, a draft that is thrown away, a suggestion made of what was called, and a policy that only watches at first.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { SEED, expectText, follow, isFine, openPolicy, publish, side, text, told, versions } from "../bench.mjs";
import { openClient } from "../gateway-client.mjs";
import { look } from "../look.mjs";
import {
  acceptAsNew, blankAccount, connectServer, copyKey, copyUrl, giveGrant, invite, logIn, pasteText, pressInWorkbench, registerMlflow, workbench,
} from "../steps.mjs";
import { until } from "../until.mjs";

const SMALL = { width: 320, height: 640, colors: "dark" };
const ALIAS = { name: "churn", alias: "champion", version: "1" };

/** The policy of the language's own vector, as its file has it: with a name twice, which a parser of JSON would not keep. */
const twelveFaults = () => {
  const file = readFileSync(new URL("../../../crates/policy/tests/vectors/twelve-faults.json", import.meta.url), "utf8");
  const policy = file.slice(file.indexOf('"policy": ') + '"policy": '.length, file.indexOf(',\n  "invalid"'));
  return `${policy.replaceAll("\n  ", "\n")}\n`;
};
const TWELVE = [
  [2, "/version"],
  [3, "/default"],
  [6, "/tools/debug"],
  [7, "/tools/g*_t_"],
  [7, "/tools/g*_t_/action"],
  [9, "/tools/pay/limit"],
  [10, "/tools/pay/require/0/conditions/0/path"],
  [12, "/tools/pay/limits/0/counter"],
  [12, "/tools/pay/limits/0/window"],
  [12, "/tools/pay/limits/0/max"],
  [15, "/tools/pay"],
  [17, "/all_tools/action"],
];

const WATCHED = `{
  "version": "1",
  "default": "deny",
  "tools": {
    "set_model_alias": {},
    "delete_*": { "action": "hide" }
  }
}
`;

const withTest = (expected) => SEED.replace(
  /\n}\n$/,
  `,
  "tests": [
    { "name": "aliases pass", "calls": [{ "at": 0, "tool": "set_model_alias", "args": {}, "expect": "${expected}" }] }
  ]
}
`,
);

const owner = async (world, how) => {
  const person = await world.arrive(how);
  await blankAccount(person, world, { email: "life@example.com", account: `Life ${person.name}` });
  const line = await registerMlflow(person);
  await connectServer(person, world, line, person.name);
  person.server = `${person.home}/servers/mlflow`;
  return person;
};

const begin = async (person, document) => {
  await person.goto(`${person.server}/policies/new`);
  await workbench(person);
  if (person.script) await side(person, "json");
  await pasteText(person, document);
};

// --- faults ------------------------------------------------------------------------------------------------------------------------

const faultsFor = async (person) => {
  await begin(person, twelveFaults());
  if (person.script) {
    const all = await told(person, TWELVE);
    assert.ok(all.every(({ words }) => words.length > 40), "each says what was found and what is allowed");
    assert.equal(new Set(all.map(({ words }) => words)).size, 12);
    const lines = new Set(TWELVE.map(([line]) => line)).size;
    const marked = person.page.locator(".cm-gutter-lint .cm-lint-marker-error");
    await until(async () => (await marked.count()) === lines, "every line with a fault is marked");
    await look(person, "life-twelve-faults");
    const last = person.page.locator('[data-part="check"] .problems [data-line]').last();
    await person.hands.press(last);
    const led = async () => /all_tools/.test(await person.page.locator(".cm-activeLine").textContent());
    await until(led, "a message leads to its line");
  }
  await pressInWorkbench(person, "publish");
  await told(person, TWELVE);
  await expectText(person, twelveFaults(), "nothing is lost");
  assert.ok(person.path.includes("/policies/new"), "nothing was published");
  await look(person, "life-twelve-refused");
  if (!person.script) return;
  await workbench(person);
  await person.hands.press(person.page.locator(".summary a"));
  const line = person.page.locator(".cm-activeLine");
  await until(async () => /"version": 1/.test(await line.textContent()), "the summary leads to the first of them");
  assert.ok(await person.page.locator(".cm-content").evaluate((node) => node === document.activeElement));
  const top = (locator) => locator.evaluate((node) => node.getBoundingClientRect().top);
  await until(async () => {
    const number = person.page.locator(".cm-lineNumbers .cm-activeLineGutter");
    return Math.abs((await top(number)) - (await top(line))) < 2;
  }, "the number of a line stands beside it");
};

/** One account for all three: an address may sign up only so often. */
const faults = async (world) => {
  const first = await owner(world, { name: "life-faults" });
  await faultsFor(first);
  for (const how of [{ name: "life-small", ...SMALL }, { name: "life-plain", script: false, ...SMALL }]) {
    const person = await world.arrive(how);
    await logIn(person, first.email);
    person.server = first.server;
    await faultsFor(person);
  }
};

// --- a failing test ------------------------------------------------------------------------------------------------------------------

const failingTest = async (person) => {
  await begin(person, withTest("deny"));
  await pressInWorkbench(person, "publish");
  await told(person, [[12, "/tests/0"]]);
  await expectText(person, withTest("deny"), "the text is kept");
  await look(person, "life-test-fails");
  assert.ok(await person.leaves(person.server), "leaving what is not saved is asked about");
  assert.equal(await person.page.locator('main a[href*="/policies/policy_"]').count(), 0, "nothing was published");
  await person.goto(`${person.server}/policies/new`);
  await workbench(person);
  await person.hands.press(person.page.locator(".wb-left button").first());
  await expectText(person, withTest("deny"), "and it can be had back");
};

// --- two people ----------------------------------------------------------------------------------------------------------------------

const second = async (world, person) => {
  const link = await invite(person, { role: "policy_manager" });
  const other = await world.arrive({ name: `${person.name}-second`, colors: "dark" });
  await acceptAsNew(other, link, `${other.name}@example.com`);
  return other;
};

const withMax = (max) => SEED.replace("30", String(max));

const publishedMeanwhile = async (first, other, policy) => {
  for (const person of [first, other]) await person.goto(policy);
  await pasteText(first, withMax(20));
  await publish(first, "Twenty");
  await pasteText(other, withMax(10));
  await publish(other, "Ten");
  assert.ok(await other.page.locator("#conflict").isVisible(), "the second is told");
  await expectText(other, withMax(10), "and keeps what was written");
  assert.match(await other.page.locator("#conflict .diff .removed").first().textContent(), /20/);
  assert.match(await other.page.locator("#conflict .diff .added").first().textContent(), /10/);
  assert.match(await other.page.locator("#conflict").textContent(), new RegExp(first.email));
  assert.equal((await versions(other)).length, 2, "nothing was overwritten");
  await look(other, "life-conflict");
  await publish(other, "Ten, seen the other");
  assert.equal((await versions(other)).length, 3);
  await expectText(other, withMax(10));
};

const draftMeanwhile = async (first, other, policy) => {
  for (const person of [first, other]) await person.goto(policy);
  await pasteText(first, withMax(5));
  await pressInWorkbench(first, "draft");
  await pasteText(other, withMax(6));
  await pressInWorkbench(other, "draft");
  assert.ok(await other.page.locator("#conflict").isVisible(), "the second is told of the draft");
  await expectText(other, withMax(6));
  await first.goto(policy);
  await expectText(first, withMax(5), "the first one's draft stands");
  await first.hands.press(first.page.locator('.confirm:has(button[formaction$="/discard"]) > summary'));
  await look(first, "life-discard");
  await first.opens(() => first.hands.press(first.page.locator('button[formaction$="/discard"]')));
  await expectText(first, withMax(10), "what is in force is left");
  assert.equal(await first.page.locator('button[formaction$="/discard"]').count(), 0);
};

const people = async (world) => {
  const first = await owner(world, { name: "life-ann" });
  await failingTest(first);
  await pasteText(first, withTest("allow"));
  await isFine(first);
  await publish(first, "With a test that passes");
  const policy = await openPolicy(first);
  const other = await second(world, first);
  await publishedMeanwhile(first, other, policy);
  await draftMeanwhile(first, other, policy);
};

// --- watching first, and suggestions ---------------------------------------------------------------------------------------------------

const watching = async (person) => {
  await begin(person, WATCHED);
  await publish(person, "Watching first", "shadow");
  const policy = person.path;
  await expectText(person, WATCHED, "the text stays, as the draft");
  await person.goto(person.server);
  await giveGrant(person);
  const client = await openClient(await copyUrl(person), await copyKey(person));
  assert.equal((await client.call("set_model_alias", ALIAS)).outcome, "allow");
  assert.equal((await client.call("delete_run", { run_id: "r" })).outcome, "allow", "it only watches");
  assert.equal((await client.call("get_run", { run_id: "r" })).outcome, "allow");
  await person.goto(policy);
  const banner = person.page.locator(".shadow");
  await until(async () => {
    await person.page.reload();
    return /2 of 3/.test(await banner.locator("h2").textContent());
  }, "two of three calls would have been denied");
  await look(person, "life-watching");
  await follow(person, banner.locator('a[href*="would_deny_rule="]').first());
  await until(async () => {
    await person.page.reload();
    return (await person.page.locator("main tbody tr").count()) === 1;
  }, "the call behind the number is listed");
  await look(person, "life-would-deny");
  await person.goto(policy);
  await publish(person, "Now for real");
  await until(async () => (await client.call("get_run", { run_id: "r" })).code === "default_deny", "published, it decides");
  assert.notEqual((await client.call("delete_run", { run_id: "r" })).outcome, "allow", "of every call");
  return policy;
};

const effect = async (person, policy) => {
  await person.goto(policy);
  await pasteText(person, WATCHED.replace('"delete_*"', '"get_run": {},\n    "delete_*"'));
  await person.hands.choose(person.page.locator("#panel-effect"));
  await person.hands.press((await workbench(person)).locator('button[formaction$="/effect"]'));
  const row = person.page.locator('[data-part="effect"] tbody tr', { hasText: "get_run" }).first();
  await until(() => row.isVisible(), "who gains is told");
  assert.match(await row.textContent(), /Gains/);
  await look(person, "life-effect");
  await pressInWorkbench(person, "draft");
};

const suggestion = async (person) => {
  await person.goto(`${person.server}/policies/new`);
  await follow(person, person.page.locator('main a[href*="start=suggested&grant="]').first());
  await workbench(person);
  assert.equal(await person.page.locator(".wb-left").count(), 0, "what was published is not offered as unsaved");
  assert.ok((await person.page.locator(".whys tbody tr").count()) > 0, "each line says why");
  const suggested = JSON.parse(await text(person));
  assert.ok("set_model_alias" in suggested.tools, "what was called is there");
  await isFine(person);
  await look(person, "life-suggested");
  const first = person.page.locator(".whys [data-goto]").first();
  const line = Number(await first.getAttribute("data-line"));
  await person.hands.press(first);
  const led = async () => (await person.page.locator(".cm-activeLineGutter").first().textContent()) === String(line);
  await until(led, "a reason leads to its line");
  await person.goto(person.server);
  assert.equal(await person.page.locator('main a[href*="/policies/policy_"]').count() > 0, true);
};

const shadow = async (world) => {
  const person = await owner(world, { name: "life-shadow" });
  const policy = await watching(person);
  await effect(person, policy);
  await suggestion(person);
};

export default [
  { title: "policy life: twelve faults, wide, small and without script", run: faults },
  { title: "policy life: a failing test, two people, a draft", run: people },
  { title: "policy life: watching first, effect, suggestion", run: shadow },
];
