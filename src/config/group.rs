//! `[groups.NAME]` -> what the sources of a group start from, and what of them is published.

use std::collections::HashMap;

use super::filter::read_filter;
use super::poll::{self, PollDefaults};
use super::section::{Findings, Section};
use super::source;
use crate::search::Filter;

/// One group.
pub(super) struct Group {
    /// What its sources start from: what it sets, else what `[poll]` and `[clean]` do.
    pub(super) poll: PollDefaults,
    filter: Filter,
}

/// All groups that feeds.toml says something of, by name.
pub(super) type Groups = HashMap<String, Group>;

pub(super) fn read_all<'a>(root: &mut Section<'a>, poll: &PollDefaults, findings: &'a Findings<'a>) -> Groups {
    let mut groups = HashMap::new();
    let Some(found) = root.raw("groups") else { return groups };
    let Some(table) = found.get_ref().as_table() else {
        findings.add(found.span(), "`groups` is not a table", "write [groups.NAME] with keys under it");
        return groups;
    };
    for (name, value) in table.iter() {
        let table = value.get_ref().as_table();
        if table.is_none() {
            findings.add(value.span(), format!("`groups.{}` is not a table", name.get_ref()), "write [groups.NAME]");
        }
        let mut section = Section::new("groups", value.span(), table, findings);
        let filter = read_filter(&mut section, findings);
        let mut of_group = poll::read(&mut section, poll, findings);
        if section.raw("clean").is_some() {
            of_group.clean = source::rules(section.table("clean"), &of_group.clean);
        }
        section.finish();
        groups.insert(name.get_ref().to_string(), Group { poll: of_group, filter });
    }
    groups
}

/// What of each group is published, where anything is said of that.
pub(super) fn filters(groups: Groups) -> HashMap<String, Filter> {
    let stated = groups.into_iter().filter(|(_, group)| !group.filter.is_empty());
    stated.map(|(name, group)| (name, group.filter)).collect()
}
