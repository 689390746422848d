//! Captures: datagrams in a file that Wireshark opens (pcapng, draft-ietf-opsawg-pcapng).
//!
//! Written by hand: three kinds of blocks are all there is to it, and crates that write them bring
//! far more with them.

use core::fmt::Write as _;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::HashMap;
use std::io::{self, Write};

use etherparse::PacketBuilder;

use crate::host::HostId;
use crate::trace::{TraceEntry, TraceEvent};

/// Types of blocks.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;

/// By which a reader finds out the order of bytes.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;

/// Packets begin with an IPv4 or IPv6 header.
const LINK_TYPE_RAW: u16 = 101;

/// Options of blocks.
const COMMENT: u16 = 1;
const USER_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;

/// Writes datagrams as a capture file, each behind an IP and a UDP header. Times are in microseconds.
///
/// ```
/// use core::time::Duration;
/// use groupcast_sim::Capture;
///
/// let mut file = Vec::new();
/// let mut capture = Capture::new(&mut file, "example", "lo")?;
/// let (source, group) = ("127.0.0.1:5000".parse().unwrap(), "239.1.2.3:12345".parse().unwrap());
/// capture.write(Duration::from_secs(1_700_000_000), source, group, 1, b"Hello, multicast!")?;
/// assert!(file.windows(17).any(|part| part == b"Hello, multicast!"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Capture<W> {
    to: W,
    /// A packet, and then its block.
    packet: Vec<u8>,
    block: Vec<u8>,
}

impl<W: Write> Capture<W> {
    /// Begins a capture. `application` and `interface` are names that readers show.
    ///
    /// # Errors
    ///
    /// What writing reports.
    pub fn new(mut to: W, application: &str, interface: &str) -> io::Result<Self> {
        let mut body = Vec::new();
        body.extend_from_slice(&BYTE_ORDER.to_le_bytes());
        // Version 1.0, and a section that ends with the file.
        body.extend_from_slice(&1u16.to_le_bytes());
        body.extend_from_slice(&0u16.to_le_bytes());
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        put_options(&mut body, USER_APPLICATION, application);
        write_block(&mut to, SECTION_HEADER, &body)?;
        body.clear();
        body.extend_from_slice(&LINK_TYPE_RAW.to_le_bytes());
        // Reserved, and packets are never cut off.
        body.extend_from_slice(&[0; 2 + 4]);
        put_options(&mut body, INTERFACE_NAME, interface);
        write_block(&mut to, INTERFACE_DESCRIPTION, &body)?;
        Ok(Self {
            to,
            packet: Vec::new(),
            block: Vec::new(),
        })
    }

    /// Writes a datagram. `time` is that since 1970, in UTC.
    ///
    /// # Errors
    ///
    /// What writing reports; a payload too large for UDP; addresses of two families.
    pub fn write(
        &mut self,
        time: Duration,
        source: SocketAddr,
        destination: SocketAddr,
        hop_limit: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        self.write_with(time, source, destination, hop_limit, payload, "")
    }

    /// As [`write`](Self::write), with a comment, unless that is empty.
    fn write_with(
        &mut self,
        time: Duration,
        source: SocketAddr,
        destination: SocketAddr,
        hop_limit: u8,
        payload: &[u8],
        comment: &str,
    ) -> io::Result<()> {
        let packet = match (source.ip(), destination.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                PacketBuilder::ipv4(from.octets(), to.octets(), hop_limit)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                PacketBuilder::ipv6(from.octets(), to.octets(), hop_limit)
            }
            _ => return Err(invalid("addresses of two families")),
        };
        self.packet.clear();
        packet
            .udp(source.port(), destination.port())
            .write(&mut self.packet, payload)
            .map_err(invalid)?;
        let micros = u64::try_from(time.as_micros()).map_err(invalid)?;
        let len = u32::try_from(self.packet.len()).map_err(invalid)?;
        self.block.clear();
        // The interface, the time in two halves, and the length, captured and on the wire.
        let (high, low) = ((micros >> 32) as u32, micros as u32);
        for word in [0, high, low, len, len] {
            self.block.extend_from_slice(&word.to_le_bytes());
        }
        self.block.extend_from_slice(&self.packet);
        pad(&mut self.block);
        if !comment.is_empty() {
            put_options(&mut self.block, COMMENT, comment);
        }
        write_block(&mut self.to, ENHANCED_PACKET, &self.block)
    }

    /// Writes what a simulated network sent, of what [`Network::take_trace`](crate::Network::take_trace) gives,
    /// as a capture at the senders would have it: once each. A datagram of which copies were lost or damaged has a
    /// comment that says on the way to which hosts.
    ///
    /// # Errors
    ///
    /// What writing reports.
    pub fn write_trace(&mut self, trace: &[TraceEntry]) -> io::Result<()> {
        let mut fates: HashMap<*const u8, String> = HashMap::new();
        for entry in trace {
            if let (Some(fate), Some(host)) = (fate(entry.event), entry.receiver) {
                let text = fates.entry(entry.payload.as_ptr()).or_default();
                if !text.is_empty() {
                    text.push_str(", ");
                }
                let _ = write!(text, "{fate} {host}");
            }
        }
        for entry in trace {
            if matches!(entry.event, TraceEvent::Sent | TraceEvent::Forged) {
                let fate = fates
                    .get(&entry.payload.as_ptr())
                    .map_or("", String::as_str);
                self.write_entry(entry, fate)?;
            }
        }
        Ok(())
    }

    /// Writes what one host sent and what reached it, as a capture there would have it.
    ///
    /// # Errors
    ///
    /// What writing reports.
    pub fn write_trace_at(&mut self, trace: &[TraceEntry], host: HostId) -> io::Result<()> {
        for entry in trace {
            let is_seen = match entry.event {
                TraceEvent::Sent | TraceEvent::Forged => {
                    HostId::at(entry.source.ip()) == Some(host)
                }
                TraceEvent::Delivered | TraceEvent::Overflowed | TraceEvent::Unclaimed => {
                    entry.receiver == Some(host) && HostId::at(entry.source.ip()) != Some(host)
                }
                _ => false,
            };
            if is_seen {
                let is_lost = entry.event == TraceEvent::Overflowed;
                self.write_entry(entry, if is_lost { "no room in the socket" } else { "" })?;
            }
        }
        Ok(())
    }

    fn write_entry(&mut self, entry: &TraceEntry, comment: &str) -> io::Result<()> {
        let time = Duration::from_micros(entry.time.as_micros());
        let (from, to) = (entry.source, entry.destination);
        self.write_with(time, from, to, 1, &entry.payload, comment)
    }

    /// Hands on what is buffered.
    ///
    /// # Errors
    ///
    /// What writing reports.
    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What a comment says of a copy to which this happened on its way.
const fn fate(event: TraceEvent) -> Option<&'static str> {
    match event {
        TraceEvent::Lost => Some("lost to"),
        TraceEvent::Congested => Some("no room in the queue to"),
        TraceEvent::Oversized => Some("too large to"),
        TraceEvent::Partitioned => Some("cut off from"),
        TraceEvent::Overflowed => Some("no room in the socket of"),
        _ => None,
    }
}

fn invalid(error: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

/// Fills up to a multiple of four bytes.
fn pad(octets: &mut Vec<u8>) {
    octets.resize(octets.len().next_multiple_of(4), 0);
}

/// A text, cut to what is possible, and the end of the options.
fn put_options(body: &mut Vec<u8>, code: u16, text: &str) {
    let mut ends = (0..=text.len().min(255)).rev();
    let text = &text[..ends.find(|end| text.is_char_boundary(*end)).unwrap_or(0)];
    body.extend_from_slice(&code.to_le_bytes());
    // 255 at most.
    body.extend_from_slice(&(text.len() as u16).to_le_bytes());
    body.extend_from_slice(text.as_bytes());
    pad(body);
    body.extend_from_slice(&[0; 4]);
}

/// Writes a block whose body is a multiple of four bytes.
fn write_block(to: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let len = u32::try_from(body.len() + 3 * 4).map_err(invalid)?;
    to.write_all(&kind.to_le_bytes())?;
    to.write_all(&len.to_le_bytes())?;
    to.write_all(body)?;
    to.write_all(&len.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "239.1.2.3:12345";

    /// The blocks of a file: their types and bodies. Each must have its length at both ends.
    fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let word = |octets: &[u8]| u32::from_le_bytes(octets[..4].try_into().unwrap());
        let mut blocks = Vec::new();
        while !file.is_empty() {
            let len = word(&file[4..]) as usize;
            assert_eq!(len % 4, 0);
            assert_eq!(word(&file[len - 4..]) as usize, len);
            blocks.push((word(file), file[8..len - 4].to_vec()));
            file = &file[len..];
        }
        blocks
    }

    #[test]
    fn a_capture_has_a_block_for_each_datagram() {
        let mut file = Vec::new();
        let mut capture = Capture::new(&mut file, "test", "lo").unwrap();
        let (source, group) = ("10.0.0.1:5000".parse().unwrap(), GROUP.parse().unwrap());
        let time = Duration::from_micros(0x0001_0203_0405_0607);
        for payload in [&b"Hello"[..], b""] {
            capture.write(time, source, group, 1, payload).unwrap();
        }
        let blocks = blocks(&file);
        let kinds: Vec<_> = blocks.iter().map(|(kind, _)| *kind).collect();
        let expected = [
            SECTION_HEADER,
            INTERFACE_DESCRIPTION,
            ENHANCED_PACKET,
            ENHANCED_PACKET,
        ];
        assert_eq!(kinds, expected);
        let packet = &blocks[2].1;
        assert_eq!(packet[4..12], [0x03, 0x02, 0x01, 0, 0x07, 0x06, 0x05, 0x04]);
        assert_eq!(packet[12..16], 33u32.to_le_bytes());
        assert_eq!(packet[20..], [&PACKET[..], b"Hello", &[0; 3]].concat());
        assert_eq!(blocks[3].1.len(), 20 + 28);
    }

    /// IPv4 and UDP headers with their checksums, of *Hello*.
    const PACKET: [u8; 28] = [
        0x45, 0, 0, 33, 0, 0, 0x40, 0, 1, 17, 0x7e, 0xc7, 10, 0, 0, 1, 239, 1, 2, 3, 0x13, 0x88,
        0x30, 0x39, 0, 13, 0x9d, 0x3b,
    ];

    #[test]
    fn what_cannot_be_a_datagram_is_refused() {
        let mut capture = Capture::new(io::sink(), "test", "lo").unwrap();
        let group = GROUP.parse().unwrap();
        let (v4, v6) = (
            "10.0.0.1:1".parse().unwrap(),
            "[fd00::1]:1".parse().unwrap(),
        );
        let mut write = |source, payload: &[u8]| {
            let written = capture.write(Duration::ZERO, source, group, 1, payload);
            written.map_err(|error| error.kind())
        };
        assert_eq!(write(v4, &[0; 65_507]), Ok(()));
        assert_eq!(write(v4, &[0; 65_508]), Err(io::ErrorKind::InvalidInput));
        assert_eq!(write(v6, b""), Err(io::ErrorKind::InvalidInput));
    }
}
