//! The story as the river shows it: the words of one member, with what the others know better.
//!
//! - The **representative**, whose words are shown, is the first member; a later one takes its place only where it is
//!   cut or a mere excerpt, or where the later one's source has a higher priority. One that was edited until it tells
//!   something else than those that joined it is passed over: what was agreed upon is not what it says now.
//! - The **title** is the representative's, unless more sources have another one word for word: a source has one vote,
//!   however many of its entries are members.
//! - The **timekeeper** gives date and place: the representative, unless that is dated long before it was first seen
//!   and another is not. A member that its feed dates a little earlier goes before it.
//!
//! A story is made of what several publishers say, and any of them may say it to harm another. These rules
//! therefore ask who came first and what a member says of itself, never who says more.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::TimeDelta;

use super::evidence::judge;
use super::excerpt::Extent;
use super::features::Features;
use super::rarity::Rarity;
use crate::clean;
use crate::model::entry::{Entry, StoredEntry};
use crate::model::source::Priorities;

/// A member that is dated no longer than this before it was first seen was dated when it was seen.
const TIMELY: TimeDelta = TimeDelta::hours(1);

/// News is as old as its first telling, but no more than this older than the member that it follows.
const EARLIER: TimeDelta = TimeDelta::hours(1);

/// Members whose words are looked at for whether an edited one still tells their news: the first of as many sources.
const WITNESSES: usize = 8;

/// Members that are passed over at most: as many as one source may have in a story.
const MOST_STRAYED: usize = 8;

/// What bodies share of their shingles, and titles of their pairs, where one does not tell something else.
const SAME_BODY: f64 = 0.1;
const SAME_TITLE: f64 = 0.3;

/// A member of a story.
#[derive(Debug, Clone)]
pub struct Member {
    /// The entry; its `order` is its own place, whatever that of its story is.
    pub stored: StoredEntry,
    /// Whether it came with the first document of its source, so that it may be older than it was seen.
    pub is_initial: bool,
}

fn priority(member: &Member, priorities: &Priorities) -> i64 {
    priorities.get(&member.stored.source).copied().unwrap_or_default()
}

/// The member whose words are shown; `members` stand in the order of their arrival.
#[must_use]
pub fn representative<'m>(members: &[&'m Member], priorities: &Priorities) -> Option<&'m Member> {
    preferred(&heard(members, priorities), priorities)
}

/// The members without those that would be shown and have strayed from the story.
fn heard<'m>(members: &[&'m Member], priorities: &Priorities) -> Vec<&'m Member> {
    let mut heard = members.to_vec();
    for _ in 0..MOST_STRAYED {
        let strayed = preferred(&heard, priorities).filter(|shown| has_strayed(shown, members));
        let Some(strayed) = strayed.map(|shown| shown.stored.row) else { break };
        heard.retain(|member| member.stored.row != strayed);
    }
    heard
}

fn is_edited(member: &Member) -> bool {
    member.stored.changed_at > member.stored.first_seen
}

/// Whether a member was edited until it tells something else than most of the other sources, whose words are as they
/// were when they joined.
fn has_strayed(member: &Member, members: &[&Member]) -> bool {
    if !is_edited(member) {
        return false;
    }
    let mut sources = HashSet::from([member.stored.source.as_str()]);
    let mut witnesses: Vec<&Member> = Vec::new();
    for &other in members.iter().filter(|other| !is_edited(other)) {
        if witnesses.len() < WITNESSES && sources.insert(other.stored.source.as_str()) {
            witnesses.push(other);
        }
    }
    if witnesses.is_empty() {
        return false;
    }
    let own = Features::of_stored(&member.stored);
    let agreeing = witnesses.iter().filter(|other| tell_one_news(&own, &Features::of_stored(&other.stored))).count();
    agreeing * 2 < witnesses.len()
}

/// Whether nothing says that two members of a story tell different news: who is in doubt stays.
fn tell_one_news(a: &Features, b: &Features) -> bool {
    let share = |shared: usize, a: usize, b: usize| shared as f64 / a.min(b).max(1) as f64;
    share(a.shingles.shared(&b.shingles), a.shingles.len(), b.shingles.len()) >= SAME_BODY
        || share(a.pairs.shared(&b.pairs), a.pairs.len(), b.pairs.len()) >= SAME_TITLE
        || judge(a, b, &Rarity::default()).joined
}

/// The member whose words would be shown, whatever they say by now.
fn preferred<'m>(members: &[&'m Member], priorities: &Priorities) -> Option<&'m Member> {
    let (first, others) = members.split_first()?;
    if others.is_empty() {
        return Some(first);
    }
    let mut shown = (*first, Extent::of(&first.stored.entry));
    for &other in others {
        let extent = Extent::of(&other.stored.entry);
        let is_preferred = priority(other, priorities) > priority(shown.0, priorities)
            && (!extent.is_excerpt() || shown.1.is_excerpt());
        if is_preferred || shown.1.gives_way_to(&extent) {
            shown = (other, extent);
        }
    }
    Some(shown.0)
}

/// How well a member is dated; larger is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dating {
    /// By nothing: it came with the first document of its source.
    None,
    /// By what its text says.
    Stated,
    /// By its feed, long before it was first seen.
    Late,
    /// By when it was seen.
    Seen,
    /// By its feed, when it was seen.
    Timely,
}

fn dating(member: &Member) -> Dating {
    let StoredEntry { entry, first_seen, order, .. } = &member.stored;
    let is_timely = *first_seen - *order <= TIMELY;
    match entry.dated() {
        Some(_) if !entry.date_is_stated && is_timely => Dating::Timely,
        Some(_) if !entry.date_is_stated => Dating::Late,
        Some(_) => Dating::Stated,
        None if member.is_initial => Dating::None,
        None => Dating::Seen,
    }
}

/// The member that gives the story its date and its place; `members` stand in the order of their arrival.
#[must_use]
pub fn timekeeper<'m>(members: &[&'m Member], priorities: &Priorities) -> Option<&'m Member> {
    let members = &heard(members, priorities)[..];
    let shown = preferred(members, priorities)?;
    let best = members.iter().map(|member| dating(member)).max()?;
    let mut equals = members.iter().copied().filter(|member| dating(member) == best);
    // Of members without a date the first is the oldest, whoever is shown.
    let follows_shown = dating(shown) == best && !matches!(best, Dating::Seen | Dating::None);
    let followed = if follows_shown { shown } else { equals.clone().next()? };
    let is_dated = matches!(best, Dating::Timely | Dating::Late);
    let earlier = equals.by_ref().filter(|member| {
        let before = followed.stored.order - member.stored.order;
        is_dated && before > TimeDelta::zero() && before <= EARLIER
    });
    Some(earlier.min_by_key(|member| (member.stored.order, member.stored.row)).unwrap_or(followed))
}

/// Makes one entry of the members of a story: `lead`, the first, gives the id, and stands where the story does; `all`
/// are those that are shown, in the order of their arrival.
#[must_use]
pub fn tell(lead: &StoredEntry, all: &[&Member], priorities: &Priorities) -> StoredEntry {
    // The member that gave the story its place, whatever has been preferred since.
    let placed = all.iter().copied().find(|member| member.stored.order == lead.order);
    let timekeeper = timekeeper(all, priorities).filter(|member| member.stored.order == lead.order).or(placed);
    let (Some(shown), Some(timekeeper)) = (representative(all, priorities), timekeeper.or(all.first().copied())) else {
        return lead.clone();
    };
    let shown = &shown.stored;
    let heard = heard(all, priorities);
    let mut entry = shown.entry.clone();
    if let Some(title) = title(shown, &heard)
        && title != entry.title
    {
        entry.title_original.get_or_insert_with(|| shown.entry.title.clone());
        entry.title = title;
    }
    let known = |of: fn(&Entry) -> Option<&String>| heard.iter().find_map(|member| of(&member.stored.entry).cloned());
    entry.attribution = entry.attribution.or_else(|| known(|e| e.attribution.as_ref()));
    entry.summary =
        entry.summary.or_else(|| if entry.content_html.is_none() { known(|e| e.summary.as_ref()) } else { None });
    entry.image = entry.image.or_else(|| known(|e| e.image.as_ref()));
    entry.stated_date = entry.stated_date.or_else(|| heard.iter().find_map(|member| member.stored.entry.stated_date));
    let others = || heard.iter().map(|member| &member.stored.entry);
    extend(&mut entry.tags, others().flat_map(|other| &other.tags));
    extend(&mut entry.tickers, others().flat_map(|other| &other.tickers));
    date(&mut entry, &timekeeper.stored);
    StoredEntry {
        entry,
        first_seen: lead.first_seen.max(timekeeper.stored.first_seen),
        changed_at: shown.changed_at,
        told_by: shown.source.clone(),
        tellings: all.iter().map(|member| member.stored.telling()).collect(),
        ..lead.clone()
    }
}

/// Dates a story as its timekeeper is dated, by the date under which that has its place: a date that is changed
/// afterwards moves no story.
fn date(entry: &mut Entry, timekeeper: &StoredEntry) {
    let own = timekeeper.entry.dated();
    entry.published = own.map(|date| timekeeper.order.with_timezone(date.offset()));
    entry.date_is_stated = own.is_some() && timekeeper.entry.date_is_stated;
    entry.updated = entry.updated.filter(|updated| entry.published.is_some_and(|published| *updated >= published));
}

/// Adds what is not there yet.
fn extend<'e>(list: &mut Vec<String>, others: impl Iterator<Item = &'e String>) {
    let mut known: HashSet<String> = list.iter().cloned().collect();
    for other in others {
        if !known.contains(other) {
            known.insert(other.clone());
            list.push(other.clone());
        }
    }
}

/// The title: that of the representative, unless it is cut or more sources have another one. Of several with as many
/// votes one without a marker in front, then that of the earlier member.
fn title(shown: &StoredEntry, all: &[&Member]) -> Option<String> {
    let is_whole = |stored: &StoredEntry| !stored.entry.title.is_empty() && !clean::is_cut(&stored.entry.title);
    let mut votes: HashMap<&str, (BTreeSet<&str>, i64)> = HashMap::new();
    let mut voted: HashSet<&str> = HashSet::new();
    // The representative speaks for its source, for the others their first member does.
    let first = std::iter::once(shown).chain(all.iter().map(|member| &member.stored));
    for stored in first.filter(|stored| is_whole(stored)) {
        if voted.insert(stored.source.as_str()) {
            let vote = votes.entry(&stored.entry.title).or_insert((BTreeSet::new(), stored.row));
            vote.0.insert(stored.source.as_str());
            vote.1 = vote.1.min(stored.row);
        }
    }
    let bare = |title: &str| clean::without_marker(title) == title;
    let is_shown = |title: &str| title == shown.entry.title && bare(title);
    votes
        .into_iter()
        .max_by_key(|(title, (sources, row))| (sources.len(), is_shown(title), bare(title), Reverse(*row)))
        .map(|(title, _)| title.to_owned())
}

#[cfg(test)]
mod tests;
