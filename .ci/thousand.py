#!/usr/bin/env python3
"""One round over 1,000 sources, half files and half loopback, within 1,024 open files and 200 MB of memory.
usage: thousand.py NEWSRIVER"""
import pathlib, resource, subprocess, sys, tempfile, time
from scene import Origin, item, rss

newsriver = sys.argv[1]


def feed(n):
    return rss(f"s{n}", (item(f"source {n} item {i}", f"http://e.example/{n}/{i}", "青浦工业园区 " * 50) for i in range(20)))


origin = Origin(lambda path: feed(int(path.strip("/"))))
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    text = ""
    for n in range(1000):
        if n % 2:
            (folder / f"{n}.xml").write_bytes(feed(n))
            url = f"file:{n}.xml"
        else:
            url = f"{origin.url}{n}"
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
