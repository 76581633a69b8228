//! A time zone: an IANA zone or a fixed offset from UTC.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A time zone as feeds.toml names one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Zone {
    /// An offset from UTC that holds all year, such as `+08:00`.
    Fixed(FixedOffset),
    /// A zone of the IANA database, such as `Asia/Shanghai`.
    Named(Tz),
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self::Named(Tz::UTC);

    /// China's, as it is since 1991.
    pub const CHINA: Self = match FixedOffset::east_opt(8 * 3600) {
        Some(offset) => Self::Fixed(offset),
        None => Self::UTC,
    };

    /// Reads an IANA name, `UTC`, `GMT`, `Z`, or an offset such as `+08:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "Z" {
            return Some(Self::UTC);
        }
        let Some((sign, rest)) =
            text.strip_prefix('+').map(|r| (1, r)).or_else(|| text.strip_prefix('-').map(|r| (-1, r)))
        else {
            return text.parse().ok().map(Self::Named);
        };
        let (hours, minutes) = rest.split_once(':')?;
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let is_offset = (0..=14).contains(&hours) && (0..60).contains(&minutes);
        is_offset.then(|| FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60)))?.map(Self::Fixed)
    }

    /// The names of the IANA zones.
    pub fn names() -> impl Iterator<Item = &'static str> {
        chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())
    }

    /// A moment as clocks in this zone show it.
    #[must_use]
    pub fn at(self, moment: DateTime<Utc>) -> DateTime<FixedOffset> {
        let offset = match self {
            Self::Fixed(offset) => offset,
            Self::Named(zone) => zone.offset_from_utc_datetime(&moment.naive_utc()).fix(),
        };
        moment.with_timezone(&offset)
    }

    /// The moment at which clocks in this zone show `local`: the first of two, and where clocks skip it, the moment
    /// that they would have shown it without the skip.
    #[must_use]
    pub fn moment(self, local: NaiveDateTime) -> Option<DateTime<FixedOffset>> {
        match self {
            Self::Fixed(offset) => offset.from_local_datetime(&local).single(),
            Self::Named(zone) => {
                let found = zone.from_local_datetime(&local).earliest().map(|moment| moment.fixed_offset());
                found.or_else(|| {
                    // Clocks skip one hour almost everywhere, and never more than a day.
                    let before = zone.from_local_datetime(&local.checked_sub_signed(TimeDelta::days(1))?).earliest()?;
                    Some(self.at(before.to_utc().checked_add_signed(TimeDelta::days(1))?))
                })
            }
        }
    }

    /// The first moment of the day after that of `moment`.
    #[must_use]
    pub fn next_day(self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let tomorrow = self.at(moment).date_naive().succ_opt()?;
        self.moment(tomorrow.and_hms_opt(0, 0, 0)?).map(|midnight| midnight.to_utc())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(offset) => write!(f, "UTC{offset}"),
            Self::Named(zone) => f.write_str(zone.name()),
        }
    }
}

// The digest of a source's configuration is made of this text; for offsets it is as it always was.
impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(offset) => write!(f, "{offset:?}"),
            Self::Named(zone) => f.write_str(zone.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(zone: &str, local: &str) -> Option<String> {
        let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").ok()?;
        Some(Zone::parse(zone)?.moment(local)?.to_rfc3339())
    }

    #[test]
    fn offsets_and_names() {
        for (text, shown) in [
            ("+08:00", Some("UTC+08:00")),
            ("-05:30", Some("UTC-05:30")),
            ("Z", Some("UTC")),
            ("UTC", Some("UTC")),
            ("Asia/Shanghai", Some("Asia/Shanghai")),
            ("+15:00", None),
            ("+-1:00", None),
            ("+08", None),
            ("Asia/Shangai", None),
            ("", None),
        ] {
            assert_eq!(Zone::parse(text).map(|zone| zone.to_string()).as_deref(), shown, "{text}");
        }
    }

    #[test]
    fn an_offset_is_named_in_digests_as_it_always_was() {
        assert_eq!(format!("{:?}", Zone::parse("+08:00")), format!("{:?}", FixedOffset::east_opt(8 * 3600)));
    }

    #[test]
    fn clocks_that_change() {
        for (local, wanted) in [
            ("2026-01-15 12:00", "2026-01-15T12:00:00+01:00"),
            ("2026-07-15 12:00", "2026-07-15T12:00:00+02:00"),
            // 02:30 is skipped in spring, and comes twice in autumn.
            ("2026-03-29 02:30", "2026-03-29T03:30:00+02:00"),
            ("2026-10-25 02:30", "2026-10-25T02:30:00+02:00"),
        ] {
            assert_eq!(moment("Europe/Berlin", local).as_deref(), Some(wanted));
        }
        assert_eq!(moment("+08:00", "2026-03-29 02:30").as_deref(), Some("2026-03-29T02:30:00+08:00"));
    }

    #[test]
    fn the_next_day_begins_at_local_midnight() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap_or_default().to_utc();
        let next = |zone: &str, now: &str| Zone::parse(zone).and_then(|zone| zone.next_day(at(now)));
        assert_eq!(next("Asia/Shanghai", "2026-11-24T15:59:59Z"), Some(at("2026-11-24T16:00:00Z")));
        assert_eq!(next("Asia/Shanghai", "2026-11-24T16:00:00Z"), Some(at("2026-11-25T16:00:00Z")));
        // Midnight itself is skipped here.
        assert_eq!(next("America/Sao_Paulo", "2018-11-03T12:00:00Z"), Some(at("2018-11-04T03:00:00Z")));
    }
}
