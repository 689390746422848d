//! What a line says.

use core::num::NonZeroU32;

use clap::ValueEnum;
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use groupcast::Channel;
use serde::Deserialize;

use crate::options::choices::ClassChoice;

/// A message that a line asks for.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) channel: Channel,
    pub(super) payload: Vec<u8>,
    pub(super) confirm: Option<Confirm>,
}

/// Who is to have it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Confirm {
    /// Everybody who is there, and at least one.
    Everybody,
    /// So many members.
    Members(usize),
}

/// A line as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    channel: Number,
    class: Option<String>,
    text: Option<String>,
    hex: Option<String>,
    base64: Option<String>,
    confirm: Option<Wanted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "serde_json::Value")]
struct Number(u8);

impl TryFrom<serde_json::Value> for Number {
    type Error = &'static str;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        let number = value.as_u64().and_then(|number| u8::try_from(number).ok());
        number.map(Self).ok_or("a channel is a number, 0 to 255")
    }
}

#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "confirm is true, or the number of members that are to have it"
)]
enum Wanted {
    Everybody(bool),
    Members(NonZeroU32),
}

impl Said {
    /// Reads a line; `Err` tells what is wrong with it.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        // Some shells write a mark before the first line.
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            return Err("the line is empty; write {\"text\":\"…\"}".to_owned());
        }
        // A list would be taken for the fields in their order.
        if line.iter().find(|octet| !octet.is_ascii_whitespace()) != Some(&b'{') {
            return Err("this is no object; write {\"text\":\"…\"}".to_owned());
        }
        let written: Written = serde_json::from_slice(line).map_err(|error| {
            let text = error.to_string();
            // It knows of one line only.
            text.replace(" at line 1 column ", " at byte ")
        })?;
        let class = match &written.class {
            Some(class) => ClassChoice::from_str(class, false).map_err(|_| no_class(class))?,
            None => ClassChoice::BestEffort,
        };
        let channel = Channel::new(written.channel.0, class.class());
        let confirm = match written.confirm {
            None | Some(Wanted::Everybody(false)) => None,
            Some(_) if !channel.class().is_reliable() => {
                return Err(format!(
                    "nobody confirms messages of class {}; take state, reliable-unordered or reliable-ordered",
                    channel.class()
                ));
            }
            Some(Wanted::Everybody(true)) => Some(Confirm::Everybody),
            Some(Wanted::Members(count)) => {
                let count = usize::try_from(count.get()).unwrap_or(usize::MAX);
                Some(Confirm::Members(count))
            }
        };
        Ok(Self {
            channel,
            payload: payload(written.text, written.hex, written.base64)?,
            confirm,
        })
    }
}

fn payload(
    text: Option<String>,
    hex: Option<String>,
    base64: Option<String>,
) -> Result<Vec<u8>, String> {
    match (text, hex, base64) {
        (Some(text), None, None) => Ok(text.into_bytes()),
        (None, Some(hex), None) => HEXLOWER_PERMISSIVE
            .decode(hex.as_bytes())
            .map_err(|error| format!("hex: {error}; write two digits for each byte")),
        (None, None, Some(base64)) => BASE64
            .decode(base64.as_bytes())
            .map_err(|error| format!("base64: {error}; write it as RFC 4648 does, with padding")),
        (None, None, None) => Err("there is nothing to send; write text, hex or base64".to_owned()),
        _ => Err("there is more than one of text, hex and base64; leave the others out".to_owned()),
    }
}

fn no_class(class: &str) -> String {
    let known = ClassChoice::value_variants().iter();
    let known: Vec<_> = known.map(ToString::to_string).collect();
    format!(
        "there is no class {class:?}; there are {}",
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use groupcast::Class;

    #[test]
    fn lines_are_read_as_the_page_says() {
        let read = |line: &str| Said::read(line.as_bytes()).unwrap();
        let said = read("\u{feff}{\"text\":\"h\\u00e9\\n\"} ");
        assert_eq!(said.payload, "hé\n".as_bytes());
        assert_eq!(said.channel, Channel::best_effort(0));
        assert_eq!(said.confirm, None);
        let said = read(r#"{"hex":"00fF","class":"reliable","channel":255,"confirm":true}"#);
        assert_eq!(said.payload, [0, 0xff]);
        assert_eq!(said.channel, Channel::new(255, Class::ReliableOrdered));
        assert_eq!(said.confirm, Some(Confirm::Everybody));
        let said = read(r#"{"base64":"AP8=","class":"state","confirm":2}"#);
        assert_eq!(said.payload, [0, 0xff]);
        assert_eq!(said.confirm, Some(Confirm::Members(2)));
        assert_eq!(read(r#"{"text":"","confirm":false}"#).payload, b"");
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (line, said) in [
            (&b""[..], "the line is empty"),
            (b" \t ", "the line is empty"),
            (b"hello", "no object"),
            (b"[1,\"state\",\"text\"]", "no object"),
            (b"{\"text\":\"a\"", "EOF"),
            (b"{\"text\":\"a\"} x", "trailing characters at byte 14"),
            (b"{\"text\":\"\xff\"}", "invalid unicode"),
            (b"{\"text\":\"\\ud800\"}", "hex escape"),
            (b"{\"text\":\"a\",\"text\":\"b\"}", "duplicate field"),
            (b"{\"text\":\"a\",\"chanel\":1}", "unknown field `chanel`"),
            (b"{\"text\":\"a\",\"channel\":256}", "0 to 255"),
            (b"{\"text\":1}", "expected a string"),
            (b"{}", "nothing to send"),
            (b"{\"text\":\"a\",\"hex\":\"61\"}", "more than one of"),
            (b"{\"hex\":\"0\"}", "two digits"),
            (b"{\"hex\":\"0g\"}", "two digits"),
            (b"{\"base64\":\"AP8\"}", "padding"),
            (
                b"{\"text\":\"a\",\"class\":\"best\"}",
                "best-effort, latest, state",
            ),
            (b"{\"text\":\"a\",\"confirm\":true}", "nobody confirms"),
            (
                b"{\"text\":\"a\",\"class\":\"state\",\"confirm\":0}",
                "number of members",
            ),
            (
                b"{\"text\":\"a\",\"class\":\"state\",\"confirm\":\"yes\"}",
                "number of members",
            ),
        ] {
            let why = Said::read(line).unwrap_err();
            assert!(why.contains(said), "{}: {why}", line.escape_ascii());
            assert!(!why.contains("line 1"), "{why}");
        }
    }
}
