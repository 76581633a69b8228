//! A slice of a document, and what is known -> what is to be written.
//!
//! Entries are decided on one after the other, each knowing what was decided on those before it. Where something must
//! be known first, the answer is what to load ([`Step::Load`]); asked again with that, the work goes on where it
//! stopped. Nothing here looks at a store or at a clock.

use std::convert::Infallible;

use chrono::{DateTime, TimeDelta};

use super::changes::{ChangedEntry, Changes, NewEntry, Tags};
use super::known::{Existing, Known, Request};
use super::memory::Memory;
use super::prepare::{Complete, PrepareError, Prepared};
use super::progress::order;
use super::river_id;
use super::slice::{Halt, Newcomer, Slice, Told, keys_asked, stored_entry};
use crate::html::SanitisedHtml;
use crate::identity::{ExistingEntry, KeyKind, Verdict};
use crate::model::entry::Entry;
use crate::model::source::Priorities;
use crate::stories::{Signature, Time};

/// Edits of an entry after which it counts as changed no oftener than [`PAUSE`].
const MOST_EDITS: i64 = 24;

/// Between two changes of an entry that never stops changing.
const PAUSE: TimeDelta = TimeDelta::hours(1);

/// Edits of an entry after which its story is not looked for again.
const MOST_REJOINS: i64 = 24;

/// Entries whose features are loaded ahead for a slice, at most.
const MOST_AHEAD: usize = 256;

/// What comes of a question.
#[derive(Debug)]
pub enum Step {
    /// This must be known first.
    Load(Box<Request>),
    /// All entries of the slice are decided on.
    Done(Box<Changes>),
}

impl Slice<'_> {
    /// Decides as far as what is known reaches.
    ///
    /// # Errors
    /// [`PrepareError`] where an entry has no stored form.
    pub fn decide(
        &mut self,
        known: &mut Known,
        memory: &mut Memory,
        priorities: &Priorities,
    ) -> Result<Step, PrepareError> {
        for (row, features) in known.features.drain() {
            memory.features.put(row, features);
        }
        if !std::mem::replace(&mut self.is_planned, true) {
            self.first_row = known.next_row;
            let ahead = self.plan(known, memory)?;
            if !ahead.is_empty() {
                return Ok(Step::Load(Box::new(ahead)));
            }
        }
        match self.decide_all(known, memory, priorities) {
            Ok(()) => {
                memory.features.unpin();
                Ok(Step::Done(Box::new(std::mem::take(&mut self.changes))))
            }
            Err(Halt::Load(request)) => Ok(Step::Load(request)),
            Err(Halt::Fail(error)) => Err(error),
        }
    }

    fn decide_all(&mut self, known: &mut Known, memory: &mut Memory, priorities: &Priorities) -> Result<(), Halt> {
        while self.at < self.entries.len() {
            self.decide_one(known, memory)?;
            self.verdict = None;
            self.at += 1;
            self.progress.next += 1;
        }
        self.settle(known, priorities)
    }

    /// What the new entries of the slice will most likely need, at once.
    fn plan(&mut self, known: &Known, memory: &Memory) -> Result<Request, PrepareError> {
        let mut request = Request::default();
        for place in 0..self.entries.len() {
            let is_known =
                keys_asked(&self.entries[place].keys).any(|key| known.keys.get(&key).copied().flatten().is_some());
            if is_known {
                continue;
            }
            let (own, minted) = self.wanted(place).clone();
            request.river_ids.extend(own.into_iter().chain([minted]));
            let time = Time::of(&self.entries[place].entry, self.seen.timestamp_millis());
            if let Some(features) = self.entries[place].features()? {
                let signature = Signature::of(features, memory.rarity());
                request.candidates.extend(memory.index.candidates(time, &signature, memory.rarity()));
            }
        }
        let unknown = request.candidates.iter().filter(|row| memory.features.get(**row).is_none());
        request.compared = unknown.copied().take(MOST_AHEAD).collect();
        Ok(request)
    }

    /// The ids that the entry at `place` may get.
    fn wanted(&mut self, place: usize) -> &(Option<String>, String) {
        let prepared = &self.entries[place];
        self.wanted_ids[place].get_or_insert_with(|| {
            river_id::wanted(&prepared.entry, &prepared.keys, self.source, self.address, self.authority)
        })
    }

    fn decide_one(&mut self, known: &mut Known, memory: &mut Memory) -> Result<(), Halt> {
        let verdict = match self.verdict {
            Some(verdict) => verdict,
            None => self.identify(known),
        };
        // It says so once; what must be loaded first may be asked for several times.
        self.verdict = Some(verdict);
        match verdict {
            Verdict::New => {
                let is_member = self.insert(known, memory)?;
                self.progress.surplus += usize::from(!is_member);
                self.progress.counts.new += 1;
            }
            Verdict::Known(row) if self.update(known, memory, row)? => self.progress.counts.changed += 1,
            Verdict::Known(_) => self.progress.counts.unchanged += 1,
            Verdict::Repeated => {}
        }
        Ok(())
    }

    /// Which entry it is.
    fn identify(&mut self, known: &Known) -> Verdict {
        let Prepared { entry, keys, .. } = &self.entries[self.at];
        let entries = &self.entries;
        let by_stamp = &self.by_stamp;
        let leads_to = |kind, key: Option<_>, row| {
            key.is_some_and(|key| known.keys.get(&(kind, key)).copied().flatten() == Some(row))
        };
        let decided = self.progress.matcher.decide::<Infallible>(entry, keys, |kind, key| {
            let Some(row) = known.keys.get(&(kind, key)).copied().flatten() else { return Ok(None) };
            let Some(existing) = known.entries.get(&row) else { return Ok(None) };
            let stored = stored_entry(existing, entries, by_stamp);
            Ok(Some(ExistingEntry {
                row,
                id: existing.id,
                title: stored.map(|entry| entry.title.clone()).unwrap_or_default(),
                same_link: leads_to(KeyKind::Link, keys.link, row),
                same_body: leads_to(KeyKind::Body, keys.body, row),
                published: stored.and_then(|entry| entry.published).map(|date| date.timestamp()),
            }))
        });
        match decided {
            Ok(verdict) => verdict,
            Err(never) => match never {},
        }
    }

    /// Decides on a new entry; whether it is a member of its story. What is beyond the limits of a story is kept, and
    /// neither told, searched nor found by its tags.
    fn insert(&mut self, known: &mut Known, memory: &mut Memory) -> Result<bool, Halt> {
        let place = self.at;
        let river_id = river_id::choose(self.wanted(place), |id| known.river_ids.get(id).copied())
            .map_err(|ids| Request { river_ids: ids.into_iter().collect(), ..Request::default() })?;
        let row = known.next_row;
        let is_backlog = self.progress.backlog.contains(&(self.first + place));
        let (complete, in_story) =
            self.join(known, memory, &Newcomer { row, seen: self.seen, is_new: true, is_backlog })?;
        let Complete { original, fired, search, .. } = complete;
        known.next_row += 1;
        known.river_ids.insert(river_id.clone(), true);
        let prepared = &mut self.entries[place];
        let order = order(self.seen, &prepared.entry, self.first + place).timestamp_millis();
        let is_member = !in_story.is_surplus;
        let new = NewEntry {
            row,
            river_id,
            id: prepared.keys.id,
            first_seen: self.seen.timestamp_millis(),
            order,
            own_order: order,
            data: std::mem::take(&mut prepared.data),
            stamp: prepared.stamp,
            original,
            fired,
            is_backlog,
            place: in_story,
        };
        let existing = Existing {
            id: new.id,
            stamp: Some(new.stamp),
            first_seen: new.first_seen,
            changed_at: new.first_seen,
            is_surplus: !is_member,
            story: new.place.story,
            ..Existing::default()
        };
        known.entries.insert(row, existing);
        self.changes.new.push(new);
        self.written.insert(row, place);
        self.take_keys(known, row);
        if is_member {
            self.put_tags(row, false);
            self.changes.search.push((row, search));
            self.appear(known, row, is_backlog);
            self.touched.insert(row);
        }
        Ok(is_member)
    }

    /// Decides on a known entry; whether it differs from what is stored. Its id, first sight and own place in the river
    /// stay; the time of its change moves only with its words.
    fn update(&mut self, known: &mut Known, memory: &mut Memory, row: i64) -> Result<bool, Halt> {
        let prepared = &self.entries[self.at];
        let Some(existing) = known.entries.get(&row).cloned() else { return Ok(false) };
        let is_same = existing.stamp == Some(prepared.stamp)
            || existing.stored.as_ref().is_some_and(|(json, _)| *json == prepared.data);
        if existing.is_pruned || is_same {
            return Ok(false);
        }
        let nothing = Entry::default();
        let before = stored_entry(&existing, self.entries, &self.by_stamp).unwrap_or(&nothing);
        let is_reworded = words(before) != words(&prepared.entry);
        let has_other_tags = before.tags != prepared.entry.tags;
        let now = self.seen.timestamp_millis();
        let is_change =
            is_reworded && (existing.edits < MOST_EDITS || now - existing.changed_at >= PAUSE.num_milliseconds());
        let was_surplus = existing.is_surplus;
        let story = known.story_of(existing.story);
        if is_reworded && !was_surplus && !known.stories.contains_key(&story) {
            return Err(Request { stories: [story].into(), ..Request::default() }.into());
        }
        let is_alone = story == row && known.stories.get(&story).is_none_or(|story| story.members.len() <= 1);
        let edits = existing.edits + i64::from(is_reworded);
        let is_joined = is_reworded && !existing.is_split && edits <= MOST_REJOINS && (is_alone || was_surplus);
        let (complete, in_story) = if is_joined {
            let seen = DateTime::from_timestamp_millis(existing.first_seen).unwrap_or_default();
            if self.joining.is_none()
                && let Some(words) = &existing.words
            {
                memory.counts.remove(existing.first_seen, words.clone());
            }
            let (complete, in_story) =
                self.join(known, memory, &Newcomer { row, seen, is_new: was_surplus, is_backlog: false })?;
            (complete, Some(in_story))
        } else {
            let complete = self.take_complete()?;
            if is_reworded {
                let mut features = complete.features.clone();
                features.time = Time::of(&self.entries[self.at].entry, existing.first_seen);
                memory.features.pin(row, features.into());
            }
            (complete, None)
        };
        let is_member = in_story.as_ref().map_or(!was_surplus, |place| !place.is_surplus);
        let Complete { original, fired, search, .. } = complete;
        let prepared = &mut self.entries[self.at];
        self.changes.changed.push(ChangedEntry {
            row,
            id: prepared.keys.id,
            data: std::mem::take(&mut prepared.data),
            stamp: prepared.stamp,
            original,
            fired,
            changed_at: is_change.then_some(now),
            is_reworded,
            place: in_story,
        });
        let stamp = prepared.stamp;
        let id = prepared.keys.id;
        self.written.insert(row, self.at);
        if let Some(existing) = known.entries.get_mut(&row) {
            existing.stamp = Some(stamp);
            existing.stored = None;
            existing.id = id.or(existing.id);
        }
        self.take_keys(known, row);
        if is_member && (has_other_tags || was_surplus) {
            self.put_tags(row, true);
        }
        if is_reworded && is_member {
            self.changes.search.push((row, search));
            self.touched.insert(row);
            if was_surplus {
                self.appear(known, row, false);
            } else if is_change {
                let story = self.story_of(known, row);
                self.told.push(Told { story, if_shown: Some(row) });
            }
        }
        Ok(true)
    }

    /// The keys of the entry lead to `row` from now on.
    fn take_keys(&mut self, known: &mut Known, row: i64) {
        let keys = &self.entries[self.at].keys;
        for (kind, key) in keys.each() {
            // The text of an entry is a key only where it has no better one.
            if kind != KeyKind::Text || (keys.id.is_none() && keys.link.is_none()) {
                known.keys.insert((kind, key), Some(row));
                self.changes.keys.push((kind, key, row));
            }
        }
    }

    fn put_tags(&mut self, row: i64, had_others: bool) {
        let tags = self.entries[self.at].entry.tags.clone();
        if had_others || !tags.is_empty() {
            self.changes.tags.push(Tags { row, had_others, tags });
        }
    }
}

/// What a reader reads: the title and the text of the body, without markup and white space.
fn words(entry: &Entry) -> (&str, String) {
    let nodes = entry.content_html.iter().flat_map(SanitisedHtml::nodes);
    let mut text = String::new();
    nodes.for_each(|node| text.extend(node.text().unwrap_or_default().chars().filter(|c| !c.is_whitespace())));
    (&entry.title, text)
}
