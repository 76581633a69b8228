"""Readers of others through the life of a river: newsboat and rss2email subscribe to it in Atom and in RSS, and come back
after each thing that happens; sfeed follows its pages. Nothing is shown twice, an edit is shown as one.

usage: subscribers.py NEWSRIVER
"""
import collections, email, mailbox, pathlib, sqlite3, subprocess, sys, tempfile
from scene import Daemon, Origin, rss, until

NEWSRIVER = sys.argv[1]
PAGE = 10
TOPICS = ["园区", "渔港", "高铁", "茶山", "书店", "桥梁", "稻田", "影院", "公交", "水厂", "码头", "药厂", "村史", "灯会"]
VERBS = ["开放", "竣工", "改造", "招标", "停运", "扩建"]
items = collections.OrderedDict()
edition = {"guid": "urn:n:{}", "link": "http://e.example/news/{}.html"}


def add(n):
    title = f"{TOPICS[n % len(TOPICS)]}{VERBS[n // len(TOPICS) % len(VERBS)]}第{n}号公告"
    items[n] = title, f"{title}的正文," + "".join(chr(0x4E00 + (n * 7919 + k * 613) % 2500) for k in range(60))


def feed(_):
    entries = (
        f"<item><guid isPermaLink='false'>{edition['guid'].format(n)}</guid><title>{title}</title>"
        f"<link>{edition['link'].format(n)}</link><description>{body}</description></item>"
        for n, (title, body) in reversed(items.items()))
    return rss("日报", entries)


folder = pathlib.Path(tempfile.mkdtemp(prefix="newsriver-subscribers"))
origin = Origin(feed)


def start(listen):
    return Daemon(NEWSRIVER, folder, f"[river]\nentries = {PAGE}\n[server]\nlisten = '127.0.0.1:{listen}'\n"
                  f"[[source]]\nid = 'a'\nurl = '{origin.url}a'\nevery = '1s'\nmin_every = '1s'\n")


class Newsboat:
    """One for each format: to newsboat an id is the same entry wherever it stands."""

    def __init__(self):
        for format in ("atom", "rss"):
            (folder / f"urls.{format}").write_text(f"{daemon.base}feed.{format}\n")

    def visit(self):
        for format in ("atom", "rss"):
            command = ["newsboat", "-u", folder / f"urls.{format}", "-c", folder / f"{format}.db", "-C", "/dev/null", "-x", "reload"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def shown(self, format):
        """What it holds: titles by the reader's own key."""
        return dict(sqlite3.connect(folder / f"{format}.db").execute("select id, title from rss_item where deleted = 0"))


class Rss2email:
    """Mails each new entry, and each edit as a reply to the mail before."""

    def __init__(self):
        (folder / "r2e.cfg").write_text(
            "[DEFAULT]\nto = me@example.org\nfrom = r2e@example.org\nemail-protocol = maildir\nreply-changes = True\n"
            f"maildir-path = {folder}/mail\nverbose = warning\n"
            + "".join(f"[feed.{format}]\nurl = {daemon.base}feed.{format}\nmaildir-mailbox = {format}\n" for format in ("atom", "rss")))
        (folder / "mail").mkdir()

    def visit(self):
        subprocess.run(["r2e", "-c", folder / "r2e.cfg", "-d", folder / "r2e.json", "run"], check=True)

    def shown(self, format):
        """What it holds, mail by mail; a reply takes the place of what it replies to."""
        first, latest = {}, {}
        mails = sorted(mailbox.Maildir(folder / "mail" / format).values(), key=lambda mail: "In-Reply-To" in mail)
        for mail in mails:
            key = first.get(mail.get("In-Reply-To"), mail["Message-ID"])
            first[mail["Message-ID"]] = key
            latest[key] = str(email.header.make_header(email.header.decode_header(mail["Subject"])))
        return latest


def paged_with_sfeed():
    """sfeed's own way to fetch differently: a function in its configuration."""
    (folder / "sfeedrc").write_text(
        f'sfeedpath="{folder}/sfeed"\n'
        'fetch() { next="$2"; while [ -n "$next" ]; do curl -sf "$next" >"$sfeedpath/page"; cat "$sfeedpath/page"; '
        'next=$(grep -o \'<link [^>]*rel="next"[^>]*>\' "$sfeedpath/page" | grep -o \'href="[^"]*"\' | cut -d\\" -f2 | sed "s/&amp;/\\&/g"); done; }\n'
        f"feeds() {{ feed river {daemon.base}feed.atom; }}\n")
    (folder / "sfeed").mkdir(exist_ok=True)
    subprocess.run(["sfeed_update", folder / "sfeedrc"], check=True, stdout=subprocess.DEVNULL)
    lines = (folder / "sfeed" / "river").read_text().splitlines()
    return [line.split("\t")[1] for line in lines]


def in_river(count, check=lambda feed: True):
    """Waits until the store has so many stories and the first page is as it should be."""
    until(lambda: daemon.json("status.json")["river"]["stories"] == count and check(daemon.json("feed.json")), f"{count} stories")


for n in range(25):
    add(n)
daemon = start(0)
port = daemon.base.rsplit(":", 1)[1].strip("/")
readers = [Newsboat(), Rss2email()]
try:
    in_river(25)

    def visit(what, expected):
        for reader in readers:
            reader.visit()
            for format in ("atom", "rss"):
                shown = sorted(reader.shown(format).values())
                assert shown == sorted(expected), f"{type(reader).__name__}, {format}, {what}: {shown} instead of {sorted(expected)}"
        print(f"{what}: {len(expected)} entries in newsboat and rss2email, Atom and RSS", flush=True)

    titles = lambda: [title for title, _ in items.values()]
    visit("subscribed", titles()[-PAGE:])
    visit("nothing happened", titles()[-PAGE:])
    for n in range(25, 28):
        add(n)
    in_river(28)
    visit("three came, three went to the second page", titles()[-PAGE - 3:])
    title, body = items[22]
    items[22] = tuple(text.replace("公告", "更正公告") for text in (title, body))
    in_river(28, lambda feed: any("更正" in item["title"] for item in feed["items"]))
    visit("an entry was edited", titles()[-PAGE - 3:])
    daemon.kill()
    daemon = start(port)
    in_river(28)
    visit("the daemon was killed and started", titles()[-PAGE - 3:])
    polls = lambda: daemon.source("a")["last_poll"]
    edition = {"guid": "https://e.example/?p={}", "link": "https://www.e.example/news/{}.html?utm_source=feed"}
    before = polls()
    until(lambda: polls() != before, "a poll")
    before = polls()
    until(lambda: polls() != before, "another poll")
    in_river(28)
    visit("the publisher changed all ids and links", titles()[-PAGE - 3:])
    add(28)
    in_river(29)
    visit("one more came", titles()[-PAGE - 4:])
    paged = paged_with_sfeed()
    assert sorted(paged) == sorted(titles()), paged
    paged = paged_with_sfeed()
    assert sorted(paged) == sorted(titles()), paged
    print(f"sfeed followed the pages twice: {len(paged)} entries, none twice")
finally:
    daemon.stop()
