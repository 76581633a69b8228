//! Days, moments and spans of time, as each language writes them.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, TimeDelta, Weekday};

use super::Language;

impl Language {
    /// A day: `Tuesday 24 November 2026`; without the year where it is that of `today`.
    #[must_use]
    pub fn day(self, day: NaiveDate, today: Option<NaiveDate>) -> String {
        let is_this_year = today.is_some_and(|today| today.year() == day.year());
        match (self, is_this_year) {
            (Self::English, true) => day.format("%A %-d %B").to_string(),
            (Self::English, false) => day.format("%A %-d %B %Y").to_string(),
            (Self::Chinese, true) => format!("{} {}", day.format("%-m月%-d日"), weekday(day.weekday())),
            (Self::Chinese, false) => format!("{} {}", day.format("%Y年%-m月%-d日"), weekday(day.weekday())),
        }
    }

    /// The word for a day that is near `today`: Today, Yesterday.
    #[must_use]
    pub fn near_day(self, day: NaiveDate, today: NaiveDate) -> Option<&'static str> {
        match (today.signed_duration_since(day).num_days(), self) {
            (0, Self::English) => Some("Today"),
            (0, Self::Chinese) => Some("今天"),
            (1, Self::English) => Some("Yesterday"),
            (1, Self::Chinese) => Some("昨天"),
            _ => None,
        }
    }

    /// A moment to the minute, with its day; the day without its year where that is the year of `today`.
    #[must_use]
    pub fn moment(self, at: DateTime<FixedOffset>, today: Option<NaiveDate>) -> String {
        let is_this_year = today.is_some_and(|today| today.year() == at.year());
        let form = match (self, is_this_year) {
            (Self::English, true) => "%-d %b %H:%M",
            (Self::English, false) => "%-d %b %Y %H:%M",
            (Self::Chinese, true) => "%-m月%-d日 %H:%M",
            (Self::Chinese, false) => "%Y年%-m月%-d日 %H:%M",
        };
        at.format(form).to_string()
    }

    /// A span of time in one unit: `5 min`, `3 h`, `2 days`.
    #[must_use]
    pub fn span(self, span: TimeDelta) -> String {
        let seconds = span.num_seconds().abs();
        let rounded = |unit: i64| (seconds + unit / 2) / unit;
        match (self, seconds) {
            (Self::English, 0..=89) => format!("{seconds} s"),
            (Self::Chinese, 0..=89) => format!("{seconds} 秒"),
            (Self::English, 90..=5_399) => format!("{} min", rounded(60)),
            (Self::Chinese, 90..=5_399) => format!("{} 分钟", rounded(60)),
            (Self::English, 5_400..=129_599) => format!("{} h", rounded(3_600)),
            (Self::Chinese, 5_400..=129_599) => format!("{} 小时", rounded(3_600)),
            (Self::English, _) => format!("{} days", rounded(86_400)),
            (Self::Chinese, _) => format!("{} 天", rounded(86_400)),
        }
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "星期一",
        Weekday::Tue => "星期二",
        Weekday::Wed => "星期三",
        Weekday::Thu => "星期四",
        Weekday::Fri => "星期五",
        Weekday::Sat => "星期六",
        Weekday::Sun => "星期日",
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{Chinese, English};
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn days() {
        let (it, today) = (day("2026-11-24"), day("2026-11-25"));
        assert_eq!(English.day(it, Some(today)), "Tuesday 24 November");
        assert_eq!(English.day(it, None), "Tuesday 24 November 2026");
        assert_eq!(Chinese.day(it, Some(today)), "11月24日 星期二");
        assert_eq!(Chinese.day(it, Some(day("2027-01-01"))), "2026年11月24日 星期二");
        assert_eq!(English.near_day(it, today), Some("Yesterday"));
        assert_eq!(Chinese.near_day(today, today), Some("今天"));
        assert_eq!(English.near_day(today, it), None, "tomorrow is no word of ours");
    }

    #[test]
    fn spans() {
        for (seconds, english, chinese) in [
            (45, "45 s", "45 秒"),
            (120, "2 min", "2 分钟"),
            (-3 * 3600, "3 h", "3 小时"),
            (14_400, "4 h", "4 小时"),
            (3 * 86_400, "3 days", "3 天"),
        ] {
            let span = TimeDelta::seconds(seconds);
            assert_eq!((English.span(span).as_str(), Chinese.span(span).as_str()), (english, chinese));
        }
    }
}
