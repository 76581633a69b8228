//! Dates as feeds write them: the formats of the standards, their common faults, and local forms.
//!
//! In: the text of a date, the zone of dates that name none, a moment that "3 hours ago" and dates
//! without a year are read against. Out: the moment with its offset, or nothing: a wrong guess is
//! worse than none.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

/// What a date is read with.
#[derive(Debug, Clone, Copy)]
pub(super) struct DateContext {
    /// The zone of dates that name none.
    pub(super) zone: FixedOffset,
    /// Whether `CST` is China's rather than North America's.
    pub(super) chinese: bool,
    /// The moment that relative dates count from, and that a missing year is completed by.
    pub(super) reference: DateTime<FixedOffset>,
}

/// The longest text that is looked at, bytes.
const LONGEST: usize = 120;

/// Months in the languages that feeds are seen in; matched by beginning.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "янв", "ιαν", "ιαν", "stycz", "oca", "janv", "sty"],
    &["feb", "fév", "fev", "фев", "φεβ", "lut", "şub"],
    &["mar", "mär", "mrt", "maa", "мар", "μάρ", "μαρ", "márc", "marz"],
    &["apr", "avr", "abr", "апр", "απρ", "ápr", "kwi", "nis"],
    &["may", "mai", "mag", "мая", "май", "μάι", "μαι", "μαϊ", "máj", "maj", "mei"],
    &["jun", "giu", "июн", "ιούν", "ιουν", "jún", "cze", "haz", "juin"],
    &["jul", "lug", "июл", "ιούλ", "ιουλ", "júl", "lip", "tem", "juil"],
    &["aug", "aoû", "aou", "ago", "авг", "αύγ", "αυγ", "sie", "ağu"],
    &["sep", "set", "сен", "σεπ", "szep", "wrz", "eyl"],
    &["oct", "okt", "ott", "out", "окт", "οκτ", "paź", "eki"],
    &["nov", "ноя", "νοέ", "νοε", "lis", "kas"],
    &["dec", "dez", "déc", "dic", "дек", "δεκ", "gru", "ara"],
];

/// Named zones: minutes east of Greenwich.
const ZONES: [(&str, i32); 27] = [
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("est", -300),
    ("edt", -240),
    ("cdt", -300),
    ("mst", -420),
    ("mdt", -360),
    ("pst", -480),
    ("pdt", -420),
    ("akst", -540),
    ("akdt", -480),
    ("hst", -600),
    ("bst", 60),
    ("ist", 330),
    ("cet", 60),
    ("cest", 120),
    ("met", 60),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("jst", 540),
    ("kst", 540),
    ("hkt", 480),
    ("sgt", 480),
];

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
    offset.unwrap_or(context.zone).from_local_datetime(&moment).single().and_then(plausible)
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
        context.zone.from_local_datetime(&date.and_time(time)).single()
    };
    match text.len() {
        4 => context.zone.with_ymd_and_hms(text.parse().ok()?, 1, 1, 0, 0, 0).single(),
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
        let date = now.with_timezone(&context.zone).date_naive().checked_sub_days(Days::new(days))?;
        let mut tokens = tokenise(rest);
        let time = if rest.is_empty() { TimeOfDay::default() } else { take_clock(&mut tokens, context)?.0 };
        return context.zone.from_local_datetime(&date.and_time(time.time)).single();
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

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Number { value: i64, digits: usize },
    Word(String),
    Mark(char),
    Space,
}

impl Token {
    fn number(&self) -> Option<i64> {
        match self {
            Self::Number { value, .. } => Some(*value),
            _ => None,
        }
    }

    fn is(&self, mark: char) -> bool {
        *self == Self::Mark(mark)
    }

    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Numbers, words of letters, single Chinese and Korean characters, marks, and gaps.
fn tokenise(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let run = |keep: fn(char) -> bool| rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let taken = if c.is_ascii_digit() {
            let end = run(|c| c.is_ascii_digit());
            let value = rest[..end].parse().unwrap_or(i64::MAX);
            tokens.push(Token::Number { value, digits: end });
            end
        } else if c.is_whitespace() {
            tokens.push(Token::Space);
            run(char::is_whitespace)
        } else if is_word(c) {
            let end = run(is_word);
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        } else {
            tokens.push(Token::Mark(c));
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphabetic() && !matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

#[derive(Debug, Clone, Copy)]
struct TimeOfDay {
    time: NaiveTime,
    /// Days to add: 24:00 is the next day's 00:00.
    days: u64,
}

impl Default for TimeOfDay {
    fn default() -> Self {
        Self { time: NaiveTime::MIN, days: 0 }
    }
}

/// Takes the time of day and its zone out of the tokens.
fn take_clock(tokens: &mut Vec<Token>, context: &DateContext) -> Option<(TimeOfDay, Option<FixedOffset>)> {
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
        let minutes = ZONES.iter().find(|(known, _)| *known == name).map(|(_, minutes)| *minutes);
        let minutes = minutes.or_else(|| (name == "cst").then_some(if context.chinese { 480 } else { -360 }));
        let minutes = minutes.or_else(|| military(name));
        return (minutes.and_then(east), at + 1);
    }
    numeric_zone(tokens, at)
}

/// The letters of military zones; RFC 822 has their signs wrong, here they are as the military has
/// them.
fn military(name: &str) -> Option<i32> {
    let letter = name.chars().next().filter(|_| name.len() == 1)?;
    match letter {
        'a'..='i' => Some((letter as i32 - 'a' as i32 + 1) * 60),
        'k'..='m' => Some((letter as i32 - 'k' as i32 + 10) * 60),
        'n'..='y' => Some(-(letter as i32 - 'n' as i32 + 1) * 60),
        _ => None,
    }
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

fn month_named(word: &str) -> Option<u8> {
    // "mar" and "mai" begin other words too, so a name must not be much longer than months are.
    let place = MONTHS.iter().position(|names| names.iter().any(|name| word.starts_with(name)))?;
    (word.chars().count() <= 12).then(|| u8::try_from(place + 1).ok())?
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
    let today = context.reference.with_timezone(&context.zone).date_naive();
    let limit = today.checked_add_days(Days::new(1))?;
    let year = i64::from(today.year());
    [year + 1, year, year - 1].into_iter().filter_map(|year| ymd(year, month, day)).find(|date| *date <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(chinese: bool) -> DateContext {
        let zone = FixedOffset::east_opt(if chinese { 8 * 3600 } else { 0 }).unwrap_or(chrono::Utc.fix());
        let reference = DateTime::parse_from_rfc3339("2023-04-24T12:00:00+08:00").unwrap_or_default();
        DateContext { zone, chinese, reference }
    }

    use chrono::Offset as _;

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
