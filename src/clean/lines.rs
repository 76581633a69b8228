//! The lines of a sanitised body: stretches of text between tags that begin a new line.

use std::ops::Range;

/// A line: where it stands in the body, and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// Elements inside a line; every other tag ends it.
const INLINE: [&str; 24] = [
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "em", "font", "i", "img", "ins", "kbd", "mark", "q", "s",
    "small", "span", "strong", "sub", "sup", "u", "wbr",
];

/// The lines of a body that hold any text.
pub(super) fn lines(html: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut push = |range: Range<usize>| {
        let text = text_of(&html[range.clone()]);
        if !text.trim().is_empty() {
            found.push(Line { range, text: text.trim().to_owned() });
        }
    };
    for (tag, name) in tags(html) {
        if !INLINE.contains(&name) {
            push(start..tag.start);
            start = tag.end;
        }
    }
    push(start..html.len());
    found
}

/// Each tag of a body with its name; sanitised bodies have no `<` outside tags.
fn tags(html: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let open = at + html[at..].find('<')?;
        let close = html[open..].find('>').map_or(html.len(), |n| open + n + 1);
        at = close;
        let inside = html[open..close].trim_start_matches(['<', '/']);
        let end = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
        Some((open..close, &inside[..end]))
    })
}

/// The text of a piece of sanitised HTML, its few entities decoded.
pub(super) fn text_of(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut at = 0;
    for (tag, _) in tags(html) {
        text.push_str(&html[at..tag.start]);
        at = tag.end;
    }
    text.push_str(&html[at..]);
    if !text.contains('&') {
        return text;
    }
    text.replace("&nbsp;", "\u{a0}")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// A body without the text of these lines; images in them stay, elements left empty go.
pub(super) fn without(html: &str, gone: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(html.len());
    let mut at = 0;
    for range in gone {
        out.push_str(&html[at..range.start]);
        let line = &html[range.clone()];
        tags(line).filter(|(_, name)| *name == "img").for_each(|(tag, _)| out.push_str(&line[tag]));
        at = range.end;
    }
    out.push_str(&html[at..]);
    tidy(out)
}

/// Takes out elements that hold nothing any more, and breaks at either end.
pub(super) fn tidy(mut html: String) -> String {
    const HOLLOW: [&str; 9] = ["p", "div", "span", "strong", "em", "b", "figcaption", "li", "section"];
    loop {
        let before = html.len();
        for name in HOLLOW {
            while let Some(range) = hollow(&html, name) {
                html.replace_range(range, "");
            }
        }
        let trimmed =
            html.trim_matches(|c: char| c.is_whitespace()).trim_start_matches("<br>").trim_end_matches("<br>");
        if trimmed.len() != html.len() {
            html = trimmed.to_owned();
        }
        if html.len() == before {
            return html;
        }
    }
}

/// The first element of this name with nothing in it.
fn hollow(html: &str, name: &str) -> Option<Range<usize>> {
    let end = format!("</{name}>");
    html.match_indices(&end).find_map(|(close, _)| {
        let before = html[..close].trim_end_matches(|c: char| c.is_whitespace() || c == '\u{3000}');
        let open = before.ends_with('>').then(|| before.rfind('<')).flatten()?;
        let tag = &before[open + 1..before.len() - 1];
        (tag == name || tag.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))
            .then_some(open..close + end.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_fall_into_lines_and_lose_them() {
        let html = "<p>(资料图)</p><p>一 <b>二</b> &amp; 三</p>四<br>五<p><img src=\"x\">图源:网</p>";
        let found: Vec<String> = lines(html).into_iter().map(|line| line.text).collect();
        assert_eq!(found, ["(资料图)", "一 二 & 三", "四", "五", "图源:网"]);
        let all = lines(html);
        let gone = [all[0].range.clone(), all[4].range.clone()];
        assert_eq!(without(html, &gone), "<p>一 <b>二</b> &amp; 三</p>四<br>五<p><img src=\"x\"></p>");
        assert_eq!(tidy("<div><p> \u{3000}</p></div><br>a<br>".into()), "a");
        assert_eq!(tidy("<p><img src=\"x\"></p>".into()), "<p><img src=\"x\"></p>");
    }
}
