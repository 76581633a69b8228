//! HTML and addresses as readers were given them -> which of them could do anything in a reader's window, in whatever
//! normal form: `cargo test --bench judge -- FILE`. The file is what `.ci/payloads.py` leaves: JSON with the texts as
//! `html`, and the links of entries as `addresses`.

#[path = "../tests/judge/mod.rs"]
mod judge;

use std::process::ExitCode;
use std::thread;

use newsriver::html::SanitisedHtml;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

#[derive(Deserialize)]
struct Published {
    html: Vec<String>,
    addresses: Vec<String>,
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Some(file) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("no file is named: nothing to look at");
        return Ok(ExitCode::SUCCESS);
    };
    let published: Published = serde_json::from_slice(&std::fs::read(file)?)?;
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let share = published.html.len().div_ceil(workers).max(1);
    let mut bad: Vec<String> = thread::scope(|scope| {
        let parts = published.html.chunks(share).map(|part| scope.spawn(|| part.iter().flat_map(live).collect()));
        let running: Vec<thread::ScopedJoinHandle<'_, Vec<String>>> = parts.collect();
        running
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|_| vec!["a judge panicked".to_owned()]))
            .collect()
    });
    bad.extend(
        published.addresses.iter().filter(|address| !leads_only(address)).map(|address| format!("link {address}")),
    );
    println!(
        "{} texts of HTML and {} addresses in every normal form: {} live",
        published.html.len(),
        published.addresses.len(),
        bad.len()
    );
    bad.iter().take(20).for_each(|what| println!("{what}"));
    let is_sound = bad.is_empty() && !published.html.is_empty();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What in a text is live, and whether sanitising it once more would make other markup of it.
fn live(html: &String) -> Vec<String> {
    let mut found = judge::live_in_any_form(html);
    let again = SanitisedHtml::from(html.as_str());
    if SanitisedHtml::from(&*again) != again {
        found.push(format!("never settles: {again}"));
    }
    found.into_iter().map(|what| format!("{what} in {html}")).collect()
}

/// Whether an address has a scheme that does nothing but lead somewhere, or is relative.
fn leads_only(address: &str) -> bool {
    let forms = [address.to_owned(), address.nfc().collect(), address.nfkc().collect()];
    forms.iter().all(|form| judge::is_harmless(form))
}
