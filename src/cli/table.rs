//! Tables for people: they line up with Chinese text in them, fit the terminal, and are coloured where that is wanted.

use std::fmt;
use std::io::IsTerminal;
use std::sync::OnceLock;

use comfy_table::{Attribute, Color, ContentArrangement};

use crate::model::visible;

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Whether stdout is coloured, decided once from the arguments.
static COLORED: OnceLock<bool> = OnceLock::new();

impl ColorChoice {
    /// Puts the choice in force for this process; the first one stays.
    pub(super) fn apply(self) {
        let environment = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_terminal = std::io::stdout().is_terminal();
        COLORED.get_or_init(|| self.is_colored(is_terminal && !is_dumb, environment("NO_COLOR")));
    }

    /// `NO_COLOR` has no say where the arguments have one (<https://no-color.org>).
    fn is_colored(self, can_show: bool, no_color: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => can_show && !no_color,
        }
    }
}

/// What a cell means, and so how it is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Warning,
    Bad,
    Calm,
}

impl Tone {
    /// The tone of the state of a source.
    pub(super) fn of_state(state: &str) -> Self {
        match state {
            "ok" => Self::Good,
            "failing" | "gone" => Self::Bad,
            "new" => Self::Warning,
            _ => Self::Calm,
        }
    }

    /// The tone of what became of a poll.
    pub(super) fn of_poll(status: &str) -> Self {
        match status {
            "ok" => Self::Good,
            "failed" => Self::Bad,
            _ => Self::Calm,
        }
    }
}

/// One cell.
#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Tone::Plain)
    }
}

/// A table in which no cell holds what a terminal obeys; on a terminal it fits the width, and long cells wrap.
#[derive(Debug)]
pub(super) struct Table(comfy_table::Table);

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_header(header);
        if COLORED.get().copied().unwrap_or(false) {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let out = std::io::stdout();
        if out.is_terminal()
            && let Ok(size) = rustix::termios::tcgetwinsize(&out)
            && size.ws_col > 0
        {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(size.ws_col);
        }
        Self(table)
    }

    pub(super) fn add_row<const N: usize>(&mut self, cells: [impl Into<Cell>; N]) {
        self.0.add_row(cells.map(|cell| {
            let Cell { text, tone } = cell.into();
            let cell = comfy_table::Cell::new(visible::line(&text));
            match tone {
                Tone::Plain => cell,
                Tone::Good => cell.fg(Color::DarkGreen),
                Tone::Warning => cell.fg(Color::DarkYellow),
                Tone::Bad => cell.fg(Color::DarkRed),
                Tone::Calm => cell.add_attribute(Attribute::Dim),
            }
        }));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_and_can_be_had_or_refused() {
        for (choice, can_show, no_color, expected) in [
            (ColorChoice::Auto, true, false, true),
            (ColorChoice::Auto, true, true, false),
            (ColorChoice::Auto, false, false, false),
            (ColorChoice::Always, false, true, true),
            (ColorChoice::Never, true, false, false),
        ] {
            assert_eq!(choice.is_colored(can_show, no_color), expected, "{choice:?} {can_show} {no_color}");
        }
    }
}
