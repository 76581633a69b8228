//! How values get onto pages: escaped for HTML, with control characters and marks of direction shown rather than passed.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::model::visible;

/// The escaper of every template (`askama.toml`).
#[derive(Clone, Copy)]
pub(super) struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, dest: W, string: &str) -> fmt::Result {
        Html.write_escaped_str(dest, &visible::lines(string))
    }
}
