//! A simulated year of polling: delay against requests for a fixed interval, ours, and the ideal.
//!
//! Virtual time, sources whose entries come as sources publish: evenly, in office hours, in
//! bursts, weekly, dying and starting. `benches/schedule.rs` does the same for a thousand.

#[path = "common/polling.rs"]
mod polling;

use polling::{Draw, Figures, habit, simulate};

#[test]
fn a_year_of_polling_costs_half_the_requests_at_no_more_delay() {
    let mut draw = Draw(7);
    let (mut fixed, mut ours) = (Figures::default(), Figures::default());
    for kind in 0..100 {
        let times = habit(&mut draw, kind);
        simulate(&times, &mut fixed, &mut ours);
    }
    println!("fixed {fixed}\nours  {ours}");
    assert!(ours.requests * 2 <= fixed.requests, "{ours} against {fixed}");
    assert!(ours.median() <= fixed.median(), "{ours} against {fixed}");
}
