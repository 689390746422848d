//! Lines that begin with `/`: they are for this program, and never sent.

use crate::text::escape::is_unsafe;

/// The commands, for people.
pub(crate) const HELP: [&str; 9] = [
    "/help        these lines",
    "/quit        leaves, as Ctrl-C does",
    "/nick NAME   another name, up to 32 bytes",
    "/who         who is here",
    "/me TEXT     says what you do: /me waves",
    "/log [FILE]  from now on writes what is said to a file, too; alone: says to which",
    "//text       sends /text",
    "Ctrl-R       searches, from the newest on; again: older; Enter stays there, Esc returns",
    "F2           hides the members, or shows them; PgUp and PgDn scroll; Up recalls what you said",
];

/// What a line that was entered means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Entered<'l> {
    /// To say this.
    Say(&'l str),
    /// To say that one does this.
    Me(&'l str),
    Help,
    Quit,
    Nick(&'l str),
    Who,
    Log(Option<&'l str>),
    /// None of it, and why.
    Refused(String),
}

impl<'l> Entered<'l> {
    /// Whether it is to be said as it is.
    pub(crate) const fn is_said(&self) -> bool {
        matches!(self, Self::Say(_))
    }

    /// What this line means. What is meant for this program or for one person must not be sent to everybody, so
    /// what is not known is refused.
    pub(crate) fn of(line: &'l str) -> Self {
        let Some(command) = line.strip_prefix('/') else {
            return Self::Say(line);
        };
        if command.starts_with('/') {
            return Self::Say(command);
        }
        let (word, rest) = command
            .split_once(char::is_whitespace)
            .unwrap_or((command, ""));
        let rest = rest.trim();
        match (word, rest) {
            ("help", _) => Self::Help,
            ("quit", _) => Self::Quit,
            ("who", _) => Self::Who,
            ("nick", "") => Self::Refused("/nick takes a name: /nick ana".to_owned()),
            ("nick", name) if name.contains(is_unsafe) => {
                Self::Refused("a name has no control characters".to_owned())
            }
            ("nick", name) => Self::Nick(name),
            ("me", "") => Self::Refused("/me takes what you do: /me waves".to_owned()),
            ("me", text) => Self::Me(text),
            ("log", "") => Self::Log(None),
            ("log", file) => Self::Log(Some(file)),
            _ => Self::Refused(format!(
                "nothing was sent: /{word} is no command, /help lists them; //{word} sends /{word}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_slash_is_never_sent() {
        for (line, meaning) in [
            ("hello", Entered::Say("hello")),
            (" /quit", Entered::Say(" /quit")),
            ("1/2", Entered::Say("1/2")),
            ("//help me", Entered::Say("/help me")),
            ("///", Entered::Say("//")),
            ("/help", Entered::Help),
            ("/quit now", Entered::Quit),
            ("/nick  eva ", Entered::Nick("eva")),
            ("/who", Entered::Who),
            ("/me\twaves twice", Entered::Me("waves twice")),
            ("/log", Entered::Log(None)),
            ("/log my talk.txt", Entered::Log(Some("my talk.txt"))),
        ] {
            assert_eq!(Entered::of(line), meaning, "{line}");
        }
        for line in [
            "/",
            "/ x",
            "/msg ana secret",
            "/HELP",
            "/quitter",
            "/nick",
            "/nick a\u{1b}b",
            "/me ",
            "/usr/bin/env",
        ] {
            assert!(matches!(Entered::of(line), Entered::Refused(_)), "{line}");
        }
    }

    #[test]
    fn a_refusal_says_how_to_send_it() {
        let Entered::Refused(why) = Entered::of("/msg ana secret") else {
            panic!("taken");
        };
        assert!(why.contains("nothing was sent") && why.contains("//msg sends /msg"));
        assert!(!why.contains("secret"));
    }
}
