// The pages in a real browser, in both languages: nothing in the console, nothing asked elsewhere, nothing jumps, nothing
// wider than a small screen, search, filter, dark mode, keyboard, reading in place, pictures, live news, no script needed,
// and what axe-core finds of WCAG A and AA.
// usage: browser.mjs NEWSRIVER CHROMIUM [FOLDER FOR SCREENSHOTS]; playwright-core and axe-core beside the working folder
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";

const require = createRequire(join(process.cwd(), "x.js"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [newsriver, executablePath, screenshots] = process.argv.slice(2);

const folder = mkdtempSync(join(tmpdir(), "newsriver-browser-"));
// A picture of 320 by 200, served on loopback; a text with everything that is hard to show on a small screen.
const picture = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAUAAAADIAQMAAACjyqroAAAAA1BMVEU8jFqWg06DAAAAHklEQVR42u3BAQ0AAADCoPdPbQ8HFAAAAAAAAADwYiAIAAFD65fuAAAAAElFTkSuQmCC", "base64");
const pictures = createServer((_, answer) => answer.writeHead(200, { "content-type": "image/png" }).end(picture));
await new Promise((listening) => pictures.listen(0, "127.0.0.1", listening));
const image = `http://127.0.0.1:${pictures.address().port}/1.png`;
const long = (n) => `&lt;p&gt;${`正文第${n}段讲了来龙去脉。`.repeat(20)}&lt;/p&gt;&lt;h2&gt;数据&lt;/h2&gt;&lt;table&gt;&lt;tr&gt;${"&lt;td&gt;很宽的一列数据&lt;/td&gt;".repeat(12)}&lt;/tr&gt;&lt;/table&gt;&lt;pre&gt;${"code that goes on ".repeat(12)}&lt;/pre&gt;&lt;img src="${image}"&gt;`;
const item = (n, title) => `<item><guid>${n}</guid><title>${title}</title><link>http://e.example/${n}</link><category>园区</category><description>${long(n)}</description><media:thumbnail url="${image}"/></item>`;
const feed = (items) => writeFileSync(join(folder, "a.xml"), `<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>青浦报</title>${items.join("")}</channel></rss>`);
const topics = ["青浦工业园区开展调研", "佛山三水率先实现零碳", "捷捷微电接受机构调研", "台风过后渔民重新出海", "高铁新线今日开通运营"];
let items = topics.map((title, n) => item(n, title));
feed(items);
const source = (id, url, group) => `[[source]]\nid = "${id}"\nurl = "${url}"\ngroup = "${group}"\nevery = "1s"\nmin_every = "1s"\n`;
writeFileSync(join(folder, "feeds.toml"), '[server]\nlisten = "127.0.0.1:0"\n[pages]\nallow_private = true\n[digest]\nat = ["08:00"]\n[river]\ntitle = "河"\nentries = 3\n' + source("a", "file:a.xml", "本地") + source("b", "file:missing.xml", "other"));
const daemon = spawn(newsriver, ["run"], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
const base = await new Promise((resolve) => {
  let log = "";
  daemon.stderr.on("data", (data) => {
    log += data;
    const found = log.match(/the river is at (http:\/\/[^ ]*\/): /);
    if (found) resolve(found[1]);
  });
});
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args });
const wrong = [];
const open = async (path, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("console", (message) => { if (["error", "warning"].includes(message.type()) && path !== "nothing") wrong.push(`${path}: ${message.text()}`); });
  page.on("pageerror", (error) => wrong.push(`${path}: ${error}`));
  page.on("request", (request) => { if (!request.url().startsWith(base)) wrong.push(`${path} asked ${request.url()}`); });
  await page.goto(new URL(path, base).href);
  return page;
};
const until = async (page, check, what) => {
  for (let n = 0; n < 400; n += 1) {
    if (await page.evaluate(check)) return;
    await new Promise((wait) => setTimeout(wait, 50));
  }
  assert.fail(what);
};

try {
  // The first poll is in.
  for (let n = 0; n < 200; n += 1) {
    const answer = await fetch(`${base}feed.json`);
    if ((await answer.json()).items.length === 3) break;
    await new Promise((wait) => setTimeout(wait, 50));
  }
  let checked = 0;
  for (const path of ["", "?q=调研", "?q=没有的词", "groups/本地/", "sources/a/", "status", "status?state=failing&sort=trouble", "status/a", "status/b", "explain?entry=zzz", `explain?entry=${encodeURIComponent("http://e.example/1")}`, "top", `stories/${encodeURIComponent("http://e.example/1")}`, "tags/园区/", "feed.atom", "nothing"]) {
    for (const [width, colorScheme, locale] of [[320, "light", "zh-CN"], [390, "dark", "en-GB"], [768, "light", "en-GB"], [1280, "dark", "zh-CN"]]) {
      const page = await open(path, { viewport: { width, height: 900 }, colorScheme, locale, bypassCSP: true });
      const lang = await page.evaluate(() => document.documentElement.lang);
      if (lang !== (locale === "zh-CN" ? "zh-Hans" : "en")) wrong.push(`${path} ${locale}: lang is ${lang}`);
      const shift = await page.evaluate(() => new Promise((known) => {
        let sum = 0;
        new PerformanceObserver((list) => { for (const one of list.getEntries()) sum += one.value; }).observe({ type: "layout-shift", buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => known(sum)));
      }));
      if (shift > 0.02) wrong.push(`${path} ${width}: layout shift of ${shift}`);
      for (const details of await page.$$("main details, header details")) await details.evaluate((one) => { one.open = true; });
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
      wrong.push(...violations.map((v) => `${path} ${width} ${colorScheme} ${locale}: ${v.id}: ${v.nodes[0].html}`));
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) wrong.push(`${path} ${width}: wider than the screen`);
      if (screenshots) await page.screenshot({ path: join(screenshots, `${path.replace(/\W+/g, "_") || "river"}-${width}-${colorScheme}.png`) });
      checked += 1;
      await page.context().close();
    }
  }
  const page = await open("", { locale: "en-GB" });
  await page.click("a.read");
  await until(page, () => document.querySelector("article .here table"), "a story is read in place");
  await until(page, () => [...document.images].some((one) => one.complete && one.naturalWidth === 320), "a picture is shown");
  await page.click("a.read");
  assert.equal(await page.$$eval(".here", (all) => all.length), 0, "and closed");
  await page.keyboard.press("Escape");
  const focused = () => page.evaluate(() => document.activeElement.closest("article")?.querySelector("h3").textContent ?? document.activeElement.id);
  const titles = () => page.$$eval("article h3", (all) => all.map((one) => one.textContent));
  const first = await titles();
  assert.equal(first.length, 3);
  for (const [key, wanted] of [["j", first[0]], ["j", first[1]], ["k", first[0]], ["/", "q"]]) {
    await page.keyboard.press(key);
    assert.equal(await focused(), wanted, `after ${key}`);
  }
  await page.keyboard.type("调研");
  await Promise.all([page.waitForURL(/q=/), page.keyboard.press("Enter")]);
  assert.equal((await titles()).length, 2, "search");
  await page.goto(base);
  await Promise.all([page.waitForURL(/before=/), page.keyboard.press("n")]);
  assert.equal((await titles()).length, 2, "the older page");
  await Promise.all([page.waitForURL((url) => !/before=/.test(url.href)), page.keyboard.press("p")]);
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await back();
  await page.click("#theme");
  assert.notEqual(await back(), light, "dark");
  await page.reload();
  assert.notEqual(await back(), light, "dark is remembered");
  await page.goto(base);
  items = [item(99, "刚刚传来的消息"), ...items];
  feed(items);
  await until(page, () => !document.getElementById("news").hidden, "the page hears of news");
  await page.click("#news a");
  assert.equal((await titles())[0], "刚刚传来的消息");

  const status = await open("status");
  const rows = () => status.$$eval("tbody tr", (all) => all.filter((row) => !row.hidden).length);
  assert.equal(await rows(), 2);
  await status.fill("#find", "青浦");
  assert.equal(await rows(), 1, "the filter");
  const before = await status.textContent("#events");
  await until(status, `document.getElementById("events").textContent !== ${JSON.stringify(before)}`, "the status page lives");
  assert.equal(await rows(), 1, "the filter stays");
  writeFileSync(join(folder, "feeds.toml"), "[river]\ntitel = 'x'\n");
  await until(status, () => document.querySelector("pre.error")?.textContent.includes("titel"), "the error of feeds.toml is shown");

  // The choice of before does not apply: a context of its own.
  const dense = await open("");
  await dense.selectOption("#density", "titles");
  await dense.reload();
  assert.equal(await dense.$eval(".excerpt", (one) => getComputedStyle(one).display), "none", "the density is remembered");
  const size = (await (await fetch(base)).text()).length;
  assert.ok(size < 60_000, `the first page has ${size} bytes`);

  const plain = await open("", { javaScriptEnabled: false });
  assert.equal(await plain.locator("article").count(), 3, "without a script");
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  assert.deepEqual(wrong, []);
  console.log(`${checked} pages without a finding of axe-core, an error or a request elsewhere; keys, search, pages, dark mode, filter, live news hold; first paint after ${Math.round(paint)} ms`);
} finally {
  await browser.close();
  daemon.kill();
  pictures.close();
  rmSync(folder, { recursive: true, force: true });
}
