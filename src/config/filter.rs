//! `include` and `exclude`: what is published of what is stored.

use std::collections::HashMap;

use super::section::{Findings, Section};
use crate::model::entry::StoredEntry;
use crate::model::source::SourceId;
use crate::search::{Filter, Query};

/// `include` and `exclude` of the river, of groups and of sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// `[river]`
    pub river: Filter,
    /// `[groups.NAME]`
    pub groups: HashMap<String, Filter>,
    /// `[[source]]`
    pub sources: HashMap<SourceId, Filter>,
}

impl Filters {
    /// Whether everything is published.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.river.is_empty() && self.groups.is_empty() && self.sources.is_empty()
    }

    /// Why an entry of a source in `group` is not published; `None` where it is.
    #[must_use]
    pub fn bars(&self, group: Option<&str>, stored: &StoredEntry) -> Option<String> {
        let of_source = self.sources.get(&stored.source).map(|filter| (filter, "this source"));
        let of_group = group.and_then(|name| self.groups.get(name)).map(|filter| (filter, "its group"));
        let all = of_source.into_iter().chain(of_group).chain([(&self.river, "the river")]);
        all.into_iter().find_map(|(filter, whose)| Some(format!("{} of {whose}", filter.bars(stored)?)))
    }
}

/// `include` and `exclude`, in the words of a search.
pub(super) fn read_filter(section: &mut Section<'_>, findings: &Findings<'_>) -> Filter {
    let place = section.span();
    let mut read = |key: &'static str| -> Vec<(String, Query)> {
        let texts = section.texts(key).into_iter();
        texts
            .filter_map(|text| match Query::parse(&text) {
                Ok(query) => Some((text, query)),
                Err(error) => {
                    findings.add(place.clone(), format!("`{text}` in `{key}`: {error}"), "write it as in a search");
                    None
                }
            })
            .collect()
    };
    Filter { include: read("include"), exclude: read("exclude") }
}
