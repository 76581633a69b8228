//! Joining an entry to the story that it tells.
//!
//! A story is named by the row of its first entry. The cost of one entry does not depend on how many entries its story
//! or its document has: a story has at most [`MOST_MEMBERS`] members and [`MOST_OF_SOURCE`] of one source. What comes
//! beyond belongs to the story and is kept, but it is neither compared with later entries nor shown.

use std::sync::Arc;

use super::changes::InStory;
use super::known::{Known, MOST_MEMBERS, MOST_OF_SOURCE, Request, Story, StoryMember};
use super::memory::Memory;
use super::prepare::Complete;
use super::slice::{Halt, Joining, Newcomer, Slice, Told};
use crate::stories::{Compared, Features, Signature, Time, belonging};

impl Slice<'_> {
    /// Finds the story of the entry that is decided on and joins it, and with it stories that it shows to be one.
    pub(super) fn join(
        &mut self,
        known: &mut Known,
        memory: &mut Memory,
        new: &Newcomer,
    ) -> Result<(Complete, InStory), Halt> {
        let joining = match self.joining.take() {
            Some(joining) => joining,
            None => Box::new(self.begin_joining(known, memory, new)?),
        };
        let features = joining.features.clone();
        let asked = match missing(&joining.candidates, known, memory) {
            None => {
                let candidates: Vec<Compared> =
                    joining.candidates.iter().filter_map(|row| compared(*row, known, memory)).collect();
                belonging(&features, &candidates, memory.rarity(), |story| tellings(story, known, memory))
            }
            Some(request) => Err(Box::new(request)),
        };
        let joins = match asked {
            Ok(joins) => joins,
            Err(request) => {
                self.joining = Some(joining);
                return Err(Halt::Load(request));
            }
        };
        let Joining { complete, signature, .. } = *joining;
        let Newcomer { row, .. } = *new;
        let mut place =
            InStory { story: row, is_surplus: false, signature: Some(signature.clone()), dated: features.time.dated };
        for join in joins {
            let theirs = known.story_of(join.story);
            let (all, of_source) = known.stories.get(&theirs).map_or((0, 0), |story| story.size(self.source));
            let is_alone = place.story == row;
            if is_alone && (all >= MOST_MEMBERS || of_source >= MOST_OF_SOURCE) {
                self.changes.joins.push((row, join.row, join.judgement));
                memory.counts.remove(features.time.seen, signature.words().to_vec());
                memory.add_stories(-1);
                known.stories.remove(&row);
                known.candidates.insert(row, None);
                return Ok((complete, InStory { story: theirs, is_surplus: true, signature: None, ..place }));
            }
            let mine =
                if is_alone { 1 } else { known.stories.get(&place.story).map_or(0, |story| story.size(self.source).0) };
            if mine + all > MOST_MEMBERS {
                continue;
            }
            self.changes.joins.push((row, join.row, join.judgement));
            let (a, b) = (place.story, theirs);
            place.story = known.unite(a, b);
            if a.max(b) < self.first_row {
                self.changes.united.push((a.min(b), a.max(b)));
            }
            memory.add_stories(-1);
        }
        memory.index.insert(row, features.time, &signature);
        memory.features.pin(row, features);
        memory.has_seen(row);
        known.candidates.insert(row, Some(place.story));
        Ok((complete, place))
    }

    fn begin_joining(&mut self, known: &mut Known, memory: &mut Memory, new: &Newcomer) -> Result<Joining, Halt> {
        let complete = self.take_complete()?;
        let seen = new.seen.timestamp_millis();
        let features = Features { time: Time::of(self.current().entry(), seen), ..complete.features.clone() };
        memory.counts.add(seen, features.words.keys().collect());
        memory.add_stories(i64::from(new.is_new));
        let signature = Signature::of(&features, memory.rarity());
        let mut candidates = memory.index.candidates(features.time, &signature, memory.rarity());
        candidates.retain(|row| *row != new.row);
        let alone = StoryMember { row: new.row, source: self.source.clone(), is_compared: true };
        let story = Story { members: vec![alone], is_told: false, is_backlog: new.is_backlog };
        known.stories.entry(new.row).or_insert(story);
        Ok(Joining { complete, features: Arc::new(features), signature, candidates })
    }

    /// Notes that an entry came into the river; one that joined a story that is told already is none.
    pub(super) fn appear(&mut self, known: &mut Known, row: i64, is_backlog: bool) {
        let name = self.story_of(known, row);
        let Some(story) = known.stories.get_mut(&name) else { return };
        if name != row && !is_backlog && story.is_backlog {
            // What others bring now is news, whoever had it in his backlog.
            story.is_backlog = false;
            self.changes.news.push(name);
        }
        if name != row && story.is_told {
            return;
        }
        story.is_told = true;
        self.changes.unarchived.push(name);
        if !is_backlog {
            self.told.push(Told { story: name, if_shown: None });
        }
    }
}

/// What must be known of candidates before they are judged; `None` where all is.
fn missing(candidates: &[i64], known: &Known, memory: &Memory) -> Option<Request> {
    let mut request = Request::default();
    for row in candidates {
        match known.candidates.get(row) {
            Some(None) => {}
            Some(Some(_)) if memory.features.get(*row).is_some() => {}
            found => {
                request.candidates.extend(found.is_none().then_some(*row));
                request.compared.extend(memory.features.get(*row).is_none().then_some(*row));
            }
        }
    }
    (!request.is_empty()).then_some(request)
}

/// A candidate with what it is compared by; `None` where it is no member of a story.
fn compared(row: i64, known: &Known, memory: &Memory) -> Option<Compared> {
    let story = known.story_of(known.candidates.get(&row).copied().flatten()?);
    Some(Compared { row, story, features: memory.features.get(row)?.clone() })
}

/// The members of a story that an entry is compared with.
fn tellings(story: i64, known: &Known, memory: &Memory) -> Result<Vec<Compared>, Box<Request>> {
    let Some(members) = known.stories.get(&story) else {
        return Err(Box::new(Request { stories: [story].into(), ..Request::default() }));
    };
    let rows = members.compared(story);
    let unknown: Vec<i64> = rows.iter().copied().filter(|row| memory.features.get(*row).is_none()).collect();
    if !unknown.is_empty() {
        return Err(Box::new(Request { compared: unknown.into_iter().collect(), ..Request::default() }));
    }
    let of = |row: &i64| Some(Compared { row: *row, story, features: memory.features.get(*row)?.clone() });
    Ok(rows.iter().filter_map(of).collect())
}
