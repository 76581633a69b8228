//! A simulated year of polling: delay against requests for a fixed interval, ours, and the ideal.
//!
//! Virtual time; sources that publish as they were recorded to, and by habits: evenly, in office hours, in
//! bursts, weekly. `benches/schedule.rs` does the same for a thousand of each.

#[path = "common/polling.rs"]
mod polling;

use polling::{Draw, Year, as_we_do, each_half_hour};

/// Of so many years one is simulated here.
const ONE_OF: usize = 12;

#[test]
fn a_year_of_polling_costs_half_the_requests_at_no_more_delay() {
    let mut recorded = Year::recorded(include_str!("data/publications.tsv"));
    assert_eq!(recorded.len(), 1000);
    let mut place = 0;
    recorded.retain(|_| {
        place += 1;
        place % ONE_OF == 0
    });
    let mut draw = Draw(7);
    let modelled: Vec<Year> = (0..1000 / ONE_OF).map(|kind| Year::of_habit(&mut draw, kind)).collect();
    for years in [recorded, modelled] {
        let (fixed, ours) = (each_half_hour(&years), as_we_do(&years));
        println!("fixed {fixed}\nours  {ours}");
        assert!(ours.requests * 2 <= fixed.requests, "{ours} against {fixed}");
        assert!(ours.median() <= fixed.median(), "{ours} against {fixed}");
    }
}
