#!/usr/bin/env python3
"""One round over 1,000 sources, half files and half loopback, within 1,024 open files and 200 MB of memory."""
import http.server, pathlib, resource, subprocess, sys, tempfile, threading, time

newsriver = sys.argv[1]


def feed(n):
    items = "".join(
        f"<item><title>source {n} item {i}</title><guid>http://e.example/{n}/{i}</guid><link>http://e.example/{n}/{i}</link><description>{'青浦工业园区 ' * 50}</description></item>"
        for i in range(20)
    )
    return f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel><title>s{n}</title><link>http://e.example/</link><description>d</description>{items}</channel></rss>".encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = feed(int(self.path.strip("/")))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    text = ""
    for n in range(1000):
        if n % 2:
            (folder / f"{n}.xml").write_bytes(feed(n))
            url = f"file:{n}.xml"
        else:
            url = f"http://127.0.0.1:{server.server_address[1]}/{n}"
        text += f'[[source]]\nid = "s{n}"\nurl = "{url}"\nper_host = 32\n'
    (folder / "feeds.toml").write_text(text)
    began = time.time()
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    run = subprocess.run([newsriver, "poll"], cwd=folder, capture_output=True, text=True, preexec_fn=limit)
    last = run.stdout.strip().splitlines()[-1]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{last}; {time.time() - began:.1f} s, peak {peak:.0f} MB")
    assert run.returncode == 0 and "1000 sources, 0 failed; 20000 entries new" in last, run.stderr[-2000:]
    assert peak < 200, peak
