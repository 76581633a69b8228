"""Every document of the corpus as a source of one river; then every page of every feed of it, in each format, as a
reader would have it: read by feedparser, and by the rules of validators (`cargo bench --bench valid`).

usage: valid.py NEWSRIVER CORPUS FOLDER
"""
import json, pathlib, sys, tempfile, time
import feedparser
from scene import Daemon, get, until

NEWSRIVER, CORPUS, OUT = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3])
files = sorted(path for path in (CORPUS / "files").rglob("*") if path.is_file() and "notfeed" not in path.parts)
folder = pathlib.Path(tempfile.mkdtemp(prefix="newsriver-valid"))
sources = "".join(f"[[source]]\nid = 's{n}'\nurl = {json.dumps('file:' + str(path), ensure_ascii=False)}\n"
                  f"base_url = 'http://origin.example/{n}/'\ngroup = 'g{n % 7}'\n" for n, path in enumerate(files))
config = f"[river]\nentries = 500\n[server]\nlisten = '127.0.0.1:0'\n{sources}"
with Daemon(NEWSRIVER, folder, config) as daemon:
    base = daemon.base
    states = lambda: [source["state"] for source in daemon.json("status.json")["sources"]]
    until(lambda: "new" not in states(), "a poll of each source", 240)
    tag = lambda: get(f"{daemon.base}feed.atom")[1]["etag"]
    until(lambda: tag() == (time.sleep(2), tag())[1], "a river that rests, its archives with it")
    assert len(daemon.items()) == daemon.json("status.json")["river"]["stories"]
    todo = [f"{base}{place}feed.{ending}" for ending in ("atom", "rss", "json")
            for place in ("", "groups/g1/", "sources/s7/", "tags/podcast/")]
    todo += [f"{base}feed.atom?q=the", f"{base}feed.rss?n=3", f"{base}feed.json?since=2020-01-31T00%3A00%3A00Z"]
    seen, entries, bad = set(), 0, []
    while todo:
        url = todo.pop()
        if url in seen:
            continue
        seen.add(url)
        body = get(url)[2]
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
    print(f"{len(files)} sources ({states().count('ok')} ok), {len(seen)} documents with {entries} entries; feedparser finds fault with {len(bad)}")
    for url, why in bad[:10]:
        print("  ", url, why)
    daemon.stop()
sys.exit(bool(bad))
