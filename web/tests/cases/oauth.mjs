// A client that is given a gateway URL and nothing else: the person signs up on the way, is asked, allows, and disconnects it again.
// Chromium holds the redirect after the form against the page's own policy, so this is where a wrong `form-action` shows.

import assert from "node:assert/strict";

import { openClient } from "../gateway-client.mjs";
import { look } from "../look.mjs";
import { OAuthClient } from "../oauth-client.mjs";
import { PASSWORD, blankAccount, confirm, connectServer, fillSignUp, form, giveGrant, pastePolicy, registerMlflow } from "../steps.mjs";
import { until } from "../until.mjs";

const EMAIL = "oauth@example.com";
const ALIAS = { name: "churn", alias: "champion", version: "1" };

const button = (person, answer) => person.page.locator(`form[action="/authorize"] button[value="${answer}"]`);
const press = (person, locator) => person.opens(() => person.hands.press(locator));

/** Opens the page that asks, and comes back to the client with an answer. */
const answered = async (person, client, answer, { tick = true } = {}) => {
  await person.goto(client.authorize());
  const box = person.page.locator("#write");
  if ((await box.isChecked()) !== tick) await person.hands.press(person.page.locator('label[for="write"]'));
  await press(person, button(person, answer));
  assert.equal(await person.page.locator("h1").textContent(), "Back at the client");
  return client.answer();
};

const signsUpOnTheWay = async (person, client) => {
  await person.goto(client.authorize());
  assert.equal(person.path, "/login");
  await look(person, "oauth-01-login");
  await press(person, person.page.locator('main a[href^="/signup?next="]'));
  await fillSignUp(person, { email: EMAIL, account: "Newcomers" });
  await press(person, form(person, "/signup").locator("button:not([type=button])"));
  assert.equal(person.path, "/authorize", "who signed up comes back to the question");
  assert.match(await person.page.locator("h1").textContent(), /^Let Claude use Newcomers\?$/);
  await look(person, "oauth-02-consent-without-grants");
};

const newPerson = async (world) => {
  const client = await OAuthClient.discover(`${world.product.origin}/newcomers/mcp`, "Claude");
  const person = await world.arrive({ name: "newcomer", bothColors: true, mayVisit: client.origin });
  try {
    await signsUpOnTheWay(person, client);
    world.signedUp.add(EMAIL);
    person.home = "/app/newcomers";
    await person.goto(`${person.home}/servers/new`);
    const connector = await connectServer(person, world, await registerMlflow(person), "newcomer");
    await pastePolicy(person);
    await giveGrant(person);
    await person.goto(`${person.home}/apps`);
    await look(person, "oauth-03-no-apps");

    await person.goto(client.authorize());
    assert.match(await person.page.locator(".reach").textContent(), /to change things/);
    await look(person, "oauth-04-consent");
    await answered(person, client, "allow");
    const tokens = await client.exchange();
    assert.equal(tokens.scope, "mcp:read mcp:write offline_access");
    const calls = await openClient(client.url, tokens.access_token);
    assert.ok((await calls.tools()).some((tool) => tool.endsWith("set_model_alias")));
    assert.equal((await calls.call("mlflow__set_model_alias", ALIAS)).outcome, "allow");
    assert.equal(connector.reached("set_model_alias"), 1);

    await person.goto(client.authorize());
    assert.equal(await person.page.locator(".may .badge").first().textContent(), "as before");
    await look(person, "oauth-05-consent-again");
    await person.goto(`${person.home}/apps`);
    await look(person, "oauth-06-apps");
    await confirm(person, person.page.locator("main"), "/revoke");
    await until(async () => (await calls.tools()).length === 0, "the app is shown nothing any more");
    assert.equal((await calls.call("mlflow__set_model_alias", ALIAS)).status, 401, "the app is refused");
    assert.equal(connector.reached("set_model_alias"), 1);
  } finally {
    client.close();
  }
};

const withoutScript = async (world) => {
  const person = await world.arrive({ name: "small-oauth", script: false, width: 320, height: 640, colors: "dark" });
  await blankAccount(person, world, { email: EMAIL, account: "Small screen" });
  const client = await OAuthClient.discover(`${world.product.origin}${person.home.slice(4)}/mcp`, "Claude");
  person.mayVisit = client.origin;
  try {
    await person.goto(client.authorize());
    await look(person, "oauth-consent");
    const denied = await answered(person, client, "deny");
    assert.deepEqual([denied.get("error"), denied.get("code")], ["access_denied", null]);
    await answered(person, client, "allow", { tick: false });
    assert.equal((await client.exchange()).scope, "mcp:read offline_access", "who unticks the box allows looking only");
    await person.goto(`${person.home}/apps`);
    await look(person, "oauth-apps");
  } finally {
    client.close();
  }
};

const aStranger = async (world) => {
  const person = await world.arrive({ name: "stranger", width: 320, height: 640, bothColors: true });
  await blankAccount(person, world, { email: EMAIL, account: "Elsewhere" });
  const client = await OAuthClient.discover(`${world.product.origin}/nobody-has-this/mcp`, "Claude");
  person.mayVisit = client.origin;
  try {
    await person.goto(client.authorize());
    await look(person, "oauth-stranger");
    await press(person, form(person, "/logout").locator("visible=true").locator("button:text-is('Log in as somebody else')"));
    assert.equal(person.path, "/login");
    const enter = form(person, "/login");
    await person.hands.write(enter.locator("[name=email]"), EMAIL);
    await person.hands.write(enter.locator("[name=password]"), PASSWORD);
    await press(person, enter.locator("button"));
    assert.equal(person.path, "/authorize", "who logs in as somebody else comes back");
    await press(person, button(person, "deny"));
    assert.equal(client.answer().get("error"), "access_denied");
    await person.goto(client.authorize().replace("callback", "elsewhere"));
    assert.equal(person.path, "/authorize", "nothing is sent to an address that is not the client's");
    await look(person, "oauth-astray");
  } finally {
    client.close();
  }
};

export default [
  { title: "oauth: a new person signs up on the way, allows, and disconnects", run: newPerson },
  { title: "oauth: without script on a small screen", run: withoutScript },
  { title: "oauth: a stranger, and an address that is not the client's", run: aStranger },
];
