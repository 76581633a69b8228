"""The river beside nginx with the same bytes as a static file: the same machine, the same run, wrk with 64
connections. Prints each ratio against its limit.

usage: serve.py NEWSRIVER [SECONDS]
"""
import itertools, os, pathlib, random, re, subprocess, sys, tempfile, time
from scene import Daemon, Origin, free_port, get, item, rss, until

NEWSRIVER = sys.argv[1]
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
ENTRIES, CONNECTIONS, ROUNDS = 300, 64, 3
AT_LEAST, LATENCY, WHILE_POLLING = 0.8, 2.0, 0.7
POLLED = 50  # sources that are polled each second, each with a new entry each time


def words(draw, n):
    return "".join(chr(0x4E00 + draw.randrange(3000)) for _ in range(n))


def entry(n):
    draw = random.Random(n)
    paragraphs = "".join(f"<p>{words(draw, 120)}</p>" for _ in range(3))
    return item(f"{words(draw, 16)}{n}", f"http://e.example/{n}", f"<![CDATA[{paragraphs}]]>")


counter = itertools.count(1_000_000)


def feed(path):
    return rss("t", (entry(n) for n in (range(ENTRIES) if path == "/many" else [next(counter)])))


def wrk(url, headers):
    """Requests a second, and the 99th percentile in milliseconds."""
    extra = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", *extra, url],
                         capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    assert "Non-2xx" not in out or "If-None-Match" in headers, out
    return rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def start(folder, sources):
    return Daemon(NEWSRIVER, folder, f"[river]\nentries = {ENTRIES}\n[server]\nlisten = '127.0.0.1:0'\n[poll]\nper_host = 64\n" + sources)


def source(name, url, every):
    return f"[[source]]\nid = '{name}'\nurl = '{url}'\nevery = '{every}'\nmin_every = '{every}'\n"


def main():
    base = Origin(feed).url
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        os.chmod(folder, 0o755)
        static = free_port()
        daemon = start(folder, source("many", f"{base}many", "1h"))
        river = f"{daemon.base}feed.atom"
        nginx = None
        try:
            until(lambda: get(river)[2].count(b"<entry>") == ENTRIES, "the river")
            _, ours, body = get(river)
            _, gzip_headers, packed = get(river, {"Accept-Encoding": "gzip"})
            (folder / "feed.atom").write_bytes(body)
            (folder / "feed.atom.gz").write_bytes(packed)
            (folder / "nginx.conf").write_text(
                f"worker_processes auto; pid {folder}/pid; error_log {folder}/error.log; daemon off;\n"
                "events { worker_connections 1024; }\n"
                "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; gzip_static on;\n"
                "types { application/atom+xml atom; }\n"
                + "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                + f"server {{ listen 127.0.0.1:{static}; root {folder}; }} }}\n")
            nginx = subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-p", scratch], stderr=subprocess.DEVNULL)
            file = f"http://127.0.0.1:{static}/feed.atom"
            until(lambda: get(file)[2] == body, "nginx")
            theirs = get(file)[1]
            assert get(file, {"Accept-Encoding": "gzip"})[2] == packed
            print(f"{ENTRIES} entries, {len(body) / 1024:.0f} KiB, {len(packed) / 1024:.0f} KiB in gzip; "
                  f"wrk, {CONNECTIONS} connections, best of {ROUNDS} rounds of {SECONDS} s")
            cases = [
                ("200", {}, {}),
                ("200 gzip", {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "gzip"}),
                ("304", {"If-None-Match": ours["etag"]}, {"If-None-Match": theirs["etag"]}),
            ]
            limits = {}
            for name, to_us, to_them in cases:
                # Turn by turn, so that whatever else the machine does meets both.
                rounds = [(wrk(file, to_them), wrk(river, to_us)) for _ in range(ROUNDS)]
                them, us = (max(round[n][0] for round in rounds) for n in (0, 1))
                them99, us99 = (min(round[n][1] for round in rounds) for n in (0, 1))
                limits[name] = them
                holds = us / them >= AT_LEAST and us99 / them99 <= LATENCY
                good &= holds
                print(f"{name:9} newsriver {us:8.0f}/s, nginx {them:8.0f}/s: {us / them:.2f} of at least {AT_LEAST}; "
                      f"p99 {us99:.1f} ms to {them99:.1f} ms: {us99 / them99:.2f} of at most {LATENCY}: "
                      f"{'holds' if holds else 'FAILS'}", flush=True)
            daemon.stop()
            busy = "".join(source(f"s{n}", f"{base}one?{n}", "1s") for n in range(POLLED))
            daemon = start(folder, source("many", f"{base}many", "1h") + busy)
            river = f"{daemon.base}feed.atom"
            until(lambda: get(river)[2].count(b"<entry>") == ENTRIES, "the river")
            polls = lambda: sum(float(line.split()[-1]) for line in daemon.get("metrics").decode().splitlines()
                                if line.startswith("newsriver_polls_total"))
            until(lambda: polls() > 3 * POLLED, "three rounds of polls")
            for name, to_us, _ in cases[:2]:
                before, clock = polls(), time.time()
                best = max(wrk(river, to_us)[0] for _ in range(ROUNDS))
                rate = (polls() - before) / (time.time() - clock)
                ratio, limit = best / limits[name], WHILE_POLLING * AT_LEAST
                good &= ratio >= limit
                print(f"{name:9} while {rate:.0f} polls/s go on: {best:.0f}/s, {ratio:.2f} of nginx, at least {limit:.2f}: "
                      f"{'holds' if ratio >= limit else 'FAILS'}", flush=True)
        finally:
            daemon.kill()
            if nginx:
                nginx.terminate()
                nginx.wait()
    sys.exit(0 if good else 1)


main()
