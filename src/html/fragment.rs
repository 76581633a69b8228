//! Sanitised HTML taken apart into its tags and texts, for rules that read and cut text. What they leave is sanitised
//! again when it is put together.

use std::borrow::Cow;

use htmlize::unescape;

use super::characters::push_escaped;
use super::{SanitisedHtml, characters};

/// A tag or a text of sanitised HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<'h> {
    /// A start tag: the name of its element, and its attributes as they are written, if any.
    Start(&'h str, &'h str),
    /// An end tag, by the name of its element.
    End(&'h str),
    /// A text, its references resolved.
    Text(Cow<'h, str>),
}

impl<'h> Node<'h> {
    /// The name of the element whose tag this is.
    #[must_use]
    pub fn tag(&self) -> Option<&'h str> {
        match self {
            Self::Start(name, _) | Self::End(name) => Some(name),
            Self::Text(_) => None,
        }
    }

    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Start(..) | Self::End(_) => None,
        }
    }

    fn push(&self, out: &mut String) {
        match self {
            Self::Start(name, attributes) => out.extend(["<", name, attributes, ">"]),
            Self::End(name) => out.extend(["</", name, ">"]),
            Self::Text(text) => push_escaped(text, false, out),
        }
    }
}

/// Nodes as HTML, as they are: for comparing.
#[must_use]
pub fn markup(nodes: &[Node<'_>]) -> String {
    let mut out = String::new();
    nodes.iter().for_each(|node| node.push(&mut out));
    out
}

impl SanitisedHtml {
    /// Its tags and texts, in their order. Sanitised HTML has `<` and `>` around tags only, so that it comes apart
    /// without being parsed anew.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let mut rest: &str = self;
        std::iter::from_fn(move || {
            if let Some(behind) = rest.strip_prefix('<') {
                let (inside, behind) = behind.split_once('>').unwrap_or((behind, ""));
                rest = behind;
                return Some(match inside.strip_prefix('/') {
                    Some(name) => Node::End(name),
                    None => {
                        let (name, attributes) = inside.split_at(inside.find(' ').unwrap_or(inside.len()));
                        Node::Start(name, attributes)
                    }
                });
            }
            let (text, behind) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
            rest = behind;
            (!text.is_empty()).then(|| Node::Text(unescape(text)))
        })
    }

    /// Puts nodes together and sanitises what they make; `None` where nothing is left to show.
    #[must_use]
    pub fn of_nodes(nodes: &[Node<'_>]) -> Option<Self> {
        Self::of_html(&markup(nodes), None)
    }

    /// The readable text, on one line.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut out = String::with_capacity(self.len());
        for node in self.nodes() {
            out.push_str(node.text().unwrap_or(" "));
        }
        characters::one_line(&out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitised_html_comes_apart_and_together() {
        let html = SanitisedHtml::from("<p title=\"a > b < c\">一 <b>&lt;i&gt;</b> &amp;amp; ＜&nbsp;</p><br>x");
        let nodes: Vec<Node<'_>> = html.nodes().collect();
        let texts: Vec<&str> = nodes.iter().filter_map(Node::text).collect();
        assert_eq!(texts, ["一 ", "<i>", " &amp; ＜\u{a0}", "x"]);
        assert_eq!(nodes.iter().filter_map(Node::tag).collect::<Vec<_>>(), ["p", "b", "b", "p", "br"]);
        assert_eq!(SanitisedHtml::of_nodes(&nodes).as_ref(), Some(&html));
        assert_eq!(html.plain(), "一 <i> &amp; ＜ x");
    }
}
