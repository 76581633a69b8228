//! `[output]`: the river as files; and where readers reach something.

use std::path::{Path, PathBuf};

use url::Url;

use super::section::{Findings, Section};

/// The river as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The folder.
    pub dir: PathBuf,
    /// Where readers reach it, ending in a slash; default: where they reach the daemon.
    pub base_url: Option<Url>,
}

pub(super) fn read(mut section: Section<'_>, folder: &Path, findings: &Findings<'_>) -> Option<Output> {
    let dir = section.text("dir").map(|found| folder.join(found.value));
    let base_url = read_base_url(&mut section, findings).map(|mut url| {
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        url
    });
    section.finish();
    dir.map(|dir| Output { dir, base_url })
}

/// Where readers reach what the section is about.
pub(super) fn read_base_url(section: &mut Section<'_>, findings: &Findings<'_>) -> Option<Url> {
    let found = section.text("base_url")?;
    match Url::parse(&found.value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Some(url),
        _ => {
            findings.add(
                found.span,
                "`base_url` is no address",
                "expected an http:// or https:// URL, such as \"https://news.example.org\"",
            );
            None
        }
    }
}
