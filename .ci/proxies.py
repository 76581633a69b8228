"""newsriver behind nginx and Caddy, with the examples of contrib/ as they are but for ports: at a path, every link of
every page and feed leads somewhere through the proxy, conditional requests, codings and events pass, the client is
known by its own address.

usage: proxies.py NEWSRIVER CONTRIB
"""
import html, http.client, json, os, pathlib, re, shutil, subprocess, sys, tempfile, time
from scene import Daemon, free_port, rss, until

NEWSRIVER, CONTRIB = sys.argv[1], pathlib.Path(sys.argv[2])
TOKEN, CLIENT = "0123456789abcdef0123456789abcdef", "127.0.0.2"


def get(port, path, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=(CLIENT, 0))
    connection.request("GET", path, headers={"Host": "news.example.org", **(headers or {})})
    answer = connection.getresponse()
    body = b"" if answer.headers.get_content_type() == "text/event-stream" else answer.read()
    return answer, body


def feed(count):
    return rss("t", (f"<item><title>青浦工业园区第{n}次调研</title><guid>urn:n:{n}</guid><link>http://e.example/{n}</link>"
                     f"<description>{'转型' * 200}</description></item>" for n in range(count)))


def configure(folder, port, public, access=""):
    (folder / "feed.xml").write_bytes(feed(30))
    (folder / "feeds.toml").write_text(
        f"[river]\nentries = 10\nbase_url = 'http://news.example.org:{public}/river/'\n"
        f"[server]\nlisten = '127.0.0.1:{port}'\ntrusted_proxies = ['127.0.0.1']\n{access}"
        "[[source]]\nid = 'a'\nurl = 'file:feed.xml'\ngroup = 'local'\n")


def nginx(folder, upstream, public):
    text = (CONTRIB / "nginx.conf").read_text().replace("127.0.0.1:8700;", f"127.0.0.1:{upstream};", 1)
    text = re.sub(r"server 127.0.0.1:8700;", f"server 127.0.0.1:{upstream};", text)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{public};")
    (folder / "nginx.conf").write_text(
        f"daemon off;\nerror_log {folder}/error.log;\npid {folder}/nginx.pid;\nevents {{}}\nhttp {{ access_log off;\n"
        f"client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"{text}\n}}\n")
    return subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)


def caddy(folder, upstream, public):
    text = (CONTRIB / "Caddyfile").read_text().replace("reverse_proxy 127.0.0.1:8700", f"reverse_proxy 127.0.0.1:{upstream}")
    text = text.replace("news.example.org {", f"http://news.example.org:{public} {{")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
    environment = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    return subprocess.Popen(["caddy", "run", "--config", str(folder / "Caddyfile")], env=environment,
                            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def check_links(public):
    """Walks from the page and the feeds to every address of ours."""
    base, seen = f"http://news.example.org:{public}/river/", set()
    todo = ["/river/", "/river/feed.atom", "/river/feed.rss", "/river/feed.json", "/river/opml"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        answer, body = get(public, path)
        assert answer.status == 200, (path, answer.status)
        kind = answer.headers.get_content_type()
        text = body.decode()
        links = []
        if kind == "text/html" or kind.endswith("xml"):
            links = [html.unescape(link) for link in re.findall(r'(?:href|src|action)="([^"]*)"', text)]
        elif kind == "application/feed+json":
            feed = json.loads(text)
            links = [feed.get(key) for key in ("feed_url", "next_url", "home_page_url") if feed.get(key)]
        for link in links:
            # Readers of feeds register this scheme; behind it stands an address like the others.
            link = link.removeprefix("feed:")
            if link.startswith("http"):
                if not link.startswith(base):
                    assert "news.example.org" not in link, (path, link)
                    continue
                link = link[len(f"http://news.example.org:{public}"):]
            elif link.startswith("#"):
                continue
            assert link.startswith("/river/"), (path, link)
            todo.append(link)
    assert any("before=" in path for path in seen) and any("/archives/" in path for path in seen), sorted(seen)
    return len(seen)


def check(name, start):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="newsriver-proxy"))
    upstream, public = free_port(), free_port()
    configure(folder, upstream, public)
    daemon = Daemon(NEWSRIVER, folder)
    proxy = start(folder, upstream, public)
    try:
        until(lambda: get(public, "/river/feed.json")[1].count(b'"id":"urn:n:') == 10
              and b"prev-archive" in get(public, "/river/feed.atom")[1], f"the river through {name}")
        assert get(public, "/river")[0].status in (301, 302, 308), name
        count = check_links(public)

        # Conditional requests, codings, what changed.
        answer, _ = get(public, "/river/feed.atom", {"Accept-Encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip", answer.headers
        tag = answer.headers["etag"]
        assert not tag.startswith("W/"), tag
        assert get(public, "/river/feed.atom", {"If-None-Match": tag, "Accept-Encoding": "gzip"})[0].status == 304
        plain, body = get(public, "/river/feed.atom")
        (folder / "feed.xml").write_bytes(feed(31))
        subprocess.run([NEWSRIVER, "-q", "-c", str(folder / "feeds.toml"), "poll"], check=True, stdout=subprocess.DEVNULL)
        asked = {"If-None-Match": plain.headers["etag"], "A-IM": "feed"}
        answer, delta = until(lambda: (found := get(public, "/river/feed.atom", asked))[0].status == 226 and found, "226")
        assert delta.count(b"<entry") == 1 and answer.headers["im"] == "feed", delta

        # Events come as they happen.
        began = time.time()
        answer, _ = get(public, "/river/events")
        assert answer.readline().startswith(b"event: river") and time.time() - began < 3, name

        # Doors, and who knocks at them; what a client says of itself does not count.
        configure(folder, upstream, public, f"[access.feeds]\ntoken = '{TOKEN}'\n[access.pages]\nusername = 'u'\npassword = 'p'\n")
        until(lambda: get(public, "/river/feed.atom")[0].status == 401, "the door")
        answer, body = get(public, f"/river/t/{TOKEN}/feed.atom")
        assert answer.status == 200 and f"/river/t/{TOKEN}/feed.atom?before=".encode() in body, body[:2000]
        wrong = {"Authorization": "Basic eDp5", "X-Forwarded-For": "203.0.113.9"}
        assert get(public, "/river/", wrong)[0].status == 401
        line = until(lambda: next((line for line in daemon.log().splitlines() if "a wrong password" in line), None), "the log line")
        assert CLIENT in line and "203.0.113.9" not in line, line
        print(f"behind {name}: {count} addresses from page to archive, 304, gzip, 226, events, token, password: hold", flush=True)
    except BaseException:
        print(daemon.log()[-3000:])
        raise
    finally:
        proxy.terminate()
        proxy.wait()
        daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)


for name, start in (("nginx", nginx), ("caddy", caddy)):
    if shutil.which(name):
        check(name, start)
    else:
        print(f"no {name}: not tried behind it")
