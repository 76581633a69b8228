//! `[server]` and `[access]`: where newsriver listens, and who may read what.

use std::net::SocketAddr;
use std::path::Path;

use toml::de::DeValue;

use super::section::{Findings, Section};
use super::source::credentials;
use super::websub::WebSub;
use crate::model::server::{Access, Guard, Listen, TrustedProxies};
use crate::model::source::Secret;

/// Tokens shorter than this can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// Who may connect to a Unix socket unless feeds.toml says otherwise: all of the machine, as with a port.
const SOCKET_MODE: u32 = 0o666;

/// `[server]`
pub(super) struct Server {
    pub(super) listen: Listen,
    pub(super) trusted_proxies: TrustedProxies,
    pub(super) hosts: Vec<String>,
}

pub(super) fn read_server(mut section: Section<'_>, folder: &Path, findings: &Findings<'_>) -> Server {
    let expected = "an address and port or a socket, such as \"127.0.0.1:8700\", \"[::]:8700\" or \"unix:/run/newsriver/http.sock\"";
    let octal = |value: &DeValue<'_>| {
        let mode = value.as_str().and_then(|text| u32::from_str_radix(text, 8).ok());
        mode.filter(|mode| *mode <= 0o777)
    };
    let stated_mode = section.get("socket_mode", "permissions such as \"660\"", octal);
    let mode = stated_mode.as_ref().map_or(SOCKET_MODE, |found| found.value);
    let listen = section.get("listen", expected, |value| {
        let text = value.as_str()?;
        if let Some(path) = text.strip_prefix("unix:") {
            return (!path.is_empty()).then(|| Listen::Unix { path: folder.join(path), mode });
        }
        text.replace("localhost:", "127.0.0.1:").parse::<SocketAddr>().ok().map(Listen::Address)
    });
    let listen = listen.map(|found| found.value);
    if let (Some(found), Some(Listen::Address(_)) | None) = (stated_mode, &listen) {
        findings.add(found.span, "`socket_mode` without a socket", "it goes with listen = \"unix:...\"");
    }
    let place = section.span();
    let proxies = TrustedProxies::parse(section.texts("trusted_proxies")).unwrap_or_else(|text| {
        findings.add(
            place,
            format!("`trusted_proxies` holds what is neither an address nor a network: {text}"),
            "expected a list such as [\"127.0.0.1\", \"10.0.0.0/8\"]",
        );
        TrustedProxies::default()
    });
    let place = section.span();
    let hosts = section.texts("hosts");
    for host in hosts.iter().filter(|host| !is_host(host)) {
        findings.add(
            place.clone(),
            format!("`hosts` holds what is no name of a host: {host}"),
            "expected a list such as [\"nas.example.org\"]",
        );
    }
    section.finish();
    Server {
        listen: listen.unwrap_or_else(|| Listen::Address(SocketAddr::from(([127, 0, 0, 1], 8700)))),
        trusted_proxies: proxies,
        hosts,
    }
}

/// Whether a text can stand in `Host`.
fn is_host(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '@' | '*' | ','))
}

/// `[access]`
pub(super) fn read_access(mut section: Section<'_>, websub: &WebSub, folder: &Path, findings: &Findings<'_>) -> Access {
    let place = section.span();
    let feeds = read_guard(section.table("feeds"), folder, findings);
    let pages = read_guard(section.table("pages"), folder, findings);
    section.finish();
    if !feeds.is_open() && !websub.hubs.is_empty() {
        findings.add(
            place,
            "`hub` in websub tells others what [access.feeds] keeps to those let in",
            "keep hub = \"self\" alone, or take [access.feeds] out",
        );
    }
    Access { feeds, pages }
}

fn read_guard(mut section: Section<'_>, folder: &Path, findings: &Findings<'_>) -> Guard {
    let place = section.span();
    let stated = section.text("token");
    let file = section.text("token_file");
    let read = match (stated, file) {
        (Some(_), Some(file)) => {
            findings.add(file.span, "both `token` and `token_file`", "keep one of them");
            None
        }
        (Some(found), None) => Some((found.value, found.span)),
        (None, Some(file)) => match findings.read(folder.join(&file.value)) {
            Ok(text) => Some((text.trim().to_owned(), file.span)),
            Err(error) => {
                findings.add(
                    file.span,
                    format!("`token_file` cannot be read: {error}"),
                    "name a file with the token in it",
                );
                None
            }
        },
        (None, None) => None,
    };
    let token = read.and_then(|(token, span)| {
        let is_plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if !is_plain || token.len() < SHORTEST_TOKEN {
            findings.add(
                span,
                "a token that can be guessed, or cannot stand in an address",
                "expected at least 16 letters, digits, '-' and '_', such as `openssl rand -hex 16` prints",
            );
            return None;
        }
        Some(Secret::new(token))
    });
    let credentials = credentials(&mut section, folder, findings);
    if credentials.as_ref().is_some_and(|found| found.password.reveal().is_empty()) {
        findings.add(place, "a `username` without a password", "add `password_file` or `password`");
    }
    section.finish();
    Guard { token, credentials }
}
