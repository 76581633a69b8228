//! What a command asks a person: a password, a choice.

use std::io::IsTerminal;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::Ending;
use crate::model::visible;

/// One line of standard input; a terminal does not show it.
pub(super) fn password(username: &str) -> Result<String, Ending> {
    let input = std::io::stdin();
    let shown = if input.is_terminal() {
        eprint!("password of {}: ", visible::line(username));
        let shown = tcgetattr(&input).ok();
        if let Some(mut hidden) = shown.clone() {
            hidden.local_modes.remove(LocalModes::ECHO);
            tcsetattr(&input, OptionalActions::Now, &hidden)?;
        }
        shown
    } else {
        None
    };
    let mut line = String::new();
    let read = input.read_line(&mut line);
    if let Some(shown) = shown {
        tcsetattr(&input, OptionalActions::Now, &shown)?;
        eprintln!();
    }
    read?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(Ending::Usage(
            "no password: give it in one line of standard input, or --password-file FILE".to_owned(),
        ));
    }
    Ok(line.to_owned())
}

/// Asks on the terminal: numbers, `a` for all, nothing for the first.
pub(super) fn ask(most: usize) -> Result<Vec<usize>, Ending> {
    eprint!("which? [1-{most}, several as 1 3, a for all, q for none; default 1] ");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let words: Vec<&str> = line.split([',', ' ', '\n']).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [] => Ok(vec![1]),
        ["a" | "all"] => Ok((1..=most).collect()),
        ["q"] => Ok(Vec::new()),
        words => {
            words.iter().map(|word| word.parse().map_err(|_| Ending::Usage(format!("`{word}` is no number")))).collect()
        }
    }
}
