//! The page of an article -> its main text, as reader views find it (Mozilla's Readability).

use dom_smoothie::{Config, Readability};

use crate::html;
use crate::model::feed::RawArticle;
use crate::model::text::Text;

/// Elements of a page that are looked at; a page with more is not read.
const MOST_ELEMENTS: usize = 50_000;

/// The fewest characters that make an article; Chinese says in 80 what English says in 200.
const SHORTEST: usize = 80;

/// The article on a page; `None` where the page has none, such as a login form or a list.
#[must_use]
pub fn article(text: &Text<'_>) -> Option<RawArticle> {
    // The library builds a tree of its own; ours, which is bounded, goes first.
    html::document(text.as_str())?;
    let config = Config { max_elements_to_parse: MOST_ELEMENTS, char_threshold: SHORTEST, ..Config::default() };
    let found = Readability::new(text.as_str(), None, Some(config)).ok()?.parse().ok()?;
    (found.text_content.trim().chars().count() >= SHORTEST).then(|| RawArticle {
        title: found.title,
        html: found.content.to_string(),
        published: found.published_time,
    })
}
