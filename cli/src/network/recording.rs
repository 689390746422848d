//! Captures: the datagrams in a pcapng or pcap file, by whichever program it was made.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::fs::File;
use std::io::{self, Read, stdin};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Instant;

use etherparse::{LaxNetSlice, LaxSlicedPacket, NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use crate::process::failure::Failure;
use crate::process::signal;
use crate::text::escape::escaped;

/// Standard input or output instead of a file.
pub(crate) const STANDARD: &str = "-";

/// Packets that are read ahead at most.
const WAITING: usize = 256;

/// Bytes read at once: room for the largest packet and more.
const BUFFER: usize = 1 << 20;

/// A UDP datagram of a recording.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Datagram {
    /// When it came, since 1970.
    pub(crate) time: Duration,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) payload: Vec<u8>,
}

/// What a packet of a recording holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Packet {
    Datagram(Datagram),
    /// A part of a packet, of which the capture has no more; where it went to, if that is in it.
    Cut(Option<SocketAddr>),
    /// No UDP datagram.
    Other,
}

/// A capture that is read packet by packet.
pub(crate) struct Recording {
    reader: Box<dyn PcapReaderIterator + Send>,
    /// The file's name.
    file: String,
    /// Those of the section that is being read.
    interfaces: Vec<Interface>,
    ended: bool,
}

/// Where packets were captured.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Linktype,
    /// Units of time in a second.
    resolution: u64,
}

/// A packet as it stands in the file.
struct Stored<'a> {
    interface: Interface,
    /// Since 1970, in units of the interface.
    time: u128,
    octets: &'a [u8],
    /// How many it had when it was captured.
    length: u32,
}

impl Recording {
    /// Opens a file, or standard input.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Self::with_buffer(path, BUFFER)
    }

    /// Opens a file whose packets are no larger than `buffer`.
    fn with_buffer(path: &Path, buffer: usize) -> Result<Self, Failure> {
        let (name, file): (_, Box<dyn Read + Send>) = if path == Path::new(STANDARD) {
            ("standard input".to_owned(), Box::new(stdin()))
        } else {
            let name = path.display().to_string();
            let file = File::open(path)
                .map_err(|error| Failure::Settings(format!("cannot read {name}: {error}")))?;
            (name, Box::new(file))
        };
        let file = Promptly { file, reads: 0 };
        let reader = create_reader(buffer, file).map_err(|error| {
            Failure::Settings(match error {
                PcapError::ReadError => format!("cannot read {name}"),
                _ => format!("{name} is no capture: neither pcapng nor pcap"),
            })
        })?;
        Ok(Self {
            reader,
            file: name,
            interfaces: Vec::new(),
            ended: false,
        })
    }

    /// The next packet, `Some(None)` for a block without one, `None` at the end.
    fn read(&mut self) -> Result<Option<Option<Packet>>, Failure> {
        loop {
            let exhausted = self.reader.reader_exhausted();
            match self.reader.next() {
                Ok((length, block)) => {
                    let found = look(&mut self.interfaces, &block);
                    self.reader.consume(length);
                    return Ok(Some(found));
                }
                Err(PcapError::Eof) => return Ok(None),
                Err(PcapError::Incomplete(_)) if !exhausted => {
                    self.reader
                        .refill()
                        .map_err(|_| Failure::Trouble(format!("cannot read {}", self.file)))?;
                }
                Err(PcapError::Incomplete(_) | PcapError::UnexpectedEof) => {
                    let file = &self.file;
                    aside!(
                        "groupcast: {} is cut off: it ends within a packet; what is before it counts",
                        escaped(file)
                    );
                    return Ok(None);
                }
                Err(_) => {
                    let file = &self.file;
                    let text = format!("{file} is damaged: what comes next is no packet");
                    return Err(Failure::Settings(text));
                }
            }
        }
    }
}

impl Iterator for Recording {
    type Item = Result<Packet, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.read() {
                Ok(Some(Some(found))) => return Some(Ok(found)),
                Ok(Some(None)) => {}
                Ok(None) => self.ended = true,
                Err(failure) => {
                    self.ended = true;
                    return Some(Err(failure));
                }
            }
        }
        None
    }
}

/// A capture that may still grow. The parser reads twice before it tells anything, and would wait the second time until
/// there is more; nothing is what it may be given then.
struct Promptly {
    file: Box<dyn Read + Send>,
    /// As far as it counts.
    reads: u8,
}

impl Read for Promptly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads = self.reads.saturating_add(1);
        if self.reads == 2 {
            return Ok(0);
        }
        self.file.read(buffer)
    }
}

/// Packets that a thread of its own reads, so that waiting for a pipe can be interrupted.
pub(crate) struct Packets {
    read: Receiver<Result<Packet, Failure>>,
    /// No more come.
    pub(crate) are_over: bool,
}

impl Packets {
    pub(crate) fn of(recording: Recording) -> Self {
        let (sender, receiver) = sync_channel(WAITING);
        std::thread::spawn(move || {
            for packet in recording {
                if sender.send(packet).is_err() {
                    break;
                }
            }
        });
        Self {
            read: receiver,
            are_over: false,
        }
    }

    /// The next packet; `None` at the end, or when a signal comes.
    pub(crate) fn next(&mut self) -> Option<Result<Packet, Failure>> {
        self.next_by(None)
    }

    /// As [`next`](Self::next), and `None` when it is so late.
    pub(crate) fn next_by(&mut self, end: Option<Instant>) -> Option<Result<Packet, Failure>> {
        while !signal::end_requested() && end.is_none_or(|end| Instant::now() < end) {
            match self.read.recv_timeout(signal::LOOK) {
                Ok(next) => return Some(next),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.are_over = true;
                    break;
                }
            }
        }
        None
    }
}

/// What a block holds: `None` if it is no packet.
fn look(interfaces: &mut Vec<Interface>, block: &PcapBlockOwned<'_>) -> Option<Packet> {
    let packet = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let nanoseconds = header.is_nanosecond_precision();
            interfaces.push(Interface {
                link: header.network,
                resolution: if nanoseconds {
                    1_000_000_000
                } else {
                    1_000_000
                },
            });
            return None;
        }
        PcapBlockOwned::Legacy(packet) => {
            let interface = *interfaces.first()?;
            let seconds = u128::from(packet.ts_sec) * u128::from(interface.resolution);
            Stored {
                interface,
                time: seconds + u128::from(packet.ts_usec),
                octets: packet.data,
                length: packet.origlen,
            }
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            return None;
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
            interfaces.push(Interface {
                link: interface.linktype,
                resolution: interface.ts_resolution().unwrap_or(1_000_000),
            });
            return None;
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = usize::try_from(packet.if_id).ok();
            let Some(interface) = interface.and_then(|index| interfaces.get(index)) else {
                return Some(Packet::Other);
            };
            Stored {
                interface: *interface,
                time: u128::from(packet.ts_high) << 32 | u128::from(packet.ts_low),
                octets: packet.packet_data(),
                length: packet.origlen,
            }
        }
        // These have no time.
        PcapBlockOwned::NG(Block::SimplePacket(_)) => return Some(Packet::Other),
        PcapBlockOwned::NG(_) => return None,
    };
    Some(datagram(&packet).unwrap_or_else(|| cut(&packet)))
}

/// What a packet is that holds no whole UDP datagram.
fn cut(packet: &Stored<'_>) -> Packet {
    match part(packet) {
        Some(destination) => Packet::Cut(Some(destination)),
        // So little of it is there that it does not show what it was.
        None if packet.octets.len() < packet.length as usize => Packet::Cut(None),
        None => Packet::Other,
    }
}

/// Where a UDP datagram went to of which only a part is there.
fn part(packet: &Stored<'_>) -> Option<SocketAddr> {
    let octets = packet.octets;
    let sliced = match packet.interface.link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(octets).ok()?,
        link => LaxSlicedPacket::from_ip(octets.get(ip_at(link)?..)?).ok()?,
    };
    let address = match &sliced.net {
        Some(LaxNetSlice::Ipv4(ip)) => ip.header().destination_addr().into(),
        Some(LaxNetSlice::Ipv6(ip)) => ip.header().destination_addr().into(),
        _ => return None,
    };
    match &sliced.transport {
        Some(TransportSlice::Udp(udp)) => Some(SocketAddr::new(address, udp.destination_port())),
        _ => None,
    }
}

/// Where the IP packet begins, on links that have a header of one length before it.
const fn ip_at(link: Linktype) -> Option<usize> {
    Some(match link {
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => 0,
        // The loopback interface of BSD.
        Linktype::NULL => 4,
        // All interfaces of Linux, in the older and the newer form.
        Linktype::LINUX_SLL => 16,
        Linktype::LINUX_SLL2 => 20,
        _ => return None,
    })
}

/// The UDP datagram in a packet, if there is a whole one.
fn datagram(packet: &Stored<'_>) -> Option<Packet> {
    let octets = packet.octets;
    let sliced = match packet.interface.link {
        Linktype::ETHERNET => SlicedPacket::from_ethernet(octets),
        Linktype::LINUX_SLL => SlicedPacket::from_linux_sll(octets),
        link => SlicedPacket::from_ip(octets.get(ip_at(link)?..)?),
    };
    let sliced = sliced.ok()?;
    let Some(TransportSlice::Udp(udp)) = &sliced.transport else {
        return None;
    };
    let (from, to): (IpAddr, IpAddr) = match &sliced.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
            )
        }
        Some(NetSlice::Ipv6(ip)) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
            )
        }
        _ => return None,
    };
    let resolution = u128::from(packet.interface.resolution.max(1));
    let seconds = u64::try_from(packet.time / resolution).ok()?;
    // Below a second.
    let nanos = (packet.time % resolution) * 1_000_000_000 / resolution;
    Some(Packet::Datagram(Datagram {
        time: Duration::new(seconds, u32::try_from(nanos).ok()?),
        source: SocketAddr::new(from, udp.source_port()),
        destination: SocketAddr::new(to, udp.destination_port()),
        payload: udp.payload().to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::{LinuxSllPacketType, PacketBuilder};
    use groupcast_sim::Capture;

    const GROUP: &str = "239.1.2.3:12345";

    /// A file of a test, which removes it.
    struct File(std::path::PathBuf);

    impl File {
        fn new(name: &str, content: &[u8]) -> Self {
            let name = format!("groupcast-recording-{}-{name}", std::process::id());
            let file = Self(std::env::temp_dir().join(name));
            std::fs::write(&file.0, content).unwrap();
            file
        }

        /// What is in it, up to where it is damaged.
        fn read(&self) -> Vec<Packet> {
            let Ok(recording) = Recording::with_buffer(&self.0, 4096) else {
                return Vec::new();
            };
            recording.map_while(Result::ok).collect()
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    /// A file in the older form, in nanoseconds and with the highest byte first, of packets a second apart.
    fn older(link: u32, packets: &[Vec<u8>]) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [0xa1b2_3c4d, 0x0002_0004, 0, 0, 65_535, link] {
            file.extend_from_slice(&u32::to_be_bytes(word));
        }
        for (second, packet) in (1u32..).zip(packets) {
            let len = packet.len() as u32;
            // The last one was cut off when it was captured.
            let length = len + u32::from(second == 3);
            for word in [second, 500_000_000, len, length] {
                file.extend_from_slice(&word.to_be_bytes());
            }
            file.extend_from_slice(packet);
        }
        file
    }

    fn packet(builder: etherparse::PacketBuilderStep<etherparse::IpHeaders>) -> Vec<u8> {
        let mut packet = Vec::new();
        let builder = builder.udp(4000, 12345);
        builder.write(&mut packet, b"Hello").unwrap();
        packet
    }

    #[test]
    fn captures_of_other_programs_are_read() {
        let (from, to) = ([10, 0, 0, 1], [239, 1, 2, 3]);
        let ethernet = PacketBuilder::ethernet2([2; 6], [3; 6]).ipv4(from, to, 1);
        let cooked = PacketBuilder::linux_sll(LinuxSllPacketType::MULTICAST, 6, [2; 8]);
        let plain = packet(PacketBuilder::ipv4(from, to, 1));
        let newer_cooked = [&[0; 20], &plain[..]].concat();
        for (link, packet) in [
            (1, packet(ethernet)),
            (113, packet(cooked.ipv4(from, to, 1))),
            (0, [&[2, 0, 0, 0], &plain[..]].concat()),
            (276, newer_cooked),
            (101, plain.clone()),
            (228, plain.clone()),
        ] {
            // And one that was cut off.
            let cut = packet[..packet.len() - 1].to_vec();
            let header = packet[..packet.len() - 6].to_vec();
            let file = File::new("older", &older(link, &[packet, cut, header]));
            let expected = Datagram {
                time: Duration::from_millis(1_500),
                source: "10.0.0.1:4000".parse().unwrap(),
                destination: GROUP.parse().unwrap(),
                payload: b"Hello".to_vec(),
            };
            let group = GROUP.parse().unwrap();
            assert_eq!(
                file.read(),
                [
                    Packet::Datagram(expected),
                    Packet::Cut(Some(group)),
                    Packet::Cut(None)
                ],
                "link type {link}"
            );
        }
        let unknown = File::new("unknown", &older(147, &[plain]));
        assert_eq!(unknown.read(), [Packet::Other]);
    }

    #[test]
    fn a_length_that_cannot_be_ends_reading() {
        let mut content = Vec::new();
        Capture::new(&mut content, "test", "lo").unwrap();
        // More than there is room for, and more than there is in the file, which is larger than the room.
        for length in [8192u32, 65_536, 0x7fff_fffc, u32::MAX] {
            let mut damaged = content.clone();
            damaged.extend_from_slice(&6u32.to_le_bytes());
            damaged.extend_from_slice(&length.to_le_bytes());
            damaged.resize(content.len() + 16_384, 0);
            assert_eq!(File::new("length", &damaged).read(), []);
        }
    }

    #[test]
    fn whatever_is_in_a_file_reading_it_ends() {
        let mut content = Vec::new();
        let mut capture = Capture::new(&mut content, "test", "lo").unwrap();
        let (source, group) = ("10.0.0.1:4000".parse().unwrap(), GROUP.parse().unwrap());
        for second in 0..3 {
            let time = Duration::from_secs(second);
            capture.write(time, source, group, 1, b"Hello").unwrap();
        }
        assert_eq!(File::new("whole", &content).read().len(), 3);
        for at in 0..content.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = content.clone();
                damaged[at] ^= change;
                assert!(File::new("damaged", &damaged).read().len() <= 3);
            }
            assert!(File::new("cut", &content[..at]).read().len() < 3);
        }
    }
}
