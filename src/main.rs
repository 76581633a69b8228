//! The `newsriver` program: arguments -> [`newsriver::cli`] -> exit status.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// The allocator of the whole program. Many threads allocate what is freed after a burst; glibc keeps that in the arena
/// of each thread, jemalloc returns it within seconds (`.cargo/config.toml` sets how soon).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    newsriver::cli::main()
}
