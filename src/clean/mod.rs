//! Cleaning: [`Entry`] -> the news in it. Small named rules, each switchable, in a stated order.
//!
//! In: the entries of one document as `normalise` made them, the rules of the source, the titles that
//! the source had before. Out: the same entries, cleaned, and what each rule did. Applied twice the
//! rules change nothing more; no title becomes empty; the publisher's words stay in the store.

mod affix;
mod body;
mod cut;
mod lines;
mod link;
mod simplified;
mod stated;
mod ticker;

use chrono::{DateTime, FixedOffset, NaiveTime, Utc};
use unicode_normalization::UnicodeNormalization;

use crate::html::{Node, SanitisedHtml};
use crate::model::cleaning::{Firing, Rule, Rules};
use crate::model::entry::Entry;
use affix::Learnt;
pub use affix::without_marker;
use body::Boilerplate;
pub use cut::is_cut;
pub use link::canonical as canonical_link;
pub use simplified::simplified;

/// Characters of a changed text that a [`Firing`] shows.
const SHOWN: usize = 160;

/// Lines at the top of a body that may be its heading.
const HEADINGS: usize = 3;

/// Rounds at most; a second one is rare.
const MOST_ROUNDS: usize = 8;

/// Is told a field, and what stood there before and after.
type Note<'n> = &'n mut dyn FnMut(&str, &str, &str);

/// Cleans the entries of one document.
#[derive(Debug)]
pub struct Cleaner<'a> {
    rules: &'a Rules,
    learnt: Learnt,
    boilerplate: Boilerplate,
    /// What a stated date without a year is completed by, where its entry has no date.
    newest: DateTime<FixedOffset>,
}

impl<'a> Cleaner<'a> {
    /// Learns what the source repeats: from `entries`, those of the document, and `known_titles`, the
    /// titles that its publisher gave earlier entries.
    #[must_use]
    pub fn new(rules: &'a Rules, entries: &[Entry], known_titles: &[String], now: DateTime<Utc>) -> Self {
        let titles = entries.iter().map(|entry| entry.title.as_str()).chain(known_titles.iter().map(String::as_str));
        let dates = entries.iter().filter_map(Entry::dated).filter(|date| *date <= now);
        Self {
            rules,
            learnt: Learnt::from_titles(titles, &rules.affixes),
            boilerplate: if rules.on(Rule::Boilerplate) { Boilerplate::of(entries) } else { Boilerplate::default() },
            newest: dates.max().unwrap_or_else(|| now.fixed_offset()),
        }
    }

    /// Applies every rule that is on, in rounds until none fires: one may uncover what another names.
    /// Tells what each did.
    #[must_use]
    pub fn clean(&self, entry: &mut Entry) -> Vec<Firing> {
        let mut fired = Vec::new();
        for _ in 0..MOST_ROUNDS {
            let before = fired.len();
            for rule in Rule::ALL.into_iter().filter(|rule| self.rules.on(*rule)) {
                self.apply(rule, entry, &mut |field, before, after| fired.push(firing(rule, field, before, after)));
            }
            if fired.len() == before {
                break;
            }
        }
        fired
    }

    fn apply(&self, rule: Rule, entry: &mut Entry, note: Note<'_>) {
        match rule {
            Rule::Width => width(entry, note),
            Rule::Links => links(entry, note),
            Rule::Hype => self.hype(entry, note),
            Rule::Cut => self.uncut(entry, note),
            Rule::Captions => bodies(entry, body::without_captions, note),
            Rule::Echo => echo(entry, note),
            Rule::Attribution => attribute(entry, note),
            Rule::Tails => bodies(entry, body::without_tails, note),
            Rule::Boilerplate => bodies(entry, |nodes| self.boilerplate.strip(nodes), note),
            Rule::Dates => self.date(entry, note),
            Rule::Tickers => tickers(entry, note),
            Rule::Places => place(entry, note),
        }
    }

    fn hype(&self, entry: &mut Entry, note: Note<'_>) {
        if let Some(stripped) = self.learnt.strip(&entry.title, entry.attribution.as_deref()) {
            note("title", &entry.title, &stripped);
            retitle(entry, stripped);
        }
    }

    /// Makes a cut title whole: from the title of the article's page, else from a heading of the body.
    fn uncut(&self, entry: &mut Entry, note: Note<'_>) {
        if !is_cut(&entry.title) {
            return;
        }
        let of_page = entry.page_title.as_deref().and_then(|page| {
            // The page shouts as the list does.
            let calm = self.learnt.strip(page, entry.attribution.as_deref());
            cut::from_page(&entry.title, calm.as_deref().unwrap_or(page)).or_else(|| cut::from_page(&entry.title, page))
        });
        let of_body = || {
            let nodes: Vec<Node<'_>> = entry.content_html.as_ref()?.nodes().collect();
            let lines = lines::lines(&nodes);
            // A single line is the text, not its heading.
            let headings = lines.iter().take(HEADINGS).filter(|_| lines.len() > 1);
            headings.map(|line| line.text.as_str()).find_map(|line| cut::from_line(&entry.title, line))
        };
        if let Some(whole) = of_page.or_else(of_body) {
            note("title", &entry.title, &whole);
            retitle(entry, whole);
        }
    }

    fn date(&self, entry: &mut Entry, note: Note<'_>) {
        let given = entry.dated().filter(|_| !entry.date_is_stated);
        let reference = given.unwrap_or(self.newest);
        // A day in Chinese words is China's, whatever zone the feed writes its times in.
        let zone = if is_chinese(entry) { FixedOffset::east_opt(8 * 3600) } else { None };
        let reference = zone.map_or(reference, |zone| reference.with_timezone(&zone));
        let Some(date) = text_of(entry).and_then(|text| stated::date(&text, reference.date_naive())) else { return };
        if entry.stated_date != Some(date) {
            note("stated_date", "", &date.to_string());
            entry.stated_date = Some(date);
        }
        if given.is_none() {
            let midnight = date.and_time(NaiveTime::MIN).and_local_timezone(reference.timezone()).single();
            entry.date_is_stated = midnight.is_some();
            if entry.published != midnight {
                note("published", "", &date.to_string());
                entry.published = midnight;
            }
        }
    }
}

fn is_chinese(entry: &Entry) -> bool {
    match entry.language.as_deref() {
        Some(language) => language.starts_with("zh"),
        None => entry.title.chars().any(|c| matches!(c, '\u{4e00}'..='\u{9fff}')),
    }
}

/// Gives an entry another title; the publisher's own stays beside it.
fn retitle(entry: &mut Entry, title: String) {
    let before = std::mem::replace(&mut entry.title, title);
    entry.title_original.get_or_insert(before);
}

/// Full-width letters, digits and the signs that go with numbers, as half-width ones (NFKC); Chinese
/// punctuation stays Chinese.
fn width(entry: &mut Entry, note: Note<'_>) {
    let is_wide =
        |c: char| matches!(c, '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '％' | '＋' | '＆' | '＄' | '＃' | '＠');
    // Spaces of no width show nothing, and hide that two titles are one.
    let is_nothing = |c: char| matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}');
    let narrow = |text: &str| -> Option<String> {
        let one = |c: char| if is_wide(c) { c.nfkc().next() } else { Some(c).filter(|c| !is_nothing(*c)) };
        text.contains(|c| is_wide(c) || is_nothing(c)).then(|| text.chars().filter_map(one).collect())
    };
    if let Some(title) = narrow(&entry.title) {
        note("title", &entry.title, &title);
        retitle(entry, title);
    }
    if let Some(summary) = entry.summary.as_deref().and_then(narrow) {
        note("summary", entry.summary.as_deref().unwrap_or_default(), &summary);
        entry.summary = Some(summary);
    }
}

fn links(entry: &mut Entry, note: Note<'_>) {
    for (field, url) in [("url", &mut entry.url), ("external_url", &mut entry.external_url)] {
        if let Some(cleaned) = url.as_deref().and_then(link::clean) {
            note(field, url.as_deref().unwrap_or_default(), &cleaned);
            *url = Some(cleaned);
        }
    }
}

/// Applies a rule to the tags and texts of the body; what it leaves is sanitised, what becomes empty is none.
fn bodies(entry: &mut Entry, rule: impl for<'h> Fn(&[Node<'h>]) -> Option<Vec<Node<'h>>>, note: Note<'_>) {
    let Some(html) = &entry.content_html else { return };
    let nodes: Vec<Node<'_>> = html.nodes().collect();
    let Some(left) = rule(&nodes) else { return };
    let cleaned = SanitisedHtml::of_nodes(&left);
    note("content", &lines::plain(html), &cleaned.as_ref().map(lines::plain).unwrap_or_default());
    entry.content_html = cleaned;
    // The plain text is that of the body as it was.
    entry.content_text = None;
}

fn echo(entry: &mut Entry, note: Note<'_>) {
    let whole = entry.title.clone();
    let mut titles = vec![whole.as_str()];
    titles.extend(Some(affix::without_marker(&whole)).filter(|bare| *bare != whole));
    for title in titles {
        if let Some(summary) = entry.summary.take() {
            if body::is_echo(&summary, title) {
                note("summary", &summary, "");
            } else if let Some(at) = body::behind_title(&summary, title) {
                note("summary", &summary, &summary[at..]);
                entry.summary = Some(summary[at..].to_owned());
            } else {
                entry.summary = Some(summary);
            }
        }
        // An entry without a page has nothing but its body.
        if entry.url.is_some() {
            bodies(entry, |nodes| body::without_echo(nodes, title), note);
        }
    }
}

/// The readable text of an entry: its body, else its excerpt.
#[must_use]
pub fn text_of(entry: &Entry) -> Option<String> {
    let body = entry.content_html.as_ref().map(lines::plain).filter(|text| !text.is_empty());
    body.or_else(|| entry.summary.clone())
}

fn attribute(entry: &mut Entry, note: Note<'_>) {
    if entry.attribution.is_some() {
        return;
    }
    if let Some((name, _)) = text_of(entry).and_then(|text| stated::attribution(&text)) {
        note("attribution", "", &name);
        entry.attribution = Some(name);
    }
}

fn tickers(entry: &mut Entry, note: Note<'_>) {
    let text = format!("{}\n{}", entry.title, text_of(entry).unwrap_or_default());
    for code in ticker::tickers(&text) {
        if !entry.tickers.contains(&code) {
            note("tickers", "", &code);
            entry.tickers.push(code.clone());
        }
        if !entry.tags.contains(&code) {
            entry.tags.push(code);
        }
    }
}

fn place(entry: &mut Entry, note: Note<'_>) {
    let found = text_of(entry).and_then(|text| stated::attribution(&text)).and_then(|(_, place)| place);
    if let Some(place) = found.filter(|place| !entry.tags.contains(place)) {
        note("tags", "", &place);
        entry.tags.push(place);
    }
}

/// Of long texts the part that differs, with a little around it.
fn firing(rule: Rule, field: &str, before: &str, after: &str) -> Firing {
    let same = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(10);
    let cut = |text: &str| {
        let part: String = text.chars().skip(from).take(SHOWN).collect();
        let begins = if from > 0 { "…" } else { "" };
        let ends = if text.chars().count() > from + SHOWN { "…" } else { "" };
        format!("{begins}{part}{ends}")
    };
    Firing { rule, field: field.to_owned(), before: cut(before), after: cut(after) }
}

#[cfg(test)]
mod tests;
