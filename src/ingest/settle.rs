//! The places of stories in the river, once all entries of a slice are decided on.

use std::collections::{BTreeSet, HashMap};

use chrono::DateTime;

use super::known::{Known, Request};
use super::slice::{Halt, Slice, Told};
use crate::model::entry::StoredEntry;
use crate::model::source::Priorities;
use crate::stories::{self, Member};

impl Slice<'_> {
    /// Puts the stories that the slice touched where their members say that they belong.
    pub(super) fn settle(&mut self, known: &Known, priorities: &Priorities) -> Result<(), Halt> {
        let touched: BTreeSet<i64> = self.touched.iter().map(|row| self.story_of(known, *row)).collect();
        let several = |story: &i64| known.stories.get(story).is_some_and(|story| story.members.len() > 1);
        let stories: Vec<i64> = touched.into_iter().filter(several).collect();
        let rows_of = |story: &i64| known.stories.get(story).into_iter().flat_map(|story| &story.members);
        let is_missing = |row: &i64| *row < self.first_row && !known.members.contains_key(row);
        let members: BTreeSet<i64> =
            stories.iter().flat_map(rows_of).map(|member| member.row).filter(is_missing).collect();
        if !members.is_empty() {
            return Err(Request { members, ..Request::default() }.into());
        }
        let mut shown: HashMap<i64, i64> = HashMap::new();
        let mut orders: HashMap<i64, i64> = HashMap::new();
        for story in &stories {
            let members: Vec<Member> = rows_of(story).filter_map(|member| self.member(member.row, known)).collect();
            let members: Vec<&Member> = members.iter().collect();
            let Some(placed) = stories::timekeeper(&members, priorities) else { continue };
            orders.insert(*story, placed.stored.order.timestamp_millis());
            shown.extend(stories::representative(&members, priorities).map(|member| (*story, member.stored.row)));
        }
        self.finish(known, &orders, &shown);
        Ok(())
    }

    /// A member of a story as it is after this slice.
    fn member(&self, row: i64, known: &Known) -> Option<Member> {
        let written = self.written.get(&row).map(|place| self.entries[*place].entry());
        if let Some(member) = known.members.get(&row) {
            let mut member = member.clone();
            if let Some(entry) = written {
                member.stored.entry = entry.clone();
            }
            return Some(member);
        }
        // The rows of new entries follow each other.
        let new = self.changes.new.get(usize::try_from(row - self.first_row).ok()?)?;
        let source_began = self.progress.beginning.source_began;
        let stored = StoredEntry {
            row,
            river_id: new.river_id.clone(),
            source: self.source.clone(),
            first_seen: self.seen,
            changed_at: self.seen,
            order: DateTime::from_timestamp_millis(new.own_order).unwrap_or_default(),
            entry: written?.clone(),
            told_by: self.source.clone(),
            tellings: Vec::new(),
        };
        Some(Member { stored, is_initial: source_began.is_none_or(|began| new.first_seen <= began) })
    }

    /// Brings what was decided to its end: the stories that entries are in, their places, and what is told of them.
    fn finish(&mut self, known: &Known, orders: &HashMap<i64, i64>, shown: &HashMap<i64, i64>) {
        let changes = &mut self.changes;
        let first_row = self.first_row;
        for new in &mut changes.new {
            new.place.story = known.story_of(new.place.story);
            new.order = orders.get(&new.row).copied().unwrap_or(new.own_order);
            new.is_backlog &= !changes.news.contains(&new.row);
        }
        for place in changes.changed.iter_mut().filter_map(|changed| changed.place.as_mut()) {
            place.story = known.story_of(place.story);
        }
        changes.news.retain(|story| *story < first_row);
        let stored = orders.iter().filter(|(story, _)| **story < first_row);
        changes.moved = stored.map(|(story, order)| (*story, *order)).collect();
        changes.moved.sort_unstable();
        let is_shown = |told: &Told| {
            let shown = shown.get(&known.story_of(told.story));
            told.if_shown.is_none_or(|row| shown.is_none_or(|shown| *shown == row))
        };
        changes.told = self.told.iter().filter(|told| is_shown(told)).map(|told| told.story).collect();
    }
}
