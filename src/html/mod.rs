//! HTML that others wrote -> [`SanitisedHtml`], or plain text.
//!
//! In: markup of any kind, and the base of its relative links. Out: HTML that runs nothing in any reader, whatever the
//! reader does with its characters. The order is fixed: characters first ([`characters`]), then the tree that a browser
//! would build of it, then our own walk over the tree, and the sanitiser (ammonia) last, until it finds nothing to
//! change. Never works on HTML as a string, never fails: what is too deep or too costly to parse becomes text.

mod allowed;
mod budget;
pub mod characters;
mod double;
mod fragment;
pub mod link;
mod page;
mod sanitised;
mod tree;
mod walk;

pub use fragment::{Node, markup};
pub use page::PageHtml;
pub use sanitised::{Restored, SANITISER, SanitisedHtml, restored, stamp};
pub use tree::{document, plain_text};

#[cfg(test)]
mod tests;
