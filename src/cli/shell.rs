//! What installs beside the program: completions and man pages, from the definition of the command line.

use std::path::PathBuf;

use clap::CommandFactory;

use super::{Ending, print_bytes};

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ManArguments {
    /// Write the pages of all commands into this folder, instead of the main page to stdout
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Commands whose arguments are source ids.
const TAKE_IDS: &str = "poll|log|remove|rename|why";

/// Asks for the ids only when one of those commands is completed: reading ten thousand sources costs a moment.
const BASH_IDS: &str = r#"
_newsriver_ids() {
    _newsriver "$@"
    local word command=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
        COMMANDS) command=$word ;;
        esac
    done
    local current=${COMP_WORDS[COMP_CWORD]}
    if [[ -n $command && $current != -* ]]; then
        local ids
        ids=$("${COMP_WORDS[0]}" ids 2>/dev/null) && COMPREPLY+=($(compgen -W "$ids" -- "$current"))
    fi
}
complete -F _newsriver_ids -o nosort -o bashdefault -o default newsriver 2>/dev/null || complete -F _newsriver_ids newsriver
"#;

pub(super) fn completions(arguments: &CompletionsArguments) -> Result<(), Ending> {
    let mut out = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "newsriver", &mut out);
    match arguments.shell {
        clap_complete::Shell::Bash => out.extend_from_slice(BASH_IDS.replace("COMMANDS", TAKE_IDS).as_bytes()),
        clap_complete::Shell::Fish => {
            let commands = TAKE_IDS.replace('|', " ");
            let line = format!(
                "complete -c newsriver -n \"__fish_seen_subcommand_from {commands}\" -f -a \"(newsriver ids 2>/dev/null)\"\n"
            );
            out.extend_from_slice(line.as_bytes());
        }
        _ => {}
    }
    print_bytes(&out)
}

pub(super) fn man(arguments: &ManArguments) -> Result<(), Ending> {
    let command = super::Arguments::command();
    let Some(folder) = &arguments.dir else {
        let mut out = Vec::new();
        clap_mangen::Man::new(command).render(&mut out)?;
        return print_bytes(&out);
    };
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder)?;
    Ok(())
}
