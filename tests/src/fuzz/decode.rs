//! Any octets through the wire's parser.

use groupcast::wire::{self, Frame, FrameError, Header, Nack, Suite};
use groupcast::{GroupTag, MemberId, Session};

use super::{Reached, forge};

/// Octets before each frame's body.
const FRAME_HEADER: usize = 4;

/// Parses the octets as a datagram, then the same with a sound trailer, then as frames.
///
/// # Panics
///
/// The parser takes what it should not, or what it reads is not written as it was.
#[must_use]
pub fn decode(octets: &[u8]) -> Reached {
    let mut reached = Reached::new();
    datagram(octets, &mut reached);
    let mut sound = octets.to_vec();
    forge::seal(&mut sound);
    datagram(&sound, &mut reached);
    let header = Header {
        suite: Suite::Open,
        tag: GroupTag::new(1),
        sender: MemberId::new(2).expect("not zero"),
        session: Session::new(3),
        counter: 4,
    };
    let framed = forge::around(&header, octets);
    let (read, _) = wire::parse(&framed).expect("header and trailer are sound");
    assert_eq!(read, header);
    datagram(&framed, &mut reached);
    reached
}

fn datagram(octets: &[u8], reached: &mut Reached) {
    let of_header = wire::parse_header(octets);
    assert_eq!(
        wire::is_framed(octets),
        octets.first() == Some(&wire::MAGIC)
    );
    match wire::parse(octets) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            reached.insert("refused");
        }
        Ok((header, frames)) => {
            assert_eq!(of_header, Ok(header));
            let body = &octets[Header::LEN..octets.len() - header.suite.trailer_len()];
            let frames: Vec<_> = frames.collect();
            body_of(body, &frames, reached);
            round_trip(&header, octets, &frames);
        }
    }
}

/// The frames account for every octet, and only the last one can be wrong.
fn body_of(body: &[u8], frames: &[Result<Frame<'_>, FrameError>], reached: &mut Reached) {
    let mut at = 0;
    for (number, frame) in frames.iter().enumerate() {
        let rest = &body[at..];
        match frame {
            Ok(frame) => {
                reached.insert(kind(frame));
                sums(frame);
                at += FRAME_HEADER + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert_eq!(number + 1, frames.len(), "a frame after {error}");
                reached.insert("malformed");
                return;
            }
        }
    }
    assert_eq!(at, body.len(), "octets that belong to no frame");
}

/// What iterators over parts of a frame yield adds up.
fn sums(frame: &Frame<'_>) {
    match frame {
        Frame::Nack(nack) => {
            let wanted: Vec<_> = nack.iter().collect();
            let bits: u32 = nack.missing.iter().map(|word| word.count_ones()).sum();
            assert_eq!(wanted.len(), bits as usize);
            assert!(usize::from(nack.words) <= Nack::MAX_WORDS);
            assert!(wanted.iter().all(|number| nack.contains(*number)));
        }
        Frame::Time(time) => {
            let octets: Vec<_> = time.iter_echoes().flat_map(wire::Echo::to_bytes).collect();
            assert_eq!(octets, time.echoes);
        }
        Frame::Hello(hello) => {
            let used: usize = hello.iter_options().map(|(_, value)| 2 + value.len()).sum();
            assert!(used <= hello.options.len());
            assert!(hello.name.as_bytes().len() <= 32);
        }
        _ => {}
    }
}

/// What was read is written so that the same is read, and then as the same octets.
fn round_trip(header: &Header, octets: &[u8], frames: &[Result<Frame<'_>, FrameError>]) {
    let known = |frame: &Frame<'_>| !matches!(frame, Frame::Unknown { .. });
    let frames: Vec<_> = frames.iter().copied().flatten().filter(known).collect();
    let once = forge::of_frames(header, &frames);
    // Beside what cannot be written, only flags and octets without a meaning are left out.
    assert!(once.len() <= octets.len());
    let (again, read) = wire::parse(&once).expect("it was just written");
    assert_eq!(again, *header);
    let read: Vec<_> = read
        .map(|frame| frame.expect("it was just written"))
        .collect();
    assert_eq!(read, frames);
    assert_eq!(forge::of_frames(header, &read), once);
    let too_small = once.len() - 1;
    assert!(wire::emit(header, &frames, &mut vec![0; too_small]).is_err());
}

const fn kind(frame: &Frame<'_>) -> &'static str {
    match frame {
        Frame::Hello(_) => "hello",
        Frame::Bye(_) => "bye",
        Frame::Busy(_) => "busy",
        Frame::Time(_) => "time",
        Frame::Data(_) => "data",
        Frame::Start(_) => "start",
        Frame::Sync(_) => "sync",
        Frame::Nack(_) => "nack",
        Frame::Skip(_) => "skip",
        Frame::AckRequest(_) => "ackreq",
        Frame::Ack(_) => "ack",
        Frame::Ask(_) => "ask",
        _ => "unknown",
    }
}
