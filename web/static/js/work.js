// The pages of servers, policies and grants: trying an address and checking a policy while one types, line numbers, filling a form
// from a choice, arguments from a schema. Each of them works without any of it.

// Markup that a form endpoint gave is put in by live.js, the one place that may.
const put = (part, html) => part.dispatchEvent(new CustomEvent("portcullis:put", { bubbles: true, detail: html }));

const quiet = (wait, act) => {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  };
};

// Asks again only when something changed, and shows only the answer to the last question.
const asker = (part, path, body) => {
  let asked = "";
  let turn = 0;
  return async () => {
    const text = body();
    if (text === null || text === asked) return;
    asked = text;
    const mine = ++turn;
    part.setAttribute("aria-busy", "true");
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await fetch(path, { method: "POST", headers, body: text, redirect: "error" }).catch(() => null);
    if (mine !== turn) return;
    part.removeAttribute("aria-busy");
    if (answer?.ok) put(part, await answer.text());
  };
};

const fields = (form) => new URLSearchParams(new FormData(form)).toString();

// --- after a form that showed a secret: reloading opens the page, it does not send the form again -------------------------------

const address = document.querySelector("[data-address]");
if (address) history.replaceState(null, "", address.dataset.address);

// --- a new server: the choice fills the form; its address is tried while one types ----------------------------------------------

for (const form of document.querySelectorAll("[data-new-server]")) {
  const { name, slug, url } = form.elements;
  let filled = form.querySelector("input[name=kind]:checked")?.dataset ?? {};
  const replace = (input, before, now) => {
    if (input.value === "" || input.value === (before ?? "")) input.value = now;
  };
  form.addEventListener("change", (event) => {
    if (event.target.name !== "kind") return;
    const next = event.target.dataset;
    replace(name, filled.name, next.name);
    replace(slug, filled.slug, next.slug);
    replace(url, filled.url, next.url);
    const transport = form.querySelector(`input[name=transport][value="${next.transport}"]`);
    if (transport) transport.checked = true;
    filled = next;
    if (next.name === "") name.focus();
    form.dispatchEvent(new Event("portcullis:filled"));
  });

  const part = form.querySelector("[data-probe]");
  const body = () => {
    const byUrl = form.querySelector("input[name=transport][value=http]").checked;
    return byUrl && /^https?:\/\/[^/]/.test(url.value) ? fields(form) : null;
  };
  const ask = quiet(700, asker(part, part.dataset.probe, body));
  form.addEventListener("input", ask);
  form.addEventListener("portcullis:filled", ask);
  ask();
}

// --- a policy: line numbers, and problems at their line while one types ---------------------------------------------------------

const lineStart = (text, line) => text.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);

for (const editor of document.querySelectorAll("[data-editor][data-check]")) {
  const text = editor.querySelector("textarea");
  const gutter = editor.querySelector("[data-gutter]");
  const part = document.getElementById(editor.dataset.problems);
  const number = (count) => {
    while (gutter.children.length < count) {
      const line = document.createElement("span");
      line.textContent = String(gutter.children.length + 1);
      gutter.append(line);
    }
  };
  const mark = () => {
    const bad = new Set([...part.querySelectorAll(".problems [data-line]")].map((at) => Number(at.dataset.line)));
    [...gutter.children].forEach((line, index) => line.classList.toggle("marked", bad.has(index + 1)));
    text.toggleAttribute("aria-invalid", false);
    if (bad.size > 0) text.setAttribute("aria-invalid", "true");
  };
  const grow = () => {
    const lines = text.value.split("\n").length;
    number(lines);
    text.rows = Math.max(lines, 16);
  };
  const check = quiet(350, asker(part, editor.dataset.check, () => new URLSearchParams({ document: text.value }).toString()));
  text.addEventListener("input", () => {
    grow();
    check();
  });
  part.addEventListener("portcullis:changed", mark);
  part.addEventListener("click", (event) => {
    const at = event.target.closest("a[data-line]");
    if (!at) return;
    event.preventDefault();
    const start = lineStart(text.value, Number(at.dataset.line)) + Number(at.dataset.column) - 1;
    text.focus();
    text.setSelectionRange(start, start);
  });
  grow();
}

// --- a test call: the arguments that the chosen tool takes ----------------------------------------------------------------------

for (const form of document.querySelectorAll("[data-test-call]")) {
  const { tool, arguments: text } = form.elements;
  if (!tool || !text) continue;
  let filled = text.value;
  tool.addEventListener("change", () => {
    if (text.value.trim() !== "" && text.value !== filled) return;
    filled = tool.selectedOptions[0]?.dataset.arguments ?? "{}";
    text.value = filled;
  });
}

// --- the live list of calls can be held ----------------------------------------------------------------------------------------

for (const button of document.querySelectorAll("button[data-pause]")) {
  const part = document.getElementById(button.dataset.pause);
  button.addEventListener("click", () => {
    const held = part.toggleAttribute("data-paused");
    button.setAttribute("aria-pressed", String(held));
    button.textContent = held ? "Go on" : "Pause";
  });
}
