// A server that wants OAuth: an admin connects it, is told before the connection dies, and reconnects in one click; and members connect
// accounts of their own, sent there by what their calls are told.

import assert from "node:assert/strict";

import { openClient } from "../gateway-client.mjs";
import { LockedServer } from "../locked-mcp.mjs";
import { look } from "../look.mjs";
import { acceptAsNew, blankAccount, confirm, copyKey, copyUrl, form, giveGrant, invite, makeOwnKey, pastePolicy } from "../steps.mjs";
import { until } from "../until.mjs";

const EMAIL = "upstream@example.com";
const POLICY = '{ "version": "1", "default": "allow" }';

const press = (person, locator) => person.opens(() => person.hands.press(locator));

const registerByUrl = async (person, url) => {
  await person.goto(`${person.home}/servers/new`);
  const register = form(person, "/servers/new");
  await person.hands.choose(register.locator("[name=kind][value=other]"));
  await person.hands.write(register.locator("[name=name]"), "Issues");
  await person.hands.write(register.locator("[name=slug]"), "issues");
  await person.hands.choose(register.locator("[name=transport][value=http]"));
  await person.hands.write(register.locator("[name=url]"), url);
  await press(person, register.locator("button:not([formaction]):not([aria-hidden]):not([type=button])").first());
};

/** Presses the one button, allows at the authorization server, and is back. */
const connect = async (person, locked, { answer = "allow", photograph = null } = {}) => {
  await person.hands.press(form(person, "/oauth/connect").locator("button"));
  await person.page.waitForURL(`${locked.origin}/authorize**`);
  await person.hands.press(person.page.locator(`#${answer}`));
  await person.page.waitForURL(`${person.product.origin}/app/**`);
  if (photograph) await look(person, photograph);
};

const badge = (person) => person.page.locator("#oauth .badge").first().textContent();

const adminConnects = async (world) => {
  const locked = await LockedServer.open();
  const person = await world.arrive({ name: "upstream", bothColors: true, mayVisit: locked.origin });
  try {
    await blankAccount(person, world, { email: EMAIL, account: "Upstream" });
    await registerByUrl(person, locked.url);
    assert.match(await person.page.locator("#oauth").textContent(), /wants OAuth and is not connected/);
    await look(person, "upstream-01-wants-oauth");
    await connect(person, locked, { answer: "deny", photograph: "upstream-02-denied" });
    assert.match(await person.page.locator(".flash").textContent(), /did not allow it/);
    locked.as = "the-admin";
    await connect(person, locked, { photograph: "upstream-03-connected" });
    assert.match(await badge(person), /Connected/);
    await person.page.locator("#tools", { hasText: "close_issue" }).waitFor();

    await pastePolicy(person, POLICY);
    await giveGrant(person);
    const client = await openClient(await copyUrl(person), await copyKey(person));
    assert.equal((await client.call("list_issues", {})).text, "list_issues by the-admin");

    const server = `${person.home}/servers/issues`;
    await person.goto(server);
    locked.renewable = false;
    await connect(person, locked, { photograph: "upstream-04-will-end" });
    assert.match(await badge(person), /Needs you/);
    await person.goto(person.home);
    await look(person, "upstream-05-told-before-it-dies");

    await person.goto(server);
    locked.life = 1;
    await connect(person, locked);
    await until(async () => (await person.goto(server)) && /Dead/.test(await badge(person)), "its token has ended");
    await look(person, "upstream-06-dead");
    assert.notEqual((await client.call("list_issues", {})).outcome, "allow");
    await person.goto(person.home);
    await press(person, person.page.locator('main a[href$="/servers/issues#connect"]').first());
    Object.assign(locked, { life: 3600, renewable: true });
    await connect(person, locked);
    assert.match(await badge(person), /Connected/);
    await until(async () => (await client.call("list_issues", {})).outcome === "allow", "calls pass again");
    await person.goto(server);
    await confirm(person, person.page.locator("#oauth"), "/disconnect");
    assert.match(await person.page.locator("#oauth").textContent(), /not connected/);
  } finally {
    locked.close();
  }
};

/** Where a call of a member who has not connected is told to go. */
const toldWhere = async (client) => {
  const { answer } = await client.request("tools/call", { name: "issues__list_issues", arguments: {} });
  assert.equal(answer.result.isError, true);
  return answer.result.content[0].text.match(/http\S+\/connect\?for=\S+/)[0];
};

const membersConnect = async (world) => {
  const locked = await LockedServer.open();
  const admin = await world.arrive({ name: "upstream-admin", mayVisit: locked.origin, bothColors: true });
  const small = { width: 320, height: 640, colors: "dark", script: false, mayVisit: locked.origin };
  const member = await world.arrive({ name: "upstream-member", ...small });
  try {
    await blankAccount(admin, world, { email: EMAIL, account: "Own accounts" });
    await registerByUrl(admin, locked.url);
    const server = `${admin.home}/servers/issues`;
    await admin.goto(`${server}/settings`);
    await look(admin, "upstream-07-settings");
    const settings = form(admin, "/servers/issues/oauth");
    await admin.hands.select(settings.locator("[name=sharing]"), "member");
    await press(admin, settings.locator("button:not([type=button])"));
    await look(admin, "upstream-08-each-their-own");
    locked.as = "the-admin";
    await connect(admin, locked);
    await pastePolicy(admin, POLICY);
    await giveGrant(admin);

    await acceptAsNew(member, await invite(admin, { role: "admin" }), "upstream-member@example.com");
    await member.goto(`${server}/grants/new`);
    await giveGrant(member);
    const key = await makeOwnKey(member, "upstream");
    const client = await openClient(`${world.product.origin}${admin.home.slice(4)}/mcp`, key);
    const where = await toldWhere(client);
    await admin.goto(where);
    assert.equal(await admin.page.locator("#oauth").count(), 0, "the link is for the member");
    await look(admin, "upstream-09-for-somebody-else");
    await member.goto(where);
    await look(member, "upstream-connect");
    locked.as = "the-member";
    await connect(member, locked, { photograph: "upstream-connected" });
    await member.goto(where);
    assert.match(await badge(member), /Connected/);
    const called = async () => (await client.call("issues__list_issues", {})).text;
    await until(async () => (await called()) === "list_issues by the-member", "the member's calls go out with their own account");
    await admin.goto(server);
    await look(admin, "upstream-10-connections-of-members");
  } finally {
    locked.close();
  }
};

export default [
  { title: "upstream oauth: an admin connects, is told before it dies, and reconnects", run: adminConnects },
  { title: "upstream oauth: members connect accounts of their own, without script on a small screen", run: membersConnect },
];
