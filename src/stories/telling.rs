//! The story as the river shows it: one telling, with what the others know better.
//!
//! The best telling is the one that, in this order, has a whole title, the longest body, an
//! attribution, a date of its own, and came first. Bodies count as equally long where they differ by
//! less than a quarter. The title is the one that most tellings have word for word.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::clean;
use crate::model::entry::{Entry, StoredEntry};

/// Makes one entry of the tellings of a story: `lead`, the first that was published, gives id and
/// place; `all` are those that are shown. What is shown changed when its telling came or changed.
#[must_use]
pub fn tell(lead: &StoredEntry, all: &[&StoredEntry]) -> StoredEntry {
    let Some(best) = all.iter().copied().max_by_key(|telling| quality(telling)) else { return lead.clone() };
    let mut entry = best.entry.clone();
    if let Some(title) = best_title(all)
        && title != entry.title
    {
        entry.title_original.get_or_insert_with(|| best.entry.title.clone());
        entry.title = title;
    }
    let known = |of: fn(&Entry) -> Option<&String>| all.iter().find_map(|telling| of(&telling.entry).cloned());
    entry.attribution = entry.attribution.or_else(|| known(|e| e.attribution.as_ref()));
    entry.summary =
        entry.summary.or_else(|| if entry.content_html.is_none() { known(|e| e.summary.as_ref()) } else { None });
    entry.image = entry.image.or_else(|| known(|e| e.image.as_ref()));
    entry.stated_date = entry.stated_date.or_else(|| all.iter().find_map(|telling| telling.entry.stated_date));
    for telling in all {
        for tag in &telling.entry.tags {
            if !entry.tags.contains(tag) {
                entry.tags.push(tag.clone());
            }
        }
        for code in &telling.entry.tickers {
            if !entry.tickers.contains(code) {
                entry.tickers.push(code.clone());
            }
        }
    }
    // News is as old as its first telling; a day that only a text states counts where no feed dates it.
    let dated = |stated: bool| {
        let dates = all.iter().filter(|t| t.entry.date_is_stated == stated).filter_map(|t| t.entry.published);
        dates.min()
    };
    if let Some(first) = dated(false) {
        (entry.published, entry.date_is_stated) = (Some(first), false);
    } else if entry.published.is_none() {
        entry.published = dated(true);
        entry.date_is_stated = entry.published.is_some();
    }
    let changed_at = if best.row == lead.row { lead.changed_at } else { best.changed_at.max(lead.changed_at) };
    StoredEntry {
        entry,
        changed_at,
        told_by: best.source.clone(),
        tellings: all.iter().map(|t| t.telling()).collect(),
        ..lead.clone()
    }
}

/// Larger is better.
fn quality(telling: &StoredEntry) -> impl Ord + use<> {
    let entry = &telling.entry;
    let whole = !clean::is_cut(&entry.title);
    let length = clean::text_of(entry).map_or(0, |text| text.chars().count());
    // Steps of a quarter.
    let steps = if length == 0 {
        0
    } else {
        (f64::from(u32::try_from(length).unwrap_or(u32::MAX)).ln() / 1.25_f64.ln()) as u32 + 1
    };
    let dated = entry.published.is_some() && !entry.date_is_stated;
    (whole, steps, entry.attribution.is_some(), dated, Reverse(telling.row))
}

/// The title that most tellings have; of equals one without a marker in front, then that of the
/// earlier telling.
fn best_title(all: &[&StoredEntry]) -> Option<String> {
    let whole: Vec<&StoredEntry> =
        all.iter().copied().filter(|t| !t.entry.title.is_empty() && !clean::is_cut(&t.entry.title)).collect();
    let mut votes: HashMap<&str, (usize, Reverse<i64>)> = HashMap::new();
    for telling in &whole {
        let (count, first) = votes.entry(&telling.entry.title).or_insert((0, Reverse(telling.row)));
        *count += 1;
        *first = (*first).max(Reverse(telling.row));
    }
    let bare = |title: &str| clean::without_marker(title) == title;
    // Titles of nearly the same words: a shorter one may be another's beginning.
    votes
        .into_iter()
        .max_by_key(|(title, (count, first))| (*count, bare(title), *first))
        .map(|(title, _)| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::source::SourceId;

    fn stored(row: i64, source: &str, title: &str, body: &str) -> StoredEntry {
        let seen = chrono::DateTime::from_timestamp(1_682_300_000 + row, 0).unwrap_or_default();
        StoredEntry {
            row,
            river_id: format!("id-{row}"),
            source: SourceId::new(source).unwrap_or_else(|_| unreachable!("a plain id")),
            first_seen: seen,
            changed_at: seen,
            order: seen,
            entry: Entry {
                title: title.into(),
                content_html: Some(body.into()),
                url: Some(format!("http://{source}/{row}")),
                ..Entry::default()
            },
            told_by: SourceId::new(source).unwrap_or_else(|_| unreachable!("a plain id")),
            tellings: Vec::new(),
        }
    }

    #[test]
    fn the_fullest_telling_is_shown_under_the_first_id() {
        let lead = stored(1, "list", "佳兆业已累计交付15个...", "一句。");
        let brief = stored(2, "briefs", "快讯|佳兆业已累计交付15个项目", "一句话的快讯。");
        let mut full =
            stored(3, "portal", "佳兆业已累计交付15个项目", "一篇长得多的报道,讲了来龙去脉,也讲了以后的打算。");
        full.entry.tickers = vec!["HK01638".into()];
        full.entry.attribution = Some("观点网".into());
        let story = tell(&lead, &[&lead, &brief, &full]);
        assert_eq!((story.river_id.as_str(), story.row, story.order), ("id-1", 1, lead.order));
        assert_eq!(story.entry.title, "佳兆业已累计交付15个项目");
        assert_eq!(story.entry.content_html, full.entry.content_html);
        assert_eq!((story.told_by.as_str(), story.tellings.len()), ("portal", 3));
        assert_eq!(story.changed_at, full.changed_at);
        assert_eq!(story.entry.attribution.as_deref(), Some("观点网"));
    }

    #[test]
    fn a_cut_title_is_restored_and_the_earliest_date_shown() {
        let date = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
        let mut cut =
            stored(1, "a", "抓转型、求突破,全面提升园区…", "很长的正文,比另一篇长得多,所以由它来讲这件事,从头到尾。");
        cut.entry.published = date("2023-04-24T09:30:00+08:00");
        let mut whole = stored(2, "b", "抓转型、求突破,全面提升园区发展质量", "短文。");
        whole.entry.published = date("2023-04-24T09:12:31+08:00");
        let story = tell(&cut, &[&cut, &whole]);
        assert_eq!(story.entry.title, "抓转型、求突破,全面提升园区发展质量");
        assert_eq!(story.entry.published, date("2023-04-24T09:12:31+08:00"));
        let alone = tell(&cut, &[&cut]);
        assert_eq!((alone.entry, alone.changed_at), (cut.entry, cut.changed_at));
    }
}
