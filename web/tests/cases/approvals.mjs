// A call that a person has to approve: asked by a client, seen in the inbox as it arrives, its exact arguments shown, approved, passed
// once; asked anew, refused with a reason, and told so.

import assert from "node:assert/strict";

import { openClient } from "../gateway-client.mjs";
import { look } from "../look.mjs";
import { acceptAsNew, connectServer, copyKey, copyUrl, form, giveGrant, invite, pastePolicy, registerMlflow, signUp } from "../steps.mjs";
import { until } from "../until.mjs";

const ASKING = `{
  "version": "1",
  "default": "deny",
  "tools": {
    "delete_run": { "action": "require_approval", "reason": "Deleting is a person's decision." }
  }
}
`;
const HIDING = "run\u202Eeht-ton";

const setUp = async (world, person) => {
  await person.goto("/");
  await signUp(person, { email: `${person.name}@example.com`, account: `Asking ${person.name}` });
  const line = await registerMlflow(person);
  const connector = await connectServer(person, world, line, person.name);
  await pastePolicy(person, ASKING);
  await giveGrant(person, "new_agent", { agent_name: "asker" });
  return { connector, client: await openClient(await copyUrl(person), await copyKey(person)) };
};

const lookAgain = async (person) => {
  if (!person.script) await person.page.reload();
};

const answer = async (person, which, reason) => {
  await person.opens(() => person.hands.press(person.page.locator(".approvals a.primary").first()));
  assert.equal(await person.page.locator("pre.exact", { hasText: "⟨U+202E⟩" }).count() > 0, true, "what cannot be seen is written out");
  await look(person, `approval-to-${which}`);
  const give = form(person, person.path);
  await person.hands.write(give.locator("[name=reason]"), reason);
  await person.opens(() => person.hands.press(give.locator(`button[name=answer][value=${which}]`)));
  assert.match(await person.page.locator("main").textContent(), new RegExp(reason));
  await look(person, `approval-after-${which}`);
};

const waits = async (person) => {
  await person.goto(`${person.home}/approvals`);
  await until(async () => {
    await lookAgain(person);
    return (await person.page.locator(".approvals .mine").count()) === 1;
  }, "the request stands in the inbox");
};

const run = async (world, how) => {
  const person = await world.arrive(how);
  const { connector, client } = await setUp(world, person);
  await person.goto(`${person.home}/approvals`);
  await look(person, "approvals-empty");

  const asked = await client.call("delete_run", { run_id: HIDING });
  assert.equal(asked.code, "approval_required", JSON.stringify(asked));
  await until(async () => {
    await lookAgain(person);
    return person.page.locator(".approvals .mine").isVisible();
  }, "the request arrives in the inbox by itself");
  await look(person, "approvals-waiting");
  const again = await client.call("delete_run", { run_id: HIDING });
  assert.equal(again.approval, asked.approval, "a repeat is the same request");
  await answer(person, "approve", "An old run");
  assert.equal((await client.call("delete_run", { run_id: HIDING })).outcome, "allow");
  assert.equal(connector.reached("delete_run"), 1);
  assert.equal((await client.call("delete_run", { run_id: HIDING })).code, "approval_required", "it passed once");

  await waits(person);
  await answer(person, "refuse", "Not this one");
  assert.equal((await client.call("delete_run", { run_id: HIDING })).code, "denied");
  assert.equal(connector.reached("delete_run"), 1, "a refused call never arrives");
  await person.goto(`${person.home}/approvals?show=all`);
  assert.equal(await person.page.locator(".approvals li").count(), 2);
  await look(person, "approvals-all");
};

// --- who may answer, and until when ------------------------------------------------------------------------------------------------

const NOT_ONESELF = `{
  "version": "1",
  "default": "deny",
  "tools": {
    "delete_run": { "action": "require_approval" },
    "set_run_tag": { "action": "require_approval", "approval": { "timeout": 1 } }
  }
}
`;
const HOSTILE = { run_id: 'r1</pre><script>window.broken=1</script><img src=x onerror="window.broken=1">\u202Etxt.\u200B\u0007' };

const joined = async (world, owner, role) => {
  const link = await invite(owner, { role });
  const other = await world.arrive({ name: `approvals-${role}` });
  await acceptAsNew(other, link, `${other.name}@example.com`);
  return other;
};

/** Sees the request and why it is not theirs to answer. */
const mayNot = async (person, request, name) => {
  await person.goto(request);
  assert.equal(await person.page.locator("button[name=answer]").count(), 0, `${person.name} may not answer`);
  assert.ok((await person.page.locator("main .notice").last().textContent()).trim().length > 20, "and is told why");
  await look(person, name);
};

const waiting = async (person) => Number((await person.page.locator(".rail-links .waiting").allTextContents()).join("").match(/\d+/)?.[0] ?? 0);

const whoMayAnswer = async (world) => {
  const owner = await world.arrive({ name: "approvals-owner" });
  await owner.goto("/");
  await signUp(owner, { email: "approvals-owner@example.com", account: "Who may answer" });
  const line = await registerMlflow(owner);
  await connectServer(owner, world, line, owner.name);
  await pastePolicy(owner, NOT_ONESELF);
  await giveGrant(owner);
  const client = await openClient(await copyUrl(owner), await copyKey(owner));
  const admin = await joined(world, owner, "admin");
  const manager = await joined(world, owner, "policy_manager");

  const asked = await client.call("delete_run", HOSTILE);
  assert.equal(asked.code, "approval_required");
  const request = `${owner.home}/approvals/${asked.approval}`;
  await admin.goto(`${owner.home}/approvals`);
  await until(async () => {
    await admin.page.reload();
    return (await waiting(admin)) === 1;
  }, "the navigation says that one waits");
  await mayNot(owner, request, "approval-of-oneself");
  assert.equal(await waiting(owner), 0, "the caller has nothing to answer");
  await mayNot(manager, request, "approval-not-mine");
  assert.equal(await manager.page.locator("pre.exact").count(), 0, "nor are the arguments shown to whoever may not answer");

  await admin.goto(request);
  const shown = await admin.page.locator("pre.exact").first().textContent();
  for (const part of ["<script>", "onerror", "⟨U+202E⟩", "⟨U+200B⟩"]) assert.ok(shown.includes(part), `${part} is shown as text`);
  assert.equal(await admin.page.evaluate(() => window.broken), undefined, "and does nothing");
  await look(admin, "approval-hostile");
  const refuse = form(admin, request).locator("button[name=answer][value=refuse]");
  await admin.opens(() => admin.hands.press(refuse));
  assert.equal(await admin.page.locator("[name=reason][aria-invalid=true]").count(), 1, "who refuses says why");
  await admin.hands.write(form(admin, request).locator("[name=reason]"), "Ask the team first");
  await admin.opens(() => admin.hands.press(form(admin, request).locator("button[name=answer][value=refuse]")));
  await owner.goto(request);
  assert.match(await owner.page.locator("main").textContent(), /Ask the team first/, "the caller can read why");

  const short = await client.call("set_run_tag", { run_id: "r", key: "k", value: "v" });
  await admin.goto(`${owner.home}/approvals/${short.approval}`);
  await until(async () => {
    await admin.page.reload();
    return (await admin.page.locator(".badge.revoked").count()) === 1;
  }, "it is told that the request has expired");
  assert.equal(await admin.page.locator("button[name=answer]").count(), 0, "nobody can answer what has expired");
  await look(admin, "approval-expired");
  const anew = await client.call("set_run_tag", { run_id: "r", key: "k", value: "v" });
  assert.equal(anew.code, "approval_required");
  assert.notEqual(anew.approval, short.approval, "after its end a repeat asks anew");
};

export default [
  { title: "approvals: by mouse", run: (world) => run(world, { name: "approvals" }) },
  { title: "approvals: by keyboard, on a small dark screen", run: (world) => run(world, { name: "approvals-small", hand: "keyboard", width: 320, height: 640, colors: "dark" }) },
  { title: "approvals: who may answer, and until when", run: whoMayAnswer },
  { title: "approvals: without script", run: (world) => run(world, { name: "approvals-noscript", script: false }) },
];
