// A policy with faults: every one at its line, in the answer to the form and while one types; mended, published, published again,
// compared and restored.

import assert from "node:assert/strict";

import { look } from "../look.mjs";
import { POLICY, confirm, form, pastePolicy, pasteText, pressInWorkbench, registerMlflow, signUp, workbench } from "../steps.mjs";
import { until } from "../until.mjs";

// Line 3: not a default. Line 6: not a number. Line 7: not a field. Line 11: not an action.
const FAULTY = `{
  "version": "1",
  "default": "maybe",
  "tools": {
    "set_model_alias": {
      "limits": [{ "counter": "c", "window": "minute", "max": "many" }],
      "surprise": true
    },
    "delete_*": {
      "reason": "no",
      "action": "forbid"
    }
  }
}
`;
const LINES = [3, 6, 7, 11];

const linesSaid = async (person) => {
  const lines = await person.page.locator("main [data-line]").evaluateAll((all) => all.map((one) => Number(one.dataset.line)));
  return [...new Set(lines)].sort((a, b) => a - b);
};

const publishAgain = async (person) => {
  await person.page.locator('main a[href*="/policies/policy_"]').first().click();
  await person.page.waitForURL(/\/policies\/policy_/);
  await pasteText(person, POLICY.replace("30", "25"));
  await person.hands.write((await workbench(person)).locator("[name=note]"), "A lower limit");
  await pressInWorkbench(person, "publish");
  const versions = person.page.locator("main a[href*='?version=']");
  assert.equal(await versions.count(), 2, "two versions are listed");
  await look(person, "policy-second-version");
};

/** What changed is shown, and the first version put back in force as the third. */
const restoreFirst = async (person) => {
  await person.goto(`${person.path}?version=1`);
  await look(person, "policy-first-version");
  await person.goto(`${person.path}/compare?from=1&to=2`);
  assert.match(await person.page.locator(".diff .added").textContent(), /"max": 25/);
  await look(person, "policy-compare");
  await person.goto(`${person.path.replace("/compare", "")}?version=1`);
  await confirm(person, person.page.locator("main"), "/restore");
  assert.match(await person.page.locator("textarea[name=document]").inputValue(), /"max": 30/);
  assert.equal(await person.page.locator("main a[href*='?version=']").count(), 3, "the restored one is a version of its own");
};

const run = async (world, how) => {
  const person = await world.arrive({ name: `policies-${how.script === false ? "noscript" : "script"}`, ...how });
  await person.goto("/");
  await signUp(person, { email: `${person.name}@example.com`, account: `Faults ${person.name}` });
  await registerMlflow(person);
  if (person.script) {
    await person.hands.paste(form(person, "/policies").locator("[name=document]"), FAULTY);
    await until(async () => String(await linesSaid(person)) === String(LINES), "the faults are told while one types");
  }
  await pastePolicy(person, FAULTY);
  await until(async () => String(await linesSaid(person)) === String(LINES), "every fault is told, at its line");
  assert.equal(await person.page.locator("textarea[name=document]").inputValue(), FAULTY, "the text is kept");
  assert.equal(await person.page.locator("textarea[name=document]").getAttribute("aria-invalid"), "true");
  await look(person, "policy-faults");

  await pasteText(person, POLICY);
  await pressInWorkbench(person, "publish");
  assert.equal(await form(person, "/grants").count(), 1, "the next step is the grant");
  await publishAgain(person);
  await restoreFirst(person);
};

export default [
  { title: "policies: faults at their lines", run: (world) => run(world, {}) },
  { title: "policies: faults at their lines, without script", run: (world) => run(world, { script: false, width: 320, height: 640 }) },
];
