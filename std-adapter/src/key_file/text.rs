//! Text as shells write it: UTF-8, or UTF-16 with a byte order mark.

use std::io::{self, BufRead};

use zeroize::Zeroizing;

const MARK: char = '\u{feff}';

/// The text, without its byte order mark.
pub(crate) fn decode(octets: &[u8]) -> io::Result<Zeroizing<String>> {
    let text = match octets {
        [0xff, 0xfe, units @ ..] => utf16(units, u16::from_le_bytes)?,
        [0xfe, 0xff, units @ ..] => utf16(units, u16::from_be_bytes)?,
        _ => {
            let text = core::str::from_utf8(octets).map_err(|_| no_text())?;
            Zeroizing::new(text.strip_prefix(MARK).unwrap_or(text).to_owned())
        }
    };
    Ok(text)
}

fn utf16(octets: &[u8], unit: fn([u8; 2]) -> u16) -> io::Result<Zeroizing<String>> {
    let pairs = octets.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(no_text());
    }
    let units = pairs.map(|pair| unit([pair[0], pair[1]]));
    // So that it does not grow, and leave copies behind: a unit has three octets of UTF-8 at most.
    let mut text = Zeroizing::new(String::with_capacity(octets.len() * 3 / 2));
    for character in char::decode_utf16(units) {
        text.push(character.map_err(|_| no_text())?);
    }
    Ok(text)
}

fn no_text() -> io::Error {
    let why = "it is no text in UTF-8, nor in UTF-16 with a byte order mark";
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The first line, without its end, as [`decode`] reads it. No more is read than that needs.
pub(crate) fn first_line(input: &mut impl BufRead) -> io::Result<Zeroizing<String>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(1024));
    while input.read_until(b'\n', &mut octets)? > 0 {
        let len = octets.len();
        match octets.first_chunk() {
            // The unit of a line feed ends with a zero, which is not read yet.
            Some([0xff, 0xfe]) if len % 2 == 1 => {
                let mut zero = [0];
                match input.read_exact(&mut zero) {
                    Ok(()) => octets.push(zero[0]),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                    Err(error) => return Err(error),
                }
                if zero == [0] {
                    break;
                }
            }
            // The octet of a line feed within another unit.
            Some([0xff, 0xfe]) => {}
            Some([0xfe, 0xff]) if len % 2 == 1 || !octets.ends_with(&[0, b'\n']) => {}
            _ => break,
        }
    }
    let text = decode(&octets)?;
    Ok(Zeroizing::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, octets: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(octets).collect()
    }

    #[test]
    fn the_first_line_is_the_same_in_every_encoding() {
        // Characters whose units have the octet of a line feed, in either place.
        for line in ["seven words", "\u{a05}\u{10a}\u{a0a}x", "", "\u{1f600}"] {
            let text = format!("{line}\r\nmore\n");
            let marked = format!("\u{feff}{text}");
            for octets in [
                text.clone().into_bytes(),
                marked.clone().into_bytes(),
                units(&marked, u16::to_le_bytes),
                units(&marked, u16::to_be_bytes),
            ] {
                let read = first_line(&mut &octets[..]).unwrap();
                assert_eq!(*read, line, "{octets:x?}");
            }
            let unended = units(&format!("\u{feff}{line}"), u16::to_le_bytes);
            assert_eq!(*first_line(&mut &unended[..]).unwrap(), line);
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for octets in [&b"\xff"[..], b"\xff\xfe\0", b"\xff\xfe\0\xd8", b"\xc3"] {
            assert!(decode(octets).is_err(), "{octets:x?}");
        }
    }
}
