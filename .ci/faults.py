#!/usr/bin/env python3
"""Polls every fault of a fault farm with one daemon and compares /status.json with what the farm states.
usage: faults.py NEWSRIVER FARM [SECONDS]"""
import json, pathlib, subprocess, sys, tempfile, time
from scene import Daemon, get

newsriver, farm = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
faults = [line.split("\t") for line in subprocess.run([sys.executable, farm, "--list"], capture_output=True, text=True, check=True).stdout.splitlines()]
server = subprocess.Popen([sys.executable, farm, "0"], stdout=subprocess.PIPE, text=True)
origin = f"http://127.0.0.1:{server.stdout.readline().strip()}"
text = '[server]\nlisten = "127.0.0.1:0"\n[poll]\nevery = "3s"\nmin_every = "3s"\ntimeout = "5s"\nper_host = 100\n'
names = {}
for path, expected, _ in faults:
    name = path.strip("/").replace("/", "-")
    names[name] = (path, expected)
    text += f'[[source]]\nid = "{name}"\nurl = "{origin}{path}"\n'
try:
    with tempfile.TemporaryDirectory() as folder, Daemon(newsriver, folder, text) as daemon:
        time.sleep(seconds)
        status = {source["id"]: source for source in daemon.json("status.json")["sources"]}
        polls = json.loads(get(f"{origin}/hits")[2])["/control"]
        peak = next(int(l.split()[1]) for l in open(f"/proc/{daemon.process.pid}/status") if l.startswith("VmHWM")) / 1024
        code = daemon.stop()
        assert "\x1b" not in daemon.log(), "a control character reached the log"
finally:
    server.kill()
wrong = 0
for name, (path, expected) in names.items():
    source = status[name]
    kind = source["error"]["kind"] if source["error"] else "ok"
    kept = " kept" not in expected or source["entries"] == 3
    if kind not in expected.replace(" kept", "").split("|") or not kept:
        wrong += 1
        print(f"{path}: {kind}, {source['entries']} entries; expected {expected}: {source['error']}")
print(f"{len(names)} faults, {wrong} wrong; control polled {polls} times in {seconds} s; peak {peak:.0f} MB; exit {code}")
sys.exit(bool(wrong or code or polls < seconds // 3 - 1 or peak > 150))
