//! DATA: a message, or a fragment of one (PROTOCOL §2.6).

use super::ParseError;
use super::frame::FRAME_HEADER_LEN;
use super::writer::Writer;

/// A message, or a fragment of one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Data<'a> {
    /// The delivery class's code: 0 best effort or latest, 1 reliable unordered, 2 reliable ordered,
    /// 3 state.
    pub class: u8,
    /// LATEST flag, with class 0: drop it if a newer one of its channel has come. With others it says nothing.
    pub latest: bool,
    /// REPAIR flag: sent again because somebody asked.
    pub repair: bool,
    /// COPY flag: sent again unasked, with a heartbeat.
    pub copy: bool,
    /// SIGNED flag: the message ends with a signature.
    pub signed: bool,
    /// The application's channel.
    pub channel: u8,
    /// How many sequence numbers before this one the sender can still repair, 255: 255 or more; 0 in best
    /// effort.
    pub horizon: u8,
    /// Which fragment of its message this is, from 0.
    pub fragment: u8,
    /// The message's last fragment's number: 0 for a message in one datagram.
    pub last: u8,
    /// The fragment's sequence number.
    pub sequence: u32,
    /// The fragment's bytes.
    pub payload: &'a [u8],
}

/// Bytes of the body before the payload, and of the whole frame before it.
const FIXED_LEN: usize = 1 + 1 + 1 + 1 + 4;
const OVERHEAD: usize = FRAME_HEADER_LEN + FIXED_LEN;

const CLASS: u8 = 0x03;
const REPAIR: u8 = 0x04;
const COPY: u8 = 0x08;
const LATEST: u8 = 0x10;
const SIGNED: u8 = 0x20;

/// Bytes of a signature at the end of a message (PROTOCOL P1).
pub(crate) const SIGNATURE_LEN: usize = 64;

impl Data<'_> {
    /// Marks a DATA frame, ready to be sent, with what is known only now.
    pub(crate) fn stamp(frame: &mut [u8], horizon: u8, mark: Mark) {
        if let [_, flags, _, _, _, at, ..] = frame {
            *at = horizon;
            *flags |= match mark {
                Mark::First => 0,
                Mark::Repair => REPAIR,
                Mark::Copy => COPY,
            };
        }
    }
}

impl Data<'_> {
    /// Whether the frame holds a message of one fragment.
    pub(crate) fn is_whole(frame: &[u8]) -> bool {
        matches!(frame, [Self::KIND, _, _, _, _, _, _, 0, ..])
    }

    /// How many fragments of the message come after the one in the frame.
    pub(crate) fn fragments_after(frame: &[u8]) -> u32 {
        match frame {
            [Self::KIND, _, _, _, _, _, fragment, last, ..] => {
                u32::from(last.saturating_sub(*fragment))
            }
            _ => 0,
        }
    }

    /// Whether the frame is for everybody, and not only for those who take reliable streams (PROTOCOL S14).
    pub(crate) fn is_for_all(frame: &[u8]) -> bool {
        !matches!(frame, [Self::KIND, flags, ..] if matches!(flags & CLASS, 1 | 2))
    }

    /// Whether the frame holds a value of the State class.
    pub(crate) fn is_state(frame: &[u8]) -> bool {
        matches!(frame, [Self::KIND, flags, ..] if flags & CLASS == 3)
    }

    /// The frame's channel.
    pub(crate) fn channel_of(frame: &[u8]) -> u8 {
        frame.get(FRAME_HEADER_LEN).copied().unwrap_or_default()
    }
}

/// Why a DATA frame is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark {
    /// For the first time.
    First,
    /// Because somebody asked.
    Repair,
    /// With a heartbeat.
    Copy,
}

impl<'a> Data<'a> {
    pub(crate) const KIND: u8 = 0x10;

    /// What a message costs in a datagram beside its payload.
    pub(crate) const OVERHEAD: usize = OVERHEAD;

    /// Reads a frame's body.
    pub(crate) fn parse(flags: u8, body: &'a [u8]) -> Result<Self, ParseError> {
        let head = body.split_first_chunk::<FIXED_LEN>();
        let (head, payload) = head.ok_or(ParseError::Truncated {
            need: FIXED_LEN,
            have: body.len(),
        })?;
        let [channel, horizon, fragment, last, sequence @ ..] = *head;
        if fragment > last {
            return Err(ParseError::BadFragment { fragment, last });
        }
        Ok(Self {
            class: flags & CLASS,
            latest: flags & LATEST != 0,
            repair: flags & REPAIR != 0,
            copy: flags & COPY != 0,
            signed: flags & SIGNED != 0,
            channel,
            horizon,
            fragment,
            last,
            sequence: u32::from_be_bytes(sequence),
            payload,
        })
    }

    /// Whether it answers ASK, and not NACK: then it says nothing of what can be repaired before it.
    pub(crate) const fn answers_ask(&self) -> bool {
        self.repair && self.horizon == u8::MAX
    }

    pub(crate) fn emit(&self, w: &mut Writer<'_>) {
        self.emit_head(self.payload.len(), w);
        w.octets(self.payload);
    }

    /// Writes everything before a payload of `len` bytes.
    pub(crate) fn emit_head(&self, len: usize, w: &mut Writer<'_>) {
        let flags = (self.class & CLASS)
            | if self.repair { REPAIR } else { 0 }
            | if self.copy { COPY } else { 0 }
            | if self.latest { LATEST } else { 0 }
            | if self.signed { SIGNED } else { 0 };
        let [l, m] = w.len_of(FIXED_LEN.saturating_add(len));
        let [a, b, c, d] = self.sequence.to_be_bytes();
        // In one piece: this is written for every message.
        let head: [u8; OVERHEAD] = [
            Self::KIND,
            flags,
            l,
            m,
            self.channel,
            self.horizon,
            self.fragment,
            self.last,
            a,
            b,
            c,
            d,
        ];
        w.octets(&head);
    }
}
