#!/usr/bin/env python3
"""The disk fills up, the daemon is killed, space comes back: nothing that was shown is lost. usage: fulldisk.py NEWSRIVER"""
import os, pathlib, sqlite3, subprocess, sys, tempfile, time
from scene import Daemon, Origin, free_port, item, rss, until

newsriver = sys.argv[1]
began = time.time()


def feed(_):
    n = int((time.time() - began) * 40)
    return rss("t", (item(f"event {i * 7919 % 100003} of kind {i}", f"http://e.example/{i}", f"{i} {os.urandom(1500).hex()}")
                     for i in range(max(0, n - 60), n)))


origin = Origin(feed)
folder = pathlib.Path(tempfile.mkdtemp(prefix="fulldisk"))
disk = folder / "disk"
disk.mkdir()
if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True).returncode:
    print("no small disk can be mounted here; left out")
    sys.exit(0)
port = free_port()
config = (f'[river]\nbase_url = "http://127.0.0.1:{port}"\n[server]\nlisten = "127.0.0.1:{port}"\n[store]\npath = "disk/river.db"\n'
          f'[poll]\nevery = "1s"\nmin_every = "1s"\n[[source]]\nid = "a"\nurl = "{origin.url}"\n')
shown = {}


def check(daemon, where):
    now = {item["url"]: item["id"] for item in daemon.items()}
    lost = [url for url, id in shown.items() if now.get(url) != id]
    assert not lost, f"{where}: {len(lost)} of {len(shown)} lost or renamed"
    shown.update(now)


def fill():
    filler = open(disk / "filler", "wb", buffering=0)
    try:
        while True:
            filler.write(b"x" * 4096)
    except OSError:
        pass


try:
    daemon = Daemon(newsriver, folder, config)
    for round in range(3):
        until(lambda: len(daemon.items()) >= len(shown) + 100, "more stories")
        check(daemon, "before")
        fill()
        error = until(lambda: daemon.source("a")["error"], "the error")
        assert error["kind"] == "io" and "space" in error["message"], error
        check(daemon, "while full")
        daemon.kill()
        (disk / "filler").unlink()
        daemon = Daemon(newsriver, folder)
        check(daemon, "with space again")
        until(lambda: (source := daemon.source("a"))["state"] == "ok" and source["new_last_poll"] > 0, "a poll that went well")
    check(daemon, "at the end")
    assert daemon.stop() == 0
    assert sqlite3.connect(disk / "river.db").execute("pragma integrity_check").fetchone()[0] == "ok"
    print(f"3 full disks and kills: {len(shown)} stories shown, 0 lost, integrity ok")
finally:
    subprocess.run(["umount", "-l", disk])
