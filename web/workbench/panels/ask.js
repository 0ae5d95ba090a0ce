// The parts of the page that the server fills: check, try, effect. Asked for with the form's fields, put in by live.js.

const put = (part, html) => part.dispatchEvent(new CustomEvent("portcullis:put", { bubbles: true, detail: html }));

const fields = (form) => new URLSearchParams(new FormData(form)).toString();

const failure = (status) => {
  if (status === 401) return "You are logged out: log in again in another tab, then repeat.";
  return status === 0 ? "The server could not be reached." : `The server answered ${status}.`;
};

/** Waits until nothing happened for a while, then acts. */
export const quiet = (waitMs, act) => {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, waitMs);
  };
};

/** Asks for one part; only the answer to the last question is shown. */
export class Asker {
  #turn = 0;

  constructor({ form, part, url, say, done }) {
    Object.assign(this, { form, part, url, say, done });
  }

  async ask() {
    if (!this.part || !this.url) return;
    const mine = ++this.#turn;
    this.part.setAttribute("aria-busy", "true");
    const headers = { "content-type": "application/x-www-form-urlencoded", "x-part": "1", accept: "text/html" };
    const answer = await fetch(this.url, { method: "POST", headers, body: fields(this.form), redirect: "error" }).catch(() => null);
    const html = answer && (answer.ok || answer.status === 422) ? await answer.text() : null;
    if (mine !== this.#turn) return;
    this.part.removeAttribute("aria-busy");
    if (html === null) return this.say(failure(answer?.status ?? 0));
    put(this.part, html);
    return this.done(this.part);
  }
}

/** The problems that a part carries for the editor: `[{ pointer, line, column, message }]`. */
export const problemsIn = (part) => {
  const data = part.querySelector("script[data-problems]");
  try {
    return data ? JSON.parse(data.textContent) : [];
  } catch {
    return [];
  }
};
