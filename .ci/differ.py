"""Reads every document of a folder with newsriver and with a peer, and prints each field that differs.

Usage: differ.py NEWSRIVER FOLDER [--peer PROGRAM] [--mutate N] [--limit N] [--only REGEX]

The peer is feedparser, or a program that reads paths and writes what the documents hold, a line each: that of
`cargo bench --bench peer --no-run` is feed-rs. Entries are paired by id, link or title, else by place. A line a difference: what of it newsriver lacks
(`lost`), has beside it (`more`), or reads otherwise (`other`). With --mutate every document is read in N variants too:
other prefixes, another case, other or no namespaces, one bad byte, junk in front. Nothing is written.
"""

import argparse
import collections
import concurrent.futures
import html
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import urllib.parse

import feedparser

SPACE = re.compile(r"[\s\u200b\ufeff]+")


def plain(text):
    text = re.sub(r"<!--.*?-->|<(script|style)\b.*?</\1>|<[^>]+>", " ", text or "", flags=re.S | re.I)
    return SPACE.sub("", html.unescape(html.unescape(text)))


def address(text):
    text = urllib.parse.unquote(html.unescape((text or "").strip())).split("://", 1)[-1].rstrip("/")
    host, slash, path = text.partition("/")
    return host.lower() + slash + path


def ours(newsriver, data):
    done = subprocess.run([newsriver, "parse", "-", "--base-url", "http://base.example/"], input=data, capture_output=True, timeout=60)
    if done.returncode:
        return None
    entries = []
    for item in json.loads(done.stdout)["items"]:
        own = item.get("_newsriver") or {}
        entries.append({
            "id": item.get("id") or "",
            "link": address(item.get("url")),
            "title": plain(own.get("title_original") or item.get("title")),
            "dates": {d[:19] for d in (utc(item.get("date_published")), utc(item.get("date_modified"))) if d},
            "authors": {plain(a.get("name")) for a in item.get("authors", [])},
            "body": plain((item.get("content_html") or "") + (item.get("summary") or "") + (item.get("content_text") or "")),
            "files": {address(a["url"]) for a in item.get("attachments", [])} | {address(item.get("image"))},
            "tags": {plain(t) for t in item.get("tags", [])},
        })
    return entries


def utc(date):
    if not date:
        return None
    import datetime
    try:
        return datetime.datetime.fromisoformat(date.replace("Z", "+00:00")).astimezone(datetime.timezone.utc).isoformat()
    except ValueError:
        return date


def feedparser_reads(data):
    feed = feedparser.parse(data, response_headers={"content-location": "http://base.example/"})
    if not feed.version and not feed.entries:
        return None
    entries = []
    for e in feed.entries:
        dates = [e.get(key) for key in ("published_parsed", "updated_parsed", "created_parsed")]
        body = max([c.get("value") or "" for c in e.get("content", [])] + [e.get("summary") or ""], key=len)
        entries.append({
            "id": e.get("id") or "",
            # feedparser takes every id for an address.
            "link": address(e.get("link")) if re.match(r"https?:", e.get("link") or "") else "",
            "title": plain(e.get("title")),
            "dates": {"%04d-%02d-%02dT%02d:%02d:%02d" % d[:6] for d in dates if d and d[0] > 1970},
            "authors": {plain(a.get("name") or a.get("email") or "") for a in e.get("authors", []) if a},
            "body": plain(body),
            "files": {address(f.get("href")) for f in e.get("enclosures", []) if f.get("href")},
            "tags": {plain(t.get("term")) for t in e.get("tags", []) if t.get("term")},
        })
    return entries


class Peer:
    """A program that is asked for one document after the other."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.file = tempfile.NamedTemporaryFile()

    def __call__(self, data):
        pathlib.Path(self.file.name).write_bytes(data)
        self.process.stdin.write(self.file.name + "\n")
        self.process.stdin.flush()
        entries = json.loads(self.process.stdout.readline())
        return entries and [{
            "id": e["id"],
            "link": address(e["link"]) if re.match(r"https?:", e["link"] or "") else "",
            "title": plain(e["title"]),
            "dates": {d[:19] for d in map(utc, e["dates"]) if d},
            "authors": {plain(name) for name in e["authors"]},
            "body": plain(e["body"]),
            "files": {address(f) for f in e["files"]},
            "tags": {plain(t) for t in e["tags"]},
        } for e in entries]


peers = {}


def pairs(mine, other):
    for key in ("id", "link", "title"):
        names = [e[key] for e in mine]
        if all(names) and len(set(names)) == len(names):
            known = {e[key]: e for e in mine}
            if all(e[key] in known for e in other):
                return [(known[e[key]], e) for e in other]
    return list(zip(mine, other))


def compare(mine, other):
    if mine is None or other is None:
        if mine is None and other:
            yield "document", "lost", f"{len(other)} entries"
        return
    if len(mine) < len(other):
        yield "entries", "lost", f"{len(mine)} of {len(other)}"
    for a, b in pairs(mine, other):
        for key in ("link", "title"):
            if b[key] and not a[key]:
                yield key, "lost", b[key]
            elif b[key] and a[key] != b[key]:
                yield key, "other", f"{a[key][:70]} / {b[key][:70]}"
        if b["dates"] and not a["dates"]:
            yield "dates", "lost", str(b["dates"])
        elif b["dates"] and not (a["dates"] & b["dates"]):
            yield "dates", "other", f"{a['dates']} / {b['dates']}"
        if any(b["authors"] - {""}) and not a["authors"]:
            yield "authors", "lost", str(b["authors"])
        for key in ("files", "tags"):
            if lost := b[key] - a[key] - {""}:
                yield key, "lost", str(lost)[:100]
        if b["body"] and not a["body"]:
            yield "body", "lost", b["body"][:100]
        elif len(a["body"]) * 10 < len(b["body"]) * 8:
            yield "body", "other", f"{len(a['body'])} of {len(b['body'])}: {b['body'][:60]}"
        if ("\ufffd" in a["title"] + a["body"]) and "\ufffd" not in b["title"] + b["body"]:
            yield "charset", "other", a["title"][:60]


def mutants(data, count, seed):
    chance = random.Random(seed)
    changes = [
        lambda d: re.sub(rb"(?<=[<:/])dc:", b"q:", d).replace(b"xmlns:dc=", b"xmlns:q="),
        lambda d: d.replace(b"purl.org/dc/elements/1.1/", b"purl.org/dc/elements/1.0/"),
        lambda d: re.sub(rb'\sxmlns:(dc|media|content|itunes|atom)="[^"]*"', b"", d),
        lambda d: re.sub(rb"(</?)(item|title|description|pubDate|entry|updated)\b", lambda m: m[1] + m[2].title(), d),
        lambda d: re.sub(rb"(</?)(pubDate|guid|link|author|summary)\b", lambda m: m[1] + m[2].upper(), d),
        lambda d: d.replace(b"search.yahoo.com/mrss/", b"www.rssboard.org/media-rss"),
        lambda d: b"<br />\n<b>Warning</b>: mysql in <b>/x.php</b> on line <b>3</b><br />\n" + d,
        lambda d: b"<script>var a = '<b>';</script>\n" + d,
        lambda d: d[: (k := chance.randrange(len(d)))] + b"\xe2\x80" + d[k:],
        lambda d: re.sub(rb"</(title|description|summary)>", lambda m: b"\x92" + m[0], d, count=1),
        lambda d: d.replace(b"utf-8", b"iso-8859-1").replace(b"UTF-8", b"ISO-8859-1"),
        lambda d: re.sub(rb"(?<=[<:/])(media|content|itunes):", rb"x\1:", d).replace(b"xmlns:", b"xmlns:x"),
        lambda d: d.replace(b"<summary", b"<description").replace(b"</summary", b"</description"),
        lambda d: d.replace(b"http://", b"https://"),
    ]
    for change in chance.sample(changes, min(count, len(changes))):
        changed = change(data)
        if changed != data:
            yield changed


def look(newsriver, program, path, count):
    if program and program not in peers:
        peers[program] = Peer(program)
    theirs = peers[program] if program else feedparser_reads
    data = path.read_bytes()
    found = []
    for n, variant in enumerate([data, *mutants(data, count, path.name)]):
        try:
            found += [(n, *line) for line in compare(ours(newsriver, variant), theirs(variant))]
        except (ValueError, RecursionError, AttributeError, TypeError, LookupError) as fault:
            # feedparser's own: it fails on some of these documents.
            found.append((n, "feedparser", "fault", repr(fault)[:80]))
    return found


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("newsriver")
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--peer")
    arguments.add_argument("--mutate", type=int, default=0)
    arguments.add_argument("--limit", type=int, default=10**9)
    arguments.add_argument("--only", default="")
    options = arguments.parse_args()
    files = [f for f in sorted(options.folder.rglob("*")) if f.is_file() and re.search(options.only, str(f))]
    counts = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        jobs = {pool.submit(look, options.newsriver, options.peer, f, options.mutate): f for f in files[: options.limit]}
        for job, path in jobs.items():
            for variant, field, kind, what in job.result():
                counts[field, kind] += 1
                print(f"{path.relative_to(options.folder)}\t{variant}\t{field}\t{kind}\t{what}")
    for (field, kind), count in sorted(counts.items()):
        print(f"{field} {kind}: {count}", file=sys.stderr)


if __name__ == "__main__":
    main()
