//! Acknowledgements with reasons that MQTT does not list for them (MQTT 5, §3.4.2.1).
//!
//! mosquitto refuses what is longer than its `message_size_limit` with 0x95, packet too large, which is none of the nine. The
//! library takes that for nonsense that ends the connection. So it is shown a reason that is listed and means as much, and the
//! broker's own is kept here.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mqtt_protocol_core::mqtt::result_code::PubackReasonCode;

/// The first byte of an acknowledgement.
const PUBACK: u8 = 0x40;

/// Where the next byte is, in its packet.
#[derive(Debug)]
enum Place {
    Kind,
    Length { kind: u8, length: usize, shift: u32 },
    Body { kind: u8, at: usize, length: usize },
}

/// What comes from the broker, as far as its acknowledgements are concerned.
#[derive(Debug)]
pub(super) struct Reasons {
    place: Place,
    /// The packet that is being acknowledged.
    packet: u16,
    unlisted: BTreeMap<u16, u8>,
}

impl Reasons {
    pub(super) const fn new() -> Self {
        Self {
            place: Place::Kind,
            packet: 0,
            unlisted: BTreeMap::new(),
        }
    }

    /// The next bytes of the broker, with listed reasons alone.
    pub(super) fn listed<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let mut listed = Cow::Borrowed(bytes);
        let mut position = 0;
        while let Some(byte) = bytes.get(position) {
            let (kind, at, length) = match &mut self.place {
                Place::Kind => {
                    self.place = Place::Length {
                        kind: *byte,
                        length: 0,
                        shift: 0,
                    };
                    position += 1;
                    continue;
                }
                Place::Length {
                    kind,
                    length,
                    shift,
                } => {
                    *length |= usize::from(byte & 0x7f) << *shift;
                    *shift += 7;
                    // A length has four bytes at most. What is longer is nonsense, and the last that is read.
                    let is_whole = byte & 0x80 == 0 || *shift >= 28;
                    if is_whole {
                        self.place = body(*kind, 0, *length);
                    }
                    position += 1;
                    continue;
                }
                Place::Body { kind, at, length } => (*kind, *at, *length),
            };
            let passed = match (kind, at) {
                (PUBACK, 0) => {
                    self.packet = u16::from(*byte) << 8;
                    1
                }
                (PUBACK, 1) => {
                    self.packet |= u16::from(*byte);
                    1
                }
                (PUBACK, 2) => {
                    if PubackReasonCode::try_from(*byte).is_err() {
                        self.unlisted.insert(self.packet, *byte);
                        // From 0x80 on it is a refusal.
                        let like = if *byte < 0x80 {
                            PubackReasonCode::Success
                        } else {
                            PubackReasonCode::UnspecifiedError
                        };
                        if let Some(shown) = listed.to_mut().get_mut(position) {
                            *shown = like as u8;
                        }
                    }
                    1
                }
                _ => (length - at).min(bytes.len() - position),
            };
            position += passed;
            self.place = body(kind, at + passed, length);
        }
        listed
    }

    /// The reason that the broker gave for this packet, if it was none that is listed.
    pub(super) fn take_unlisted(&mut self, packet: u16) -> Option<u8> {
        self.unlisted.remove(&packet)
    }
}

/// So far in a packet of this length.
const fn body(kind: u8, at: usize, length: usize) -> Place {
    if at < length {
        Place::Body { kind, at, length }
    } else {
        Place::Kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_replaced_in_acknowledgements_alone_however_they_are_cut() {
        // A message whose third byte is 0x95, and two acknowledgements: with a reason and properties, and without.
        let stream = [
            0x30, 4, 0, 1, 0x95, 0x95, 0x40, 4, 1, 2, 0x95, 0, 0x40, 2, 0, 0x95, 0xd0, 0, 0x40, 3,
            0, 3, 0x87,
        ];
        let mut shown = stream;
        shown[10] = 0x80;
        for cut in 0..stream.len() {
            let mut reasons = Reasons::new();
            let (first, second) = stream.split_at(cut);
            let mut said = reasons.listed(first).into_owned();
            said.extend_from_slice(&reasons.listed(second));
            assert_eq!(said, shown, "cut at {cut}");
            assert_eq!(reasons.take_unlisted(0x102), Some(0x95));
            assert_eq!(reasons.take_unlisted(0x102), None);
            assert!(reasons.unlisted.is_empty());
        }
    }
}
