//! The lines of a sanitised body: stretches of text between tags that begin a new line.

use std::borrow::Cow;
use std::ops::Range;

use crate::html::{Node, SanitisedHtml};

/// A line: where its nodes stand in the body, its text as it is, and without white space around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) nodes: Range<usize>,
    pub(super) raw: String,
    pub(super) text: String,
}

/// A part of a line: bytes of its raw text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut<'l> {
    pub(super) line: &'l Line,
    pub(super) bytes: Range<usize>,
}

impl<'l> Cut<'l> {
    pub(super) fn whole(line: &'l Line) -> Self {
        Self { line, bytes: 0..line.raw.len() }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.bytes == (0..self.line.raw.len())
    }
}

/// Elements inside a line; every other tag ends it.
const INLINE: [&str; 24] = [
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "em", "font", "i", "img", "ins", "kbd", "mark", "q", "s",
    "small", "span", "strong", "sub", "sup", "u", "wbr",
];

fn ends_line(node: &Node<'_>) -> bool {
    node.tag().is_some_and(|tag| !INLINE.contains(&tag))
}

/// The lines of a body that hold any text.
pub(super) fn lines(nodes: &[Node<'_>]) -> Vec<Line> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut push = |range: Range<usize>| {
        let raw: String = nodes[range.clone()].iter().filter_map(Node::text).collect();
        let text = raw.trim();
        if !text.is_empty() {
            found.push(Line { nodes: range, text: text.to_owned(), raw });
        }
    };
    for (at, _) in nodes.iter().enumerate().filter(|(_, node)| ends_line(node)) {
        push(start..at);
        start = at + 1;
    }
    push(start..nodes.len());
    found
}

/// The text of a body, line by line.
pub(super) fn plain(html: &SanitisedHtml) -> String {
    let mut out = String::with_capacity(html.len());
    let mut line = String::new();
    let mut end = |line: &mut String| {
        let text = line.trim();
        if !text.is_empty() {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(text);
        }
        line.clear();
    };
    for node in html.nodes() {
        match &node {
            Node::Text(text) => line.push_str(text),
            node if ends_line(node) => end(&mut line),
            _ => {}
        }
    }
    end(&mut line);
    out
}

/// A body without parts of its lines, which stand in their order; images stay, elements left empty go.
pub(super) fn without<'h>(nodes: &[Node<'h>], cuts: &[Cut<'_>]) -> Vec<Node<'h>> {
    let mut out = Vec::with_capacity(nodes.len());
    let mut at = 0;
    for cut in cuts {
        let range = cut.line.nodes.clone();
        out.extend_from_slice(&nodes[at..range.start]);
        let line = &nodes[range.clone()];
        if cut.is_whole() {
            let pairs = pairs(line);
            let kept = line.iter().zip(pairs).filter(|(node, is_pair)| !is_pair && node.text().is_none());
            out.extend(kept.map(|(node, _)| node.clone()));
        } else {
            let mut from = 0;
            for node in line {
                match node {
                    Node::Text(text) => {
                        let kept = |bytes: Range<usize>| text.get(bytes).unwrap_or_default();
                        let to_text = |byte: usize| byte.saturating_sub(from).min(text.len());
                        let left = [kept(0..to_text(cut.bytes.start)), kept(to_text(cut.bytes.end)..text.len())];
                        out.push(Node::Text(Cow::Owned(left.concat())));
                        from += text.len();
                    }
                    tag => out.push(tag.clone()),
                }
            }
        }
        at = range.end;
    }
    out.extend_from_slice(&nodes[at..]);
    tidy(out)
}

/// For each node of a line whether it is a tag whose other tag stands in the line too, images not counted: what goes
/// with the text.
fn pairs(line: &[Node<'_>]) -> Vec<bool> {
    let mut is_pair = vec![false; line.len()];
    let mut open: Vec<(usize, &str)> = Vec::new();
    for (at, node) in line.iter().enumerate() {
        match node {
            Node::Start("wbr", _) => is_pair[at] = true,
            Node::Start("img", _) | Node::Text(_) => {}
            Node::Start(name, _) => open.push((at, name)),
            Node::End(name) => {
                if let Some((start, _)) = open.pop_if(|(_, other)| other == name) {
                    is_pair[start] = true;
                    is_pair[at] = true;
                }
            }
        }
    }
    is_pair
}

/// Elements that are nothing where nothing is in them.
const HOLLOW: [&str; 9] = ["p", "div", "span", "strong", "em", "b", "figcaption", "li", "section"];

/// Takes out elements that hold nothing any more, and breaks at either end.
pub(super) fn tidy(nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    let mut out: Vec<Node<'_>> = Vec::with_capacity(nodes.len());
    for node in nodes {
        if let Node::End(name) = &node
            && HOLLOW.contains(name)
        {
            let filled = out.iter().rposition(|node| !is_blank(node));
            if let Some(start) = filled.filter(|start| matches!(&out[*start], Node::Start(other, _) if other == name)) {
                out.truncate(start);
                continue;
            }
        }
        out.push(node);
    }
    let is_edge = |node: &Node<'_>| is_blank(node) || matches!(node, Node::Start("br", _));
    while out.last().is_some_and(is_edge) {
        out.pop();
    }
    let edge = out.iter().take_while(|node| is_edge(node)).count();
    out.drain(..edge);
    out
}

/// A text of white space; a non-breaking space was put there to be seen.
fn is_blank(node: &Node<'_>) -> bool {
    node.text().is_some_and(|text| text.chars().all(|c| c.is_whitespace() && c != '\u{a0}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::markup;

    #[test]
    fn bodies_fall_into_lines_and_lose_them() {
        let html =
            SanitisedHtml::from("<p>(资料图)</p><p>一 <b>二</b> &amp; 三</p>四<br>五<p><img src=\"x\">图源:网</p>");
        let nodes: Vec<Node<'_>> = html.nodes().collect();
        let all = lines(&nodes);
        let found: Vec<&str> = all.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(found, ["(资料图)", "一 二 & 三", "四", "五", "图源:网"]);
        assert_eq!(plain(&html), found.join("\n"));
        let left = without(&nodes, &[Cut::whole(&all[0]), Cut::whole(&all[4])]);
        assert_eq!(markup(&left), "<p>一 <b>二</b> &amp; 三</p>四<br>五<p><img src=\"x\"></p>");
        let part = without(&nodes, &[Cut { line: &all[1], bytes: 0..7 }]);
        assert_eq!(markup(&part), "<p>(资料图)</p><p> &amp; 三</p>四<br>五<p><img src=\"x\">图源:网</p>");
    }

    #[test]
    fn what_is_left_empty_goes() {
        for (html, expected) in [
            ("<div><p> \u{3000}</p></div><br>a<br>", "a"),
            ("<p><img src=\"x\"></p>", "<p><img src=\"x\"></p>"),
            ("<p>&nbsp;</p>", "<p>&nbsp;</p>"),
            ("<i></i>", "<i></i>"),
        ] {
            let html = SanitisedHtml::from(html);
            assert_eq!(markup(&tidy(html.nodes().collect())), expected);
        }
    }
}
