// A call that a person has to approve: asked by a client, seen in the inbox as it arrives, its exact arguments shown, approved, passed
// once; asked anew, refused with a reason, and told so.

import assert from "node:assert/strict";

import { until } from "../browser.mjs";
import { openClient } from "../gateway-client.mjs";
import { look } from "../look.mjs";
import { connectServer, copyKey, copyUrl, form, giveGrant, pastePolicy, registerMlflow, signUp } from "../steps.mjs";

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

export default [
  { title: "approvals: by mouse", run: (world) => run(world, { name: "approvals" }) },
  { title: "approvals: by keyboard, on a small dark screen", run: (world) => run(world, { name: "approvals-small", hand: "keyboard", width: 320, height: 640, colors: "dark" }) },
  { title: "approvals: without script", run: (world) => run(world, { name: "approvals-noscript", script: false }) },
];
