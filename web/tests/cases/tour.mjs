// Every page that links lead to, in light and dark, wide and narrow: photographed and checked. One page of each kind is visited, so
// a new page is taken along as soon as something links to it.

import assert from "node:assert/strict";

import { openClient } from "../gateway-client.mjs";
import { look } from "../look.mjs";
import {
  connectServer, copyKey, copyUrl, form, giveGrant, invite, logIn, makeOwnKey, pastePolicy, registerMlflow, signUp,
} from "../steps.mjs";

const EMAIL = "tour@example.com";
const SIGHTS = [
  { colors: "light", width: 1280 },
  { colors: "dark", width: 1280 },
  { colors: "light", width: 320, height: 640 },
  { colors: "dark", width: 320, height: 640 },
];
/** What has to be among the pages, or links went missing. */
const LANDMARKS = ["/", "/signup", "/login", "/catalogue", "/app/:account", "/app/:account/calls", "/app/:account/calls/:id",
  "/app/:account/grants", "/app/:account/teams/:name", "/app/:account/members", "/app/:account/agents/:id", "/app/:account/keys",
  "/app/:account/sessions", "/app/:account/servers/new", "/app/:account/servers/:name", "/app/:account/servers/:name/settings",
  "/app/:account/servers/:name/policies/new", "/app/:account/servers/:name/policies/:id", "/app/:account/servers/:name/grants/new",
  "/catalogue/:name", "/catalogue/:name/:name"];

/** An account in which something is on every page. */
const furnish = async (world) => {
  const person = await world.arrive({ name: "guide" });
  await person.goto("/");
  await signUp(person, { email: EMAIL, account: "The grand tour" });
  const line = await registerMlflow(person);
  await connectServer(person, world, line, "tour");
  await seeTools(person);
  await pastePolicy(person);
  await giveGrant(person);
  const [url, key] = [await copyUrl(person), await copyKey(person)];
  const client = await openClient(url, key);
  await client.call("set_model_alias", { name: "churn", alias: "champion", version: "3" });
  await client.call("delete_run", { run_id: "1" });

  await person.goto(`${person.home}/teams`);
  await person.hands.write(form(person, "/teams").locator("[name=name]"), "Data science and machine learning platform");
  await person.opens(() => person.hands.press(form(person, "/teams").locator("button:not([type=button])").last()));
  await person.goto(`${person.home}/agents`);
  await person.hands.write(form(person, "/agents").locator("[name=name]"), "nightly-evaluation-runner");
  await person.opens(() => person.hands.press(form(person, "/agents").locator("button:not([type=button])").last()));
  await makeOwnKey(person, "Claude Code on my laptop");
  await invite(person, { role: "admin" });
  return person.home;
};

/** The panel that turned live leads to the tools, which are there then. */
const seeTools = async (person) => {
  await person.hands.press(person.page.locator('[data-live$="/live/connect"] a[href$="#tools"]'));
  const tool = person.page.locator("#tools tr, #tools li", { hasText: "set_run_tag" }).first();
  await tool.waitFor().catch(() => person.fault("the tools are read, but the link to them leads to none"));
  await person.goto(person.page.url().split("#")[0]);
};

/** The kind of page that a path leads to: pages of one kind differ only in whose they are. */
const kindOf = (path) =>
  path
    .replace(/^\/app\/[^/]+/, "/app/:account")
    .replace(/\/(servers|teams)\/(?!new)[^/]+/, "/$1/:name")
    .replace(/^\/catalogue\/[^/]+\/(?!use)[^/]+/, "/catalogue/:name/:name")
    .replace(/^\/catalogue\/[^/:]+/, "/catalogue/:name")
    .replace(/\/[a-z]+_[A-Za-z0-9-]{8,}/g, "/:id");

const visitAll = async (person, start, kinds) => {
  const waiting = [...start];
  while (waiting.length > 0) {
    const path = waiting.shift();
    const kind = kindOf(path);
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    const answer = await person.goto(path);
    if (answer.status() !== 200) person.fault(`a link leads to ${path}, which answers ${answer.status()}`);
    await look(person, kind.slice(1).replaceAll("/", "-").replaceAll(":", "") || "landing");
    const links = await person.page.locator("a[href^='/']").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    waiting.push(...links.map((href) => href.split(/[?#]/)[0]));
  }
};

const tour = async (world) => {
  const home = await furnish(world);
  let seen = 0;
  for (const sight of SIGHTS) {
    const kinds = new Set();
    const person = await world.arrive({ name: `${sight.width}-${sight.colors}`, ...sight });
    await visitAll(person, ["/", "/signup", "/login", "/catalogue"], kinds);
    await logIn(person, EMAIL);
    kinds.delete("/");
    await visitAll(person, ["/", home], kinds);
    const missing = LANDMARKS.filter((kind) => !kinds.has(kind));
    assert.deepEqual(missing, [], "pages that no link leads to");
    seen += kinds.size;
  }
  return `${seen} pages looked at`;
};

export default [{ title: "tour: every page, light and dark, wide and narrow", run: tour }];
