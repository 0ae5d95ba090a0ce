// What every page has: copy buttons, local times, colours, confirmations, suggested slugs. Each page works without any of it.

const announce = (text) => {
  const region = document.getElementById("announce");
  if (region) region.textContent = text;
};

// --- copy buttons -------------------------------------------------------------------------------------------------------------

const selectText = (node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
};

const copyText = async (node) => {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    // No clipboard on plain http from another machine: select it, so that one key copies it.
    selectText(node);
    return document.execCommand("copy");
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy] > button");
  if (!button) return;
  const source = button.parentElement.querySelector("code, pre");
  const done = await copyText(source);
  announce(done ? "Copied" : "Selected: press Ctrl+C or Cmd+C to copy");
  const name = button.getAttribute("aria-label");
  button.textContent = done ? "Copied" : "Selected";
  if (name.startsWith("Copy ")) button.setAttribute("aria-label", `${button.textContent}${name.slice(4)}`);
  button.toggleAttribute("data-copied", done);
  setTimeout(() => {
    button.textContent = "Copy";
    if (name.startsWith("Copy ")) button.setAttribute("aria-label", name);
    button.removeAttribute("data-copied");
  }, 2000);
});

// --- local times --------------------------------------------------------------------------------------------------------------

const parts = [{ dateStyle: "medium" }, { timeStyle: "short" }].map((style) => new Intl.DateTimeFormat(undefined, style));
/** A date and a time of day: where room is short, the line breaks between the two and nowhere else. */
const localTime = (at) => parts.map((part) => part.format(at).replaceAll(" ", "\u00a0")).join(" ");

export const localTimes = (root) => {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.title = `${time.dateTime} (UTC)`;
    time.textContent = localTime(at);
  }
};

localTimes(document);
document.addEventListener("portcullis:changed", (event) => localTimes(event.target));

// --- colours ------------------------------------------------------------------------------------------------------------------

for (const form of document.querySelectorAll("[data-theme-form]")) {
  form.addEventListener("submit", (event) => {
    const theme = event.submitter?.value;
    if (!theme) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter));
    // Not a page load, so that nothing typed elsewhere on the page is lost; kept alive should the page be left at once.
    fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true });
    document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-form] button")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
  });
}

// --- confirmations: a disclosure without script, a dialog with ----------------------------------------------------------------

const dialogFor = (details) => {
  const body = details.querySelector(".confirm-body");
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", details.querySelector("summary").textContent.trim());
  const cancel = document.createElement("button");
  cancel.type = "button";
  cancel.className = "button";
  cancel.textContent = "Cancel";
  cancel.addEventListener("click", () => dialog.close());
  (body.querySelector(".row-end") ?? body).prepend(cancel);
  dialog.append(body);
  dialog.addEventListener("close", () => {
    details.append(body);
    cancel.remove();
    dialog.remove();
    details.querySelector("summary").focus();
  });
  return dialog;
};

document.addEventListener("click", (event) => {
  const summary = event.target.closest(".confirm > summary");
  if (!summary) return;
  event.preventDefault();
  const dialog = dialogFor(summary.parentElement);
  document.body.append(dialog);
  dialog.showModal();
});

// --- on a small screen the places stand in one row: the one that is open is moved into sight ----------------------------------

const place = document.querySelector(".rail-links [aria-current]");
if (place) {
  const row = place.closest("nav");
  row.scrollLeft += place.getBoundingClientRect().left - row.getBoundingClientRect().left - row.clientWidth / 3;
}

// --- menus close by Escape and by a click elsewhere ---------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector(".menu[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// --- a slug suggested from a name, until it is edited -------------------------------------------------------------------------

const slugOf = (text) =>
  text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");

for (const slug of document.querySelectorAll("input[data-slug-from]")) {
  const name = document.getElementById(slug.dataset.slugFrom);
  let edited = slug.value !== "" && slug.value !== slugOf(name?.value ?? "");
  slug.addEventListener("input", () => {
    edited = slug.value !== "";
  });
  name?.addEventListener("input", () => {
    if (!edited) slug.value = slugOf(name.value);
  });
}

// --- show what is typed into a password field ---------------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-reveal]");
  if (!button) return;
  const input = document.getElementById(button.dataset.reveal);
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
});
