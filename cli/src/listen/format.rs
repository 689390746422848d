//! `--format`: a line for each message, in a form of one's own.

use core::str::FromStr;

use super::letter::Letter;
use crate::process::clock::Zone;
use crate::text::escape::{escaped, hex};

/// What stands in braces, and what a message without it has there: nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Time,
    From,
    Sender,
    Session,
    Address,
    Channel,
    Class,
    Sequence,
    SignedBy,
    Text,
    Hex,
    Bytes,
    File,
}

impl Field {
    const ALL: [(&str, Self); 13] = [
        ("time", Self::Time),
        ("from", Self::From),
        ("sender", Self::Sender),
        ("session", Self::Session),
        ("address", Self::Address),
        ("channel", Self::Channel),
        ("class", Self::Class),
        ("sequence", Self::Sequence),
        ("signed_by", Self::SignedBy),
        ("text", Self::Text),
        ("hex", Self::Hex),
        ("bytes", Self::Bytes),
        ("file", Self::File),
    ];

    fn of(self, letter: &Letter<'_>, zone: &Zone) -> String {
        let Letter {
            member, payload, ..
        } = letter;
        let framed = match self {
            Self::Sender => member.map(|it| it.sender.to_string()),
            Self::Session => member.and_then(|it| it.session).map(|it| it.to_string()),
            Self::Channel => member.map(|it| it.channel.number().to_string()),
            Self::Class => member.map(|it| it.channel.class().name().to_owned()),
            Self::Sequence => member.map(|it| it.sequence.to_string()),
            Self::SignedBy => letter.signed_by.map(str::to_owned),
            Self::File => letter.file.clone(),
            Self::Time => Some(zone.whole(letter.millis)),
            Self::From => Some(letter.from.clone()),
            Self::Address => Some(letter.address.to_string()),
            Self::Text => Some(match core::str::from_utf8(payload) {
                Ok(text) => text.to_owned(),
                Err(_) => hex(payload),
            }),
            Self::Hex => Some(hex(payload)),
            Self::Bytes => Some(payload.len().to_string()),
        };
        framed.unwrap_or_default()
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Text(String),
    Field(Field),
}

/// A line with fields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Format(Vec<Piece>);

impl Format {
    /// The line about a message. What others say cannot end it, nor steer a terminal.
    pub(super) fn line(&self, letter: &Letter<'_>, zone: &Zone) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(field) => escaped(&field.of(letter, zone)).to_string(),
        });
        pieces.collect()
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(format: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            match c {
                '\\' => text.push(match rest.next() {
                    Some('t') => '\t',
                    Some('n') => '\n',
                    Some(other @ ('\\' | '{')) => other,
                    _ => return Err("behind \\ stands t, n, { or \\".to_owned()),
                }),
                '{' => {
                    let left = rest.as_str();
                    let (name, behind) = left.split_once('}').unwrap_or((left, ""));
                    let is_closed = name.len() < left.len();
                    rest = behind.chars();
                    let mut fields = Field::ALL.iter().filter(|_| is_closed);
                    let Some((_, field)) = fields.find(|(known, _)| *known == name) else {
                        let names = Field::ALL.map(|(name, _)| format!("{{{name}}}"));
                        return Err(format!(
                            "there is no {{{name}}}; there are {}, and \\{{ is a brace",
                            names.join(" ")
                        ));
                    };
                    if !text.is_empty() {
                        pieces.push(Piece::Text(core::mem::take(&mut text)));
                    }
                    pieces.push(Piece::Field(*field));
                }
                c => text.push(c),
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter::tests::letters;
    use super::*;

    #[test]
    fn a_line_has_what_is_asked_for() {
        let format = "{time}\\t{from}|{sender}|{session}|{address}|{channel} {class}|{sequence}|{signed_by}|{text}|\
                      {hex}|{bytes}|{file}\\{}\\\\";
        let format: Format = format.parse().unwrap();
        let [framed, raw] = letters("ana", b"a\nb");
        assert_eq!(
            format.line(&framed, &Zone::utc()),
            "2025-11-28 08:00:00\tana|00007f3a|0000000000000007|10.0.0.1:40000|3 state|42||a\\nb|610a62|3|{}\\"
        );
        assert_eq!(
            format.line(&raw, &Zone::utc()),
            "2025-11-28 08:00:00\t10.0.0.1:40000|||10.0.0.1:40000| |||a\\nb|610a62|3|{}\\"
        );
    }

    #[test]
    fn a_field_that_is_not_there_is_refused_with_those_that_are() {
        for (bad, why) in [
            ("{txt}", "there is no {txt}; there are {time} {from}"),
            ("{text", "there is no {text}"),
            ("{}", "there is no {}"),
            ("a\\x", "behind \\"),
            ("\\", "behind \\"),
        ] {
            let told = bad.parse::<Format>().unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert_eq!("".parse(), Ok(Format(Vec::new())));
    }
}
