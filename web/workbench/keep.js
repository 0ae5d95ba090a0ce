// Unsaved text: a warning before the page is left, and a copy in this tab that survives a crash or a reload.

const OWN = `portcullis:unsaved:${globalThis.location?.pathname}`;
/** Which page's text was sent last; the page after it knows whether it was kept. */
const SENT = "portcullis:sent";

const read = (key) => {
  try {
    return JSON.parse(sessionStorage.getItem(key));
  } catch {
    return null;
  }
};

const write = (key, value) => {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    // No storage here: the warning alone has to do.
  }
};

// A form that was given back has an error's status: what stands in it is not saved.
const wasRefused = () => (performance.getEntriesByType("navigation")[0]?.responseStatus ?? 0) >= 400;

export class Keeper {
  #leaving = false;

  /** `text`: what the page came with. */
  constructor(form, text) {
    this.saved = wasRefused() ? null : text;
    this.now = text;
    this.#settleSent();
    // At the window, after everybody who may have taken it over: then the page stays.
    addEventListener("submit", (event) => {
      if (event.target !== form || event.defaultPrevented) return;
      this.#leaving = true;
      write(SENT, OWN);
    });
    addEventListener("pageshow", () => (this.#leaving = false));
    addEventListener("beforeunload", (event) => {
      if (!this.#leaving && this.isUnsaved) event.preventDefault();
    });
  }

  // The copy of a text that another page has sent, and that was kept, is not needed any more.
  #settleSent() {
    const sent = read(SENT);
    write(SENT, null);
    if (sent && !this.isUnsaved && read(sent)?.text === this.now) write(sent, null);
  }

  get isUnsaved() {
    return this.now !== this.saved;
  }

  changed(text) {
    this.now = text;
    write(OWN, this.isUnsaved ? { text, at: Date.now() } : null);
  }

  /** What a crash or a reload left behind, if it is something else than what the page shows: `{ text, at }`. */
  left() {
    const found = read(OWN);
    if (found && typeof found.text === "string" && found.text !== this.now) return found;
    if (!this.isUnsaved) write(OWN, null);
    return null;
  }

  forget() {
    write(OWN, null);
  }
}
