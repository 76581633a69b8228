//! What pages show of the store beside the river, without what is secret in the addresses of sources.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Live;
use crate::config::Config;
use crate::model::source::{Source, SourceId};
use crate::store::{Explanation, ListedEntry, Store, StoreError};

impl Live {
    /// The members of each of these stories (rows), in the order of their arrival.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn listed(&self, store: &Store, stories: &[i64]) -> Result<HashMap<i64, Vec<ListedEntry>>, StoreError> {
        let config = self.config();
        let mut listed = store.listed(stories)?;
        for members in listed.values_mut() {
            let secrets = Secrets::of(&config, members.iter().map(|member| &member.source));
            members.iter_mut().for_each(|member| secrets.hide_in_listed(member));
        }
        Ok(listed)
    }

    /// How the entry that `name` names came to be; `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn explanation(&self, store: &Store, name: &str) -> Result<Option<Explanation>, StoreError> {
        let config = self.config();
        let Some(mut found) = store.explain(name)? else { return Ok(None) };
        let tellers = found.others.iter().map(|other| &other.source).chain([&found.entry.source]);
        let secrets = Secrets::of(&config, tellers);
        if !secrets.0.is_empty() {
            // The members copy each other: each may repeat what the address of another keeps.
            for stored in found.others.iter_mut().chain([&mut found.entry]) {
                secrets.0.iter().for_each(|source| source.redact_entry(stored));
                secrets.hide_in(&mut stored.entry.title);
                stored.entry.attribution.iter_mut().for_each(|name| secrets.hide_in(name));
            }
            found.original = secrets.hidden(found.original);
            found.fired = secrets.hidden(found.fired);
            found.joins.iter_mut().flat_map(|join| &mut join.judgement.evidence).for_each(|text| secrets.hide_in(text));
        }
        Ok(Some(found))
    }
}

/// The sources whose addresses hold something secret, of those that tell a story.
struct Secrets<'c>(Vec<&'c Source>);

impl<'c> Secrets<'c> {
    fn of<'s>(config: &'c Config, tellers: impl Iterator<Item = &'s SourceId>) -> Self {
        let mut sources: Vec<&Source> = tellers.filter_map(|id| config.source(id.as_str())).collect();
        sources.retain(|source| source.public_address().is_none());
        sources.dedup_by_key(|source| &source.id);
        Self(sources)
    }

    fn hide_in(&self, text: &mut String) {
        for source in &self.0 {
            *text = source.redacted_document(text);
        }
    }

    fn hide_in_listed(&self, member: &mut ListedEntry) {
        for source in &self.0 {
            member.url = member.url.take().and_then(|url| source.without_secrets(&url));
        }
        self.hide_in(&mut member.title);
        member.title_original.iter_mut().for_each(|title| self.hide_in(title));
        let evidence = member.why.iter_mut().flat_map(|why| &mut why.judgement.evidence);
        evidence.for_each(|text| self.hide_in(text));
    }

    /// The same with nothing secret in any of its texts; nothing where what is left makes no sense.
    fn hidden<T: Serialize + DeserializeOwned + Default>(&self, value: T) -> T {
        let value = serde_json::to_value(value).map(|mut value| {
            self.hide_in_value(&mut value);
            value
        });
        value.and_then(serde_json::from_value).unwrap_or_default()
    }

    fn hide_in_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.hide_in(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.hide_in_value(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.hide_in_value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
