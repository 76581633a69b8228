#!/usr/bin/env python3
"""The disk fills up, the daemon is killed, space comes back: nothing that was shown is lost. usage: fulldisk.py NEWSRIVER"""
import http.server, json, os, pathlib, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time, urllib.request

newsriver = sys.argv[1]
began = time.time()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        n = int((time.time() - began) * 40)
        items = "".join(
            f"<item><title>event {i * 7919 % 100003} of kind {i}</title><link>http://e.example/{i}</link><guid>http://e.example/{i}</guid><description>{i} {os.urandom(1500).hex()}</description></item>"
            for i in range(max(0, n - 60), n)
        )
        body = f"<?xml version='1.0'?><rss version='2.0'><channel><title>t</title><link>http://e.example/</link><description>d</description>{items}</channel></rss>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
origin.daemon_threads = True
threading.Thread(target=origin.serve_forever, daemon=True).start()
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
base = f"http://127.0.0.1:{port}"
folder = pathlib.Path(tempfile.mkdtemp(prefix="fulldisk"))
disk = folder / "disk"
disk.mkdir()
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True).returncode:
    print("no small disk can be mounted here; left out")
    sys.exit(0)


def river():
    url, found = base + "/feed.json", {}
    while url:
        page = json.load(urllib.request.urlopen(url, timeout=5))
        found.update({item["url"]: item["id"] for item in page["items"]})
        url = page.get("next_url")
    return found


def start():
    daemon = subprocess.Popen([newsriver, "run"], cwd=folder, stderr=open(folder / "log", "ab"))
    for _ in range(200):
        try:
            urllib.request.urlopen(base + "/healthz", timeout=2)
            return daemon
        except OSError:
            time.sleep(0.05)
    sys.exit(f"no answer: {(folder / 'log').read_text()[-2000:]}")


def check(where):
    now = river()
    lost = [url for url, id in shown.items() if now.get(url) != id]
    assert not lost, f"{where}: {len(lost)} of {len(shown)} lost or renamed"
    shown.update(now)


try:
    (folder / "feeds.toml").write_text(
        f'[river]\nbase_url = "{base}"\n[server]\nlisten = "127.0.0.1:{port}"\n[store]\npath = "disk/river.db"\n[poll]\nevery = "1s"\nmin_every = "1s"\n[[source]]\nid = "a"\nurl = "http://127.0.0.1:{origin.server_address[1]}/"\n'
    )
    shown = {}
    daemon = start()
    for round in range(3):
        time.sleep(3)
        check("before")
        filler = open(disk / "filler", "wb")
        try:
            while True:
                filler.write(b"x" * 4096)
                filler.flush()
        except OSError:
            pass
        for _ in range(100):
            error = json.load(urllib.request.urlopen(base + "/status.json"))["sources"][0]["error"]
            if error:
                break
            time.sleep(0.1)
        assert error and error["kind"] == "io" and "space" in error["message"], error
        check("while full")
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        try:
            filler.close()
        except OSError:
            pass
        (disk / "filler").unlink()
        daemon = start()
        check("with space again")
        for _ in range(100):
            source = json.load(urllib.request.urlopen(base + "/status.json"))["sources"][0]
            if source["state"] == "ok" and source["new_last_poll"] > 0:
                break
            time.sleep(0.1)
        assert source["state"] == "ok", source
    check("at the end")
    daemon.terminate()
    assert daemon.wait(20) == 0
    assert sqlite3.connect(disk / "river.db").execute("pragma integrity_check").fetchone()[0] == "ok"
    print(f"3 full disks and kills: {len(shown)} stories shown, 0 lost, integrity ok")
finally:
    subprocess.run(["umount", "-l", disk])
