//! The mark of a replay: members of open groups show what is said again as what it is.
//!
//! The protocol has no field for it, and needs none: whoever hears a member goes by the name in its HELLO. What is
//! sealed cannot be changed and is refused anyway; raw datagrams have no name.

use groupcast::Name;
use groupcast::wire::{self, Header, MAX_MAX_DATAGRAM, Suite};

/// What stands behind a name.
const MARK: &str = " (replay)";

/// What becomes of a datagram.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Marked {
    /// It has a name, and a mark behind it now.
    Yes(Vec<u8>),
    /// It has no name: its sender's is in another one.
    Nameless,
    /// It cannot have one: it is raw, sealed or damaged, or as large as can be.
    Never,
}

/// Bytes of a frame before its body, and where in the body of a HELLO the length of the name stands.
const FRAME_HEADER: usize = 4;
const NAME_AT: usize = 11;

const HELLO: u8 = 0x01;

/// CRC-32C (PROTOCOL §2.3).
const CHECKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// Marks a datagram. All other bytes of it stay as they were, also those of frames that are not known here.
pub(super) fn marked(datagram: &[u8]) -> Marked {
    let Ok((header, frames)) = wire::parse(datagram) else {
        return Marked::Never;
    };
    if header.suite != Suite::Open {
        return Marked::Never;
    }
    // What cannot be read is not changed.
    if frames.clone().any(|frame| frame.is_err()) {
        return Marked::Nameless;
    }
    let end = datagram.len() - header.suite.trailer_len();
    let mut made = datagram[..Header::LEN].to_vec();
    let mut rest = &datagram[Header::LEN..end];
    let mut has_name = false;
    while let Some((frame, behind)) = split(rest) {
        match with_mark(frame) {
            Some(frame) => {
                has_name = true;
                made.extend(frame);
            }
            None => made.extend_from_slice(frame),
        }
        rest = behind;
    }
    if !has_name {
        return Marked::Nameless;
    }
    let checksum = CHECKSUM.checksum(&made);
    made.extend_from_slice(&checksum.to_be_bytes());
    if made.len() > usize::from(MAX_MAX_DATAGRAM) || wire::parse(&made).is_err() {
        return Marked::Never;
    }
    Marked::Yes(made)
}

/// The first frame, and those behind it.
fn split(frames: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = frames.get(2..FRAME_HEADER)?;
    let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
    frames.split_at_checked(FRAME_HEADER + length)
}

/// A HELLO with a mark; `None` if it is another frame.
fn with_mark(frame: &[u8]) -> Option<Vec<u8>> {
    if frame.first() != Some(&HELLO) {
        return None;
    }
    let (head, body) = frame.split_at_checked(FRAME_HEADER)?;
    let (fixed, named) = body.split_at_checked(NAME_AT)?;
    let (length, named) = named.split_first()?;
    let (name, options) = named.split_at_checked(usize::from(*length))?;
    let name = mark(core::str::from_utf8(name).ok()?);
    let length = fixed.len() + 1 + name.len() + options.len();
    let mut made = head[..2].to_vec();
    made.extend_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
    made.extend_from_slice(fixed);
    made.push(u8::try_from(name.len()).ok()?);
    made.extend_from_slice(name.as_bytes());
    made.extend_from_slice(options);
    Some(made)
}

/// A name with the mark behind it, as long as a name may be. What is said again a second time has one mark.
fn mark(name: &str) -> String {
    let name = name.strip_suffix(MARK).unwrap_or(name);
    let mut end = name.len().min(Name::CAPACITY - MARK.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let marked = format!("{}{MARK}", &name[..end]);
    marked.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use groupcast::wire::{Bye, Frame, Hello};
    use groupcast::{MemberId, Session};

    use crate::cli::Cli;
    use crate::network::framing::Framing;

    fn framed(frames: &[Frame<'_>]) -> Vec<u8> {
        let cli = Cli::parse_from(["groupcast", "demo"]);
        let framing = Framing::new(&cli.common, "239.1.2.3:12345".parse().unwrap()).unwrap();
        let sender = MemberId::new(0x7f3a).unwrap();
        framing.write(sender, Session::new(1), 5, frames).unwrap()
    }

    fn hello(name: &str) -> Hello<'static> {
        Hello {
            join: true,
            interval: 100,
            options: &[9, 2, 1, 2],
            ..Hello::new(Name::new(name).unwrap())
        }
    }

    #[test]
    fn the_name_is_marked_and_nothing_else_changes() {
        let bye = Frame::Bye(Bye::LEFT);
        for (name, expected) in [
            ("ana", "ana (replay)"),
            ("", "(replay)"),
            ("ana (replay)", "ana (replay)"),
            ("여보세요여보세요여보", "여보세요여보세 (replay)"),
            (
                "0123456789012345678901234567890",
                "01234567890123456789012 (replay)",
            ),
        ] {
            let datagram = framed(&[bye, Frame::Hello(hello(name)), bye]);
            let expected = framed(&[bye, Frame::Hello(hello(expected)), bye]);
            assert_eq!(marked(&datagram), Marked::Yes(expected), "{name}");
        }
    }

    #[test]
    fn what_has_no_name_is_left_as_it_is() {
        let mut datagram = framed(&[Frame::Bye(Bye::LEFT)]);
        assert_eq!(marked(&datagram), Marked::Nameless);
        datagram[9] ^= 1;
        assert_eq!(marked(&datagram), Marked::Never, "damaged");
        assert_eq!(marked(b"Hello"), Marked::Never);
        // Whatever it is, it ends, and what comes out is sound.
        let datagram = framed(&[Frame::Hello(hello("ana"))]);
        let end = datagram.len() - 4;
        for at in Header::LEN..end {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = datagram[..end].to_vec();
                damaged[at] ^= change;
                let checksum = CHECKSUM.checksum(&damaged);
                damaged.extend_from_slice(&checksum.to_be_bytes());
                if let Marked::Yes(made) = marked(&damaged) {
                    assert!(wire::parse(&made).is_ok());
                }
            }
        }
    }
}
