"""What the checks share: an origin on loopback, a daemon in a folder of its own, and waiting for what can be seen."""
import http.server, json, pathlib, re, socket, subprocess, sys, threading, time, urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(check, what, seconds=30):
    """What `check` finds, once it finds something; who does not answer yet is asked again."""
    end = time.time() + seconds
    while time.time() < end:
        try:
            if found := check():
                return found
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit(f"{what} did not come")


def get(url, headers=None):
    """Status, headers by their names in lower case, body."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=60) as answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def item(title, link, body):
    return f"<item><title>{title}</title><guid>{link}</guid><link>{link}</link><description>{body}</description></item>"


def rss(title, items):
    head = f"<title>{title}</title><link>http://e.example/</link><description>d</description>"
    return f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel>{head}{''.join(items)}</channel></rss>".encode()


class Origin(http.server.ThreadingHTTPServer):
    """A server of feeds: what `answer` gives for a path."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = answer(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Daemon:
    """A daemon over the feeds.toml of a folder, once it answers; killed where it was not stopped."""

    def __init__(self, newsriver, folder, config=None):
        self.folder = pathlib.Path(folder)
        if config is not None:
            (self.folder / "feeds.toml").write_text(config)
        self.began = len(self.log())
        command = [pathlib.Path(newsriver).resolve(), "-c", str(self.folder / "feeds.toml"), "run"]
        with open(self.folder / "daemon.log", "a") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stderr=log)
        self.base = until(self.address, "the daemon")
        until(lambda: get(self.base + "healthz"), "its answer")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.log()[-3000:])
        if self.process.poll() is None:
            self.kill()

    def log(self):
        path = self.folder / "daemon.log"
        return path.read_text() if path.exists() else ""

    def address(self):
        """Where it listens, whatever address readers are told."""
        assert self.process.poll() is None, f"the daemon ended: {self.log()[-3000:]}"
        found = re.search(r"listening on (\S+:\d+)", self.log()[self.began:])
        return found and f"http://{found[1]}/"

    def get(self, path, headers=None):
        return get(self.base + path, headers)[2]

    def json(self, path):
        return json.loads(self.get(path))

    def source(self, id):
        return next(source for source in self.json("status.json")["sources"] if source["id"] == id)

    def items(self):
        """All of the river, page by page."""
        url, items = self.base + "feed.json", []
        while url:
            page = json.loads(get(url)[2])
            items += page["items"]
            url = page.get("next_url")
        return items

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it as systemd would; its exit status."""
        self.process.terminate()
        return self.process.wait(20)
