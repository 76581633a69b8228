//! Dates as feeds write them: the formats of the standards, their common faults, and local forms.
//!
//! In: the text of a date, the zone of dates that name none, a moment that "3 hours ago" and dates
//! without a year are read against. Out: the moment with its offset, or nothing: a wrong guess is
//! worse than none.

mod clock;
mod names;
mod token;

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use clock::{TimeOfDay, take_clock};
use names::month_named;
use token::{Token, tokenise};

use crate::model::zone::Zone;

/// What a date is read with.
#[derive(Debug, Clone, Copy)]
pub(super) struct DateContext {
    /// The zone of dates that name none.
    pub(super) zone: Zone,
    /// Whether `CST` is China's rather than North America's.
    pub(super) chinese: bool,
    /// The moment that relative dates count from, and that a missing year is completed by.
    pub(super) reference: DateTime<FixedOffset>,
}

/// The longest text that is looked at, bytes.
const LONGEST: usize = 120;

/// Reads a date.
#[must_use]
pub(super) fn parse(text: &str, context: &DateContext) -> Option<DateTime<FixedOffset>> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    if let Ok(date) = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text)) {
        // RFC 2822 wants "CST" to be North America's, and reads unknown zones as UTC.
        if !text.ends_with(|c: char| c.is_ascii_alphabetic()) || text.ends_with('Z') || text.ends_with("GMT") {
            return plausible(date);
        }
    }
    let folded: String = text.chars().map(fold).flat_map(char::to_lowercase).collect();
    if let Some(moment) = relative(&folded, context) {
        return plausible(moment);
    }
    if folded.bytes().all(|b| b.is_ascii_digit()) {
        return digits_only(&folded, context).and_then(plausible);
    }
    let mut tokens = tokenise(&folded);
    let clock = take_clock(&mut tokens, context);
    let date = read_date(&tokens, context)?;
    let (time, offset) = clock.unwrap_or((TimeOfDay::default(), None));
    let moment = NaiveDateTime::new(date, time.time).checked_add_days(Days::new(time.days))?;
    offset.map_or(context.zone, Zone::Fixed).moment(moment).and_then(plausible)
}

/// Dates that no feed means: before printing by wire, after the calendar of RFC 3339.
fn plausible(date: DateTime<FixedOffset>) -> Option<DateTime<FixedOffset>> {
    (1000..=9999).contains(&date.naive_utc().year()).then_some(date)
}

/// Full-width digits and punctuation to their ASCII forms.
fn fold(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{2212}' => '-',
        c => c,
    }
}

fn digits_only(text: &str, context: &DateContext) -> Option<DateTime<FixedOffset>> {
    let local = |date: &str, time: &str| {
        let date = NaiveDate::parse_from_str(date, "%Y%m%d").ok()?;
        let time = if time.is_empty() {
            NaiveTime::MIN
        } else {
            NaiveTime::parse_from_str(time, if time.len() == 4 { "%H%M" } else { "%H%M%S" }).ok()?
        };
        context.zone.moment(date.and_time(time))
    };
    match text.len() {
        4 => local(&format!("{text}0101"), ""),
        8 => local(text, ""),
        9 | 10 => DateTime::from_timestamp(text.parse().ok()?, 0).map(|d| d.fixed_offset()),
        12 => local(&text[..8], &text[8..]),
        13 => DateTime::from_timestamp_millis(text.parse().ok()?).map(|d| d.fixed_offset()),
        14 => local(&text[..8], &text[8..]),
        _ => None,
    }
}

/// `刚刚`, `5分钟前`, `昨天 08:00`, `3 hours ago`, `yesterday`.
fn relative(text: &str, context: &DateContext) -> Option<DateTime<FixedOffset>> {
    let now = context.reference;
    if matches!(text, "刚刚" | "刚才" | "剛剛" | "just now" | "now") {
        return Some(now);
    }
    let day = [("今天", 0), ("今日", 0), ("昨天", 1), ("昨日", 1), ("前天", 2), ("today", 0), ("yesterday", 1)]
        .iter()
        .find_map(|(word, days)| text.strip_prefix(word).map(|rest| (*days, rest.trim())));
    if let Some((days, rest)) = day {
        let date = context.zone.at(now.to_utc()).date_naive().checked_sub_days(Days::new(days))?;
        let mut tokens = tokenise(rest);
        let time = if rest.is_empty() { TimeOfDay::default() } else { take_clock(&mut tokens, context)?.0 };
        return context.zone.moment(date.and_time(time.time));
    }
    let rest =
        text.strip_suffix('前').or_else(|| text.strip_suffix("ago")).or_else(|| text.strip_suffix("以前"))?.trim();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let number: i64 = rest[..digits].parse().ok().filter(|n| *n < 10_000)?;
    let unit = match rest[digits..].trim() {
        "秒" | "秒钟" | "second" | "seconds" | "sec" => TimeDelta::seconds(number),
        "分" | "分钟" | "分鐘" | "minute" | "minutes" | "min" | "mins" => TimeDelta::minutes(number),
        "小时" | "小時" | "个小时" | "hour" | "hours" => TimeDelta::hours(number),
        "天" | "日" | "day" | "days" => TimeDelta::days(number),
        "周" | "个星期" | "星期" | "week" | "weeks" => TimeDelta::weeks(number),
        _ => return None,
    };
    now.checked_sub_signed(unit)
}

/// The date in what the clock left.
fn read_date(tokens: &[Token], context: &DateContext) -> Option<NaiveDate> {
    if let Some(date) = iso_week(tokens) {
        return date;
    }
    let numbers: Vec<(i64, usize)> = tokens
        .iter()
        .filter_map(|t| match t {
            Token::Number { value, digits } => Some((*value, *digits)),
            _ => None,
        })
        .collect();
    let month = tokens.iter().filter_map(Token::word).find_map(month_named);
    match (month, numbers.as_slice()) {
        (Some(month), [first, second, ..]) => {
            let (day, year) = if first.1 > 2 { (second, first) } else { (first, second) };
            ymd(full_year(year.0, year.1)?, month.into(), day.0)
        }
        (Some(month), [day]) if day.1 <= 2 => without_year(month.into(), day.0, context),
        (None, [whole]) if whole.1 == 8 => ymd(whole.0 / 10_000, whole.0 / 100 % 100, whole.0 % 100),
        (None, [year]) if year.1 == 4 && tokens.len() <= 3 => ymd(year.0, 1, 1),
        (None, [year, day]) if year.1 == 4 && day.1 == 3 => {
            NaiveDate::from_yo_opt(i32::try_from(year.0).ok()?, u32::try_from(day.0).ok()?)
        }
        (None, [year, month]) if year.1 == 4 && month.1 <= 2 => ymd(year.0, month.0, 1),
        (None, [month, day]) if tokens.iter().any(|t| t.is('月') || t.is('월')) => {
            without_year(month.0, day.0, context)
        }
        (None, [year, month, day, ..]) if year.1 == 4 => ymd(year.0, month.0, day.0),
        (None, [a, b, year, ..]) if year.1 == 4 => {
            day_and_month(tokens, a.0, b.0).and_then(|(day, month)| ymd(year.0, month, day))
        }
        (None, [year, month, day, ..]) if year.1 == 2 && tokens.iter().any(|t| t.is('-') || t.is('年')) => {
            ymd(full_year(year.0, 2)?, month.0, day.0)
        }
        _ => None,
    }
}

/// `2023-W17-1`, `2023W171`, `2023-W17`; the outer `Option` says whether it is this form at all.
#[expect(clippy::option_option, reason = "not a week date, a wrong one and a right one differ")]
fn iso_week(tokens: &[Token]) -> Option<Option<NaiveDate>> {
    let at = tokens.iter().position(|t| t.word() == Some("w"))?;
    let year = tokens.first()?.number()?;
    let Some(Token::Number { value, digits }) = tokens.get(at + 1) else { return None };
    let (week, day) = match (digits, tokens.get(at + 3).and_then(Token::number)) {
        (3, _) => (value / 10, value % 10),
        (_, Some(day)) => (*value, day),
        _ => (*value, 1),
    };
    let weekday = chrono::Weekday::try_from(u8::try_from(day - 1).ok()?).ok()?;
    Some(NaiveDate::from_isoywd_opt(i32::try_from(year).ok()?, u32::try_from(week).ok()?, weekday))
}

/// Day and month of `a/b/yyyy`: only where one reading is possible, or dots say the European one.
fn day_and_month(tokens: &[Token], a: i64, b: i64) -> Option<(i64, i64)> {
    match (a, b) {
        (13.., _) => Some((a, b)),
        (_, 13..) => Some((b, a)),
        _ if a == b || tokens.iter().any(|t| t.is('.')) => Some((a, b)),
        _ => None,
    }
}

/// RFC 2822, section 4.3: two digits below 50 are this century's; three count from 1900.
fn full_year(value: i64, digits: usize) -> Option<i64> {
    match digits {
        4 => Some(value),
        2 if value < 50 => Some(2000 + value),
        2 | 3 => Some(1900 + value),
        _ => None,
    }
}

fn ymd(year: i64, month: i64, day: i64) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

/// The latest such day that is not more than a day ahead of the reference.
fn without_year(month: i64, day: i64, context: &DateContext) -> Option<NaiveDate> {
    let today = context.zone.at(context.reference.to_utc()).date_naive();
    let limit = today.checked_add_days(Days::new(1))?;
    let year = i64::from(today.year());
    [year + 1, year, year - 1].into_iter().filter_map(|year| ymd(year, month, day)).find(|date| *date <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(chinese: bool) -> DateContext {
        let zone = if chinese { Zone::CHINA } else { Zone::UTC };
        let reference = DateTime::parse_from_rfc3339("2023-04-24T12:00:00+08:00").unwrap_or_default();
        DateContext { zone, chinese, reference }
    }

    #[test]
    fn a_zone_with_summer_time_dates_by_the_day() {
        let zone = Zone::Named(chrono_tz::Europe::Berlin);
        let context = DateContext { zone, ..context(false) };
        let read = |text: &str| parse(text, &context).map(|date| date.to_rfc3339());
        assert_eq!(read("2026-01-15 12:00").as_deref(), Some("2026-01-15T12:00:00+01:00"));
        assert_eq!(read("2026-07-15 12:00").as_deref(), Some("2026-07-15T12:00:00+02:00"));
    }

    fn read(text: &str, chinese: bool) -> String {
        parse(text, &context(chinese)).map_or_else(|| "-".to_owned(), |d| d.to_rfc3339())
    }

    #[test]
    fn standard_forms_and_their_faults() {
        for (text, expected) in [
            ("2023-04-24T09:12:31Z", "2023-04-24T09:12:31+00:00"),
            ("2023-04-24T09:12:31.5+08:00", "2023-04-24T09:12:31.500+08:00"),
            ("2023-04-24T09:12+0800", "2023-04-24T09:12:00+08:00"),
            ("20230424T091231Z", "2023-04-24T09:12:31+00:00"),
            ("2023-04-24 09:12:31", "2023-04-24T09:12:31+00:00"),
            ("2023-W17-1", "2023-04-24T00:00:00+00:00"),
            ("2023-114", "2023-04-24T00:00:00+00:00"),
            ("2023-04", "2023-04-01T00:00:00+00:00"),
            ("2023", "2023-01-01T00:00:00+00:00"),
            ("Mon, 24 Apr 2023 10:05:00 GMT", "2023-04-24T10:05:00+00:00"),
            ("Fri, 24 Apr 2023 10:05:00 +0200", "2023-04-24T10:05:00+02:00"),
            ("24 Apr 23 10:05 PST", "2023-04-24T10:05:00-08:00"),
            ("Monday, 24-Apr-23 10:05:00 EDT", "2023-04-24T10:05:00-04:00"),
            ("Mon Apr 24 10:05:00 2023", "2023-04-24T10:05:00+00:00"),
            ("Mon, 24 Apr 2023 24:00:00 GMT", "2023-04-25T00:00:00+00:00"),
            ("April 24, 2023 3:07 PM", "2023-04-24T15:07:00+00:00"),
            ("Mon, 24 Apr 2023 10:05:00 GMT+0800", "2023-04-24T10:05:00+08:00"),
            ("1682308800", "2023-04-24T04:00:00+00:00"),
            ("1682308800000", "2023-04-24T04:00:00+00:00"),
            ("24.04.2023 10:05", "2023-04-24T10:05:00+00:00"),
            ("24/04/2023", "2023-04-24T00:00:00+00:00"),
            ("Mon, 24 Apr 2023 10:05:00 CST", "2023-04-24T10:05:00-06:00"),
        ] {
            assert_eq!(read(text, false), expected, "{text}");
        }
    }

    #[test]
    fn local_forms() {
        for (text, expected) in [
            ("2023年04月24日 09:30", "2023-04-24T09:30:00+08:00"),
            ("2023年4月24日下午3时05分", "2023-04-24T15:05:00+08:00"),
            ("2023/4/24 8:01", "2023-04-24T08:01:00+08:00"),
            ("4月24日 11:20", "2023-04-24T11:20:00+08:00"),
            ("12月31日", "2022-12-31T00:00:00+08:00"),
            ("２０２３－０４－２４　０９：３０", "2023-04-24T09:30:00+08:00"),
            ("2023-04-24 09:30 北京时间", "2023-04-24T09:30:00+08:00"),
            ("Mon, 24 Apr 2023 10:05:00 CST", "2023-04-24T10:05:00+08:00"),
            ("昨天 08:00", "2023-04-23T08:00:00+08:00"),
            ("3小时前", "2023-04-24T09:00:00+08:00"),
            ("刚刚", "2023-04-24T12:00:00+08:00"),
            ("2004년 05월 28일 오후 01:31:15", "2004-05-28T13:31:15+08:00"),
            ("24 апреля 2023 10:05", "2023-04-24T10:05:00+08:00"),
            ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", "2004-07-11T12:00:00-05:00"),
            ("2004-július-13T9:15-05:00", "2004-07-13T09:15:00-05:00"),
        ] {
            assert_eq!(read(text, true), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_known_stays_undated() {
        for text in [
            "",
            "soon",
            "03/04/2023",
            "2023-13-01",
            "2023-02-30",
            "31 Foo 2023",
            "99:99",
            "12:30",
            "1",
            &"9".repeat(100),
            &"9".repeat(100_000),
        ] {
            assert_eq!(read(text, false), "-", "{}", &text[..text.len().min(40)]);
        }
    }
}
