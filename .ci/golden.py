"""Records what a newsriver serves over fixed histories under a fixed clock, to compare two builds byte by byte.

Usage: golden.py NEWSRIVER OUT [CORPUS]     writes OUT/SCENARIO/...; compare two of them with `diff -r`

The clock is libfaketime's (package `faketime`). Times taken, ports and sizes of files are masked.
"""

import datetime, json, os, pathlib, re, shutil, subprocess, sys, tempfile, time, urllib.parse

from scene import get, free_port, item, rss, until

newsriver, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
corpus = pathlib.Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else None
root = pathlib.Path(__file__).resolve().parent.parent
LIBRARY = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
if LIBRARY is None:
    sys.exit("libfaketime is not installed")
START = datetime.datetime(2026, 11, 20, 8, 0, 0)
HEAD = '[river]\ntitle = "Golden"\nbase_url = "http://127.0.0.1:8700/"\n[server]\nlisten = "127.0.0.1:PORT"\n[poll]\nconcurrency = 1\nevery = "7d"\nmin_every = "7d"\n'


def clock(minutes):
    at = START + datetime.timedelta(minutes=minutes)
    return {**os.environ, "TZ": "UTC", "LD_PRELOAD": str(LIBRARY), "FAKETIME": at.strftime("%Y-%m-%d %H:%M:%S"), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def masked(text):
    text = re.sub(r'"(elapsed_ms|started|store_bytes|queue_lag_ms)": ?("[^"]*"|[\d.]+)', r'"\1":0', text)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    # Charts draw times taken; pictures are signed with a key of the store.
    text = re.sub(r'points="[^"]*"', 'points="TIMES"', text)
    text = re.sub(r"/pictures/[^/\"]+/", "/pictures/SIGNED/", text)
    text = re.sub(r"/tmp/golden[^\s\"<,)]*", "FOLDER", text)
    return re.sub(r"\b\d+(\.\d+)? ?(ms|µs|s)\b", "TIME", text)


class Scenario:
    def __init__(self, name):
        self.out = out / name
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="golden"))

    def config(self, text):
        (self.folder / "feeds.toml").write_text(text.replace("PORT", str(free_port())))

    def run(self, minutes, *args):
        command = [newsriver, "-c", str(self.folder / "feeds.toml"), *args]
        return subprocess.run(command, env=clock(minutes), cwd=self.folder, capture_output=True, text=True)

    def poll(self, minutes, ids):
        for id in ids:
            self.run(minutes, "poll", id, "--force")

    def keep(self, name, text):
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(masked(text))

    def serve(self, minutes, parts):
        env, log = clock(minutes), open(self.folder / "log", "w")
        command = [newsriver, "-c", str(self.folder / "feeds.toml"), "run"]
        process = subprocess.Popen(command, env=env, cwd=self.folder, stderr=log)
        try:
            address = lambda: re.search(r"listening on (\S+:\d+)", (self.folder / "log").read_text())
            base = f"http://{until(address, 'the daemon')[1]}/"
            until(lambda: get(base + "readyz")[0] == 200, "its answer", 60)
            ids = []
            for format in ("atom", "rss", "json"):
                url, page = f"{base}feed.{format}", 0
                while url and page < 40:
                    body = get(url)[2].decode()
                    self.keep(f"feed-{page}.{format}", body)
                    if format == "json":
                        ids += [item["id"] for item in json.loads(body)["items"]]
                    found = re.search(r'rel="next"[^>]*href="([^"]+)"|"next_url": ?"([^"]+)"', body)
                    link = found and (found[1] or found[2]).replace("&amp;", "&")
                    url = link and base + link.split("/", 3)[3]
                    page += 1
            for path in ["status.json", "status", "", "opml", *parts]:
                self.keep("page-" + urllib.parse.quote(path, safe="") + ".txt", get(base + path)[2].decode())
        finally:
            process.terminate()
            process.wait(20)
        for number, id in enumerate(ids[:200]):
            self.keep(f"explain-{number}.json", self.run(minutes, "explain", id, "--json").stdout)
        self.keep("log.json", self.run(minutes, "log", "--json").stdout)
        self.keep("status-cli.json", self.run(minutes, "status", "--json").stdout)
        shutil.rmtree(self.folder)


def shipped():
    scene = Scenario("shipped")
    shutil.copytree(root / "examples", scene.folder / "examples")
    text = (root / "feeds.toml").read_text()
    scene.config(text.replace('[server]', '[server]\nlisten = "127.0.0.1:PORT"', 1))
    ids = re.findall(r'^id = "([^"]+)"', text, re.M)
    scene.poll(0, ids)
    scene.serve(2, [f"sources/{id}/feed.atom" for id in ids] + [f"status/{id}" for id in ids] + ["feed.json?q=" + urllib.parse.quote("园区")])


def corpora():
    scene = Scenario("corpus")
    files = [f for f in sorted(corpus.rglob("*")) if f.is_file() and f.suffix in (".xml", ".json", ".rss", ".atom", ".rdf", ".html") and f.stat().st_size < 300_000]
    step = max(1, len(files) // 400)
    sources = [f'[[source]]\nid = "s{n}"\nurl = {json.dumps("file:" + str(f))}\n' for n, f in enumerate(files[::step])]
    scene.config(HEAD + "".join(sources))
    scene.poll(0, [f"s{n}" for n in range(len(sources))])
    scene.serve(2, ["feed.atom?n=1000", "feed.json?q=feed"])


def history():
    scene = Scenario("history")
    names = ["a", "b", "c", "d"]
    sources = [f'[[source]]\nid = "{n}"\nurl = "file:{n}.xml"\ngroup = "g{i % 2}"\n' for i, n in enumerate(names)]
    scene.config(HEAD + "".join(sources))
    story = "青浦工业园区今天举行企业座谈会,区领导与二十家企业代表交流,讨论明年的用地、人才和融资安排,会议持续三小时。"

    def write(name, items):
        (scene.folder / f"{name}.xml").write_bytes(rss(name, items))

    def entry(n, title, body=None, link=None, date=True, guid=None):
        link = link or f"http://{n % 7}.example/{n}"
        when = f"<pubDate>Fri, 20 Nov 2026 0{n % 8}:{n % 60:02}:07 GMT</pubDate>" if date else ""
        guid = guid or link
        return f"<item><title>{title}</title><guid>{guid}</guid><link>{link}</link>{when}<description>{body or title * 3}</description></item>"

    numbered = lambda prefix, span: [entry(n, f"{prefix}第{n}号通知:{n * 37 % 101}项安排公布") for n in span]
    write("a", numbered("园区", range(20)) + [entry(900, "青浦工业园区举行企业座谈会", story)])
    write("b", [entry(901, "热讯:青浦工业园区举行企业座谈会", story, "http://b.example/x?utm_source=rss")])
    write("c", [entry(n, f"积压 {n} 条 {n * 7919}") for n in range(100, 180)])
    write("d", [entry(n, f"快讯 {n} 甲乙 {n * 13}", date=False) for n in range(300, 310)])
    scene.poll(0, names)
    # New, edited, moved, repeated, all unknown.
    write("a", numbered("园区", range(3, 26)) + [entry(900, "青浦工业园区举行企业座谈会(更新)", story + "会后发布纪要。")])
    write("b", [entry(901, "青浦工业园区举行企业座谈会", story, "http://b.example/moved", guid="new-guid")])
    write("d", [entry(n, f"快讯 {n} 甲乙 {n * 13}", date=False) for n in range(400, 410)])
    scene.poll(40, names)
    write("a", [entry(1, "同一条"), entry(1, "同一条")] + numbered("园区", range(10, 30)))
    write("b", [entry(902, "【独家】青浦工业园区座谈会三小时", story, "http://b.example/y")])
    write("c", [])
    scene.poll(90, names)
    scene.serve(92, ["groups/g0/feed.atom", "groups/g1/feed.json", "sources/a/feed.rss", "status/b", "feed.rss?q=" + urllib.parse.quote("座谈")])


shipped()
history()
if corpus:
    corpora()
print(sum(1 for _ in out.rglob("*") if _.is_file()), "documents recorded")
