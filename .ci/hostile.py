#!/usr/bin/env python3
"""Hostile HTML through the daemon into its feeds and pages, judged by xss.py and by a real browser: no payload is live, no
script ran, no request left. usage: hostile.py NEWSRIVER XSS.PY CHROMIUM"""
import html.parser, pathlib, subprocess, sys, tempfile, urllib.parse
from scene import Daemon, until

newsriver, judge, chromium = sys.argv[1:4]
MARK = "SCRIPT RAN"


class Look(html.parser.HTMLParser):
    base = ""

    def __init__(self):
        super().__init__()
        self.found, self.loaded = [], []

    def handle_starttag(self, tag, attributes):
        own = dict(attributes)
        self.loaded += [own[name] for name in ("src", "srcset", "poster", "background", "data") if own.get(name)]
        is_ours = (tag == "script" and (own.get("src") or "").startswith(("/assets/page.js?", "/assets/settings.js?"))) or (tag == "svg" and own == {"class": "chart", "viewbox": own.get("viewbox"), "width": own.get("width"), "height": "24", "role": "img", "aria-label": own.get("aria-label")}) or (tag == "form" and (own.get("action") or "").startswith("/"))
        if tag in ("script", "iframe", "object", "embed", "form", "svg", "math", "base") and not is_ours:
            self.found.append(tag)
        for name, value in attributes:
            value = "".join(c for c in value or "" if c > " ").lower()
            if name.startswith("on") or (name in ("href", "src") and ":" in value.split("/")[0] and not value.startswith(("http:", "https:", "mailto:", f"feed:{Look.base}"))):
                self.found.append(f"{tag} {name}={value[:60]}")


def browse(url, folder):
    """The page as a browser has it once its scripts would have run, and the hosts that it asked."""
    log = folder / "net.json"
    command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", f"--user-data-dir={folder}/profile", f"--log-net-log={log}", "--virtual-time-budget=4000", "--dump-dom", url]
    page = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    text = log.read_text(errors="replace")
    asked = {part.split('"')[0] for part in text.split('"url":"')[1:]}
    hosts = {a.split("/")[2] for a in asked if a.startswith(("http:", "https:"))}
    # Its maker is asked about forms and updates, whatever the page.
    return page, {host for host in hosts if not host.endswith((".google.com", ".googleapis.com"))}


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    feed = subprocess.run([sys.executable, judge, "feed"], capture_output=True, check=True).stdout
    (folder / "x.xml").write_bytes(feed)
    config = '[server]\nlisten = "127.0.0.1:0"\n[river]\nentries = 500\n[[source]]\nid = "x"\nurl = "file:x.xml"\nname = "<script>alert(1)</script>"\n'
    with Daemon(newsriver, folder, config) as daemon:
        base = daemon.base.rstrip("/")
        Look.base = base
        items = until(lambda: daemon.json("feed.json")["items"], "the river")
        count = feed.count(b"<item>")
        assert len(items) > count * 0.8, (len(items), count)
        bad = []
        (folder / "feed.json").write_bytes(daemon.get("feed.json"))
        judged = subprocess.run([sys.executable, judge, "judge", folder / "feed.json"], capture_output=True, text=True)
        bad += [] if judged.returncode == 0 else judged.stdout.splitlines()
        # What the browser asks for by itself is not the page's doing.
        _, own = browse("about:blank", folder)
        own.add(base.split("/")[2])
        stories = ["/stories/" + urllib.parse.quote(item["id"], safe="") for item in items]
        for path in ("/", "/top", stories[0], stories[-1], "/status", "/sources/x/", "/status/x", "/?q=alert", "/explain?entry=%3Cscript%3Ealert(1)%3C/script%3E"):
            page, hosts = browse(base + path, folder)
            look = Look()
            look.feed(page)
            assert "<h1" in page, page[:500]
            bad += [f"{path}: {found}" for found in look.found] + [f"{path}: asked {host}" for host in hosts - own]
        # The page of each story, and what it loads by itself: nothing but from here.
        for path in stories:
            look = Look()
            look.feed(daemon.get(path[1:]).decode())
            bad += [f"{path}: {found}" for found in look.found] + [f"{path}: loads {source}" for source in look.loaded if not source.startswith("/")]
        # As a reader without any rules of its own would show it.
        bodies = "".join(f"<article><h2>{item.get('title', '').replace('&', '&amp;').replace('<', '&lt;')}</h2>{item.get('content_html', '')}</article>" for item in items)
        (folder / "reader.html").write_text(f"<!doctype html><meta charset=utf-8><title>r</title><script>alert=()=>document.title='{MARK}'</script>{bodies}")
        page, _ = browse(f"file://{folder}/reader.html", folder)
        bad += [f"a reader: {MARK}"] if f"<title>{MARK}" in page else []
        daemon.stop()
print("\n".join(bad[:20]))
print(f"{count} hostile items: {len(bad)} live, over feed.json, the page of each story, nine pages in a browser, and a reader that runs what it shows")
sys.exit(bool(bad))
