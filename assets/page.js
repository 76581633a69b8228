// Comfort only: every page works without this.
"use strict";
const root = document.documentElement;
const body = document.body;
const base = body.dataset.root;
const text = (id) => document.getElementById(id);

// Light and dark, and density, as chosen; see settings.js for those of before.
const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
text("theme").hidden = false;
text("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  store("theme", root.dataset.theme);
});
if (document.querySelector(".story")) text("density-field").hidden = false;
text("density").value = stored("density");
text("density").addEventListener("change", (event) => {
  root.dataset.density = event.target.value;
  store("density", event.target.value);
});

// The reader's own time zone, on request. Days stay those of the river.
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const zone = text("zone");
const named = zone.textContent;
const local = new Intl.DateTimeFormat(root.lang, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const showZone = (isOwn) => {
  for (const time of document.querySelectorAll("main time[datetime*=T]")) {
    time.dataset.river ??= time.textContent;
    time.textContent = isOwn ? local.format(new Date(time.dateTime)) : time.dataset.river;
  }
  zone.textContent = isOwn ? own : named;
  const button = text("own-zone");
  button.textContent = isOwn ? button.dataset.river : button.dataset.own;
};
if (own && own !== named) {
  let isOwn = stored("zone") === "own";
  if (isOwn) showZone(true);
  text("own-zone").hidden = false;
  text("own-zone").addEventListener("click", () => {
    isOwn = !isOwn;
    store("zone", isOwn ? "own" : "");
    showZone(isOwn);
  });
}

// Addresses are copied by a button.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = text(button.dataset.copy);
    field.select();
    try { await navigator.clipboard.writeText(field.value); } catch { document.execCommand("copy"); }
    button.textContent = body.dataset.copied;
  });
}

// A story is read in place: its page has the text.
const close = (link, here) => { here.remove(); link.textContent = link.dataset.label; link.setAttribute("aria-expanded", "false"); };
const expand = async (link) => {
  const article = link.closest("article");
  const known = article.querySelector(".here");
  if (known) return close(link, known);
  const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) { location.href = link.href; return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const here = page.getElementById("text");
  here.removeAttribute("id");
  here.classList.add("here");
  article.append(here);
  link.dataset.label = link.textContent;
  link.textContent = body.dataset.close;
  link.setAttribute("aria-expanded", "true");
};
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.read");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  expand(link);
});

// Steps with the keyboard.
const typing = (event) => event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
for (const article of document.querySelectorAll("article.story")) article.tabIndex = -1;
const step = (by) => {
  const all = [...document.querySelectorAll("article.story")];
  const now = all.indexOf(document.activeElement.closest("article"));
  const next = all[Math.max(0, Math.min(all.length - 1, now + by))];
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
};
const open = (rel) => { const link = document.querySelector(`main a[rel~="${rel}"]`); if (link) location.href = link.href; };
const within = (selector) => document.activeElement.closest("article")?.querySelector(selector)?.click();
const keys = {
  j: () => step(1),
  k: () => step(-1),
  o: () => within("h3 a"),
  e: () => within("a.read"),
  n: () => open("next"),
  p: () => open("prev"),
  "/": () => document.querySelector("input[type=search]")?.focus(),
  "?": () => { text("keys").open = !text("keys").open; },
};
text("keys").hidden = false;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.activeElement.blur();
  if (typing(event) || !keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

// What a filter field hides, while it is typed in.
const sift = () => {
  const field = text("find");
  if (!field) return;
  const wanted = field.value.trim().toLowerCase();
  for (const row of document.querySelectorAll("tbody tr[data-text]")) {
    row.hidden = !row.dataset.text.toLowerCase().includes(wanted);
  }
};
document.addEventListener("input", (event) => { if (event.target.id === "find") sift(); });

// News while the page is open: the river says that there is some, the status pages show it.
// The connection is opened late and in short stretches, so that whoever waits for the page to be at rest
// (a printer, a checker, a battery) need not wait for ever.
const isLive = body.dataset.live;
const listen = () => {
  const events = new EventSource(`${base}events?seconds=10`);
  let waiting = null;
  const renew = async () => {
    waiting = null;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-fresh]")) {
      const other = fresh.getElementById(part.id);
      if (other && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
    }
    sift();
    if (stored("zone") === "own") showZone(true);
  };
  events.addEventListener("river", (event) => {
    if (isLive === "river" && String(JSON.parse(event.data).change) !== body.dataset.change) text("news").hidden = false;
  });
  events.addEventListener("status", () => {
    if (isLive === "status") waiting ??= setTimeout(renew, 500);
  });
};
if (isLive) setTimeout(listen, 4000);
