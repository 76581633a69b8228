//! Persons: RSS writes `mail (name)` or `name <mail>` where Atom has elements.

use url::Url;

use super::{link, text};
use crate::model::entry::Person;
use crate::model::feed::{RawPerson, RawText};

/// Everybody who has a name, a mail address or a page; each once.
pub(super) fn all(raw: &[RawPerson], base: Option<&Url>) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    for person in raw.iter().filter_map(|p| one(p, base)) {
        if !people.iter().any(|known| known.name == person.name) {
            people.push(person);
        }
    }
    people
}

fn one(raw: &RawPerson, base: Option<&Url>) -> Option<Person> {
    let line = raw.name.as_deref().map(|name| text::of(&RawText::unknown(name))).unwrap_or_default();
    let (name, mail) = take_apart(&line);
    let email = raw.email.as_deref().map(text::one_line).filter(|m| !m.is_empty()).or(mail);
    let url = raw.url.as_deref().and_then(|l| link::absolute(l, base));
    let name = if name.is_empty() { email.clone().or_else(|| url.clone())? } else { name };
    Some(Person { name, url, email: email.filter(|mail| is_mail(mail)) })
}

/// `mail (name)` and `name <mail>` -> name, mail.
fn take_apart(line: &str) -> (String, Option<String>) {
    for (open, close) in [('(', ')'), ('<', '>')] {
        let Some((before, inside)) = line.strip_suffix(close).and_then(|l| l.rsplit_once(open)) else { continue };
        let (before, inside) = (before.trim(), inside.trim());
        if is_mail(before) && !inside.is_empty() {
            return (inside.to_owned(), Some(before.to_owned()));
        }
        if is_mail(inside) {
            return (before.trim_matches('"').to_owned(), Some(inside.to_owned()));
        }
    }
    (line.to_owned(), is_mail(line).then(|| line.to_owned()))
}

fn is_mail(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        && !text.contains(|c: char| c.is_whitespace() || "<>()\",;:".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_and_name_are_taken_apart() {
        for (line, name, mail) in [
            ("li@e.org (Li Lei)", "Li Lei", Some("li@e.org")),
            ("Li Lei <li@e.org>", "Li Lei", Some("li@e.org")),
            ("li@e.org", "li@e.org", Some("li@e.org")),
            ("记者邹婷婷", "记者邹婷婷", None),
            ("Li (Reuters)", "Li (Reuters)", None),
        ] {
            assert_eq!(take_apart(line), (name.to_owned(), mail.map(str::to_owned)), "{line}");
        }
    }
}
