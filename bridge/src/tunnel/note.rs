//! What tunnels say to each other, in lines of text:
//!
//! ```text
//! at 10.0.0.5:40123                      this address in my site is mine: I speak there for somebody
//! ping 00000000000f4240                  answer this
//! pong 0123456789abcdef 00000000000f4240 tunnel 0123… asked this
//! ```

use core::net::SocketAddr;

use super::topic::number;

/// How long a note may be. Longer ones are not read.
pub(super) const LONGEST: usize = 4096;

/// Addresses in one note, so that it is no longer than that.
pub(super) const ADDRESSES: usize = 64;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Line {
    At(SocketAddr),
    Ping(u64),
    Pong { tunnel: u64, ping: u64 },
}

pub(super) fn write(lines: impl IntoIterator<Item = Line>) -> String {
    let line = |line: Line| match line {
        Line::At(address) => format!("at {address}\n"),
        Line::Ping(ping) => format!("ping {ping:016x}\n"),
        Line::Pong { tunnel, ping } => format!("pong {tunnel:016x} {ping:016x}\n"),
    };
    lines.into_iter().map(line).collect()
}

/// Reads a note. `None` if any of it is wrong; lines of a kind that is not known are passed over, for what will be.
pub(super) fn read(note: &[u8]) -> Option<Vec<Line>> {
    if note.len() > LONGEST {
        return None;
    }
    let text = core::str::from_utf8(note).ok()?;
    let mut lines = Vec::new();
    for line in text.lines() {
        let (kind, rest) = line.split_once(' ')?;
        lines.push(match kind {
            "at" => Line::At(rest.parse().ok()?),
            "ping" => Line::Ping(number(rest, 16)?),
            "pong" => {
                let (tunnel, ping) = rest.split_once(' ')?;
                Line::Pong {
                    tunnel: number(tunnel, 16)?,
                    ping: number(ping, 16)?,
                }
            }
            _ => continue,
        });
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn notes_are_read_as_they_are_written() {
        let addresses = ["10.0.0.5:40123", "[fe80::1%3]:7", "[fd00::1]:65535"];
        let mut lines: Vec<_> = addresses.map(|at| Line::At(at.parse().unwrap())).to_vec();
        lines.push(Line::Ping(u64::MAX));
        lines.push(Line::Pong { tunnel: 1, ping: 0 });
        assert_eq!(read(write(lines.clone()).as_bytes()), Some(lines));
        assert_eq!(
            read(b"later so and so\nping 0000000000000001\n"),
            Some(vec![Line::Ping(1)])
        );
        for bad in [
            &b"\xff"[..],
            b"at home",
            b"ping 1",
            b"x",
            &[b'\n'; LONGEST + 1],
        ] {
            assert_eq!(read(bad), None);
        }
        let longest = SocketAddr::new([0xffff; 8].into(), 65_535);
        assert!(write([Line::At(longest); ADDRESSES]).len() <= LONGEST);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(note in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&note);
        }
    }
}
