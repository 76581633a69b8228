//! JSON Feed 1.1.

use std::collections::HashSet;

use serde_json::Value;

use super::{Findings, value};

const IN_FEED: [&str; 10] = [
    "version",
    "title",
    "home_page_url",
    "feed_url",
    "next_url",
    "description",
    "language",
    "authors",
    "hubs",
    "items",
];
const IN_ITEM: [&str; 15] = [
    "id",
    "url",
    "external_url",
    "title",
    "content_html",
    "content_text",
    "summary",
    "image",
    "date_published",
    "date_modified",
    "authors",
    "tags",
    "language",
    "attachments",
    "_newsriver",
];

pub(super) fn broken(text: &str, url: &str) -> Vec<String> {
    let mut findings = Findings::default();
    match serde_json::from_str::<Value>(text) {
        Ok(feed) => check(&feed, url, &mut findings),
        Err(error) => findings.add("not JSON", &error.to_string()),
    }
    findings.0
}

fn check(feed: &Value, url: &str, findings: &mut Findings) {
    keys(feed, &IN_FEED, findings);
    let version = feed["version"].as_str();
    findings.unless(version == Some("https://jsonfeed.org/version/1.1"), "version", || format!("{version:?}"));
    value::not_blank(feed["title"].as_str(), "title", findings);
    findings.unless(feed["feed_url"] == url, "feed_url", || format!("{} at {url}", feed["feed_url"]));
    for key in ["home_page_url", "next_url"] {
        address(feed, key, findings);
    }
    findings.unless(feed["next_url"] != feed["feed_url"], "next_url", || url.to_owned());
    people(feed, findings);
    for hub in feed["hubs"].as_array().into_iter().flatten() {
        value::not_blank(hub["type"].as_str(), "type of a hub", findings);
        value::iri(hub["url"].as_str().unwrap_or_default(), findings);
    }
    let Some(items) = feed["items"].as_array() else { return findings.add("items", "none") };
    let mut ids = HashSet::new();
    for item in items {
        check_item(item, findings);
        findings.unless(ids.insert(item["id"].as_str()), "id twice", || item["id"].to_string());
    }
}

fn check_item(item: &Value, findings: &mut Findings) {
    keys(item, &IN_ITEM, findings);
    value::not_blank(item["id"].as_str(), "id", findings);
    for key in ["url", "external_url", "image"] {
        address(item, key, findings);
    }
    let has_body = item["content_html"].is_string() || item["content_text"].is_string();
    findings.unless(has_body, "content_html or content_text", || item["id"].to_string());
    value::html(item["content_html"].as_str().unwrap_or_default(), findings);
    for key in ["title", "summary", "content_html", "content_text", "language"] {
        findings.unless(item[key].is_null() || item[key].is_string(), "a text", || format!("{key}: {}", item[key]));
    }
    for key in ["date_published", "date_modified"] {
        if let Some(date) = item[key].as_str() {
            value::date_3339(date, findings);
        }
    }
    if let Some(language) = item["language"].as_str() {
        value::language(language, findings);
    }
    people(item, findings);
    for tag in item["tags"].as_array().into_iter().flatten() {
        value::not_blank(tag.as_str(), "a tag", findings);
    }
    for attachment in item["attachments"].as_array().into_iter().flatten() {
        value::iri(attachment["url"].as_str().unwrap_or_default(), findings);
        value::media_type(attachment["mime_type"].as_str().unwrap_or_default(), findings);
    }
}

fn people(of: &Value, findings: &mut Findings) {
    for person in of["authors"].as_array().into_iter().flatten() {
        let named = ["name", "url", "avatar"]
            .iter()
            .any(|key| person[key].as_str().is_some_and(|text| !text.trim().is_empty()));
        findings.unless(named, "an author of nothing", || person.to_string());
        address(person, "url", findings);
    }
}

fn address(of: &Value, key: &str, findings: &mut Findings) {
    match &of[key] {
        Value::Null => {}
        Value::String(text) => value::iri(text, findings),
        other => findings.add(key, &other.to_string()),
    }
}

fn keys(of: &Value, allowed: &[&str], findings: &mut Findings) {
    let unknown =
        of.as_object().into_iter().flatten().find(|(key, _)| !allowed.contains(&key.as_str()) && !key.starts_with('_'));
    findings.unless(unknown.is_none(), "an unknown key", || unknown.map(|(key, _)| key.clone()).unwrap_or_default());
}
