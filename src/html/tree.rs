//! HTML -> a tree, as browsers build it, at a cost that its length bounds.

use ego_tree::iter::Edge;
use html5ever::driver::{self, ParseOpts};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{QualName, local_name, ns};
use scraper::{Html, Node};

use super::budget::{Metered, has_few_attributes};
use super::characters;

/// Bytes that are parsed between two looks at the budget.
const STEP: usize = 4096;

/// A fragment, as if it stood in a `div`; `None` where building its tree would cost more than its length allows.
pub(super) fn fragment(html: &str) -> Option<Html> {
    let context = QualName::new(None, ns!(html), local_name!("div"));
    let sink = Metered::new(Html::new_fragment());
    built(driver::parse_fragment(sink, ParseOpts::default(), context, Vec::new(), false), html)
}

/// A whole page; `None` where building its tree would cost more than its length allows.
#[must_use]
pub fn document(html: &str) -> Option<Html> {
    built(driver::parse_document(Metered::new(Html::new_document()), ParseOpts::default()), html)
}

fn built(mut parser: driver::Parser<Metered>, html: &str) -> Option<Html> {
    if !has_few_attributes(html) {
        return None;
    }
    let mut rest = html;
    while !rest.is_empty() {
        let (step, behind) = rest.split_at(rest.floor_char_boundary(STEP));
        parser.process(StrTendril::from_slice(step));
        rest = behind;
        if parser.tokenizer.sink.sink.is_exhausted(html.len() - rest.len()) {
            return None;
        }
    }
    Some(parser.finish())
}

/// The readable text of an HTML fragment, on one line.
#[must_use]
pub fn plain_text(html: &str) -> String {
    if !html.contains(['<', '&']) {
        return characters::one_line(html);
    }
    let Some(tree) = fragment(html) else { return characters::one_line(&without_tags(html)) };
    let mut out = String::with_capacity(html.len());
    let mut hidden = None;
    for edge in tree.tree.root().traverse() {
        match edge {
            Edge::Open(node) if hidden.is_none() => match node.value() {
                Node::Text(text) => out.push_str(text),
                Node::Element(element) if matches!(element.name(), "script" | "style" | "template") => {
                    hidden = Some(node.id());
                }
                Node::Element(element) if is_block(element.name()) => out.push(' '),
                _ => {}
            },
            Edge::Close(node) if hidden == Some(node.id()) => hidden = None,
            Edge::Close(node) if hidden.is_none() && node.value().as_element().is_some_and(|e| is_block(e.name())) => {
                out.push(' ');
            }
            _ => {}
        }
    }
    characters::one_line(&out)
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "br"
            | "li"
            | "ul"
            | "ol"
            | "tr"
            | "td"
            | "th"
            | "table"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "blockquote"
            | "pre"
            | "hr"
            | "dt"
            | "dd"
            | "figure"
            | "figcaption"
            | "section"
            | "article"
    )
}

/// Text without whatever looks like a tag, for what is too costly to parse.
pub(super) fn without_tags(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        rest = rest[open..].find('>').map_or("", |close| &rest[open + close + 1..]);
    }
    out.push_str(rest);
    out
}
