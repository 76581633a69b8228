"""Every document of the corpus as a source of one river; then every page of every feed of it, in each format, as a
reader would have it: read by feedparser, and by the rules of validators (`cargo bench --bench valid`).

usage: valid.py NEWSRIVER CORPUS FOLDER
"""
import json, pathlib, re, subprocess, sys, tempfile, time, urllib.request
import xml.sax.saxutils
import feedparser

NEWSRIVER, CORPUS, OUT = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3])
files = sorted(path for path in (CORPUS / "files").rglob("*") if path.is_file() and "notfeed" not in path.parts)
folder = pathlib.Path(tempfile.mkdtemp(prefix="newsriver-valid"))
sources = "".join(f"[[source]]\nid = 's{n}'\nurl = {json.dumps('file:' + str(path), ensure_ascii=False)}\n"
                  f"base_url = 'http://origin.example/{n}/'\ngroup = 'g{n % 7}'\n" for n, path in enumerate(files))
(folder / "feeds.toml").write_text(f"[river]\nentries = 500\n[server]\nlisten = '127.0.0.1:0'\n[log]\nlevel = 'info'\n{sources}")
log = open(folder / "log", "w+")
daemon = subprocess.Popen([NEWSRIVER, "-c", str(folder / "feeds.toml"), "run"], stderr=log)


def get(url, headers=None):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=60) as answer:
        return answer.headers, answer.read()


try:
    base = None
    for _ in range(1200):
        found = re.search(r"the river is at (http\S+):", open(folder / "log").read())
        if found and not base:
            base = found[1]
        if base:
            states = [source["state"] for source in json.loads(get(base + "status.json")[1])["sources"]]
            if states.count("new") == 0:
                break
        time.sleep(0.2)
    time.sleep(2)
    todo = [f"{base}{place}feed.{ending}" for ending in ("atom", "rss", "json")
            for place in ("", "groups/g1/", "sources/s7/", "tags/podcast/")]
    todo += [f"{base}feed.atom?q=the", f"{base}feed.rss?n=3", f"{base}feed.json?since=2020-01-31T00%3A00%3A00Z"]
    seen, entries, bad = set(), 0, []
    while todo:
        url = todo.pop()
        if url in seen:
            continue
        seen.add(url)
        _, body = get(url)
        (OUT / f"{len(seen)}").write_bytes(url.encode() + b"\n" + body)
        if url.split("?")[0].endswith(".json"):
            feed = json.loads(body)
            entries += len(feed["items"])
            todo += [feed["next_url"]] if "next_url" in feed else []
            continue
        feed = feedparser.parse(body)
        entries += len(feed.entries)
        if feed.bozo:
            bad.append((url, repr(feed.bozo_exception)))
        todo += [link["href"] for link in feed.feed.get("links", []) if link.get("rel") in ("next", "last", "prev-archive")]
    print(f"{len(files)} sources ({states.count('ok')} ok), {len(seen)} documents with {entries} entries; feedparser finds fault with {len(bad)}")
    for url, why in bad[:10]:
        print("  ", url, why)
    sys.exit(bool(bad))
finally:
    daemon.terminate()
    daemon.wait()
