// Unsaved text: a warning before the page is left, and a copy in this tab that survives a crash or a reload.

const keyOf = () => `portcullis:unsaved:${location.pathname}`;

const stored = () => {
  try {
    return JSON.parse(sessionStorage.getItem(keyOf()));
  } catch {
    return null;
  }
};

const store = (text) => {
  try {
    if (text === null) sessionStorage.removeItem(keyOf());
    else sessionStorage.setItem(keyOf(), JSON.stringify({ text, at: Date.now() }));
  } catch {
    // No storage here: the warning alone has to do.
  }
};

export class Keeper {
  #leaving = false;

  /** `text`: what the page came with; `refused`: the server did not keep it. */
  constructor(form, text, refused) {
    this.saved = refused ? null : text;
    this.now = text;
    form.addEventListener("submit", (event) => {
      // Asked for as a part, the page stays.
      queueMicrotask(() => (this.#leaving = !event.defaultPrevented));
    });
    addEventListener("pageshow", () => (this.#leaving = false));
    addEventListener("beforeunload", (event) => {
      if (!this.#leaving && this.isUnsaved) event.preventDefault();
    });
  }

  get isUnsaved() {
    return this.now !== this.saved;
  }

  changed(text) {
    this.now = text;
    store(this.isUnsaved ? text : null);
  }

  /** What a crash or a reload left behind, if it is something else than what the page shows: `{ text, at }`. */
  left() {
    const found = stored();
    if (!found || typeof found.text !== "string" || found.text === this.now) {
      store(null);
      return null;
    }
    return found;
  }

  forget() {
    store(null);
  }
}
