// Live parts: an element with data-live="/path" is asked for again every data-every milliseconds (2000 unless said) while the page is
// seen, and its content replaced when it changed. An answer with the header X-Live: done ends it. Without script the page says how to
// reload. The server's parts are our own templates, escaped there; this is the one place where markup is taken in as markup.

const policy = globalThis.trustedTypes?.createPolicy("portcullis", { createHTML: (text) => text }) ?? {
  createHTML: (text) => text,
};

const seen = new WeakMap();

const replace = (part, html) => {
  if (seen.get(part) === html) return;
  // What someone is reading or typing in is not pulled away from under them.
  if (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
  seen.set(part, html);
  part.innerHTML = policy.createHTML(html);
  part.dispatchEvent(new CustomEvent("portcullis:changed", { bubbles: true }));
};

const ask = async (part) => {
  const answer = await fetch(part.dataset.live, { headers: { accept: "text/html" }, redirect: "error" });
  if (answer.status === 401) return "logged-out";
  if (!answer.ok) return "later";
  replace(part, await answer.text());
  return answer.headers.get("x-live") === "done" ? "done" : "again";
};

const follow = async (part) => {
  const every = Number(part.dataset.every) || 2000;
  let wait = every;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!part.isConnected) return;
    if (document.hidden || part.hasAttribute("data-paused")) continue;
    const outcome = await ask(part).catch(() => "later");
    part.toggleAttribute("data-stale", outcome === "later" || outcome === "logged-out");
    if (outcome === "done" || outcome === "logged-out") return;
    wait = outcome === "later" ? Math.min(wait * 2, 30000) : every;
  }
};

for (const part of document.querySelectorAll("[data-live]")) follow(part);

// What other scripts of ours asked the server for is put in here too.
document.addEventListener("portcullis:put", (event) => replace(event.target, event.detail));
