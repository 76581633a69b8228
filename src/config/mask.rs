//! The text of feeds.toml with its secrets left out, for showing the line of a problem: pure.
//!
//! The text may be broken anywhere, so this reads it as no parser does: a value is shown only under a key that is
//! known to hold no secret, or where its shape says so. Everything else is masked, and so is what follows a secret
//! whose end is in doubt.

use std::ops::Range;

use crate::model::redact::{self, MASK};

/// Keys whose values may be shown. Every key of feeds.toml that is not here is masked.
const SHOWN: [&str; 70] = [
    "title",
    "base_url",
    "include",
    "exclude",
    "entries",
    "max_per_source",
    "window",
    "listen",
    "socket_mode",
    "trusted_proxies",
    "token_file",
    "password_file",
    "path",
    "keep",
    "every",
    "min_every",
    "mean_every",
    "timeout",
    "first_byte_timeout",
    "connect_timeout",
    "max_bytes",
    "concurrency",
    "initial",
    "per_host",
    "host_gap",
    "robots",
    "proxy",
    "allow_private",
    "user_agent",
    "width",
    "links",
    "hype",
    "cut",
    "captions",
    "echo",
    "attribution",
    "tails",
    "boilerplate",
    "dates",
    "tickers",
    "places",
    "affixes",
    "subscribe",
    "hub",
    "dir",
    "level",
    "format",
    "file",
    "url",
    "id",
    "name",
    "group",
    "tags",
    "enabled",
    "charset",
    "timezone",
    "full_text",
    "select",
    "item",
    "link",
    "date",
    "content",
    "author",
    "image",
    "next",
    "pages",
    "private_url",
    "priority",
    "clean",
    "feeds",
];

/// Keys whose values are addresses, which people write with a password in them.
const ADDRESSES: [&str; 4] = ["url", "base_url", "proxy", "hub"];

/// Keys whose values are never shown, also with a slip of the pen.
const SECRET: [&str; 6] = ["password", "token", "username", "headers", "secret", "authorization"];

/// The lines of a text with the parts that are masked. Byte ranges within each line.
pub(super) fn hidden(text: &str) -> Vec<Vec<Range<usize>>> {
    // Which of the sources is private is not known of a text that may be broken: all their addresses are hidden then.
    let mut reader = Reader { hides_urls: text.contains("private_url"), ..Reader::default() };
    text.lines().map(|line| reader.line(line)).collect()
}

/// A line with its hidden parts masked; and where the character at `column` (from 0) stands in it.
pub(super) fn shown(line: &str, hidden: &[Range<usize>], columns: Range<usize>) -> (String, Range<usize>) {
    let (mut out, mut place) = (String::new(), Vec::new());
    let mut masked: Option<&Range<usize>> = None;
    for (at, c) in line.char_indices() {
        match hidden.iter().find(|range| range.contains(&at)) {
            Some(range) => {
                if masked != Some(range) {
                    out.push_str(MASK);
                }
                masked = Some(range);
                place.push(out.chars().count() - MASK.len());
            }
            None => {
                masked = None;
                place.push(out.chars().count());
                out.push(c);
            }
        }
    }
    let end = out.chars().count();
    let at = |column: usize| place.get(column).copied().unwrap_or(end);
    let start = at(columns.start);
    (out, start..at(columns.end).max(start + 1))
}

/// What is known where a line begins.
#[derive(Default)]
struct Reader {
    /// The closing quotes of the string of several lines that is open.
    open: Option<&'static str>,
    /// The key whose value is being read.
    key: Option<String>,
    /// The keys of the tables that are open: those of the header, then inline ones.
    parents: Vec<String>,
    /// Open brackets and braces.
    depth: usize,
    expects_value: bool,
    /// Whether the addresses of sources are secret.
    hides_urls: bool,
    hidden: Vec<Range<usize>>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Vec<Range<usize>> {
        self.hidden = Vec::new();
        self.expects_value = false;
        let mut at = 0;
        if let Some(quotes) = self.open {
            // What stands in a string of several lines may be anything, also what follows a quote that was forgotten.
            let end = line.find(quotes);
            self.hide(0, end.unwrap_or(line.len()));
            let Some(end) = end else { return std::mem::take(&mut self.hidden) };
            self.open = None;
            at = end + quotes.len();
            if self.is_doubtful(&line[at..]) {
                self.hide(at, line.len());
                return std::mem::take(&mut self.hidden);
            }
        } else if line.trim_start().starts_with('[') && (self.depth == 0 || is_header(line)) {
            at = self.header(line);
        } else if self.depth == 0 {
            self.key = None;
        }
        while let Some(c) = line[at..].chars().next() {
            at = match c {
                '#' => {
                    self.hide(at + 1, line.len());
                    line.len()
                }
                '"' | '\'' => self.string(line, at, c),
                '=' => {
                    self.expects_value = true;
                    at + 1
                }
                '{' => {
                    self.parents.extend(self.key.clone());
                    self.depth += 1;
                    self.expects_value = false;
                    at + 1
                }
                '[' => {
                    self.depth += 1;
                    at + 1
                }
                '}' | ']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if c == '}' {
                        self.parents.pop();
                    }
                    at + 1
                }
                ',' => {
                    self.expects_value = false;
                    at + 1
                }
                c if c.is_whitespace() => at + c.len_utf8(),
                _ => self.word(line, at),
            };
        }
        std::mem::take(&mut self.hidden)
    }

    /// `[table]`: the names in it are shown.
    fn header(&mut self, line: &str) -> usize {
        let end = line.rfind(']').map_or_else(|| line.find(['=', '#', '"', '\'']).unwrap_or(line.len()), |at| at + 1);
        let end = line.find(['=', '#']).map_or(end, |at| end.min(at));
        let name = line[..end].trim().trim_matches(['[', ']']);
        self.parents = name.split('.').map(|part| part.trim().trim_matches(['"', '\'']).to_owned()).collect();
        (self.key, self.depth, self.expects_value) = (None, 0, false);
        end
    }

    /// A string: a key where `=` follows, else a value.
    fn string(&mut self, line: &str, at: usize, quote: char) -> usize {
        for quotes in ["\"\"\"", "'''"] {
            if line[at..].starts_with(quotes) {
                let start = at + quotes.len();
                let Some(end) = line[start..].find(quotes).map(|end| start + end) else {
                    self.open = Some(quotes);
                    self.hide(start, line.len());
                    return line.len();
                };
                self.hide(start, end);
                return self.after_secret(line, end + quotes.len());
            }
        }
        let start = at + 1;
        let Some(end) = closing(&line[start..], quote).map(|end| start + end) else {
            // Nobody knows where it was to end, and so which key what is in it belongs to.
            let content = &line[start..];
            if self.hides(content) || content.contains(['=', ':', '@']) || is_named(content) {
                self.hide(start, line.len());
            }
            return line.len();
        };
        let content = &line[start..end];
        let after = end + 1;
        if !self.expects_value && line[after..].trim_start().starts_with(['=', '.']) {
            self.key = Some(content.to_owned());
            return after;
        }
        self.expects_value = false;
        if self.hides(content) {
            self.hide(start, end);
            return self.after_secret(line, after);
        }
        let is_address = self.key.as_deref().is_some_and(|key| ADDRESSES.contains(&key));
        if let Some(user) = content.rfind('@').filter(|_| is_address) {
            let scheme = ["https:", "http:", "feed:"].into_iter().find(|scheme| content.starts_with(scheme));
            let rest = &content[scheme.map_or(0, str::len)..];
            let from = content.len() - rest.trim_start_matches(['/', '\\']).len();
            if from < user && (scheme.is_none() || content[from..user].contains(':')) {
                self.hide(start + from, start + user);
            }
        }
        for secret in redact::secrets_in_text(content) {
            self.hide(start + secret.start, start + secret.end);
        }
        after
    }

    /// A word without quotes.
    fn word(&mut self, line: &str, at: usize) -> usize {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '=' | ',' | '[' | ']' | '{' | '}' | '"' | '\'' | '#');
        let end = line[at..].find(is_end).map_or(line.len(), |end| at + end);
        let word = &line[at..end];
        if !self.expects_value && line[end..].trim_start().starts_with('=') {
            let mut names = word.split('.').map(str::to_owned);
            self.key = names.next_back();
            if self.depth == 0 && self.key.as_deref().is_some_and(|_| word.contains('.')) {
                self.parents.extend(names);
            }
            return end;
        }
        if self.expects_value && (word.contains("://") || word.contains('@')) {
            self.hide(at, line.len());
            return line.len();
        }
        let is_known = SHOWN.contains(&word) || SECRET.contains(&word) || is_plain(word);
        let is_hidden = if self.expects_value { self.hides(word) } else { !is_known };
        if is_hidden {
            self.hide(at, end);
            return if self.expects_value { self.after_secret(line, end) } else { end };
        }
        self.expects_value = false;
        end
    }

    /// Goes on after a secret, unless it may not have ended there.
    fn after_secret(&mut self, line: &str, at: usize) -> usize {
        if self.is_doubtful(&line[at..]) {
            self.hide(at, line.len());
            return line.len();
        }
        at
    }

    fn is_doubtful(&self, rest: &str) -> bool {
        rest.trim_start().chars().next().is_some_and(|c| !matches!(c, ',' | ']' | '}' | '#'))
    }

    /// Whether a value of the key at hand is a secret, or may be one.
    fn hides(&self, value: &str) -> bool {
        if value.is_empty() {
            return false;
        }
        let is_secret = |name: &String| SECRET.contains(&name.as_str());
        let Some(key) = &self.key else { return !is_plain(value) };
        if self.parents.iter().any(|parent| parent == "headers") || redact::is_token(value) {
            return true;
        }
        if self.hides_urls && key == "url" {
            return true;
        }
        if SHOWN.contains(&key.as_str()) {
            return is_named(value);
        }
        let near = |secret: &str| strsim::damerau_levenshtein(&key.to_lowercase(), secret) <= 2;
        is_secret(key) || SECRET.iter().any(|secret| near(secret)) || redact::is_secret_name(key) || !is_plain(value)
    }

    fn hide(&mut self, start: usize, end: usize) {
        if start < end {
            self.hidden.push(start..end);
        }
    }
}

/// `[name]` or `[[name]]`, and not the next line of a list.
fn is_header(line: &str) -> bool {
    let line = line.trim();
    let name = line.trim_start_matches('[').trim_end_matches(']');
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
}

/// Where a string of one line ends.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = quote == '"' && c == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// A number, a size, a duration or a truth: what a mistyped key of settings holds.
fn is_plain(value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    matches!(value, "true" | "false")
        || (digits > 0 && value.len() <= 8 && value.bytes().all(|b| b.is_ascii_digit() || b"smhdwiKMGBkb".contains(&b)))
}

/// Whether a text says that a secret follows (`password: x`, `key=x` outside an address).
fn is_named(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['=', ':']) {
        let name = rest[..at].trim_end();
        let begin = name.rfind(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-')).map_or(0, |at| at + 1);
        let begin = (begin..=name.len()).find(|at| name.is_char_boundary(*at)).unwrap_or(name.len());
        let is_address = text.contains("://") || rest[at..].starts_with("::");
        if !is_address && redact::is_secret_name(&name[begin..]) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> String {
        let hidden = hidden(text);
        let lines = text.lines().zip(&hidden).map(|(line, hidden)| shown(line, hidden, 0..1).0);
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Every line holds the secret `hunter2`, `Hunter 2` or `s3cr3t` in some way that people write.
    #[test]
    fn no_secret_is_shown_however_it_is_written() {
        for text in [
            "password = \"hunter2",
            "password = 'hunter2",
            "password = hunter2",
            "password = hunter2!@#$hunter2",
            "password = hun=hunter2",
            "password = \"hun\"hunter2\"",
            "password = \"a\" hunter2",
            "password = [\"hunter2\"]",
            "password = \"\"\"\nhunter2\n\"\"\"",
            "password = \"\"\"hunter2",
            "name = \"\"\"\npassword = \"hunter2\"\n",
            "token = '''x\nhunter2''' hunter2",
            "pasword = \"hunter2\"",
            "passwd = \"hunter2\"",
            "Password = \"hunter2\"",
            "pwd = \"hunter2\"",
            "my_api_key = \"hunter2\"",
            "username = \"hunter2\"",
            "\"password\" = \"hunter2\"",
            "access.feeds.token = \"hunter2\"",
            "[access.feeds]\ntoken = \"hunter2\" extra",
            "access = { feeds = { token = \"hunter2\", x = 1 }",
            "feeds = { username = \"me\", password = \"hunter2 }",
            "headers = { Authorization = \"Bearer hunter2\" }",
            "headers = { id = \"hunter2\", \"name\" = \"hunter2\"",
            "headers = { \"X-Key\" = hunter2 }",
            "headers = {\n  Cookie = \"a=hunter2\",\n  name = \"hunter2\"",
            "[source.headers]\nname = \"hunter2\"",
            "headers.Authorization = \"hunter2\"",
            "headers.name = \"hunter2\"",
            "url = \"https://user:hunter2@e.org/\"",
            "url = \"https://user:hunter2@e.org/",
            "url = \"http:user:hunter2@e.org/\"",
            "url = \"https://user:a/hunter2@e.org/\"",
            "url = \"user:hunter2@e.org/\"",
            "proxy = \"user:hunter2@proxy:3128\"",
            "source = [{ url = \"https://user:hunter2@e.org\" }, { url = \"https://e.org/?key=hunter2\" }",
            "url = \"https://e.org/?api_key=hunter2\" oops",
            "url = https://e.org/?api_key=hunter2",
            "# password = \"hunter2\"",
            "every = \"1h\" # hunter2",
            "hunter2",
            "hunter2\"",
            "\"hunter2\"",
            "name = \"a, password = \"hunter2\"",
            "name = \"a, password = 'hunter2'",
            "name = \"password: hunter2\"",
            "secret = \"hunter2\"",
            "hub_secret = \"hunter2\"",
            "tags = [\n\"a\"\n[access.feeds]\ntoken = \"hunter2\"",
            "tags = [ \npassword = \"hunter2\"",
            "user_agent = \"ghp_0123456789hunter2\"",
            "= \"hunter2\"",
            "password \"hunter2\"",
            "password: hunter2",
        ] {
            let shown = all(text);
            assert!(!shown.contains("hunter2"), "{text}\n -> {shown}");
        }
    }

    #[test]
    fn where_a_source_is_private_no_address_of_a_source_is_shown() {
        for text in [
            "[[source]]\nurl = \"https://e.org/s3cr3t/f\"\nprivate_url = true",
            "[[source]]\nprivate_url = true\nurl = \"https://e.org/s3cr3t/f",
            "[[source]]\nprivate_url = ture\nurl = 'file:s3cr3t.xml' oops",
            "source = [{ private_url = true, url = \"https://e.org/s3cr3t\" }",
            "[[source]]\nurl = \"https://e.org/s3cr3t\"\n[[source]]\nprivate_url = true\nurl = \"x\"",
        ] {
            let shown = all(text);
            assert!(!shown.contains("s3cr3t") && !shown.contains("e.org"), "{text}\n -> {shown}");
        }
        assert_eq!(
            all("private_url = true\nbase_url = \"https://e.org/\""),
            "private_url = true\nbase_url = \"https://e.org/\""
        );
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for text in [
            "evry = \"30m\"",
            "[river]",
            "[[source]]",
            "[groups.青浦]",
            "[river",
            "every = 30",
            "name = \"青浦\"",
            "title = \"x",
            "select = { item = \"li[\", tilte = \"a\" }",
            "url = \"https://e.org/rss.xml?page=2\"",
            "url = \"https://medium.com/@someone/feed\"",
            "include = [\"title:园区\", \"广告\"]",
            "token_file = \"no/such\"",
            "level = \"verbose\"",
            "level = \"info,newsriver::fetch=debug\"",
            "listen = \"127.0.0.1:8700\"",
        ] {
            let expected = text.replace("tilte = \"a\"", "tilte = \"***\"");
            assert_eq!(all(text), expected);
        }
        assert_eq!(all("password = \"hunter2\" # mine"), "password = \"***\" #***");
        assert_eq!(all("feeds = { password = \"a\", evry = 1 }"), "feeds = { password = \"***\", evry = 1 }");
    }

    #[test]
    fn the_mark_stays_under_its_place() {
        let text = "feeds = { token = \"0123456789abcdef\", evry = 1 }";
        let column = text.find("evry").unwrap_or(0);
        let (shown, mark) = shown(text, &hidden(text)[0], column..column + 4);
        assert_eq!(&shown[mark], "evry");
    }

    /// A key that joins feeds.toml must be either known here or masked.
    #[test]
    fn keys_of_the_shipped_file_are_known() {
        let text = include_str!("../../feeds.toml");
        for key in ["password", "token", "username", "headers"] {
            assert!(text.contains(key) && !SHOWN.contains(&key), "{key}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|[\"'=\\[\\]{},#.\\n@:/?\\\\]|password|url|https://|\"\"\"){0,60}", column in 0_usize..80) {
            for (line, hidden) in text.lines().zip(hidden(&text)) {
                let (_, mark) = shown(line, &hidden, column..column + 3);
                proptest::prop_assert!(!mark.is_empty());
            }
        }
    }
}
