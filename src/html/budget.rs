//! What parsing a piece of HTML may cost. The parser of browsers compares each attribute of a tag with those before it
//! and walks its stack of open elements: hostile markup makes that quadratic. Tags with very many attributes are found
//! before it runs, and its steps are counted while it runs.

use std::borrow::Cow;
use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;

use ego_tree::NodeId;
use html5ever::tendril::StrTendril;
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::{Attribute, QualName};
use scraper::{Html, HtmlTreeSink};

/// Attributes of one tag at most; pages have a few dozen.
const MOST_ATTRIBUTES: i32 = 512;

/// Steps that any document may take, and those for each of its bytes. Measured: real pages take less than 2 a byte.
const STEPS: u64 = 200_000;
const STEPS_A_BYTE: u64 = 24;

/// Elements inside each other at most, as in browsers. It bounds the list of formatting elements too, each of which is
/// compared with all the others: they are made again in every block.
const DEEPEST: u32 = 512;

/// Where the tokenizer stands within a tag (HTML, sections 13.2.5.8 and 13.2.5.32 to 13.2.5.40).
#[derive(Clone, Copy)]
enum State {
    TagName,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    DoubleQuoted,
    SingleQuoted,
    Unquoted,
    AfterQuoted,
    SelfClosing,
}

use State::{
    AfterName, AfterQuoted, BeforeName, BeforeValue, DoubleQuoted, Name, SelfClosing, SingleQuoted, TagName, Unquoted,
};

const STATES: [State; 10] =
    [TagName, BeforeName, Name, AfterName, BeforeValue, DoubleQuoted, SingleQuoted, Unquoted, AfterQuoted, SelfClosing];

impl State {
    /// The state behind `byte`, and whether an attribute begins with it; `None` where the tag ends.
    fn next(self, byte: u8) -> Option<(Self, bool)> {
        let is_space = matches!(byte, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
        let next = match (self, byte) {
            (DoubleQuoted, b'"') | (SingleQuoted, b'\'') => AfterQuoted,
            (DoubleQuoted | SingleQuoted, _) => self,
            (_, b'>') => return None,
            (BeforeValue, _) if is_space => self,
            (BeforeValue, b'"') => DoubleQuoted,
            (BeforeValue, b'\'') => SingleQuoted,
            (Name | AfterName, b'=') => BeforeValue,
            (Name | AfterName, _) if is_space => AfterName,
            (_, _) if is_space => BeforeName,
            (BeforeValue | Unquoted, _) => Unquoted,
            (_, b'/') => SelfClosing,
            (TagName | Name, _) => self,
            (BeforeName | AfterName | AfterQuoted | SelfClosing, _) => return Some((Name, true)),
        };
        Some((next, false))
    }
}

/// Whether no tag that the text could hold has more attributes than a tag may. Where a tag begins depends on what
/// stands before it, so that every `<` counts as one, and of those in the same state the one with the most attributes.
pub(super) fn has_few_attributes(html: &str) -> bool {
    let bytes = html.as_bytes();
    let mut counts: [Option<i32>; STATES.len()] = [None; STATES.len()];
    let mut at = 0;
    while at < bytes.len() {
        if counts.iter().all(Option::is_none) {
            let Some(found) = memchr::memchr(b'<', &bytes[at..]) else { return true };
            at += found + 1;
            if bytes.get(at) == Some(&b'/') {
                at += 1;
            }
            if bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
                counts[TagName as usize] = Some(0);
            }
            continue;
        }
        let byte = bytes[at];
        let mut next = [None; STATES.len()];
        for state in STATES {
            let Some(count) = counts[state as usize] else { continue };
            let Some((to, is_new)) = state.next(byte) else { continue };
            let count = count + i32::from(is_new);
            if count > MOST_ATTRIBUTES {
                return false;
            }
            next[to as usize] = next[to as usize].max(Some(count));
        }
        let begins = byte.is_ascii_alphabetic() && (bytes[..at].ends_with(b"<") || bytes[..at].ends_with(b"</"));
        if begins {
            next[TagName as usize] = next[TagName as usize].max(Some(0));
        }
        counts = next;
        at += 1;
    }
    true
}

/// A tree under construction that counts the steps of its builder.
pub(super) struct Metered {
    tree: HtmlTreeSink,
    steps: Cell<u64>,
    depths: RefCell<HashMap<NodeId, u32>>,
    deepest: Cell<u32>,
}

impl Metered {
    pub(super) fn new(html: Html) -> Self {
        Self {
            tree: HtmlTreeSink::new(html),
            steps: Cell::default(),
            depths: RefCell::default(),
            deepest: Cell::default(),
        }
    }

    /// Whether building took more steps than `bytes` of text may, or went too deep.
    pub(super) fn is_exhausted(&self, bytes: usize) -> bool {
        self.deepest.get() > DEEPEST
            || self.steps.get() > STEPS.saturating_add(STEPS_A_BYTE.saturating_mul(bytes as u64))
    }

    /// Notes that an element stands so many levels below another.
    fn place(&self, child: &NodeOrText<NodeId>, other: &NodeId, below: u32) {
        if let NodeOrText::AppendNode(child) = child {
            let mut depths = self.depths.borrow_mut();
            let depth = depths.get(other).copied().unwrap_or(0) + below;
            depths.insert(*child, depth);
            self.deepest.set(self.deepest.get().max(depth));
        }
    }

    fn step(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_add(steps));
    }
}

/// What making a node costs beside looking at one.
const NODE: u64 = 8;

impl TreeSink for Metered {
    type Handle = NodeId;
    type Output = Html;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Html {
        self.tree.finish()
    }

    fn parse_error(&self, _: Cow<'static, str>) {
        self.step(1);
    }

    fn get_document(&self) -> NodeId {
        self.tree.get_document()
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Ref<'a, QualName> {
        self.step(1);
        self.tree.elem_name(target)
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.step(NODE + attributes.len() as u64);
        self.tree.create_element(name, attributes, flags)
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.step(NODE);
        self.tree.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.step(NODE);
        self.tree.create_pi(target, data)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.step(1);
        self.place(&child, parent, 1);
        self.tree.append(parent, child);
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        self.step(1);
        self.place(&child, previous, 1);
        self.tree.append_based_on_parent_node(element, previous, child);
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.tree.append_doctype_to_document(name, public_id, system_id);
    }

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.tree.get_template_contents(target)
    }

    fn same_node(&self, one: &NodeId, other: &NodeId) -> bool {
        self.step(1);
        one == other
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.tree.set_quirks_mode(mode);
    }

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        self.step(1);
        self.place(&child, sibling, 0);
        self.tree.append_before_sibling(sibling, child);
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        self.step(attributes.len() as u64);
        self.tree.add_attrs_if_missing(target, attributes);
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.step(1);
        self.tree.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &NodeId, parent: &NodeId) {
        let children = self.tree.0.borrow().tree.get(*node).map_or(0, |node| node.children().count());
        self.step(children as u64);
        self.tree.reparent_children(node, parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_counted_wherever_a_tag_may_begin() {
        let many = |n: usize| (0..n).map(|n| format!("a{n}")).collect::<Vec<_>>();
        for (html, few) in [
            (format!("<a {}>", many(500).join(" ")), true),
            (format!("<a {}>", many(600).join(" ")), false),
            (format!("<a {}", many(600).join("/")), false),
            (format!("</a {}>", many(600).join("='x'")), false),
            (format!("<a x=\" <b {} \">", many(600).join(" ")), false),
            (format!("<!-- <a x=' --><b {}>", many(600).join(" ")), false),
            (format!("<a {}>", many(600).join("><a ")), true),
            (format!("1 < 2 {}", many(600).join(" ")), true),
            (format!("<p>{}</p>", many(600).join(" ")), true),
        ] {
            assert_eq!(has_few_attributes(&html), few, "{}", &html[..30]);
        }
    }
}
