//! How an entry came to be, told: what the store knows of it -> text or JSON. Pure.

use serde_json::json;

use crate::model::feed::{RawDate, RawEntry};
use crate::store::{Explanation, Refusal};

fn raw_date(original: &RawEntry) -> Option<String> {
    original.published.as_ref().or(original.updated.as_ref()).map(|date| match date {
        RawDate::Known(date) => date.to_rfc3339(),
        RawDate::Text(text) => text.clone(),
    })
}

/// Where the date that the river shows comes from.
fn date_origin(found: &Explanation) -> String {
    let entry = &found.entry.entry;
    match (entry.dated(), entry.date_is_stated) {
        (Some(date), true) => format!("{} (stated in the text; the feed gives none)", date.to_rfc3339()),
        (Some(date), false) => {
            let raw = raw_date(&found.original).map(|raw| format!(", written \"{}\"", raw.trim())).unwrap_or_default();
            format!("{} (from the feed{raw})", date.to_rfc3339())
        }
        (None, _) => format!("{} (first seen; the feed gives none)", found.entry.first_seen.to_rfc3339()),
    }
}

/// For people.
#[must_use]
pub fn as_text(found: &Explanation, refusals: &[Refusal]) -> String {
    let (stored, entry) = (&found.entry, &found.entry.entry);
    let mut lines = vec![
        format!("entry    {}", stored.river_id),
        format!("title    {}", entry.title),
        format!("source   {}, first seen {}", stored.source, stored.first_seen.to_rfc3339()),
    ];
    if stored.changed_at > stored.first_seen {
        lines.push(format!("changed  {}", stored.changed_at.to_rfc3339()));
    }
    lines.extend(entry.url.iter().map(|url| format!("link     {url}")));
    lines.push(format!("date     {}", date_origin(found)));
    lines.extend(entry.stated_date.iter().map(|date| format!("stated   {date}")));
    lines.extend(entry.attribution.iter().map(|name| format!("from     {name}")));
    lines.push(String::new());
    lines.push("document, as its publisher sent it".to_owned());
    let original = &found.original;
    let part = |name: &str, text: Option<&str>| text.map(|text| format!("  {name:<8} {}", shown(text)));
    lines.extend(part("id", original.id.as_deref()));
    lines.extend(part("link", original.link.as_deref()));
    lines.extend(part("title", original.title.as_ref().map(|t| t.value.as_str())));
    lines.extend(part("date", raw_date(original).as_deref()));
    lines.extend(part("excerpt", original.summary.as_ref().map(|t| t.value.as_str())));
    lines.extend(part("body", original.content.as_ref().map(|t| t.value.as_str())));
    lines.push(String::new());
    lines.push(if found.fired.is_empty() { "rules    none fired".to_owned() } else { "rules that fired".to_owned() });
    for firing in &found.fired {
        lines.push(format!("  {} on {}", firing.rule.name(), firing.field));
        if !firing.before.is_empty() {
            lines.push(format!("    before {}", shown(&firing.before)));
        }
        lines.push(format!("    after  {}", shown(&firing.after)));
    }
    lines.push(String::new());
    if found.is_split {
        lines.push("story    alone: it was split off by hand".to_owned());
    } else if found.others.is_empty() {
        lines.push("story    alone: no other entry tells the same news".to_owned());
    } else {
        lines.push(format!(
            "story    {}, told by {} entries",
            found.story,
            found.others.len() + usize::from(!found.is_surplus)
        ));
        if found.surplus > 0 {
            lines.push(format!("  {} more entries repeat it; they are kept and not shown", found.surplus));
        }
        if found.is_surplus {
            lines.push("  this entry is one of those: the story has as many entries as it may have".to_owned());
        }
        for other in &found.others {
            lines.push(format!("  {} {}", other.source, shown(&other.entry.title)));
            lines.push(format!("    {}", other.river_id));
        }
        lines.push("joined because".to_owned());
        let own: Vec<_> =
            found.joins.iter().filter(|join| join.entry == stored.river_id || join.other == stored.river_id).collect();
        for join in own {
            lines.push(format!("  {:.2} {}", join.judgement.score, join.judgement.evidence.join("; ")));
            lines.push(format!("    {} and {}", join.entry, join.other));
        }
    }
    if !refusals.is_empty() {
        lines.push("not joined to".to_owned());
    }
    for refusal in refusals {
        lines.push(format!("  {} {}", refusal.source, shown(&refusal.title)));
        lines.push(format!("    {}", refusal.other));
        lines.push(format!("    {}", refusal.judgement.evidence.join("; ")));
    }
    lines.join("\n")
}

/// One line of a text, as far as it is worth showing.
fn shown(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().filter(|c| !c.is_control()).take(120).collect();
    if line.chars().count() > 120 { format!("{cut}…") } else { cut }
}

/// For programs.
#[must_use]
pub fn as_json(found: &Explanation, refusals: &[Refusal]) -> serde_json::Value {
    let stored = &found.entry;
    json!({
        "id": stored.river_id,
        "source": stored.source,
        "first_seen": stored.first_seen,
        "changed_at": stored.changed_at,
        "date": date_origin(found),
        "entry": stored.entry,
        "original": found.original,
        "rules": found.fired,
        "story": {
            "id": found.story,
            "split": found.is_split,
            "others": found.others.iter().map(|other| json!({
                "id": other.river_id, "source": other.source, "title": other.entry.title, "url": other.entry.url,
            })).collect::<Vec<_>>(),
            "joins": found.joins,
            "refused": refusals,
            "is_surplus": found.is_surplus,
            "surplus": found.surplus,
        },
    })
}
