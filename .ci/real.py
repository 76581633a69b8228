"""Real feeds of other readers' tests: each that must be read is read, with its entries, words and dates.

Usage: real.py NEWSRIVER CORPUS
"""

import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

newsriver, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
must = {}
for line in open(corpus / "expect.jsonl", encoding="utf-8"):
    case = json.loads(line)
    if case["path"] == "$exit":
        must[case["file"]] = case["expect"]

ENTRY = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>]")
EMPTY = re.compile(rb"<((?:\w+:)?(?:item|entry))(?:\s[^>]*)?(?:/>|>\s*</\1\s*>)")
DATE = re.compile(rb"<(?:\w+:)?(?:pubDate|published|updated|date|issued|modified)[^>/]*>\s*(\d{4}-\d\d-\d\d|\w{3}, \d+ \w+ \d{4})")


def look(path):
    raw = path.read_bytes()
    done = subprocess.run([newsriver, "parse", path], capture_output=True)
    if done.returncode:
        return f"failed: {done.stderr.decode()[:150]}"
    items = json.loads(done.stdout)["items"]
    text = done.stdout.decode()
    # An entry without anything in it is none.
    full = EMPTY.sub(b"", re.sub(rb"<!--.*?-->", b"", raw, flags=re.S))
    if ENTRY.search(full) and not items:
        return "no entries"
    if "\ufffd" in text or "Ã" in text or "â€" in text:
        return "mojibake"
    dated = any(item.get("date_published") or item.get("date_modified") for item in items)
    # Absurd dates, and Dublin Core in its qualified form, which no reader here reads.
    if items and not dated and DATE.search(raw) and b"dcq" not in raw:
        return "undated"
    return None


wrong = []
for suite in ("feed-rs", "feedvalidator"):
    files = [f for f in sorted((corpus / "files" / suite).rglob("*")) if must.get(str(f.relative_to(corpus))) == "ok"]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = [(f, what) for f, what in zip(files, pool.map(look, files)) if what]
    print(f"{suite}: {len(files)} documents, {len(found)} odd")
    wrong += found
for file, what in wrong:
    print(f"  {file.relative_to(corpus)}: {what}")
sys.exit(any(what != "undated" for _, what in wrong))
