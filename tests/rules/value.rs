//! Values: dates, addresses, languages, media types, HTML.

use chrono::{DateTime, Utc};
use url::Url;

use super::Findings;

/// RFC 3339 as RFC 4287, section 3.3, narrows it; and a date that can be.
pub(super) fn date_3339(text: &str, findings: &mut Findings) {
    let is_shaped = text.len() >= 20 && text.as_bytes()[10] == b'T' && !text.ends_with('z');
    match DateTime::parse_from_rfc3339(text).ok().filter(|_| is_shaped) {
        None => findings.add("InvalidRFC3339Date", text),
        Some(date) => plausible(date.to_utc(), text, findings),
    }
}

/// RFC 822 with four digits for the year, and the day of the week that it was.
pub(super) fn date_822(text: &str, findings: &mut Findings) {
    let year = text.split(' ').find(|word| word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()));
    let zone = text.rsplit(' ').next().unwrap_or_default();
    let has_zone = zone == "GMT" || (zone.len() == 5 && zone.starts_with(['+', '-']));
    match DateTime::parse_from_rfc2822(text).ok().filter(|_| year.is_some() && has_zone) {
        None => findings.add("InvalidRFC2822Date", text),
        Some(date) => {
            let day = text.split(',').next().unwrap_or_default();
            findings.unless(date.format("%a").to_string() == day, "IncorrectDOW", || text.to_owned());
            plausible(date.to_utc(), text, findings);
        }
    }
}

/// Not in the future. How old a date may be is the publisher's to say.
fn plausible(date: DateTime<Utc>, text: &str, findings: &mut Findings) {
    let in_time = date <= Utc::now() + chrono::TimeDelta::days(1);
    findings.unless(in_time, "ImplausibleDate", || text.to_owned());
}

/// An absolute IRI (RFC 3987): a scheme, no white space, nothing that must be escaped.
pub(super) fn iri(text: &str, findings: &mut Findings) {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "<>\"{}|\\^`".contains(c);
    let percents =
        text.split('%').skip(1).all(|rest| rest.len() >= 2 && rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    let is_absolute = Url::parse(text).is_ok();
    findings.unless(is_absolute && percents && !text.contains(forbidden), "InvalidFullLink", || text.to_owned());
    if let Some(rest) = text.strip_prefix("tag:") {
        // RFC 4151, section 2.1; what publishers write behind the comma stays as it is.
        let authority = rest.split_once(',').map_or("", |(authority, _)| authority);
        let is_name = |c: char| c.is_ascii_alphanumeric() || ".-@_".contains(c);
        findings.unless(!authority.is_empty() && authority.chars().all(is_name), "InvalidTAG", || text.to_owned());
    }
    if let Some(rest) = text.strip_prefix("urn:") {
        let (space, specific) = rest.split_once(':').unwrap_or((rest, ""));
        let is_space =
            !space.is_empty() && space.len() <= 32 && space.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        findings.unless(is_space && !specific.is_empty(), "InvalidURN", || text.to_owned());
    }
}

/// An address that readers can follow.
pub(super) fn web_link(text: &str, findings: &mut Findings) {
    iri(text, findings);
    let scheme = text.split(':').next().unwrap_or_default();
    findings.unless(matches!(scheme, "http" | "https" | "ftp" | "mailto" | "magnet" | "tel"), "InvalidLink", || {
        text.to_owned()
    });
}

/// RFC 5646, by its shape.
pub(super) fn language(text: &str, findings: &mut Findings) {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let is_first = (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
    let rest = parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    findings.unless((is_first || first == "x") && rest, "InvalidLanguage", || text.to_owned());
}

/// RFC 6838, section 4.2.
pub(super) fn media_type(text: &str, findings: &mut Findings) {
    let name = text.split(';').next().unwrap_or_default().trim();
    let is_name =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let is_type = name.split_once('/').is_some_and(|(kind, sub)| is_name(kind) && is_name(sub));
    findings.unless(is_type, "InvalidMIMEType", || text.to_owned());
}

pub(super) fn size(text: &str, findings: &mut Findings) {
    findings.unless(text.parse::<u64>().is_ok(), "InvalidIntegerAttribute", || text.to_owned());
}

pub(super) fn mail(text: &str, findings: &mut Findings) {
    let is_mail = text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !text.contains(|c: char| c.is_whitespace() || "<>()\",;:".contains(c))
    });
    findings.unless(is_mail, "InvalidContact", || text.to_owned());
}

pub(super) fn not_blank(text: Option<&str>, what: &str, findings: &mut Findings) {
    findings.unless(text.is_some_and(|text| !text.trim().is_empty()), "NotBlank", || what.to_owned());
}

/// A body: nothing that runs or frames, and no address that needs a base.
pub(super) fn html(text: &str, findings: &mut Findings) {
    let fragment = scraper::Html::parse_fragment(text);
    for node in fragment.root_element().descendants() {
        let Some(element) = node.value().as_element() else { continue };
        let name = element.name();
        let runs = [
            "script", "style", "iframe", "object", "embed", "applet", "form", "input", "meta", "link", "base", "svg",
            "math",
        ];
        findings.unless(!runs.contains(&name), "SecurityRisk", || format!("<{name}> in {text}"));
        for (attribute, value) in element.attrs() {
            let is_safe = !attribute.starts_with("on")
                && attribute != "style"
                && !value.trim().to_ascii_lowercase().starts_with("javascript:");
            findings.unless(is_safe, "SecurityRiskAttr", || format!("{attribute}={value}"));
            if matches!(attribute, "href" | "src" | "poster" | "cite") && !value.starts_with('#') {
                findings.unless(Url::parse(value).is_ok(), "ContainsRelRef", || format!("{attribute}={value}"));
            }
        }
    }
}
