//! Feeds in a folder, as they were had -> which rules of validators they break: `cargo bench --bench valid -- FOLDER`.
//! Each file has the address it was had at in its first line, and the document behind it.

#[path = "../tests/rules/mod.rs"]
mod rules;

use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let Some(folder) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) else {
        println!("no folder is named: nothing to look at");
        return Ok(ExitCode::SUCCESS);
    };
    let (mut count, mut bytes, mut broken) = (0, 0, BTreeMap::<String, Vec<String>>::new());
    for file in std::fs::read_dir(folder)? {
        let all = std::fs::read(file?.path())?;
        let end = all.iter().position(|b| *b == b'\n').ok_or("no address")?;
        let (url, document) = (std::str::from_utf8(&all[..end])?, &all[end + 1..]);
        (count, bytes) = (count + 1, bytes + document.len());
        for finding in rules::broken(document, url) {
            let rule = finding.split(':').next().unwrap_or_default().to_owned();
            broken.entry(rule).or_default().push(format!("{url}: {finding}"));
        }
    }
    println!("{count} documents, {bytes} bytes, {} rules broken", broken.len());
    for (rule, by) in &broken {
        println!("{rule}, {} times; for one {}", by.len(), by[0]);
    }
    Ok(if broken.is_empty() && count > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
