//! A simulated year of a thousand sources: delay against requests for a fixed half hour, for ours, and
//! for the ideal that knows each entry beforehand. `cargo bench --bench schedule` prints it.

#[path = "../tests/common/polling.rs"]
mod polling;

use polling::{Draw, Figures, habit, simulate};

/// Sources that are simulated.
const SOURCES: usize = 1000;

fn main() {
    let mut draw = Draw(11);
    let (mut fixed, mut ours, mut entries) = (Figures::default(), Figures::default(), 0);
    for kind in 0..SOURCES {
        let times = habit(&mut draw, kind);
        entries += times.len();
        simulate(&times, &mut fixed, &mut ours);
    }
    println!("{SOURCES} sources, one year");
    println!("every 30 minutes: {fixed}");
    println!("newsriver:        {ours}");
    println!("ideal:            {entries} requests, delay 0 min");
    let good = ours.requests * 2 <= fixed.requests && ours.median() <= fixed.median();
    println!("at most half the requests at no more delay: {}", if good { "holds" } else { "FAILS" });
    std::process::exit(i32::from(!good));
}
