//! The time of day in a date, and its zone.

use chrono::{FixedOffset, NaiveTime};

use super::DateContext;
use super::names::zone_named;
use super::token::Token;

#[derive(Debug, Clone, Copy)]
pub(super) struct TimeOfDay {
    pub(super) time: NaiveTime,
    /// Days to add: 24:00 is the next day's 00:00.
    pub(super) days: u64,
}

impl Default for TimeOfDay {
    fn default() -> Self {
        Self { time: NaiveTime::MIN, days: 0 }
    }
}

/// Takes the time of day and its zone out of the tokens.
pub(super) fn take_clock(tokens: &mut Vec<Token>, context: &DateContext) -> Option<(TimeOfDay, Option<FixedOffset>)> {
    let at = tokens.windows(3).position(|w| {
        matches!(w[0], Token::Number { digits: 1..=2, .. })
            && matches!(w[1], Token::Mark(':' | '时' | '時' | '点' | '點' | '시'))
            && w[2].number().is_some()
    });
    let Some(at) = at else { return take_basic_clock(tokens, context) };
    let number = |n: usize| tokens.get(n).and_then(Token::number).and_then(|n| u32::try_from(n).ok());
    let (mut hour, minute) = (number(at)?, number(at + 2)?);
    let mut end = at + 3;
    let mut second = 0;
    if tokens.get(end).is_some_and(|t| matches!(t, Token::Mark(':' | '分' | '분'))) {
        end += 1;
        if let Some(value) = number(end) {
            second = value;
            end += 1;
            if matches!(
                (tokens.get(end), tokens.get(end + 1)),
                (Some(Token::Mark('.' | ',')), Some(Token::Number { .. }))
            ) {
                end += 2;
            }
            if tokens.get(end).is_some_and(|t| matches!(t, Token::Mark('秒' | '초'))) {
                end += 1;
            }
        }
    }
    let half = |text: &str| match text {
        "am" | "a" | "上午" | "早上" | "凌晨" | "오전" | "πμ" => Some(false),
        "pm" | "p" | "下午" | "晚上" | "中午" | "午后" | "오후" | "μμ" => Some(true),
        _ => None,
    };
    let mut begin = at;
    let before = tokens[..at]
        .iter()
        .rev()
        .filter_map(|t| match t {
            Token::Mark(c) => Some(*c),
            _ => None,
        })
        .take(2)
        .collect::<Vec<_>>();
    let mut afternoon = before.first_chunk::<2>().and_then(|[b, a]| half(&format!("{a}{b}")));
    if afternoon.is_some() {
        begin = at.saturating_sub(if tokens[at - 1] == Token::Space { 3 } else { 2 });
    }
    let next = if tokens.get(end) == Some(&Token::Space) { end + 1 } else { end };
    if let Some(value) = tokens.get(next).and_then(Token::word).and_then(half) {
        afternoon = Some(value);
        end = next + 1;
    }
    match afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        _ => {}
    }
    let (offset, end) = zone(tokens, end, context);
    tokens.drain(begin..end.min(tokens.len()));
    time_of_day(hour, minute, second).map(|time| (time, offset))
}

/// ISO 8601 basic: `T101530Z`, `T1015`.
fn take_basic_clock(tokens: &mut Vec<Token>, context: &DateContext) -> Option<(TimeOfDay, Option<FixedOffset>)> {
    let at = tokens
        .windows(2)
        .position(|w| w[0].word() == Some("t") && matches!(w[1], Token::Number { digits: 2 | 4 | 6, .. }))?;
    let Token::Number { value, digits } = tokens[at + 1] else { return None };
    let value = u32::try_from(value).ok()?;
    let (hour, minute, second) = match digits {
        2 => (value, 0, 0),
        4 => (value / 100, value % 100, 0),
        _ => (value / 10_000, value / 100 % 100, value % 100),
    };
    let (offset, end) = zone(tokens, at + 2, context);
    tokens.drain(at..end.min(tokens.len()));
    time_of_day(hour, minute, second).map(|time| (time, offset))
}

fn time_of_day(hour: u32, minute: u32, second: u32) -> Option<TimeOfDay> {
    if (hour, minute, second) == (24, 0, 0) {
        return Some(TimeOfDay { time: NaiveTime::MIN, days: 1 });
    }
    // A leap second is told as the second before it.
    NaiveTime::from_hms_opt(hour, minute, second.min(59).max(if second > 60 { 61 } else { 0 }))
        .map(|time| TimeOfDay { time, days: 0 })
}

/// The zone at `at`, and where it ends.
fn zone(tokens: &[Token], at: usize, context: &DateContext) -> (Option<FixedOffset>, usize) {
    let mut at = at;
    while tokens.get(at).is_some_and(|t| *t == Token::Space || t.is('(')) {
        at += 1;
    }
    let east = |minutes: i32| FixedOffset::east_opt(minutes * 60);
    if let [Token::Mark('北'), Token::Mark('京'), Token::Mark('时'), Token::Mark('间'), ..] =
        tokens.get(at..).unwrap_or_default()
    {
        return (east(480), at + 4);
    }
    if let Some(name) = tokens.get(at).and_then(Token::word) {
        // "GMT+0800": the number decides.
        if matches!(name, "gmt" | "utc" | "ut") && tokens.get(at + 1).is_some_and(|t| t.is('+') || t.is('-')) {
            return numeric_zone(tokens, at + 1);
        }
        let minutes = zone_named(name, context.chinese);
        return (minutes.and_then(east), at + 1);
    }
    numeric_zone(tokens, at)
}

fn numeric_zone(tokens: &[Token], at: usize) -> (Option<FixedOffset>, usize) {
    let sign = match tokens.get(at) {
        Some(Token::Mark('+')) => 1,
        Some(Token::Mark('-')) => -1,
        _ => return (None, at),
    };
    let (minutes, end) = match (tokens.get(at + 1), tokens.get(at + 2), tokens.get(at + 3)) {
        (
            Some(Token::Number { value: hours, digits: 1..=2 }),
            Some(Token::Mark(':')),
            Some(Token::Number { value: minutes, digits: 2 }),
        ) => (hours * 60 + minutes, at + 4),
        (Some(Token::Number { value, digits: 3..=4 }), ..) => (value / 100 * 60 + value % 100, at + 2),
        (Some(Token::Number { value, digits: 1..=2 }), ..) => (value * 60, at + 2),
        _ => return (None, at),
    };
    let offset =
        i32::try_from(minutes).ok().filter(|m| *m <= 14 * 60).and_then(|m| FixedOffset::east_opt(sign * m * 60));
    (offset, end)
}
