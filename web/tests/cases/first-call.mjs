// From a blank machine to the first decided calls, with a mouse (counted), by keyboard alone, on a small screen, in light and dark,
// and without JavaScript.

import assert from "node:assert/strict";

import { openClient } from "../gateway-client.mjs";
import { look } from "../look.mjs";
import { connectServer, copyKey, copyUrl, form, giveGrant, lookAgain, pastePolicy, registerMlflow, signUp } from "../steps.mjs";
import { until } from "../until.mjs";

const CLICKS_AT_MOST = 8;
const PASTES_AT_MOST = 3;
const ALIAS = { name: "churn", alias: "champion", version: "1" };

const WAYS = [
  { name: "mouse", how: {}, counted: true },
  { name: "keyboard", how: { hand: "keyboard", colors: "dark" } },
  { name: "small-light", how: { width: 320, height: 640 } },
  { name: "small-dark", how: { width: 320, height: 640, colors: "dark", hand: "keyboard" } },
  { name: "noscript", how: { script: false } },
];

const setUp = async (person, world, name) => {
  await look(person, "01-landing");
  await signUp(person, { email: `${name}@example.com`, account: `First ${name}` });
  await look(person, "02-new-server");
  const line = await registerMlflow(person);
  await look(person, "03-server-registered");
  const connector = await connectServer(person, world, line, name);
  await look(person, "04-server-connected");
  await pastePolicy(person);
  await look(person, "05-policy-saved");
  await giveGrant(person);
  await look(person, "06-granted");
  const [url, key] = [await copyUrl(person), await copyKey(person)];
  return { connector, url, key };
};

const callAsAClient = async ({ connector, url, key }) => {
  const client = await openClient(url, key);
  assert.ok((await client.tools()).includes("delete_run"), "denied tools stay visible");
  assert.equal((await client.call("set_model_alias", ALIAS)).outcome, "allow");
  const denied = await client.call("delete_run", { run_id: "1" });
  assert.deepEqual([denied.outcome, denied.code, denied.rule], ["deny", "default_deny", "/default"]);
  assert.deepEqual([connector.reached("set_model_alias"), connector.reached("delete_run")], [1, 0]);
  return client;
};

const firstCallTurnsGreen = (person) =>
  until(async () => {
    if (!person.script) await lookAgain(person, "/live/first-call");
    return person.page.locator('[data-live$="/live/first-call"] .good', { hasText: "set_model_alias" }).isVisible();
  }, "the panel of the first call turned green");

const callsAreListed = async (person, client) => {
  await person.goto(`${person.home}/calls`);
  const row = (tool) => person.page.locator("main tr, main li", { hasText: tool }).first();
  await until(async () => {
    if (!person.script) await person.page.reload();
    return (await row("set_model_alias").isVisible()) && (await row("delete_run").isVisible());
  }, "both calls are listed");
  assert.match(await row("delete_run").textContent(), /\/default/);
  await client.call("get_run", { run_id: "1" });
  await until(async () => {
    if (!person.script) await person.page.reload();
    return row("get_run").isVisible();
  }, "a call made meanwhile is listed too");
};

const tryBoth = async (person, server, connector) => {
  const outcome = async (which, tool) => {
    await person.goto(server);
    const attempt = form(person, "/try");
    await person.hands.select(attempt.locator("[name=tool]"), tool);
    await person.hands.write(attempt.locator("[name=arguments]"), JSON.stringify(ALIAS));
    await person.opens(() => person.hands.press(attempt.locator(`button[name=try][value=${which}]`)));
    return person.page.locator("#try [role=status]").textContent();
  };
  assert.match(await outcome("allowed", "set_model_alias"), /set_model_alias done/);
  assert.equal(connector.reached("set_model_alias"), 2);
  await look(person, "08-test-call");
  assert.match(await outcome("denied", "set_model_alias"), /\/default/);
  await look(person, "09-denied-call");
};

const run = async (world, { name, how, counted }) => {
  const person = await world.arrive({ name, ...how });
  await person.goto("/");
  const made = await setUp(person, world, name);
  const { clicks, pastes } = person.hands;
  if (counted) {
    assert.ok(clicks <= CLICKS_AT_MOST, `${clicks} clicks`);
    assert.ok(pastes <= PASTES_AT_MOST, `${pastes} pastes`);
  }
  const client = await callAsAClient(made);
  await firstCallTurnsGreen(person);
  await look(person, "07-first-call");
  await callsAreListed(person, client);
  await tryBoth(person, `${person.home}/servers/mlflow`, made.connector);
  return counted ? `${clicks} clicks, ${pastes} pastes` : "";
};

export default WAYS.map((way) => ({ title: `first call: ${way.name}`, run: (world) => run(world, way) }));
