//! The body of an entry as a page shows it: the one place where a publisher's HTML goes into a page of ours.

use super::frame::Setting;
use crate::html::PageHtml;
use crate::model::entry::Entry;

/// The body, its pictures by the setting; `None` where there is none.
pub(super) fn body_of(entry: &Entry, root: &str, setting: &Setting) -> Option<PageHtml> {
    entry.content_html.as_ref()?.on_page(|url| setting.picture(root, url))
}

#[cfg(test)]
mod tests {
    use super::super::frame::Pictures;
    use super::*;
    use crate::language::Language;
    use crate::model::zone::Zone;
    use crate::pictures::Signer;

    #[test]
    fn pictures_follow_the_setting() {
        let html = "<p>a</p><img src=\"http://p.example/1.jpg\" srcset=\"http://p.example/2.jpg 2x\">";
        let shown = |pictures: Pictures| {
            let entry = Entry { content_html: Some(html.into()), ..Entry::default() };
            let now = chrono::DateTime::UNIX_EPOCH;
            let setting = Setting { language: Language::English, zone: Zone::UTC, now, pictures };
            body_of(&entry, "/r/", &setting).map(|html| html.to_string()).unwrap_or_default()
        };
        let signer = Signer::new([7; 32]);
        let own = signer.path("http://p.example/1.jpg").unwrap_or_default();
        let proxied = shown(Pictures::Proxy(signer));
        assert!(proxied.contains(&format!("src=\"/r/{own}\"")) && !proxied.contains("p.example"), "{proxied}");
        let direct = shown(Pictures::Direct);
        assert!(direct.contains("src=\"http://p.example/1.jpg\"") && !direct.contains("srcset"), "{direct}");
        let off = shown(Pictures::Off);
        assert!(!off.contains("<img") && off.contains("<p>a</p>"), "{off}");
    }
}
