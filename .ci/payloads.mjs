// Published HTML in a real browser, as a reader without any rules of its own would show it: by innerHTML and by document.write;
// then the pages of daemons, their CSP put aside. Nothing of it may run, open a dialog, lead away by itself, or ask for more
// than images and media.
// usage: payloads.mjs CHROMIUM PUBLISHED.JSON DAEMON...; playwright-core beside the working folder
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { chromium } = createRequire(join(process.cwd(), "x.js"))("playwright-core");
const [executablePath, published, ...daemons] = process.argv.slice(2);
const { html, addresses } = JSON.parse(readFileSync(published, "utf8"));
const READER = "http://reader.example/";
const BATCH = 1000;
const SCHEMES = ["http:", "https:", "ftp:", "mailto:", "tel:", "magnet:", "gemini:", "xmpp:", "irc:"];
// What runs unless somebody stops it: the traps must spring at these.
const RUNS = [
  "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<a href=javascript:alert(1)>x</a>", "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
  "<b onmouseover=confirm(1)>x</b>", "<details open ontoggle=print()>x</details>", "<iframe src=//elsewhere.example></iframe>", "<link rel=stylesheet href=//elsewhere.example/x.css>",
];

const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--blink-settings=imagesEnabled=false"];
const browser = await chromium.launch({ executablePath, args });

// In the page: what runs says so by name, and whatever inline script, handler or javascript: address runs breaks a policy
// that only reports. (The driver itself needs eval.)
function traps() {
  window.ran = [];
  for (const name of ["alert", "prompt", "confirm", "print", "open"]) window[name] = (...said) => { window.ran.push(`${name}(${said.join()})`); };
  document.addEventListener("securitypolicyviolation", (event) => { window.ran.push(`${event.violatedDirective}: ${event.sample || event.blockedURI}`); });
}

async function reader(origin, settings = {}) {
  const context = await browser.newContext(settings);
  const page = await context.newPage();
  const found = [];
  page.on("dialog", (dialog) => { found.push(`dialog ${dialog.message()}`); dialog.dismiss(); });
  page.on("popup", (popup) => found.push(`opened ${popup.url()}`));
  page.on("framenavigated", (frame) => { if (frame !== page.mainFrame() || !frame.url().startsWith(origin)) found.push(`went to ${frame.url()}`); });
  await page.addInitScript(traps);
  await page.route("**", (route) => {
    const request = route.request();
    if (origin !== READER && request.url().startsWith(origin)) return route.continue();
    if (request.url() === READER) {
      const report = "script-src 'unsafe-eval'; object-src 'none'; frame-src 'none'; style-src 'none'; form-action 'none'";
      return route.fulfill({ contentType: "text/html; charset=utf-8", headers: { "content-security-policy-report-only": report }, body: "<!doctype html><body></body>" });
    }
    if (!["image", "media"].includes(request.resourceType())) found.push(`asked for ${request.resourceType()} ${request.url()}`);
    return route.abort();
  });
  return { page, found, close: () => context.close() };
}

// In the page: shows some bodies, moves over and clicks everything in them, and says which of them ran, leak or lead where.
async function show({ bodies, isWritten, schemes }) {
  // A click leads where the address says, which is checked apart; only what would run is let through.
  const stay = (event) => { if (!/^(javascript|vbscript|data|blob|filesystem):/i.test(event.target.closest?.("a, area")?.protocol)) event.preventDefault(); };
  document.documentElement.onclick = stay;
  let shown;
  if (isWritten) {
    document.open();
    document.write(`<!doctype html><body>${bodies.map((body) => `<article>${body}</article>`).join("")}</body>`);
    document.close();
    document.documentElement.onclick = stay;
    document.addEventListener("securitypolicyviolation", (event) => { window.ran.push(`${event.violatedDirective}: ${event.sample || event.blockedURI}`); });
    shown = [...document.querySelectorAll("body > article")];
  } else {
    shown = bodies.map((body) => {
      const article = document.createElement("article");
      document.body.append(article);
      article.innerHTML = body;
      return article;
    });
  }
  const bad = shown.length === bodies.length && document.body.children.length === bodies.length ? [] : [`${bodies.length} bodies became ${shown.length} articles among ${document.body.children.length}`];
  for (const article of shown) {
    for (const element of article.querySelectorAll("*")) {
      if (element.protocol && element.protocol !== ":" && !schemes.includes(element.protocol)) bad.push(element.outerHTML.slice(0, 200));
      for (const kind of ["mouseover", "focus", "error", "load", "toggle", "animationstart"]) element.dispatchEvent(new Event(kind));
      element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    }
  }
  // What is loaded or refused meanwhile has its turn.
  for (let turn = 0; turn < 3; turn += 1) await new Promise((next) => setTimeout(next, 10));
  return bad.concat(window.ran);
}

async function shown({ page, found }, bodies, isWritten) {
  found.length = 0;
  try {
    await page.goto(READER);
    found.push(...await page.evaluate(show, { bodies, isWritten, schemes: SCHEMES }));
  } catch (error) {
    found.push(`the page was lost: ${String(error).slice(0, 200)}`);
  }
  return [...found];
}

// Two at a time; what all of them found.
async function each(jobs) {
  const bad = [];
  await Promise.all([1, 2].map(async () => {
    const open = await reader(READER);
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) bad.push(...await shown(open, ...job));
    await open.close();
  }));
  return bad;
}

try {
  for (const isWritten of [false, true]) {
    for (const body of RUNS) {
      const open = await reader(READER);
      const found = await shown(open, ["<p>before</p>", body], isWritten);
      if (found.length === 0 || found.some((what) => what.startsWith("the page was lost"))) throw new Error(`no trap springs at ${body}: ${found}`);
      await open.close();
    }
  }
  const links = addresses.map((address) => `<a href="${address.replace(/&/g, "&amp;").replace(/"/g, "&quot;")}">x</a>`);
  const jobs = [];
  for (const [bodies, ways] of [[html, [false, true]], [links, [false]]]) {
    for (let at = 0; at < bodies.length; at += BATCH) jobs.push(...ways.map((isWritten) => [bodies.slice(at, at + BATCH), isWritten]));
  }
  const bad = await each(jobs);
  let pages = 0;
  for (const base of daemons) {
    const { page, found, close } = await reader(base, { bypassCSP: true });
    for (let next = base; next && pages < 400;) {
      await page.goto(next);
      pages += 1;
      found.push(...await page.evaluate(() => {
        for (const element of document.querySelectorAll("main *")) for (const kind of ["mouseover", "focus", "error", "load", "toggle"]) element.dispatchEvent(new Event(kind));
        return window.ran;
      }));
      next = await page.evaluate(() => [...document.querySelectorAll("a[href*='before=']")].map((link) => link.href).pop());
    }
    bad.push(...found);
    await close();
  }
  console.log(`in a browser: ${html.length} texts by innerHTML and by document.write, ${addresses.length} addresses, ${pages} pages: ${bad.length} ran or asked`);
  for (const what of bad.slice(0, 20)) console.log("  ", what);
  process.exitCode = bad.length ? 1 : 0;
} finally {
  await browser.close();
}
