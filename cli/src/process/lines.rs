//! Standard input line by line, read by a thread of its own so that a slow one holds up nothing.

use std::io::{self, BufRead, stdin};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use core::time::Duration;

use groupcast::SendError;

use super::failure::Failure;
use super::signal;
use super::tty;

/// Lines that wait to be sent at most.
const WAITING: usize = 1024;

/// Bytes kept of a line: more than any message can have.
const KEPT: usize = 65_536;

/// How long lines are counted that nobody sends any more.
const COUNTING: Duration = Duration::from_millis(500);

/// A line without its end.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Its bytes, or the first of them.
    pub(crate) octets: Vec<u8>,
    /// How many it has.
    pub(crate) len: usize,
}

impl Line {
    /// Whether all of it is there.
    pub(crate) const fn is_whole(&self) -> bool {
        self.octets.len() == self.len
    }

    /// All of it, to be sent where a message may have so many bytes.
    pub(crate) fn whole(&self, limit: usize) -> Result<&[u8], Failure> {
        let len = self.len;
        if self.is_whole() {
            Ok(&self.octets)
        } else {
            Err(SendError::TooLong { len, limit }.into())
        }
    }

    fn push(&mut self, octets: &[u8], kept: usize) {
        let room = kept.saturating_sub(self.octets.len()).min(octets.len());
        self.octets.extend_from_slice(&octets[..room]);
        self.len = self.len.saturating_add(octets.len());
    }
}

/// Reads standard input until its end, or until nobody wants more.
pub(crate) fn read() -> Receiver<io::Result<Line>> {
    read_of(WAITING, KEPT)
}

/// As [`read`]: so many lines wait at most, and so much is kept of each.
pub(crate) fn read_of(waiting: usize, kept: usize) -> Receiver<io::Result<Line>> {
    let (sender, receiver) = sync_channel(waiting);
    std::thread::spawn(move || {
        let mut input = stdin().lock();
        while let Some(line) = next(&mut input, kept).transpose() {
            let failed = line.is_err();
            if sender.send(line).is_err() || failed {
                break;
            }
        }
    });
    receiver
}

/// Nothing more can be read.
pub(crate) fn unreadable(error: io::Error) -> Failure {
    Failure::Trouble(format!("cannot read standard input: {error}"))
}

/// A signal came: what standard input has still to say is not sent, and that is told. `taken`: lines that
/// were sent; `waiting`: lines that were read and not sent.
pub(crate) fn check_rest(
    taken: u64,
    lines: &Receiver<io::Result<Line>>,
    waiting: u64,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut unsent = waiting;
    let mut at_least = "";
    // Who writes without end is not waited for.
    while let Ok(line) = lines.recv_timeout(signal::LOOK) {
        unsent += u64::from(line.is_ok());
        if begun.elapsed() >= COUNTING {
            at_least = "at least ";
            break;
        }
    }
    if unsent == 0 {
        return Ok(());
    }
    Err(Failure::Unmet(format!(
        "ended after {taken} lines: {at_least}{unsent} lines of standard input were not sent"
    )))
}

/// So many of the lines could not be sent, as was told of each.
pub(crate) fn check_refused(refused: u64, number: u64) -> Result<(), Failure> {
    if refused == 0 {
        return Ok(());
    }
    Err(Failure::Settings(format!(
        "{refused} of {number} lines were not sent"
    )))
}

/// The next line; `None` at the end. The last one need not end with a line feed.
fn next(input: &mut impl BufRead, kept: usize) -> io::Result<Option<Line>> {
    let mut line = Line::default();
    loop {
        let octets = match input.fill_buf() {
            Ok(octets) => octets,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Nobody types any more.
            Err(_) if tty::input_is_gone() => return Ok((line.len > 0).then_some(line)),
            Err(error) => return Err(error),
        };
        if octets.is_empty() {
            return Ok((line.len > 0).then_some(line));
        }
        let end = octets.iter().position(|octet| *octet == b'\n');
        line.push(&octets[..end.unwrap_or(octets.len())], kept);
        let used = end.map_or(octets.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            if line.is_whole() && line.octets.pop_if(|last| *last == b'\r').is_some() {
                line.len -= 1;
            }
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn all(text: &[u8]) -> Vec<(Vec<u8>, usize)> {
        // A small buffer, so that lines are cut in all places.
        let mut input = BufReader::with_capacity(3, text);
        let mut lines = Vec::new();
        while let Some(line) = next(&mut input, KEPT).unwrap() {
            lines.push((line.octets, line.len));
        }
        lines
    }

    #[test]
    fn lines_end_with_a_line_feed_or_with_the_input() {
        let expected = [&b"one"[..], b"", b"two", b"\xffthree"].map(|l| (l.to_vec(), l.len()));
        assert_eq!(all(b"one\n\ntwo\r\n\xffthree"), expected);
        assert_eq!(all(b""), []);
        assert_eq!(all(b"\n"), [(Vec::new(), 0)]);
    }

    #[test]
    fn of_an_endless_line_only_the_beginning_is_kept() {
        let mut text = vec![b'x'; KEPT + 10];
        text.extend_from_slice(b"\r\nnext");
        let lines = all(&text);
        assert_eq!(lines[0], (vec![b'x'; KEPT], KEPT + 11));
        assert_eq!(lines[1].0, b"next");
    }
}
