// Two pairs of hands with the same gestures: one has a mouse and counts its clicks and pastes, the other only a keyboard and checks
// that what it stands on can be seen. Gestures go through real input events, and pasting through the real clipboard.

import { changedPixels } from "./png.mjs";
import { until } from "./until.mjs";

const TABS_AT_MOST = 250;
/** So far a person with a mouse walks by Tab, inside a form. */
const A_FEW_TABS = 3;
/** Around what has the focus: rings are drawn outside of it. */
const RING_PX = 8;
/** A ring around even a small box changes more; Chromium redraws a few pixels of the neighbours differently. */
const SEEN_PX = 60;

const hasFocus = (locator) => locator.evaluate((node) => node === document.activeElement);
/** Whether something stands before what has the focus: then Shift-Tab is the shorter way. */
const isBehind = (locator) =>
  locator.evaluate((node) => {
    const here = document.activeElement;
    return here !== null && here !== document.body && Boolean(here.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_PRECEDING);
  });
const inputsOfGroup = (locator) =>
  locator.evaluate((node) => document.activeElement?.type === "radio" && document.activeElement.name === node.name);

class Hands {
  clicks = 0;
  pastes = 0;
  /** Keys that were struck, letters typed among them. */
  keys = 0;

  constructor(person) {
    this.person = person;
    this.page = person.page;
  }

  async key(name) {
    this.keys += 1;
    await this.page.keyboard.press(name);
  }

  /** Types at where the focus is. */
  async type(text) {
    this.keys += text.length;
    await this.page.keyboard.type(text);
  }

  async tabTo(locator, most, { arrived = hasFocus, key = "Tab" } = {}) {
    for (let tabs = 0; tabs <= most; tabs += 1) {
      if (await arrived(locator)) return true;
      await this.key(key);
    }
    return false;
  }

  /** Types what shall stand in an input, over what stands there. */
  async write(locator, text) {
    await this.stepInto(locator);
    await this.key("Control+A");
    await this.type(text);
    await this.expectValue(locator, text);
  }

  /** Pastes what was copied somewhere over what stands in an input; `holds` is the input that has its text, where it is an editor. */
  async paste(locator, text, holds = locator) {
    await this.page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
    await this.stepInto(locator);
    this.pastes += 1;
    await this.key("Control+A");
    await this.key("Control+V");
    await this.expectValue(holds, text);
  }

  async expectValue(locator, text) {
    let value = null;
    await until(async () => (value = await locator.inputValue()) === text, "what was typed stands there").catch((late) => {
      throw new Error(`${late.message}: typed ${JSON.stringify(text)}, but there stands ${JSON.stringify(value)}`);
    });
  }

  /** The text of a block with a copy button, by that button; selected by hand where there is no script. */
  async copy(block) {
    const text = (await block.locator("code, pre").first().textContent()).trim();
    if (!this.person.script) {
      this.clicks += 1;
      return text;
    }
    await this.press(block.locator("button"));
    await block.locator("button[data-copied]").waitFor();
    const copied = await this.page.evaluate(() => navigator.clipboard.readText());
    if (copied.trim() !== text) throw new Error("the copy button copied something else than what is shown");
    return copied;
  }

  /** Puts a list on the option with a value. Choosing in a list is one click to open it and one on the option. */
  async select(locator, value) {
    if ((await locator.inputValue()) === value) return;
    await this.pick(locator, value);
  }
}

class Mouse extends Hands {
  async press(locator) {
    this.clicks += 1;
    await locator.click();
  }

  /** Sends a form: by Enter while the hands are on the keys, in one of its inputs of one line, else by a click on its button. */
  async send(button) {
    const typing = await button.evaluate((node) => {
      const here = document.activeElement;
      return here?.form === node.form && here.matches("input:not([type=radio], [type=checkbox])");
    });
    if (typing) await this.key("Enter");
    else await this.press(button);
  }

  /** A radio button or a check box, by its label. */
  async choose(locator) {
    if (await locator.isChecked()) return;
    const id = await locator.getAttribute("id");
    await this.press(this.page.locator(`label[for="${id}"]`));
  }

  async stepInto(locator) {
    await locator.waitFor();
    if (!(await this.tabTo(locator, A_FEW_TABS))) await this.press(locator);
  }

  async pick(locator, value) {
    this.clicks += 2;
    await locator.selectOption(value);
  }
}

class Keyboard extends Hands {
  async walkTo(locator, arrived = hasFocus) {
    await locator.waitFor({ state: "attached" });
    const key = (await isBehind(locator)) ? "Shift+Tab" : "Tab";
    if (!(await this.tabTo(locator, TABS_AT_MOST, { arrived, key }))) throw new Error(`${key} does not lead to ${locator}`);
  }

  async stepInto(locator) {
    await this.walkTo(locator);
    await this.expectVisibleFocus(locator);
  }

  async press(locator) {
    await this.stepInto(locator);
    await this.key("Enter");
  }

  async send(button) {
    await this.press(button);
  }

  async choose(locator) {
    if (await locator.isChecked()) return;
    const type = await locator.getAttribute("type");
    if (type !== "radio") {
      await this.stepInto(locator);
      return this.key("Space");
    }
    await this.walkTo(locator, inputsOfGroup);
    if (await hasFocus(locator)) await this.key("Space");
    for (let steps = 0; steps < 20 && !(await locator.isChecked()); steps += 1) await this.key("ArrowDown");
    await this.expectVisibleFocus(locator);
  }

  async pick(locator, value) {
    await this.stepInto(locator);
    const options = await locator.locator("option").evaluateAll((all) => all.map((option) => option.value));
    const here = options.indexOf(await locator.inputValue());
    const steps = options.indexOf(value) - here;
    for (let step = 0; step < Math.abs(steps); step += 1) await this.key(steps > 0 ? "ArrowDown" : "ArrowUp");
    await this.expectValue(locator, value);
  }

  /** What has the focus must look different from the same thing without it. */
  async expectVisibleFocus(locator) {
    const around = await locator.evaluate((node, ring) => {
      // A caret alone is no sign of focus: it blinks.
      node.style.caretColor = "transparent";
      const boxes = [node, ...(node.labels ?? [])].map((one) => one.getBoundingClientRect());
      const left = Math.max(0, Math.min(...boxes.map((box) => box.left)) - ring);
      const top = Math.max(0, Math.min(...boxes.map((box) => box.top)) - ring);
      const right = Math.min(innerWidth, Math.max(...boxes.map((box) => box.right)) + ring);
      const bottom = Math.min(innerHeight, Math.max(...boxes.map((box) => box.bottom)) + ring);
      return { x: left, y: top, width: right - left, height: bottom - top };
    }, RING_PX);
    if (around.width <= 0 || around.height <= 0) return this.person.fault(`focus is out of sight on ${locator}`);
    const shot = () => this.page.screenshot({ clip: around, animations: "disabled" });
    const focused = await shot();
    await locator.evaluate((node) => node.blur());
    const plain = await shot();
    await locator.evaluate((node) => {
      node.style.caretColor = "";
      node.focus({ preventScroll: true });
    });
    if (changedPixels(focused, plain) < SEEN_PX) this.person.fault(`focus cannot be seen on ${locator}`);
  }
}

export const handsOf = (kind, person) => (kind === "keyboard" ? new Keyboard(person) : new Mouse(person));
