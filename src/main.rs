//! The `newsriver` program: arguments -> [`newsriver::cli`] -> exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    newsriver::cli::main()
}
