//! `${NAME}` in the texts of feeds.toml -> what the environment holds. A dollar sign before it makes it stand for itself:
//! `$${NAME}`.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::section::Findings;

/// A variable of the environment of this process, where it is text.
fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A text as `check` would read it; as it is where that cannot be.
pub(super) fn read_as(text: &str) -> Cow<'_, str> {
    expanded(text, &of_process).unwrap_or(Cow::Borrowed(text))
}

/// Reads the TOML of a file with the environment in its texts; what is wrong with either is a finding.
pub(super) fn read_table<'a>(text: &'a str, findings: &Findings<'_>) -> Spanned<DeTable<'a>> {
    let (mut table, syntax) = DeTable::parse_recoverable(text);
    for error in syntax {
        findings.add(error.span().unwrap_or(0..0), error.message().to_owned(), "");
    }
    expand(table.get_mut(), &of_process, findings);
    table
}

/// Puts the environment into every text of a table; what is not there is a problem at the text.
fn expand(table: &mut DeTable<'_>, lookup: &dyn Fn(&str) -> Option<String>, findings: &Findings<'_>) {
    for (_, value) in table.iter_mut() {
        expand_value(value, lookup, findings);
    }
}

fn expand_value(value: &mut Spanned<DeValue<'_>>, lookup: &dyn Fn(&str) -> Option<String>, findings: &Findings<'_>) {
    let span = value.span();
    match value.get_mut() {
        DeValue::String(text) => match expanded(text, lookup) {
            Ok(Cow::Borrowed(_)) => {}
            Ok(Cow::Owned(expanded)) => *text = expanded.into(),
            Err((message, hint)) => findings.add(span, message, hint),
        },
        DeValue::Array(list) => list.iter_mut().for_each(|item| expand_value(item, lookup, findings)),
        DeValue::Table(table) => expand(table, lookup, findings),
        _ => {}
    }
}

/// A text with the environment in it; else what is wrong with it, and the remedy.
fn expanded<'a>(
    text: &'a str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Cow<'a, str>, (String, &'static str)> {
    const LITERAL: &str = "for the characters themselves write $${";
    if !text.contains("${") {
        return Ok(Cow::Borrowed(text));
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        if rest[..at].ends_with('$') {
            out.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        let Some((name, behind)) = rest[at + 2..].split_once('}') else {
            return Err(("`${` without its `}`".to_owned(), LITERAL));
        };
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            return Err((format!("`${{{name}}}` names no variable of the environment"), LITERAL));
        }
        let Some(value) = lookup(name) else {
            return Err((
                format!("`{name}` is not set in the environment"),
                "set it where newsriver is started; for the characters themselves write $${",
            ));
        };
        out.push_str(&value);
        rest = behind;
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::expanded;

    #[test]
    fn names_become_values_and_nothing_else_does() {
        let lookup = |name: &str| (name == "KEY").then(|| "a$b${KEY}$".to_owned());
        for (text, expected) in [
            ("https://e.example/?key=${KEY}&x", Ok("https://e.example/?key=a$b${KEY}$&x")),
            ("$${KEY} $ $$ {KEY} a[href$='x']", Ok("${KEY} $ $$ {KEY} a[href$='x']")),
            ("青${KEY}${KEY}浦", Ok("青a$b${KEY}$a$b${KEY}$浦")),
            ("${key}", Err("`key` is not set in the environment")),
            ("${KEY", Err("`${` without its `}`")),
            ("${a b}", Err("`${a b}` names no variable of the environment")),
            ("${}", Err("`${}` names no variable of the environment")),
        ] {
            let found = expanded(text, &lookup);
            let found = found.as_deref().map_err(|(message, _)| message.as_str());
            assert_eq!(found, expected, "{text}");
        }
    }
}
