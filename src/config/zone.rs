//! `timezone` in feeds.toml, and the system's own zone.

use std::path::Path;

use super::Config;
use super::environment;
use super::section::{Findings, Section};
use crate::model::zone::Zone;

impl Config {
    /// The zone of times in tables, as far as a broken feeds.toml still says one.
    #[must_use]
    pub fn timezone_of(path: &Path) -> Zone {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let findings = Findings::new(&text);
        let table = environment::read_table(&text, &findings);
        let mut root = Section::new("feeds.toml", 0..0, Some(table.get_ref()), &findings);
        read(&mut root.table("river"), &findings).unwrap_or_else(of_system)
    }
}

/// The zone under `timezone`; a name that is none is a problem that names the nearest zone.
pub(super) fn read(section: &mut Section<'_>, findings: &Findings<'_>) -> Option<Zone> {
    let found = section.text("timezone")?;
    let zone = Zone::parse(found.value.trim());
    if zone.is_none() {
        let hint = match nearest(&found.value) {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => "expected an IANA name such as \"Asia/Shanghai\", or an offset such as \"+08:00\"".to_owned(),
        };
        findings.add(found.span, format!("`timezone`: \"{}\" is not a time zone", found.value), hint);
    }
    zone
}

/// The IANA zone whose name, or whose city, is nearest to what was written.
fn nearest(written: &str) -> Option<&'static str> {
    let folded = |text: &str| text.trim().to_lowercase().replace(' ', "_");
    let city = |name: &str| name.rsplit('/').next().map(folded).unwrap_or_default();
    let (wanted, wanted_city) = (folded(written), city(written));
    let distance = |name: &str| {
        let whole = strsim::damerau_levenshtein(&folded(name), &wanted);
        whole.min(strsim::damerau_levenshtein(&city(name), &wanted_city))
    };
    let (distance, name) = Zone::names().map(|name| (distance(name), name)).min()?;
    (distance <= 2 && distance < wanted_city.chars().count()).then_some(name)
}

/// The system's zone: that of `TZ`, else that of the system's configuration, else UTC.
pub(super) fn of_system() -> Zone {
    let variable = std::env::var("TZ").ok();
    let named = variable.as_deref().and_then(|name| Zone::parse(name.trim_start_matches(':')));
    let configured = || iana_time_zone::get_timezone().ok().and_then(|name| Zone::parse(&name));
    named.or_else(configured).unwrap_or(Zone::UTC)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_zone() {
        assert_eq!(nearest("Asia/Shangai"), Some("Asia/Shanghai"));
        assert_eq!(nearest("asia/shanghai"), Some("Asia/Shanghai"));
        assert_eq!(nearest("Shanghai"), Some("Asia/Shanghai"));
        assert_eq!(nearest("America/New York"), Some("America/New_York"));
        assert_eq!(nearest("Beijing time"), None);
        assert_eq!(nearest("+25:00"), None);
    }
}
