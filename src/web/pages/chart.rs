//! The polls of a source as two small drawings: what was new, and how long they took. Pure.

use crate::language::Language;
use crate::store::Pulse;

/// Polls that are drawn.
const DRAWN: usize = 24;

/// Height of a drawing, and the width of one poll in it.
const HEIGHT: u32 = 24;
const STEP: u32 = 5;

/// Both drawings, the oldest poll first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chart {
    pub(super) width: u32,
    pub(super) bars: Vec<Bar>,
    /// Points of a line, as SVG wants them.
    pub(super) times: String,
    pub(super) entries_in_words: String,
    pub(super) times_in_words: String,
}

/// One poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) height: u32,
    pub(super) is_failure: bool,
}

impl Chart {
    /// The drawings of polls, the newest first; `None` where there are none.
    pub(super) fn new(polls: &[Pulse], t: Language) -> Option<Self> {
        let drawn: Vec<&Pulse> = polls.iter().take(DRAWN).rev().collect();
        let longest = drawn.iter().map(|poll| poll.elapsed_ms).max()?;
        let mut sorted: Vec<u64> = drawn.iter().map(|poll| poll.elapsed_ms).collect();
        sorted.sort_unstable();
        let failed = drawn.iter().filter(|poll| poll.new.is_none()).count();
        let new = drawn.iter().filter_map(|poll| poll.new).map(u64::from).sum();
        let bars = drawn.iter().zip(0..).map(|(poll, at)| bar(poll, at * STEP)).collect();
        let point = |(poll, at): (&&Pulse, u32)| {
            let share = poll.elapsed_ms as f64 / longest.max(1) as f64;
            format!("{},{:.1}", at * STEP + 2, f64::from(HEIGHT - 2) - share * f64::from(HEIGHT - 4))
        };
        Some(Self {
            width: u32::try_from(drawn.len()).unwrap_or(0) * STEP,
            bars,
            times: drawn.iter().zip(0..).map(point).collect::<Vec<_>>().join(" "),
            entries_in_words: format!("{}: {}", t.new_entries_chart(), t.polls_in_words(drawn.len(), new, failed)),
            times_in_words: format!(
                "{}: {}",
                t.poll_times_chart(),
                t.times_in_words(sorted.get(sorted.len() / 2).copied().unwrap_or(0), longest)
            ),
        })
    }
}

/// The more was new the higher, by its order of magnitude; a failure is as high as it can be.
fn bar(poll: &Pulse, x: u32) -> Bar {
    let height = match poll.new {
        None => HEIGHT,
        Some(0) => 2,
        Some(new) => (4 + 3 * (u32::BITS - new.leading_zeros())).min(HEIGHT),
    };
    Bar { x, y: HEIGHT - height, height, is_failure: poll.new.is_none() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_drawn_and_said() {
        let poll = |new, elapsed_ms| Pulse { new, elapsed_ms };
        let polls = [poll(Some(20), 100), poll(None, 400), poll(Some(0), 200)];
        let chart = Chart::new(&polls, Language::English).map(|chart| {
            let bars: Vec<_> = chart.bars.iter().map(|bar| (bar.x, bar.height, bar.is_failure)).collect();
            (chart.width, bars, chart.times, chart.entries_in_words, chart.times_in_words)
        });
        assert_eq!(
            chart,
            Some((
                15,
                vec![(0, 2, false), (5, 24, true), (10, 19, false)],
                "2,12.0 7,2.0 12,17.0".into(),
                "New entries of each poll: last 3 polls: 20 new entries, 1 failed".into(),
                "Time of each poll: half of them within 200 ms, the longest 400 ms".into(),
            ))
        );
        assert_eq!(Chart::new(&[], Language::English), None);
    }
}
