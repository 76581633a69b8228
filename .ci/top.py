#!/usr/bin/env python3
"""top.py NEWSRIVER NEWS_FOLDER [FLOOR]: of the 20 stories of a labelled week that most outlets report, how many are in the first 20 of /top.
The sources of NEWS_FOLDER/r1.jsonl.gz are served on 127.0.0.1 to a daemon; the labels are NEWS_FOLDER/clusters.jsonl. Exit 1 below FLOOR (15)."""
import collections, email.utils, gzip, hashlib, html, http.server, json, pathlib, subprocess, sys, tempfile, threading, time, urllib.request

binary, folder, floor = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 15
entries = [json.loads(line) for line in gzip.open(folder / "r1.jsonl.gz", "rt")]
by = collections.defaultdict(list)
for n, entry in enumerate(entries):
    by[entry["source"]].append((n, entry))
text = lambda t: html.escape(t, quote=False)


def rss(name, items):
    item = lambda n, e: (
        f"<item><title>{text(e['title'])}</title><link>{text(e.get('url') or f'http://{name}.example/{n}')}</link>"
        f"<guid isPermaLink='false'>urn:news:{n}</guid><pubDate>{email.utils.formatdate(e['at'])}</pubDate>"
        + (f"<description>{text(e['body'])}</description>" if e.get("body") else "") + "</item>"
    )
    items = "".join(item(n, e) for n, e in sorted(items, key=lambda one: -one[1]["at"]))
    return f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel><title>{name}</title><link>http://{name}.example/</link><description>d</description>{items}</channel></rss>".encode()


documents = {"/" + name: rss(name, items) for name, items in by.items()}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = documents.get(self.path, b"")
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
scratch = pathlib.Path(tempfile.mkdtemp(prefix="newsriver-top-"))
(scratch / "feeds.toml").write_text(
    '[server]\nlisten = "127.0.0.1:0"\n[log]\nformat = "json"\n[poll]\nevery = "1h"\nmin_every = "1h"\nper_host = 64\nmax_bytes = "64MiB"\n'
    + "".join(f'[[source]]\nid = "{name}"\nurl = "http://127.0.0.1:{server.server_address[1]}/{name}"\n' for name in by)
)
daemon = subprocess.Popen([binary, "run"], cwd=scratch, stderr=subprocess.PIPE, text=True)
try:
    base = next(
        "http://" + message.removeprefix("listening on ") + "/"
        for line in daemon.stderr
        if (message := json.loads(line)["message"]).startswith("listening on ")
    )
    threading.Thread(target=daemon.stderr.read, daemon=True).start()
    get = lambda path: json.load(urllib.request.urlopen(base + path, timeout=60))
    end = time.monotonic() + 500
    while any(source["last_poll"] is None for source in get("status.json")["sources"]):
        if time.monotonic() > end:
            sys.exit("the daemon did not poll everything")
        time.sleep(0.5)
    items = get("top/feed.json?n=20")["items"]
finally:
    daemon.terminate()
    daemon.wait(20)
key = lambda entry: f"{entry['source']}:{hashlib.sha1(entry['title'].encode()).hexdigest()[:16]}"
clusters = [json.loads(line) for line in open(folder / "clusters.jsonl")]
outlets = lambda keys: len({one.split(":")[0] for one in keys})
clusters.sort(key=lambda cluster: -outlets(cluster["members"]))
wanted = clusters[:20]
least = outlets(wanted[-1]["members"])
known = {key(entry): (entry["source"], entry["title"], entry.get("url")) for entry in entries}
shown = [
    {(one["id"], one["url"]) for one in item["_newsriver"]["sources"]} | {(one["id"], one["title"]) for one in item["_newsriver"]["sources"]}
    for item in items
]


def is_shown(cluster):
    members = [known[one.split("@")[0]] for one in cluster["members"] if one.split("@")[0] in known]
    return any(sum((s, u) in story or (s, t) in story for s, t, u in members) >= 2 for story in shown)


found = [cluster for cluster in clusters if outlets(cluster["members"]) >= least and is_shown(cluster)]
first = sum(map(is_shown, wanted))
print(f"{first} of the 20 stories that most outlets report are in the first 20 of /top ({len(found)} of {sum(outlets(c['members']) >= least for c in clusters)} that as many report)")
for item in items:
    print("  ", len({one["id"] for one in item["_newsriver"]["sources"]}), item.get("title", "")[:40])
sys.exit(first < floor)
