// Logging in and out, what a wrong password gets, and signing another browser out.

import assert from "node:assert/strict";

import { look } from "../look.mjs";
import { fillSignUp, form, logIn, logOut, signUp } from "../steps.mjs";

const logInAndOut = async (world) => {
  const person = await world.arrive({ name: "ann" });
  await person.goto("/");
  const home = await signUp(person, { email: "ann@example.com", account: "Ann" });

  await person.goto(home);
  await look(person, "servers-empty");
  await logOut(person);
  await person.goto(home);
  assert.ok(!person.path.startsWith("/app"), `signed out, but ${person.path} opened`);

  await logIn(person, "ann@example.com", "not the right password");
  assert.equal(person.path, "/login");
  assert.ok(await form(person, "/login").isVisible());
  assert.equal(await form(person, "/login").locator("[name=email]").inputValue(), "ann@example.com", "what was typed is kept");
  assert.ok(await person.page.locator("[role=alert]").isVisible(), "the reader is told");
  await look(person, "login-wrong");

  await logIn(person, "ann@example.com");
  assert.ok(person.path.startsWith("/app"), `logging in led to ${person.path}`);
};

const refusedSignUp = async (world) => {
  const person = await world.arrive({ name: "late" });
  await person.goto("/");
  await signUp(person, { email: "late@example.com", account: "Taken name" });
  await logOut(person);
  await person.goto("/signup");
  await fillSignUp(person, { email: "late@example.com", account: "Taken name" });
  await person.opens(() => person.hands.press(form(person, "/signup").locator("button:not([type=button])")));
  assert.equal(person.path, "/signup");
  const wrong = person.page.locator("[aria-invalid=true]");
  assert.ok((await wrong.count()) > 0, "the wrong input is marked");
  const described = (await wrong.first().getAttribute("aria-describedby")).split(" ");
  const errors = described.map((id) => person.page.locator(`[id="${id}"].error`));
  assert.ok((await Promise.all(errors.map((error) => error.count()))).includes(1), "the error is tied to its input");
  assert.ok(await wrong.first().evaluate((node) => node === document.activeElement), "the first wrong input has the focus");
  await look(person, "signup-refused");
};

const signOutTheOther = async (world) => {
  const here = await world.arrive({ name: "here" });
  await here.goto("/");
  const home = await signUp(here, { email: "two@example.com", account: "Two browsers" });
  const there = await world.arrive({ name: "there", userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" });
  await logIn(there, "two@example.com");
  await there.goto(`${home}/sessions`);
  assert.equal(there.path, `${home}/sessions`);
  await look(there, "sessions");

  await here.goto(`${home}/sessions`);
  const revoke = here.page.locator('form[action*="/sessions/"][action$="/revoke"]');
  assert.equal(await revoke.count(), 1, "only the other browser can be signed out here");
  await here.opens(() => here.hands.press(revoke.locator("button")));
  assert.equal(await revoke.count(), 0);

  await there.goto(home);
  assert.ok(!there.path.startsWith("/app"), "the other browser is signed out");
  await here.goto(home);
  assert.equal(here.path, home, "this one is not");
};

export default [
  { title: "people: log out, wrong password, log in", run: logInAndOut },
  { title: "people: a refused sign-up keeps what was typed", run: refusedSignUp },
  { title: "people: one browser signs the other out", run: signOutTheOther },
];
