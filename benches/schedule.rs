//! A simulated year of a thousand sources: delay against requests for a fixed half hour, for ours, and
//! for the ideal that knows each entry beforehand. `cargo bench --bench schedule` prints it for years that were
//! recorded and for habits that are modelled; `cargo bench --bench schedule -- FILE` for other recorded years, in
//! the form of `tests/data/publications.tsv`.

#[path = "../tests/common/polling.rs"]
mod polling;

use std::process::ExitCode;

use polling::{Draw, Year, as_we_do, each_half_hour};

/// Sources whose habits are modelled.
const MODELLED: usize = 1000;

fn main() -> Result<ExitCode, std::io::Error> {
    if let Some(file) = std::env::args().skip(1).find(|argument| !argument.starts_with("--")) {
        let years = Year::recorded(&std::fs::read_to_string(&file)?);
        return Ok(verdict(holds(&file, &years)));
    }
    let recorded = Year::recorded(include_str!("../tests/data/publications.tsv"));
    let mut draw = Draw(11);
    let modelled: Vec<Year> = (0..MODELLED).map(|kind| Year::of_habit(&mut draw, kind)).collect();
    Ok(verdict(holds("recorded", &recorded) & holds("modelled", &modelled)))
}

fn verdict(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether ours makes at most half the requests, at no more delay.
fn holds(name: &str, years: &[Year]) -> bool {
    let (fixed, ours) = (each_half_hour(years), as_we_do(years));
    println!("{name}: {} sources, one year each", years.len());
    println!("every 30 minutes: {fixed}");
    println!("newsriver:        {ours}, {:.1} % of those", ours.requests as f64 * 100.0 / fixed.requests as f64);
    println!("ideal:            {} requests, delay 0 min", fixed.delays.len());
    let good = !years.is_empty() && ours.requests * 2 <= fixed.requests && ours.median() <= fixed.median();
    println!("at most half the requests at no more delay: {}", if good { "holds" } else { "FAILS" });
    good
}
