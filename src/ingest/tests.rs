//! Decisions without a database: what is stored is a few maps, which answer requests and take changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::identity::{self, Key, KeyKind};
use crate::model::entry::{Entry, StoredEntry};
use crate::model::report::Counts;
use crate::model::source::{Priorities, SourceId};
use crate::stories::{Features, Member};

type Fallible<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What is stored of an entry.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    source: SourceId,
    river_id: String,
    entry: Entry,
    existing: Facts,
    order: i64,
    own_order: i64,
    is_backlog: bool,
    tags: Vec<String>,
}

/// The columns that a request asks for, comparable.
#[derive(Debug, Clone, Default, PartialEq)]
struct Facts {
    id: Option<Key>,
    stamp: Option<Stamp>,
    data: String,
    edits: i64,
    changed_at: i64,
    first_seen: i64,
    is_surplus: bool,
    story: i64,
    words: Option<Vec<u32>>,
}

/// A store of maps.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tables {
    entries: BTreeMap<i64, Row>,
    keys: BTreeMap<(SourceId, u8, Key), i64>,
    unarchived: BTreeSet<i64>,
    told: Vec<i64>,
    joins: Vec<(i64, i64)>,
    search: BTreeMap<i64, String>,
    read: BTreeSet<SourceId>,
}

impl Tables {
    fn beginning(&self, source: &SourceId) -> Beginning {
        let own = self.entries.values().find(|row| row.source == *source);
        Beginning {
            river_began: self.entries.values().next().map(|row| row.existing.first_seen),
            source_began: own.map(|row| row.existing.first_seen),
            has_entries: own.is_some(),
            has_succeeded: self.read.contains(source),
            recipe: self.read.contains(source).then(|| "r".to_owned()),
            left_behind: 0,
        }
    }

    fn load(&self, source: &SourceId, request: &Request, known: &mut Known) {
        known.next_row = known.next_row.max(self.entries.last_key_value().map_or(1, |(row, _)| row + 1));
        for (kind, key) in &request.keys {
            let found = self.keys.get(&(source.clone(), *kind as u8, *key)).copied();
            known.keys.insert((*kind, *key), found);
            if let Some((row, stored)) = found.and_then(|row| Some((row, self.entries.get(&row)?))) {
                let facts = &stored.existing;
                let is_at_hand = facts.stamp.is_some_and(|stamp| request.stamps.contains(&stamp));
                known.entries.entry(row).or_insert_with(|| Existing {
                    id: facts.id,
                    stored: (!is_at_hand).then(|| (facts.data.clone(), stored.entry.clone())),
                    stamp: facts.stamp,
                    edits: facts.edits,
                    changed_at: facts.changed_at,
                    first_seen: facts.first_seen,
                    is_surplus: facts.is_surplus,
                    story: facts.story,
                    words: facts.words.clone(),
                    ..Existing::default()
                });
            }
        }
        for id in &request.river_ids {
            let is_taken = self.entries.values().any(|row| row.river_id == *id);
            known.river_ids.entry(id.clone()).or_insert(is_taken);
        }
        let candidates = request.candidates.iter().map(|row| (*row, self.entries.get(row)));
        for (row, stored) in candidates {
            let story = stored.filter(|stored| !stored.existing.is_surplus).map(|stored| stored.existing.story);
            known.candidates.entry(row).or_insert(story);
            story.iter().for_each(|story| self.load_story(*story, known));
        }
        request.stories.iter().for_each(|story| self.load_story(*story, known));
        for (row, stored) in request.compared.iter().filter_map(|row| Some((*row, self.entries.get(row)?))) {
            let features = Features::of(stored.source.as_str(), &stored.entry, stored.existing.first_seen);
            known.features.insert(row, Arc::new(features));
        }
        for (row, stored) in request.members.iter().filter_map(|row| Some((*row, self.entries.get(row)?))) {
            let at = |moment: i64| DateTime::from_timestamp_millis(moment).unwrap_or_default();
            let member = StoredEntry {
                row,
                river_id: stored.river_id.clone(),
                source: stored.source.clone(),
                first_seen: at(stored.existing.first_seen),
                changed_at: at(stored.existing.changed_at),
                order: at(stored.own_order),
                entry: stored.entry.clone(),
                told_by: stored.source.clone(),
                tellings: Vec::new(),
            };
            known.members.insert(row, Member { stored: member, is_initial: false });
        }
    }

    fn load_story(&self, story: i64, known: &mut Known) {
        if known.has_story(story) {
            return;
        }
        let of_story = self.entries.iter().filter(|(_, row)| row.existing.story == story && !row.existing.is_surplus);
        let member =
            |(row, stored): (&i64, &Row)| StoryMember { row: *row, source: stored.source.clone(), is_compared: true };
        let is_backlog = self.entries.get(&story).is_some_and(|row| row.is_backlog);
        let is_told = self.unarchived.contains(&story);
        known.stories.insert(story, Story { members: of_story.map(member).collect(), is_told, is_backlog });
    }

    fn apply(&mut self, source: &SourceId, entries: &HashMap<Stamp, Entry>, changes: Changes) {
        for (to, from) in changes.united {
            self.entries.values_mut().filter(|row| row.existing.story == from).for_each(|row| row.existing.story = to);
        }
        for new in changes.new {
            let existing = Facts {
                id: new.id,
                stamp: Some(new.stamp),
                data: new.data,
                edits: 0,
                changed_at: new.first_seen,
                first_seen: new.first_seen,
                is_surplus: new.place.is_surplus,
                story: new.place.story,
                words: new.place.signature.map(|signature| signature.words().to_vec()),
            };
            let row = Row {
                source: source.clone(),
                river_id: new.river_id,
                entry: entries.get(&new.stamp).cloned().unwrap_or_default(),
                existing,
                order: new.order,
                own_order: new.own_order,
                is_backlog: new.is_backlog,
                tags: Vec::new(),
            };
            assert!(self.entries.insert(new.row, row).is_none(), "row {} is given twice", new.row);
        }
        for changed in changes.changed {
            let Some(row) = self.entries.get_mut(&changed.row) else { panic!("row {} changed", changed.row) };
            row.entry = entries.get(&changed.stamp).cloned().unwrap_or_default();
            row.existing.data = changed.data;
            row.existing.stamp = Some(changed.stamp);
            row.existing.id = changed.id.or(row.existing.id);
            row.existing.edits += i64::from(changed.is_reworded);
            row.existing.changed_at = changed.changed_at.unwrap_or(row.existing.changed_at);
            if let Some(place) = changed.place {
                row.existing.story = place.story;
                row.existing.is_surplus = place.is_surplus;
                row.existing.words = place.signature.map(|signature| signature.words().to_vec());
            }
        }
        for (kind, key, row) in changes.keys {
            self.keys.insert((source.clone(), kind as u8, key), row);
        }
        for tags in changes.tags {
            self.entries.entry(tags.row).and_modify(|row| row.tags = tags.tags);
        }
        for story in changes.news {
            self.entries.entry(story).and_modify(|row| row.is_backlog = false);
        }
        for (story, order) in changes.moved {
            self.entries.entry(story).and_modify(|row| row.order = order);
        }
        self.joins.extend(changes.joins.iter().map(|(row, other, _)| (*row, *other)));
        self.unarchived.extend(changes.unarchived);
        self.told.extend(changes.told);
        self.search.extend(changes.search);
        self.read.insert(source.clone());
    }

    /// The stories, each as the titles of its entries with their sources.
    fn stories(&self) -> BTreeSet<BTreeSet<(String, String)>> {
        let mut stories: BTreeMap<i64, BTreeSet<(String, String)>> = BTreeMap::new();
        for row in self.entries.values() {
            let telling = (row.source.to_string(), row.entry.title.clone());
            stories.entry(row.existing.story).or_default().insert(telling);
        }
        stories.into_values().collect()
    }
}

/// A river of maps with its memory.
#[derive(Debug, Default)]
struct River {
    tables: Tables,
    memory: Memory,
}

impl River {
    /// Takes a document; what is told of it, and the conclusion.
    fn take(&mut self, source: &str, minutes: i64, entries: &[Entry]) -> Fallible<(Counts, Conclusion)> {
        let mut poll = poll(source, minutes, entries)?;
        let source = SourceId::new(source)?;
        let mut progress = Progress::begin(&poll, self.tables.beginning(&source));
        let by_stamp = |poll: &PollCommit| -> HashMap<Stamp, Entry> {
            let prepared = poll.document.iter().flat_map(|document| &document.entries);
            prepared.map(|entry| (*entry.stamp(), entry.entry().clone())).collect()
        };
        let entries = by_stamp(&poll);
        while let Some(mut slice) = Slice::next(&mut poll, &mut progress) {
            let (mut known, mut request) = (Known::default(), slice.request());
            let mut questions = 0;
            let changes = loop {
                self.tables.load(&source, &request, &mut known);
                match slice.decide(&mut known, &mut self.memory, &Priorities::default())? {
                    Step::Load(more) => request = *more,
                    Step::Done(changes) => break changes,
                }
                questions += 1;
                assert!(questions < 10_000, "what is asked again and again: {request:?}");
            };
            self.tables.apply(&source, &entries, *changes);
        }
        self.memory.keep();
        Ok((progress.counts, conclude(&poll, &progress)))
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default()
}

fn poll(source: &str, minutes: i64, entries: &[Entry]) -> Fallible<PollCommit> {
    let at = now() + TimeDelta::minutes(minutes);
    Ok(PollCommit {
        next_poll: Some(at + TimeDelta::minutes(30)),
        next_poll_if_overrun: Some(at + TimeDelta::minutes(5)),
        initial: Some(2),
        ..PollCommit::of_entries(SourceId::new(source)?, at, entries.to_vec())?
    })
}

/// News that have no word in common.
const NEWS: [(&str, &str); 6] = [
    (
        "区领导到青浦工业园区开展调研",
        "周一走访了三家企业,了解订单、用工和用电,园区答应在月底前逐条答复企业代表提出的七条建议。",
    ),
    (
        "天齐锂业客户进入补贴车型供应链",
        "该公司公告说,今年的订货比去年同期多出三成,新的产线年底投产,股价盘中一度上涨百分之六。",
    ),
    ("星河航空宣布暂停北线航班", "受风雪影响,从明天起停飞十五天,旅客可以免费退票或者改签,客服电话全天开通。"),
    ("林远山夺得男子百米金牌", "这位二十三岁的选手跑出九秒九二,打破了保持十一年的赛会纪录,赛后他把奖牌送给了教练。"),
    ("云州大学取消期末考试", "校方称这是为了减轻学生负担,成绩改由平时作业评定,家长和老师对此看法不一。"),
    ("青川湖大桥今日通车", "大桥全长十二公里,过桥的时间从一小时缩短到十分钟,两岸的居民等了十年。"),
];

fn entry(id: &str, title: &str, body: &str) -> Entry {
    Entry {
        publisher_id: Some(id.into()),
        title: title.into(),
        content_html: (!body.is_empty()).then(|| format!("<p>{body}</p>").into()),
        ..Entry::default()
    }
}

fn told(n: usize) -> Entry {
    let (title, body) = NEWS[n % NEWS.len()];
    entry(&n.to_string(), title, body)
}

#[test]
fn what_is_new_changed_and_known_is_told_apart() -> Fallible {
    let mut river = River::default();
    let (counts, first) = river.take("a", 0, &[told(0), told(1), told(2)])?;
    assert_eq!(counts, Counts { new: 3, changed: 0, unchanged: 0 });
    assert!(!first.is_overrun && first.next_poll == Some(now() + TimeDelta::minutes(30)));
    let backlog: Vec<bool> = river.tables.entries.values().map(|row| row.is_backlog).collect();
    assert_eq!(backlog, [false, false, true], "the newest two of the first document are news");
    assert_eq!(river.tables.told, [1, 2]);
    let edited = Entry {
        tags: vec!["锂".into()], ..entry("1", "天齐锂业客户进入补贴车型供应链(更正)", NEWS[1].1)
    };
    let (counts, _) = river.take("a", 1, &[told(0), edited, told(3)])?;
    assert_eq!(counts, Counts { new: 1, changed: 1, unchanged: 1 });
    let row = &river.tables.entries[&2];
    assert_eq!((row.existing.edits, row.tags.as_slice(), row.existing.story), (1, &["锂".to_owned()][..], 2));
    assert_eq!(river.tables.told, [1, 2, 2, 4]);
    let (_, overrun) = river.take("a", 2, &[told(4), told(5)])?;
    assert!(overrun.is_overrun && overrun.warnings == [OVERRUN]);
    assert_eq!(overrun.next_poll, Some(now() + TimeDelta::minutes(7)));
    Ok(())
}

#[test]
fn ids_are_the_publishers_where_they_are_its_own() -> Fallible {
    let mut river = River::default();
    let own = Entry { publisher_id: Some("http://a.org/1".into()), ..told(0) };
    river.take("a", 0, &[own.clone(), Entry { publisher_id: Some("http://b.org/1".into()), ..told(1) }])?;
    river.take("b", 1, &[Entry { publisher_id: Some("http://a.org/1".into()), ..told(2) }])?;
    let ids: Vec<&str> = river.tables.entries.values().map(|row| row.river_id.as_str()).collect();
    assert!(ids[0] == "http://a.org/1" && ids[1].starts_with("tag:e.org,2026:a/"), "{ids:?}");
    assert!(ids[2].starts_with("tag:e.org,2026:b/"), "{ids:?}");
    Ok(())
}

#[test]
fn one_story_of_many_has_limits_and_its_place() -> Fallible {
    let mut river = River::default();
    let dated =
        |minutes: i64| Entry { published: Some((now() + TimeDelta::minutes(minutes)).fixed_offset()), ..told(0) };
    let flood: Vec<Entry> = (0..20).map(|n| Entry { publisher_id: Some(format!("f{n}")), ..dated(-600) }).collect();
    river.take("flood", 0, &[told(1)])?;
    let (counts, _) = river.take("flood", 1, &flood)?;
    assert_eq!(counts.new, 20);
    let surplus = river.tables.entries.values().filter(|row| row.existing.is_surplus).count();
    assert_eq!((surplus, river.tables.search.len()), (20 - MOST_OF_SOURCE, 1 + MOST_OF_SOURCE));
    river.take("good", 2, &[told(3)])?;
    river.take("good", 3, &[dated(3)])?;
    let story = &river.tables.entries[&2];
    assert_eq!(story.order, (now() + TimeDelta::minutes(3)).timestamp_millis(), "the place of who was dated in time");
    Ok(())
}

/// A document in which `which` says what is told, and whether it is edited; nothing twice.
fn document(which: &[(usize, bool)]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = which
        .iter()
        .map(|(n, is_edited)| {
            let entry = told(*n);
            let title = if *is_edited { format!("{}(更正)", entry.title) } else { entry.title.clone() };
            Entry { title, ..entry }
        })
        .collect();
    let mut met = BTreeSet::new();
    entries.retain(|entry| met.insert(entry.publisher_id.clone()));
    entries
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_document_applied_twice_changes_nothing(
        history in proptest::collection::vec(("[a-c]", proptest::collection::vec((0_usize..12, any::<bool>()), 1..12)), 1..6)
    ) {
        let mut river = River::default();
        for (minute, (source, which)) in (0_i64..).step_by(5).zip(&history) {
            let entries = document(which);
            let before: BTreeSet<i64> = river.tables.entries.keys().copied().collect();
            let (counts, _) = river.take(source, minute, &entries).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let added = river.tables.entries.keys().filter(|row| !before.contains(row)).count();
            prop_assert_eq!(counts.new as usize, added, "what is new is what is new afterwards");
            let stored = river.tables.clone();
            let (again, _) = river.take(source, minute + 1, &entries).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!((again.new, again.changed), (0, 0));
            prop_assert_eq!(&river.tables, &stored);
        }
    }

    /// Word for word the same news is one story, and other news another, whoever is polled first (docs/stories.md).
    #[test]
    fn the_order_of_documents_does_not_part_or_join_stories(
        documents in proptest::collection::vec(proptest::collection::vec((0_usize..6, Just(false)), 1..7), 2..6),
        order in any::<proptest::sample::Index>(),
    ) {
        let sources: Vec<String> = (0..documents.len()).map(|n| format!("s{n}")).collect();
        let mut forwards: Vec<usize> = (0..documents.len()).collect();
        let stories = |order: &[usize]| -> Result<_, TestCaseError> {
            let mut river = River::default();
            for n in order {
                river.take(&sources[*n], 0, &document(&documents[*n])).map_err(|error| TestCaseError::fail(error.to_string()))?;
            }
            Ok(river.tables.stories())
        };
        let reference = stories(&forwards)?;
        let turn = order.index(forwards.len());
        forwards.rotate_left(turn);
        prop_assert_eq!(&stories(&forwards)?, &reference);
        forwards.reverse();
        prop_assert_eq!(&stories(&forwards)?, &reference);
    }
}

/// What must be known is asked for at once, however many entries a document has.
#[test]
fn a_document_takes_few_questions() -> Fallible {
    let mut river = River::default();
    for source in ["a", "b"] {
        river.take(source, 0, &(0..6).map(told).collect::<Vec<_>>())?;
    }
    let count = |river: &mut River, source: &str, entries: &[Entry]| -> Fallible<usize> {
        let mut poll = poll(source, 1, entries)?;
        let id = SourceId::new(source)?;
        let mut progress = Progress::begin(&poll, river.tables.beginning(&id));
        let mut slice = Slice::next(&mut poll, &mut progress).ok_or("no entry")?;
        let (mut known, mut request, mut questions) = (Known::default(), slice.request(), 1);
        loop {
            river.tables.load(&id, &request, &mut known);
            match slice.decide(&mut known, &mut river.memory, &Priorities::default())? {
                Step::Load(more) => (request, questions) = (*more, questions + 1),
                Step::Done(_) => return Ok(questions),
            }
        }
    };
    assert_eq!(count(&mut river, "a", &(0..6).map(told).collect::<Vec<_>>())?, 1, "all is known");
    let strangers: Vec<Entry> = (100..150).map(|n| entry(&n.to_string(), &format!("{n}"), "")).collect();
    assert!(count(&mut river, "c", &strangers)? <= 2);
    // The keys, what may tell the same, and the members of the stories that are joined.
    assert!(count(&mut river, "d", &(0..6).map(told).collect::<Vec<_>>())? <= 3);
    Ok(())
}

#[test]
fn a_key_leads_to_the_entry_that_had_it_last() -> Fallible {
    let mut river = River::default();
    let linked =
        |id: &str, link: &str, n: usize| Entry { url: Some(link.into()), publisher_id: Some(id.into()), ..told(n) };
    river.take("a", 0, &[linked("1", "http://a.org/1", 0)])?;
    // The id comes back with another link, another title and another body: other news under a used id.
    river.take("a", 1, &[linked("1", "http://a.org/2", 1)])?;
    let id = identity::digest(&["1"]);
    let source = SourceId::new("a")?;
    assert_eq!(river.tables.keys.get(&(source, KeyKind::Id as u8, id)), Some(&2));
    assert_eq!(river.tables.entries.len(), 2);
    Ok(())
}
