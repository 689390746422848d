//! What clap says where it does not run a command: help, or what is wrong with the command line.

use std::process::ExitCode;

use clap::error::ContextValue;

use crate::process::failure::Failure;
use crate::text::escape::escaped;

/// Help that was asked for, which is a result, or what is wrong with the command line.
pub(crate) fn usage(mut said: clap::Error) -> ExitCode {
    make_safe(&mut said);
    let printed = said.print();
    match printed {
        Err(error) if !said.use_stderr() => Failure::output(&error).report(),
        _ => ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2)),
    }
}

/// What stands on the command line may come from strangers, and a terminal obeys it.
fn make_safe(said: &mut clap::Error) {
    let safe = |text: &String| escaped(text).to_string();
    let values: Vec<_> = said
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, ContextValue::String(safe(text)))),
            ContextValue::Strings(texts) => {
                let texts = texts.iter().map(safe).collect();
                Some((kind, ContextValue::Strings(texts)))
            }
            _ => None,
        })
        .collect();
    for (kind, value) in values {
        said.insert(kind, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::text::escape::is_unsafe;
    use clap::Parser;

    #[test]
    fn what_is_wrong_is_shown_without_what_a_terminal_obeys() {
        let hostile = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}";
        let unknown = format!("--{hostile}");
        let cases: [&[&str]; 9] = [
            &["listen", "--timeout", hostile],
            &["send", "--class", hostile],
            &["listen", "--id", hostile],
            &["send", "--pace", hostile],
            &["doctor", "--peer", hostile],
            &["completions", hostile],
            &[hostile],
            &["listen", &unknown],
            &["members", hostile],
        ];
        for args in cases {
            let said = Cli::try_parse_from(["groupcast"].iter().chain(args));
            let mut said = said.unwrap_err();
            make_safe(&mut said);
            let shown = said.render().to_string();
            assert!(shown.contains("\\u{1b}]0;x"), "{shown}");
            let obeyed = shown.chars().find(|c| *c != '\n' && is_unsafe(*c));
            assert_eq!(obeyed, None, "{shown}");
        }
    }
}
