#!/usr/bin/env python3
"""200 polls a second on loopback with 5 % faults: memory and open files stay flat, no source is stuck, the river is right at
the end. usage: soak.py NEWSRIVER [MINUTES]"""
import asyncio, datetime, pathlib, random, sys, tempfile, threading, time
from scene import Daemon, item, rss

newsriver = sys.argv[1]
minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 30
SOURCES, KEEP = 200, 10
began = time.time()
asked = {"all": 0, "faults": 0}
rnd = random.Random(5)


def published(n, now):
    """Source n publishes each minute, at a second of its own."""
    return max(0, int((now - began - n * 60 / SOURCES) / 60) + 1)


def feed(n):
    count = published(n, time.time())
    site = f"http://s{n}.example"
    return rss(f"s{n}", (
        item(f"source {n} reports event {(i * 7919 + n * 104729) % 1000003}", f"{site}/{i}", f"report {i} of {n}: {'word%d ' % ((i * 31 + n) % 9973) * 20}")
        for i in range(max(0, count - KEEP), count)))


async def serve(reader, writer):
    try:
        line = await reader.readline()
        while (await reader.readline()).strip():
            pass
        n = int(line.split()[1].strip(b"/"))
        asked["all"] += 1
        fault = rnd.random()
        if fault < 0.05:
            asked["faults"] += 1
            kind = rnd.randrange(5)
            if kind == 0:
                writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
            elif kind == 1:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n<rss>")
            elif kind == 2:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nxxxxx")
            elif kind == 3:
                await asyncio.sleep(3)
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<html></html")
        else:
            body = feed(n)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
    except (OSError, ValueError, IndexError):
        pass
    finally:
        writer.close()


async def origin(ready):
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    ready.append(server.sockets[0].getsockname()[1])
    await server.serve_forever()


port = []
threading.Thread(target=lambda: asyncio.run(origin(port)), daemon=True).start()
while not port:
    time.sleep(0.01)
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    text = '[server]\nlisten = "127.0.0.1:0"\n[river]\nentries = 500\n[poll]\nevery = "1s"\nmin_every = "1s"\ntimeout = "2s"\nper_host = 100\nconcurrency = 128\n'
    text += "".join(f'[[source]]\nid = "s{n}"\nurl = "http://127.0.0.1:{port[0]}/{n}"\n' for n in range(SOURCES))
    with Daemon(newsriver, folder, text) as daemon:
        samples, last = [], 0
        end = began + minutes * 60
        while time.time() < end:
            time.sleep(min(10, max(0.1, end - time.time())))
            assert daemon.process.poll() is None, "the daemon ended"
            status = open(f"/proc/{daemon.process.pid}/status").read()
            memory = int(status.split("VmRSS:")[1].split()[0]) / 1024
            files = len(list(pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir()))
            samples.append((memory, files))
            if len(samples) % 6 == 0:
                print(f"{time.time() - began:5.0f} s: {memory:.0f} MB, {files} files, {(asked['all'] - last) / 60:.0f} polls/s", flush=True)
                last = asked["all"]
        stop_at = time.time()
        wanted = {f"http://s{n}.example/{i}" for n in range(SOURCES) for i in range(published(n, stop_at - 20))}
        time.sleep(20)
        now = time.time()
        stuck = [s["id"] for s in daemon.json("status.json")["sources"] if not s["last_success"] or now - datetime.datetime.fromisoformat(s["last_success"]).timestamp() > 60]
        items = [item["url"] for item in daemon.items()]
        code = daemon.stop()
third = len(samples) // 3
mean = lambda part, place: sum(sample[place] for sample in part) / max(1, len(part))
grown = mean(samples[-third:], 0) - mean(samples[third : 2 * third], 0)
print(
    f"{minutes:g} minutes, {asked['all']} requests ({asked['all'] / (time.time() - began):.0f}/s), {asked['faults']} faults; memory {samples[third][0]:.0f} to {samples[-1][0]:.0f} MB (last third {grown:+.1f}), "
    f"files {max(s[1] for s in samples)} at most, {samples[-1][1]} at the end; {len(stuck)} stuck; river: {len(items)} entries, {len(wanted - set(items))} missing, {len(items) - len(set(items))} twice; exit {code}"
)
assert not stuck and not wanted - set(items) and len(items) == len(set(items)) and code == 0
