// The steps a person takes through the product's pages, each with whatever hands they have. Pages are found by the addresses of
// their forms and the names of their inputs, never by their wording.

import { PATIENCE_MS, until } from "./until.mjs";

/** The document that stands at the top of the policy language's definition. */
export const POLICY = `{
  "version": "1",
  "default": "deny",
  "tools": {
    "set_model_alias": {
      "limits": [
        { "counter": "set_model_alias_rate", "window": "minute", "max": 30, "scope": "grant" }
      ]
    }
  }
}
`;

export const PASSWORD = "correct horse battery staple";

export const form = (person, ending) => person.page.locator(`form[method=post][action$="${ending}"], form[method=post][action*="${ending}#"]`);
const field = (form, name) => form.locator(`[name="${name}"]`);
/** The main button of a form: the first that is meant to be seen. */
const submit = (form) => form.locator("button:not([formaction]):not([aria-hidden]):not([type=button])").first();

/** Blocks with a copy button whose text is like `pattern`. */
export const copyable = (person, pattern) =>
  person.page.locator("[data-copy]").filter({ has: person.page.locator("code, pre", { hasText: pattern }) }).first();

const send = (person, filled) => person.opens(() => person.hands.send(submit(filled)));

/** From the landing page to the new account; gives its address. */
export const signUp = async (person, { email, account }) => {
  await person.opens(() => person.hands.press(person.page.locator('main a[href="/signup"]').first()));
  await fillSignUp(person, { email, account });
  await send(person, form(person, "/signup"));
  person.home = person.path.match(/^\/app\/[a-z0-9-]+/)?.[0];
  if (!person.home) throw new Error(`signing up led to ${person.path}`);
  return person.home;
};

export const fillSignUp = async (person, { email, account, password = PASSWORD }) => {
  const signUp = form(person, "/signup");
  await person.hands.write(field(signUp, "email"), email);
  await person.hands.write(field(signUp, "password"), password);
  await person.hands.write(field(signUp, "account_name"), account);
};

/** The first run leads to the form for a server with MLflow chosen; gives the line to run. */
export const registerMlflow = async (person) => {
  const register = form(person, "/servers/new");
  await person.hands.choose(register.locator('[name=kind][value="mlflow-mcp"]'));
  await person.hands.choose(register.locator("[name=transport][value=tunnel]"));
  await send(person, register);
  return person.hands.copy(copyable(person, /^portcullis connect /));
};

/** Runs the copied line, and waits for the panel to turn live by itself, or by its reload link where there is no script. */
export const connectServer = async (person, world, line, name) => {
  person.hands.pastes += 1;
  let loads = 0;
  const count = () => (loads += 1);
  person.page.on("load", count);
  const connector = world.connect(line, name);
  const panel = person.page.locator('[data-live$="/live/connect"]');
  await until(async () => {
    if (!person.script) await lookAgain(person, "/live/connect");
    return panel.locator(".good").isVisible();
  }, "the panel turned live when the connector arrived");
  person.page.off("load", count);
  if (person.script && loads > 0) throw new Error("the page had to be loaded again to turn live");
  return connector;
};

/** Where there is no script, a live panel has a link to look again, which has to load the page anew. */
export const lookAgain = async (person, live) => {
  const link = person.page.locator(`[data-live$="${live}"] .without-script a`);
  if (!(await link.isVisible())) return;
  const loaded = person.page.waitForEvent("load", { timeout: PATIENCE_MS }).catch(() => null);
  await link.click();
  if (await loaded) return;
  person.fault(`the link to look again does not load the page again: ${await link.getAttribute("href")}`);
  await person.page.reload();
};

export const pastePolicy = async (person, document = POLICY, name = null) => {
  const save = form(person, "/policies");
  if (name) await person.hands.write(field(save, "name"), name);
  await person.hands.paste(field(save, "document"), document);
  await send(person, save);
};

/** The form of the workbench, ready to be worked with. */
export const workbench = async (person) => {
  const bench = person.page.locator("form[data-workbench]");
  await (person.script ? person.page.locator("form[data-workbench][data-ready]") : bench).waitFor();
  return bench;
};

/** Pastes over the workbench's text: into its editor, or into the textarea where there is no script. */
export const pasteText = async (person, document) => {
  const bench = await workbench(person);
  const holds = field(bench, "document");
  await person.hands.paste(person.script ? bench.locator(".cm-content") : holds, document, holds);
};

/** Presses a button of the workbench that opens a page: "publish", "draft", "shadow". */
export const pressInWorkbench = async (person, deed) => {
  const bench = await workbench(person);
  await person.opens(() => person.hands.press(bench.locator(`button[formaction$="/${deed}"]`)));
};

/** Gives the grant as the form proposes it, or to `subject` (a value of the form's radio buttons) with its own `inputs`. */
export const giveGrant = async (person, subject = null, inputs = {}) => {
  const give = form(person, "/grants");
  if (subject) await person.hands.choose(give.locator(`[name=subject][value="${subject}"]`));
  for (const [name, value] of Object.entries(inputs)) {
    const input = field(give, name);
    const list = await input.evaluate((node) => node.tagName === "SELECT");
    await (list ? person.hands.select(input, value) : person.hands.write(input, value));
  }
  await send(person, give);
};

export const copyUrl = (person) => person.hands.copy(copyable(person, /^http\S+\/mcp$/));
export const copyKey = (person) => person.hands.copy(copyable(person, /^pcl_key_\S+$/));

/** A new key of one's own, on the page of one's keys; gives the key. */
export const makeOwnKey = async (person, label) => {
  await person.goto(`${person.home}/keys`);
  const make = form(person, "/keys");
  await person.hands.write(field(make, "label"), label);
  await send(person, make);
  return copyKey(person);
};

/** A blank account: signed up for by the first who comes with an address, another account of the same person for those after, since the
 * product lets only so many sign up from one network. */
export const blankAccount = async (person, world, { email, account }) => {
  person.email = email;
  if (!world.signedUp.has(email)) {
    world.signedUp.add(email);
    await person.goto("/");
    return signUp(person, { email, account });
  }
  await logIn(person, email);
  await person.goto("/app/new");
  const make = form(person, "/app/new");
  await person.hands.write(field(make, "account_name"), account);
  await send(person, make);
  person.home = person.path.match(/^\/app\/[a-z0-9-]+/)[0];
  return person.home;
};

export const logOut = (person) => person.opens(() => person.hands.press(submit(form(person, "/logout").locator("visible=true").first())));

export const logIn = async (person, email, password = PASSWORD) => {
  await person.goto("/login");
  const enter = form(person, "/login");
  await person.hands.write(field(enter, "email"), email);
  await person.hands.write(field(enter, "password"), password);
  await send(person, enter);
};

/** Presses what asks for a confirmation inside `where`, then the button that confirms. */
export const confirm = async (person, where, action) => {
  await person.hands.press(where.locator(`.confirm:has(form[action$="${action}"]) > summary`));
  await person.opens(() => person.hands.press(person.page.locator(`form[action$="${action}"] button:not([type=button])`)));
};

/** The link of a new invitation. `team` is chosen by its label. */
export const invite = async (person, { role, team = null }) => {
  await person.goto(`${person.home}/members`);
  const make = form(person, "/members/invite");
  await person.hands.select(field(make, "role"), role);
  if (team) await person.hands.select(field(make, "team"), await optionOf(field(make, "team"), team));
  await send(person, make);
  return person.hands.copy(copyable(person, /\/invite\//));
};

/** The value of the option that is labelled so. */
export const optionOf = (list, label) =>
  list.locator("option", { hasText: label }).first().evaluate((option) => option.value);

/** Accepts an invitation as somebody new. */
export const acceptAsNew = async (person, link, email) => {
  await person.goto(link);
  const accept = form(person, new URL(link).pathname);
  await person.hands.write(field(accept, "email"), email);
  await person.hands.write(field(accept, "password"), PASSWORD);
  await person.opens(() => person.hands.press(accept.locator("button[name=how][value=new]")));
  person.home = person.path.match(/^\/app\/[a-z0-9-]+/)?.[0];
};
