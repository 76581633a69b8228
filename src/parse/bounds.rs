//! What one entry may bring. An entry is kept, served in three formats and read by everybody's reader: what a broken or
//! hostile document puts into it beyond these bounds is left out, and told.

use crate::model::feed::{RawEntry, RawFeed, RawText};

/// The longest body or excerpt, bytes.
const BODY: usize = 1 << 20;

/// The longest title or name, bytes.
const TITLE: usize = 4096;

/// The longest address or id, bytes: servers refuse longer ones (RFC 9110, section 4.1, asks for 8,000 octets).
const ADDRESS: usize = 8192;

/// The most tags, attachments or authors.
const LISTED: usize = 200;

/// Holds every entry of a feed to the bounds.
pub(super) fn hold(feed: &mut RawFeed) {
    let mut bounds = Bounds::default();
    bounds.title(&mut feed.title);
    bounds.text(&mut feed.description, TITLE);
    for entry in &mut feed.entries {
        bounds.entry(entry);
    }
    if bounds.is_crossed {
        feed.warnings.push(format!(
            "some entries bring more than one may: bodies over {} KiB and titles over {} KiB were cut, longer addresses than {} KiB and more than {LISTED} tags, attachments or authors left out",
            BODY >> 10,
            TITLE >> 10,
            ADDRESS >> 10
        ));
    }
}

/// Whether anything was left out.
#[derive(Default)]
struct Bounds {
    is_crossed: bool,
}

impl Bounds {
    fn entry(&mut self, entry: &mut RawEntry) {
        self.title(&mut entry.title);
        self.text(&mut entry.content, BODY);
        self.text(&mut entry.summary, BODY);
        let comments = &mut entry.comments;
        for address in [
            &mut entry.id,
            &mut entry.link,
            &mut entry.external_link,
            &mut entry.image,
            &mut entry.base,
            &mut entry.language,
            &mut comments.page,
            &mut comments.feed,
        ] {
            self.address(address);
        }
        self.list(&mut entry.tags, |tag| tag.len() <= TITLE);
        self.list(&mut entry.attachments, |attachment| attachment.url.len() <= ADDRESS);
        self.list(&mut entry.authors, |person| {
            [&person.name, &person.email, &person.url].into_iter().flatten().all(|text| text.len() <= TITLE)
        });
        if let Some(origin) = &mut entry.origin {
            self.address(&mut origin.url);
            self.address(&mut origin.title);
        }
    }

    fn title(&mut self, text: &mut Option<RawText>) {
        self.text(text, TITLE);
    }

    /// Cuts a text, and says in it that it was.
    fn text(&mut self, text: &mut Option<RawText>, most: usize) {
        let Some(text) = text.as_mut().filter(|text| text.value.len() > most) else { return };
        let end = text.value.floor_char_boundary(most);
        text.value.truncate(end);
        text.value.shrink_to_fit();
        text.value.push('…');
        self.is_crossed = true;
    }

    /// Half an address leads nowhere.
    fn address(&mut self, address: &mut Option<String>) {
        if address.as_ref().is_some_and(|address| address.len() > ADDRESS) {
            *address = None;
            self.is_crossed = true;
        }
    }

    fn list<T>(&mut self, list: &mut Vec<T>, fits: impl Fn(&T) -> bool) {
        let before = list.len();
        list.retain(fits);
        list.truncate(LISTED);
        if list.len() < before {
            list.shrink_to_fit();
            self.is_crossed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::feed::Format;

    #[test]
    fn an_entry_brings_no_more_than_one_may_and_the_others_stay() {
        let plain = RawEntry {
            id: Some("urn:1".into()),
            title: Some(RawText::plain("青浦")),
            tags: vec!["a".into()],
            ..RawEntry::default()
        };
        let mut feed = RawFeed::new(Format::Rss);
        feed.entries = vec![
            plain.clone(),
            RawEntry {
                id: Some("x".repeat(ADDRESS + 1)),
                title: Some(RawText::plain("标".repeat(TITLE))),
                content: Some(RawText::html("文".repeat(BODY))),
                tags: (0..LISTED + 9).map(|n| n.to_string()).chain(["t".repeat(TITLE + 1)]).collect(),
                ..RawEntry::default()
            },
        ];
        hold(&mut feed);
        assert_eq!(feed.entries[0], plain);
        let [_, large] = &feed.entries[..] else { panic!("two entries") };
        let length = |text: &Option<RawText>| text.as_ref().map_or(0, |text| text.value.len());
        assert!(length(&large.title) <= TITLE + 3 && length(&large.title) > TITLE - 3);
        assert!(length(&large.content) <= BODY + 3 && large.id.is_none());
        assert_eq!((large.tags.len(), feed.warnings.len()), (LISTED, 1));
        let told = feed.warnings.clone();
        feed.entries.truncate(1);
        hold(&mut feed);
        assert_eq!(feed.warnings, told, "nothing more to tell");
    }
}
