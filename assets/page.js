// Comfort only: every page works without this.
"use strict";
const root = document.documentElement;
const base = document.body.dataset.root;
const text = (id) => document.getElementById(id);

// Light and dark, as chosen; the system's choice until then.
const themes = text("theme");
const show = (theme) => { if (theme) root.dataset.theme = theme; else delete root.dataset.theme; };
let chosen = null;
try { chosen = localStorage.getItem("theme"); } catch { /* no storage, no memory */ }
show(chosen);
const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
themes.hidden = false;
themes.addEventListener("click", () => {
  const theme = isDark() ? "light" : "dark";
  show(theme);
  try { localStorage.setItem("theme", theme); } catch { /* it holds for this page */ }
});

// Steps with the keyboard.
const typing = (event) => event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
const step = (by) => {
  const all = [...document.querySelectorAll("article")];
  const now = all.indexOf(document.activeElement.closest("article"));
  const next = all[Math.max(0, Math.min(all.length - 1, now + by))];
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
};
const open = (rel) => { const link = document.querySelector(`main a[rel~="${rel}"]`); if (link) location.href = link.href; };
const keys = {
  j: () => step(1),
  k: () => step(-1),
  o: () => document.activeElement.closest("article")?.querySelector("h3 a")?.click(),
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
const isLive = document.body.dataset.live;
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
  };
  events.addEventListener("river", (event) => {
    if (isLive === "river" && String(JSON.parse(event.data).change) !== document.body.dataset.change) text("news").hidden = false;
  });
  events.addEventListener("status", () => {
    if (isLive === "status") waiting ??= setTimeout(renew, 500);
  });
};
if (isLive) setTimeout(listen, 4000);
