#!/usr/bin/env python3
"""Attacks on one daemon while a reader who means well reads /feed.atom and a control source is polled each second.

Under each attack, for SECONDS: the reader is answered within a second at the 99th percentile, the control source is
polled on time, the peak of the daemon's memory (VmHWM of /proc) stays under 400 MB, the memory (VmRSS) is within 80 MB of
what it was within a minute of the attack's end, and SIGTERM ends the daemon within 6 s, while the attack goes on.

usage: attacks.py NEWSRIVER [SECONDS [NAME...]]      names: """
import resource, signal, socket, struct, sys, tempfile, threading, time, urllib.parse
from scene import Daemon, Origin, get, item, rss, until

PEAK, BACK, STOP, LATE = 400, 80, 6, 1.0
STORIES = 1200
TEXT = "<p>" + "园区的企业在一季度增加了投资，转型升级取得进展。" * 60 + "</p>"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def megabytes(daemon, field):
    return next(int(l.split()[1]) for l in open(f"/proc/{daemon.process.pid}/status") if l.startswith(field)) / 1024


class Site:
    """What the daemon polls: many stories, a control feed with something new each time, and what attacks need."""

    def __init__(self):
        self.polls, self.special, self.callbacks = [], {}, 0
        self.origin = Origin(self.answer)

    def answer(self, path):
        if path == "/control":
            self.polls.append(time.time())
            n = len(self.polls)
            return rss("control", [item(f"control {n * 7919 % 100003} of {n}", f"http://control.example/{n}", f"report {n}")])
        if path == "/many":
            return rss("many", (item(f"第{n * 7919 % 100003}号 {n} 青浦", f"http://many.example/{n}", f"<![CDATA[{n} {TEXT}]]>") for n in range(STORIES)))
        made = self.special.get(path.split("?")[0])
        return made(path) if made else b""

    def config(self, extra=""):
        url = self.origin.url
        return (f"[server]\nlisten = '127.0.0.1:0'\n{extra}[[source]]\nid = 'many'\nurl = '{url}many'\nevery = '1h'\n"
                f"[[source]]\nid = 'control'\nurl = '{url}control'\nevery = '1s'\nmin_every = '1s'\n")


class Reader(threading.Thread):
    """Reads /feed.atom again and again, over a new connection each time, and the probes."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.daemon_, self.times, self.wrong, self.over = daemon, [], [], False
        self.start()

    def run(self):
        host, port = urllib.parse.urlsplit(self.daemon_.base).netloc.split(":")
        for n in range(10**9):
            if self.over:
                return
            path = ("/feed.atom", "/feed.atom", "/feed.atom", "/healthz", "/readyz", "/metrics")[n % 6]
            began = time.time()
            try:
                with socket.create_connection((host, int(port)), timeout=10) as s:
                    s.settimeout(10)
                    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n".encode())
                    answer = b""
                    while chunk := s.recv(1 << 20):
                        answer += chunk
                if not answer.startswith(b"HTTP/1.1 200"):
                    self.wrong.append((path, answer[:40]))
            except OSError as error:
                self.wrong.append((path, repr(error)))
            self.times.append(time.time() - began)
            time.sleep(0.02)


class Attack:
    """Connections that are opened again where they are closed, each by a thread of its own, until it is over."""

    def __init__(self, daemon, threads, work):
        self.netloc = urllib.parse.urlsplit(daemon.base).netloc
        self.address = (self.netloc.split(":")[0], int(self.netloc.split(":")[1]))
        self.over = False
        self.threads = [threading.Thread(target=self.run, args=(work, n), daemon=True) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, work, n):
        while not self.over:
            try:
                work(self, n)
            except OSError:
                pass
            time.sleep(0.005)

    def connect(self):
        s = socket.create_connection(self.address, timeout=5)
        s.settimeout(1)
        return s

    def hold(self, sockets, seconds=10**6):
        """Keeps connections until they are closed or it is over."""
        end = time.time() + seconds
        while sockets and not self.over and time.time() < end:
            time.sleep(0.1)
            for s in list(sockets):
                s.setblocking(False)
                try:
                    if s.recv(1, socket.MSG_PEEK) == b"":
                        sockets.remove(s)
                        s.close()
                    else:
                        continue
                except BlockingIOError:
                    pass
                except OSError:
                    sockets.remove(s)
                    s.close()
        for s in sockets:
            s.close()

    def end(self):
        self.over = True


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(stream, path, extra=(), method="GET", end=True):
    block = b""
    for name, value in [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path), *extra]:
        block += b"\0" + b"".join(length(len(text)) + text.encode() for text in (name, value))
    return frame(1, 4 | end, stream, block)


def length(n):
    """An integer of seven bits (RFC 7541, section 5.1)."""
    if n < 127:
        return bytes([n])
    n, out = n - 127, b"\x7f"
    while n >= 128:
        out, n = out + bytes([n % 128 | 128]), n // 128
    return out + bytes([n])


NO_WINDOW = frame(4, 0, 0, struct.pack(">HI", 4, 0))
counter = iter(range(10**9))


def since():
    n = next(counter)
    return f"200{n % 10}-{n // 10 % 12 + 1:02}-{n // 120 % 28 + 1:02}T{n // 3360 % 24:02}:{n // 80640 % 60:02}:00Z"


def window(attack, n):
    """3: HTTP/2 without a window, ever other pages."""
    s = attack.connect()
    s.sendall(PREFACE + NO_WINDOW)
    for m in range(60):
        s.sendall(headers(2 * m + 1, f"/feed.{('atom', 'rss', 'json')[m % 3]}?n=1000&since={since()}"))
    attack.hold([s])


def one_byte(attack, n):
    """3: the same, with a window of one byte, and of deltas and searches."""
    s = attack.connect()
    s.sendall(PREFACE + frame(4, 0, 0, struct.pack(">HI", 4, 1)))
    for m in range(60):
        path = (f"/feed.json?q={urllib.parse.quote('园区')}&n={next(counter) % 1000 + 1}", f"/groups/?n={m}", "/status.json", "/opml",
                f"/feed.atom?n=1000&since={since()}", "/feed.rss")[m % 6]
        s.sendall(headers(2 * m + 1, path, [("a-im", "feed"), ("if-none-match", f'"x.{next(counter) % 50:x}"'), ("accept-encoding", ("br", "zstd", "gzip")[m % 3])]))
    attack.hold([s])


def unread(attack, n):
    """3: HTTP/1, ever other pages, nothing is read."""
    sockets = []
    for _ in range(20):
        s = attack.connect()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(f"GET /feed.json?n=1000&since={since()} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 20)
        sockets.append(s)
    attack.hold(sockets)


def silent(attack, n):
    """5: no byte, half a preface, half a head, what looks like TLS."""
    sockets = []
    for m in range(60):
        s = attack.connect()
        s.sendall((b"", PREFACE[:12], b"GET / HTTP/1.1\r\nHost:", b"\x16\x03\x01\x02\x00", PREFACE, PREFACE + NO_WINDOW)[m % 6])
        sockets.append(s)
    attack.hold(sockets)


def events(attack, n):
    """5: streams of events."""
    sockets = []
    for _ in range(60):
        s = attack.connect()
        s.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        sockets.append(s)
    attack.hold(sockets)


def drip(attack, n):
    """5: the whole river, a few bytes at a time."""
    sockets = []
    for _ in range(60):
        s = attack.connect()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /feed.json HTTP/1.1\r\nHost: x\r\n\r\n")
        sockets.append(s)
    while sockets and not attack.over:
        time.sleep(0.5)
        for s in list(sockets):
            try:
                if not s.recv(64):
                    raise ConnectionError
            except OSError:
                sockets.remove(s)
                s.close()


def subscribe(attack, n):
    """6: POST /hub, to callbacks that take their time."""
    topic = f"http://{attack.netloc}/feed.atom"
    for _ in range(50):
        number = next(counter)
        host = (f"slow{number}.invalid", "127.0.0.1:9", f"h{number}.example.com")[number % 3]
        form = urllib.parse.urlencode({"hub.mode": "subscribe", "hub.topic": topic, "hub.callback": f"http://{host}/{number}", "hub.secret": "s" * 190})
        with attack.connect() as s:
            s.sendall(f"POST /hub HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(form)}\r\n\r\n{form}".encode())
            try:
                s.recv(100)
            except TimeoutError:
                pass


def slow_forms(attack, n):
    """6: forms and bodies that do not come, to every address."""
    sockets = []
    for m in range(60):
        s = attack.connect()
        path = ("/hub", "/feed.atom", "/status", "/websub/0123456789abcdef", "/", "/opml")[m % 6]
        coding = ("Content-Length: 10000000", "Transfer-Encoding: chunked")[m % 2]
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n{coding}\r\n\r\n".encode() + (b"", b"ffffff\r\n" + b"x" * 30000)[m % 2])
        sockets.append(s)
    attack.hold(sockets, 15)


def pushes(path, signature):
    def push(attack, n):
        sockets = []
        for _ in range(25):
            s = attack.connect()
            signed = f"X-Hub-Signature: {signature}\r\n" if signature else ""
            s.sendall(f"POST {path()} HTTP/1.1\r\nHost: x\r\n{signed}Content-Length: 9900000\r\n\r\n".encode())
            sockets.append(s)
            try:
                s.sendall(b"x" * 9_800_000)
            except OSError:
                pass
        attack.hold(sockets, 60)
    return push


def floods(attack, n):
    """HTTP/2: streams that are reset at once, pings, settings, headers without an end."""
    s = attack.connect()
    s.sendall(PREFACE + frame(4, 0, 0))
    try:
        for m in range(2000):
            stream = 2 * m + 1
            s.sendall((headers(stream, f"/feed.atom?n=1000&since={since()}") + frame(3, 0, stream, struct.pack(">I", 8)),
                       frame(6, 0, 0, b"12345678") * 20, frame(4, 0, 0) * 20,
                       headers(stream, "/feed.atom", [("x", "y" * 4000)]))[n % 4])
        stream = 100_001
        s.sendall(frame(1, 0, stream, b"\0\x01a\x7f\x81\x1f" + b"b" * 4000))
        for _ in range(200):
            s.sendall(frame(9, 0, stream, b"\0\x01a\x01b" * 800))
    finally:
        s.close()


def headers_long(attack, n):
    """HTTP/1: heads of many kilobytes, pipelined, never read."""
    sockets = []
    for _ in range(20):
        s = attack.connect()
        tags = ", ".join(f'"{next(counter)}"' for _ in range(2000))
        request = f"GET /feed.atom?n={next(counter) % 1000 + 1} HTTP/1.1\r\nHost: x\r\nA-IM: feed\r\nRange: bytes=0-1,3-4\r\nIf-None-Match: {tags}\r\n\r\n"
        s.setblocking(False)
        try:
            for _ in range(20):
                s.send(request.encode())
        except OSError:
            pass
        sockets.append(s)
    attack.hold(sockets, 15)


def one_story(site, daemon):
    """2: a document of 10,000 entries with one title and one text."""
    entry = "<item><title>青浦工业园区开展调研 一季度投资增加</title><guid>urn:x:{}</guid><description>" + "投资增加 " * 12 + "</description></item>"
    site.special["/same"] = lambda _: rss("same", (entry.format(n) for n in range(10_000)))
    text = (daemon.folder / "feeds.toml").read_text()
    (daemon.folder / "feeds.toml").write_text(text + f"[[source]]\nid = 'same'\nurl = '{site.origin.url}same'\n")


ATTACKS = {
    "same": (0, one_story), "window": (24, window), "one-byte": (24, one_byte), "unread": (30, unread),
    "silent": (20, silent), "events": (20, events), "drip": (20, drip), "subscribe": (16, subscribe), "forms": (20, slow_forms),
    "unsigned": (10, ""), "forged": (10, "sha256=" + "0" * 64), "floods": (16, floods), "heads": (20, headers_long),
}
# Another part of the river answers for this one: its result is told, and does not count.
ELSEWHERE = {"same"}
HUB = "[websub]\nhub = 'self'\n"


def attempt(newsriver, name, seconds):
    threads, work = ATTACKS[name]
    site, callback = Site(), {}
    extra = HUB if name in ("subscribe", "forms") else ""
    is_pushed = name in ("unsigned", "forged")
    if is_pushed:
        extra = "[websub]\nsubscribe = true\n[poll]\nallow_private = true\n"

        def subscribed(handler, form):
            callback["path"] = urllib.parse.urlsplit(urllib.parse.parse_qs(form)["hub.callback"][0]).path

        hub = Hub(subscribed)
        site.special["/pushed"] = lambda _: rss("pushed", [item("pushed", "http://p.example/1", "one")]).replace(
            b"<channel>", f"<channel xmlns:atom='http://www.w3.org/2005/Atom'><atom:link rel='hub' href='{hub.url}'/><atom:link rel='self' href='{site.origin.url}pushed'/>".encode())
    config = site.config(extra)
    if is_pushed:
        config += f"[[source]]\nid = 'pushed'\nurl = '{site.origin.url}pushed'\nevery = '1h'\n"
    with tempfile.TemporaryDirectory() as folder, Daemon(newsriver, folder, config) as daemon:
        until(lambda: get(daemon.base + "feed.atom")[2].count(b"<entry>") == 100, "the river")
        if is_pushed:
            until(lambda: callback, "the subscription")
            work = pushes(lambda: callback["path"], work)
        before, polled = megabytes(daemon, "VmRSS"), len(site.polls)
        began, reader = time.time(), Reader(daemon)
        attack = work(site, daemon) if name == "same" else Attack(daemon, threads, work)
        time.sleep(seconds)
        reader.over = True
        reader.join()
        polls, peak = site.polls[polled:], megabytes(daemon, "VmHWM")
        gap = max((b - a for a, b in zip([began, *polls], [*polls, time.time()])))
        if attack:
            attack.end()
        ended, after = time.time(), megabytes(daemon, "VmRSS")
        while after > before + BACK and time.time() - ended < 60:
            time.sleep(1)
            after = megabytes(daemon, "VmRSS")
        back = time.time() - ended
        # And once more, to see it stop under attack.
        if attack:
            again = Attack(daemon, threads, work)
            time.sleep(1)
        stopping = time.time()
        daemon.process.send_signal(signal.SIGTERM)
        try:
            code = daemon.process.wait(30)
        except Exception:
            daemon.kill()
            code = "none"
        stopped = time.time() - stopping
        if attack:
            again.end()
    times = sorted(reader.times)
    p99 = times[int(len(times) * 0.99)]
    checks = {
        f"{len(times)} answers, p99 {p99 * 1000:.0f} ms": p99 < LATE and len(times) > 20,
        f"{len(reader.wrong)} wrong {reader.wrong[:2] if reader.wrong else ''}": len(reader.wrong) <= len(times) // 100,
        f"control polled {len(polls)} times, longest gap {gap:.1f} s": gap < 5,
        f"peak {peak:.0f} MB": peak < PEAK,
        f"{before:.0f} MB before, {after:.0f} MB {back:.0f} s after": after <= before + BACK,
        f"stopped in {stopped:.1f} s, exit {code}": stopped < STOP and code == 0,
    }
    print(f"{name}: " + "; ".join(text + ("" if good else " [BAD]") for text, good in checks.items()), flush=True)
    return all(checks.values()) or name in ELSEWHERE


class Hub(Origin):
    """Says yes to every subscriber, and remembers where it wants its pushes."""

    def __init__(self, heard):
        super().__init__(lambda path: b"")

        def do_POST(handler):
            form = handler.rfile.read(int(handler.headers["Content-Length"])).decode()
            heard(handler, form)
            handler.send_response(202)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        self.RequestHandlerClass.do_POST = do_POST


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    newsriver = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 15
    names = sys.argv[3:] or list(ATTACKS)
    sys.exit(0 if all([attempt(newsriver, name, seconds) for name in names]) else 1)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__ + " ".join(ATTACKS))
    main()
