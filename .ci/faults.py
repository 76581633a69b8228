#!/usr/bin/env python3
"""Polls every fault of a fault farm with one daemon and compares /status.json with what the farm states.
usage: faults.py NEWSRIVER FARM [SECONDS]"""
import json, pathlib, resource, subprocess, sys, tempfile, time, urllib.request

newsriver, farm = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:3])
seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 20
faults = [line.split("\t") for line in subprocess.run([sys.executable, farm, "--list"], capture_output=True, text=True, check=True).stdout.splitlines()]
server = subprocess.Popen([sys.executable, farm, "0"], stdout=subprocess.PIPE, text=True)
port = server.stdout.readline().strip()
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    text = '[server]\nlisten = "127.0.0.1:0"\n[poll]\nevery = "3s"\nmin_every = "3s"\ntimeout = "5s"\nper_host = 100\n'
    names = {}
    for path, expected, _ in faults:
        name = path.strip("/").replace("/", "-")
        names[name] = (path, expected)
        text += f'[[source]]\nid = "{name}"\nurl = "http://127.0.0.1:{port}{path}"\n'
    (folder / "feeds.toml").write_text(text)
    log = open(folder / "log", "w+")
    daemon = subprocess.Popen([newsriver, "run"], cwd=folder, stderr=log)
    try:
        time.sleep(seconds)
        lines = (folder / "log").read_text()
        base = next(l for l in lines.splitlines() if "the river is at" in l).split("the river is at ")[1].split("/: ")[0]
        status = {s["id"]: s for s in json.load(urllib.request.urlopen(base + "/status.json"))["sources"]}
        polls = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/hits"))["/control"]
        peak = next(int(l.split()[1]) for l in open(f"/proc/{daemon.pid}/status") if l.startswith("VmHWM")) / 1024
        assert "\x1b" not in lines, "a control character reached the log"
    finally:
        daemon.terminate()
        code = daemon.wait(20)
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
