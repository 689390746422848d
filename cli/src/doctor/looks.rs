//! How results look: in lines of their own off a terminal, wrapped and in colour on one.

use std::io::{IsTerminal, stderr, stdout};

use ratatui::crossterm::terminal::size;

use super::finding::{Finding, Status};
use crate::text::cells;
use crate::text::escape::escaped;

/// Columns before what was found.
const INDENT: usize = 19;

/// Narrower than this, nothing is gained by wrapping.
const NARROWEST: usize = 40;

const BOLD: &str = "1";
const DIM: &str = "2";

/// How results look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Looks {
    /// Of the terminal, if lines are to end there.
    pub(crate) columns: Option<usize>,
    pub(crate) colour: bool,
}

impl Looks {
    /// Of standard output.
    pub(crate) fn of_output() -> Self {
        Self::of(stdout().is_terminal())
    }

    /// Of standard error.
    pub(crate) fn of_aside() -> Self {
        Self::of(stderr().is_terminal())
    }

    fn of(is_terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_dumb = set("TERM").is_none_or(|term| term == "dumb");
        // <https://no-color.org>
        let colour = is_terminal && !is_dumb && set("NO_COLOR").is_none();
        let columns = size().ok().map(|(columns, _)| usize::from(columns));
        Self {
            columns: columns.filter(|columns| is_terminal && *columns >= NARROWEST),
            colour,
        }
    }

    fn painted(self, text: &str, code: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// A text whose first line begins after `used` columns, and the others after `indent`.
    fn wrapped(self, text: &str, used: usize, indent: usize) -> Vec<String> {
        let Some(columns) = self.columns else {
            return vec![text.to_owned()];
        };
        let room = |used: usize| columns.saturating_sub(used).max(1);
        let lines = cells::wrap(text, room(used), room(indent));
        let lines = lines.into_iter().map(|line| text[line].to_owned());
        lines.collect()
    }

    /// A finding: its first line, and those under it.
    pub(crate) fn finding(self, finding: &Finding) -> Vec<String> {
        let Finding {
            check,
            status,
            detail,
            ..
        } = finding;
        self.lines(*status, check, detail)
    }

    /// Checks that were skipped for one reason.
    pub(crate) fn skipped(self, checks: &[&str], why: &str) -> Vec<String> {
        match checks {
            [check] => self.lines(Status::Skip, check, why),
            _ => {
                let count = format!("{} checks", checks.len());
                let text = format!("{why}: {}", checks.join(", "));
                self.lines(Status::Skip, &count, &text)
            }
        }
    }

    fn lines(self, status: Status, check: &str, detail: &str) -> Vec<String> {
        let code = match status {
            Status::Ok => "32",
            Status::Warn => "33",
            Status::Fail => "1;31",
            Status::Skip => DIM,
        };
        let text = escaped(detail).to_string();
        let lines = self.wrapped(&text, INDENT, INDENT);
        let word = self.painted(&format!("{status:4}"), code);
        let dim = |line: &str| match status {
            Status::Skip => self.painted(line, DIM),
            _ => line.to_owned(),
        };
        let line = |(number, line): (usize, &String)| match number {
            0 => format!("{word}  {check:11}  {}", dim(line)),
            _ => format!("{:INDENT$}{}", "", dim(line)),
        };
        lines.iter().enumerate().map(line).collect()
    }

    /// What all comes to: a label, and the text.
    pub(crate) fn verdict(self, label: &str, text: &str) -> Vec<String> {
        let text = escaped(text).to_string();
        let lines = self.wrapped(&text, label.len(), 2);
        let label = self.painted(label, BOLD);
        let line = |(number, line): (usize, &String)| match number {
            0 => format!("{label}{line}"),
            _ => format!("  {line}"),
        };
        lines.iter().enumerate().map(line).collect()
    }

    /// A command to copy: it is not broken.
    pub(crate) fn fix(self, command: &str) -> String {
        let label = self.painted("fix:", BOLD);
        format!("{label} {}", escaped(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(status: Status) -> Finding {
        Finding {
            check: "port",
            status,
            detail: "UDP 12345 can be had, shared with somebody else".to_owned(),
            remedy: None,
        }
    }

    #[test]
    fn off_a_terminal_a_finding_is_a_line_without_colour() {
        let lines = Looks::default().finding(&finding(Status::Ok));
        let expected = "ok    port         UDP 12345 can be had, shared with somebody else";
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn on_a_terminal_it_is_wrapped_under_itself_and_only_words_are_in_colour() {
        let looks = |colour| Looks {
            columns: Some(45),
            colour,
        };
        let lines = looks(false).finding(&finding(Status::Fail));
        let expected = [
            "FAIL  port         UDP 12345 can be had,",
            "                   shared with somebody else",
        ];
        assert_eq!(lines, expected);
        assert!(lines.iter().all(|line| line.len() <= 45));
        let lines = looks(true).finding(&finding(Status::Fail));
        assert_eq!(
            lines[0],
            "\u{1b}[1;31mFAIL\u{1b}[0m  port         UDP 12345 can be had,"
        );
        assert_eq!(lines[1], expected[1]);
    }

    #[test]
    fn what_is_skipped_for_one_reason_is_one_finding() {
        let looks = Looks::default();
        assert_eq!(looks.skipped(&["loop"], "no"), ["skip  loop         no"]);
        let all = looks.skipped(&["join", "loop", "local"], "no port");
        assert_eq!(all, ["skip  3 checks     no port: join, loop, local"]);
    }

    #[test]
    fn a_cause_is_wrapped_and_a_command_is_not() {
        let looks = Looks {
            columns: Some(40),
            colour: false,
        };
        let lines = looks.verdict(
            "most likely cause: ",
            "a firewall on this machine drops UDP",
        );
        assert_eq!(
            lines,
            [
                "most likely cause: a firewall on this",
                "  machine drops UDP"
            ]
        );
        let fix = "sudo nft insert rule inet filter input udp dport 12345 accept";
        assert_eq!(looks.fix(fix), format!("fix: {fix}"));
    }
}
