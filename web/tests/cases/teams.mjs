// A team, a second person invited into it by link, a grant for the team, the second person's own key; then the membership ends,
// and the call with it. A revoked grant likewise. And a viewer, who is shown no form that is not theirs to use.

import assert from "node:assert/strict";

import { openClient } from "../gateway-client.mjs";
import { look } from "../look.mjs";
import {
  acceptAsNew, confirm, connectServer, copyUrl, form, giveGrant, invite, makeOwnKey, optionOf, pastePolicy, registerMlflow, signUp,
} from "../steps.mjs";
import { until } from "../until.mjs";

const ALIAS = { name: "churn", alias: "champion", version: "2" };
const ALLOWED_FORMS = /\/(logout|theme|try|keys|keys\/[a-z0-9_-]+\/revoke|sessions\/[a-z0-9_-]+\/revoke|members\/[a-z0-9_-]+\/(leave|remove))(#\w+)?$/;

const owner = async (world, name) => {
  const person = await world.arrive({ name });
  await person.goto("/");
  await signUp(person, { email: `${name}@example.com`, account: `Team of ${name}` });
  const line = await registerMlflow(person);
  const connector = await connectServer(person, world, line, name);
  await pastePolicy(person);
  return { person, connector };
};

const makeTeam = async (person, name) => {
  await person.goto(`${person.home}/teams`);
  const make = form(person, "/teams");
  await person.hands.write(make.locator("[name=name]"), name);
  await person.opens(() => person.hands.press(make.locator("button:not([type=button])").last()));
  await look(person, "team-empty");
};

const grantTeam = async (person, team) => {
  await person.goto(`${person.home}/servers/mlflow`);
  await person.hands.choose(form(person, "/grants").locator("[name=subject][value=team]"));
  const value = await optionOf(form(person, "/grants").locator("[name=team]"), team);
  await giveGrant(person, "team", { team: value });
  return copyUrl(person);
};

/** A call of a client that shakes hands anew: allowed, denied, or not let in. */
const outcome = async (url, key) => (await (await openClient(url, key)).call("set_model_alias", ALIAS)).outcome;

/** Waits until the gateway has heard that this client is shown nothing any more: a call before that would rightly pass. */
const shutOut = (client) => until(async () => (await client.tools()).length === 0, "the client is shown no tools any more");

const membership = async (world) => {
  const { person: ann, connector } = await owner(world, "ann-team");
  await makeTeam(ann, "Data science");
  const link = await invite(ann, { role: "viewer", team: "Data science" });
  await look(ann, "invitation-made");

  const bob = await world.arrive({ name: "bob", width: 320, height: 640 });
  await bob.goto(link);
  await look(bob, "invitation");
  await acceptAsNew(bob, link, "bob@example.com");
  assert.equal(bob.home, ann.home, "the second person is in the account");

  const url = await grantTeam(ann, "Data science");
  await look(ann, "granted-to-team");
  const key = await makeOwnKey(bob, "Laptop");
  await look(bob, "key-made");
  const client = await openClient(url, key);
  assert.equal((await client.call("set_model_alias", ALIAS)).outcome, "allow");
  assert.equal(connector.reached("set_model_alias"), 1);

  await ann.goto(`${ann.home}/teams/data-science`);
  await look(ann, "team");
  await confirm(ann, ann.page.locator("main li", { hasText: "bob@example.com" }), "/remove");
  await shutOut(client);
  assert.notEqual((await client.call("set_model_alias", ALIAS)).outcome, "allow", "the open client's calls are refused");
  assert.notEqual(await outcome(url, key), "allow");
  assert.equal(connector.reached("set_model_alias"), 1, "nothing more reached the server");
};

const revokedGrant = async (world) => {
  const { person: ann, connector } = await owner(world, "ann-grant");
  await ann.goto(`${ann.home}/servers/mlflow`);
  await giveGrant(ann, "new_agent", { agent_name: "ci-runner" });
  const url = await copyUrl(ann);
  const key = await ann.page.locator("[data-copy] code", { hasText: /^pcl_key_/ }).first().textContent();
  const client = await openClient(url, key);
  assert.equal((await client.call("set_model_alias", ALIAS)).outcome, "allow");

  await ann.goto(`${ann.home}/grants`);
  await ann.opens(() => ann.hands.press(ann.page.locator('form[action$="/suspend"] button')));
  await until(async () => (await client.call("get_run", {})).code === "grant_suspended", "the gateway has heard of it");
  const suspended = await client.call("set_model_alias", ALIAS);
  assert.deepEqual([suspended.outcome, suspended.code], ["deny", "grant_suspended"]);
  await ann.opens(() => ann.hands.press(ann.page.locator('form[action$="/resume"] button')));
  await until(async () => (await client.call("get_run", {})).code === "default_deny", "the gateway has heard of it");
  assert.equal((await client.call("set_model_alias", ALIAS)).outcome, "allow");

  await confirm(ann, ann.page.locator("main tr, main li", { hasText: "ci-runner" }).first(), "/revoke");
  await shutOut(client);
  assert.notEqual((await client.call("set_model_alias", ALIAS)).outcome, "allow", "a revoked grant is refused");
  assert.equal(connector.reached("set_model_alias"), 2);
};

const viewer = async (world) => {
  const { person: ann } = await owner(world, "ann-viewer");
  const link = await invite(ann, { role: "viewer" });
  const eve = await world.arrive({ name: "eve" });
  await acceptAsNew(eve, link, "eve@example.com");
  const nav = await eve.page.locator("nav a[href^='/app/']").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const policy = await ann.page.goto(`${ann.home}/servers/mlflow`).then(() => policyPath(ann));
  for (const path of [...new Set([...nav, `${eve.home}/servers/mlflow`, policy])]) {
    await eve.goto(path);
    assert.equal(eve.path, path, "a viewer may look");
    await look(eve, `viewer-${path.split("/").slice(3, 5).join("-") || "home"}`);
    const forms = await eve.page.locator("form[method=post]").evaluateAll((all) => all.map((one) => one.getAttribute("action")));
    assert.deepEqual(forms.filter((action) => !ALLOWED_FORMS.test(action)), [], `forms on ${path}`);
  }
  const answer = await eve.goto(`${eve.home}/servers/new`);
  assert.equal(answer.status(), 403, "a viewer cannot open the form for a server");
};

const policyPath = (person) => person.page.locator('main a[href*="/policies/policy_"]').first().getAttribute("href");

const neighbour = async (world) => {
  const { person: ann } = await owner(world, "ann-wall");
  const mallory = await world.arrive({ name: "mallory" });
  await mallory.goto("/");
  await signUp(mallory, { email: "mallory@example.com", account: "Neighbour" });
  await ann.goto(`${ann.home}/servers/mlflow`);
  const paths = ["", "/calls", "/grants", "/members", "/teams", "/keys", "/servers/mlflow"].map((rest) => `${ann.home}${rest}`);
  for (const path of [...paths, await policyPath(ann)]) {
    const answer = await mallory.goto(path);
    assert.equal(answer.status(), 404, `${path} is another account's`);
    const page = await mallory.page.content();
    for (const told of ["ann-wall@example.com", "Team of ann-wall", "MLflow"]) assert.ok(!page.includes(told), `${path} tells ${told}`);
  }
  await look(mallory, "not-found");
};

export default [
  { title: "teams: invited, granted, called, removed, refused", run: membership },
  { title: "teams: a grant suspended, resumed and revoked", run: revokedGrant },
  { title: "teams: a viewer looks and has no forms", run: viewer },
  { title: "teams: a neighbour sees nothing", run: neighbour },
];
