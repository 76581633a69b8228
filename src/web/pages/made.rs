//! How an entry came to be, in words: what the page of a story and the explanation of an entry both show.

use super::frame::{Frame, Time};
use crate::language::DateOrigin;
use crate::model::entry::StoredEntry;
use crate::model::feed::{RawDate, RawEntry};
use crate::store::Explanation;

/// Characters of a long text that are shown.
const SHOWN: usize = 240;

/// How an entry came to be.
#[derive(Debug)]
pub(super) struct Made {
    /// What is known of it.
    pub(super) facts: Vec<Fact>,
    /// What its publisher sent.
    pub(super) sent: Vec<Fact>,
    /// What cleaning changed.
    pub(super) changes: Vec<Change>,
    /// Where it stands in its story.
    pub(super) story: String,
    /// Why it was joined to other entries.
    pub(super) joins: Vec<String>,
}

/// One thing that is known.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// Where that is an address.
    pub(super) url: Option<String>,
    /// Where that is a moment; the value says where it comes from.
    pub(super) time: Option<Time>,
}

/// What a cleaning rule changed.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) what: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl Made {
    pub(super) fn new(found: &Explanation, frame: &Frame<'_>) -> Self {
        let t = frame.t;
        let change = |firing: &crate::model::cleaning::Firing| Change {
            what: t.rule_on(firing.rule.name(), &firing.field),
            before: shown(&firing.before),
            after: shown(&firing.after),
        };
        let own = |join: &&crate::store::Join| {
            let id = &found.entry.river_id;
            join.entry == *id || join.other == *id
        };
        let join = |join: &crate::store::Join| {
            let other = if join.entry == found.entry.river_id { &join.other } else { &join.entry };
            let named = found.others.iter().find(|entry| entry.river_id == *other);
            let named = named.map_or_else(|| other.clone(), title_of);
            t.joined_to(&named, &join.judgement.evidence.join("; "))
        };
        let mut story = match (found.is_split, found.others.len()) {
            (true, _) => t.made_split().to_owned(),
            (false, 0) => t.made_alone().to_owned(),
            (false, others) if found.is_surplus => t.repeats_entries(others),
            (false, others) => t.told_by_entries(others + 1),
        };
        if found.surplus > 0 {
            story.push(' ');
            story.push_str(&t.more_repeat(found.surplus));
        }
        Self {
            facts: facts(found, frame),
            sent: sent(&found.original, frame),
            changes: found.fired.iter().map(change).collect(),
            story,
            joins: found.joins.iter().filter(own).map(join).collect(),
        }
    }
}

fn facts(found: &Explanation, frame: &Frame<'_>) -> Vec<Fact> {
    let (stored, entry, t) = (&found.entry, &found.entry.entry, frame.t);
    let raw = raw_date(&found.original);
    let origin = match (entry.dated(), entry.date_is_stated) {
        (Some(_), true) => DateOrigin::Stated,
        (Some(_), false) => DateOrigin::Feed(raw.as_deref()),
        (None, _) => DateOrigin::Seen,
    };
    let dated = entry.dated().unwrap_or_else(|| stored.first_seen.fixed_offset());
    let moment = |name, at, value| Fact { name, value, url: None, time: Some(frame.time(at)) };
    let mut facts = vec![
        plain(t.made_source(), stored.source.to_string()),
        moment(t.made_date(), dated, t.date_from(origin)),
        moment(t.made_first_seen(), stored.first_seen.fixed_offset(), String::new()),
    ];
    if stored.changed_at > stored.first_seen {
        facts.push(moment(t.made_changed(), stored.changed_at.fixed_offset(), String::new()));
    }
    facts.extend(entry.stated_date.map(|date| plain(t.made_stated(), t.day(date, None))));
    facts.extend(entry.attribution.clone().map(|name| plain(t.made_attribution(), name)));
    facts.extend(entry.url.clone().map(|url| Fact {
        name: t.made_link(),
        url: Some(url.clone()).filter(|url| url.starts_with("http")),
        value: url,
        time: None,
    }));
    facts.push(plain(t.made_id(), stored.river_id.clone()));
    facts
}

/// What the publisher sent, each part as far as it is worth showing.
fn sent(original: &RawEntry, frame: &Frame<'_>) -> Vec<Fact> {
    let t = frame.t;
    let text = |raw: Option<&crate::model::feed::RawText>| raw.map(|raw| raw.value.clone());
    let parts = [
        (t.made_id(), original.id.clone()),
        (t.made_link(), original.link.clone()),
        (t.made_title(), text(original.title.as_ref())),
        (t.made_date(), raw_date(original)),
        (t.made_excerpt(), text(original.summary.as_ref())),
        (t.made_body(), text(original.content.as_ref())),
    ];
    parts.into_iter().filter_map(|(name, value)| Some(plain(name, shown(&value?)))).collect()
}

fn plain(name: &'static str, value: String) -> Fact {
    Fact { name, value, url: None, time: None }
}

fn raw_date(original: &RawEntry) -> Option<String> {
    original.published.as_ref().or(original.updated.as_ref()).map(|date| match date {
        RawDate::Known(date) => date.to_rfc3339(),
        RawDate::Text(text) => text.trim().to_owned(),
    })
}

fn title_of(stored: &StoredEntry) -> String {
    if stored.entry.title.is_empty() { stored.river_id.clone() } else { stored.entry.title.clone() }
}

/// One line of a text, as far as it is worth showing.
fn shown(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    if line.chars().count() > SHOWN { format!("{cut}…") } else { cut }
}
