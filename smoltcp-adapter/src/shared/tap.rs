//! The device, as smoltcp gets it. It is looked at for what smoltcp does not tell: that a router asks, and that
//! something could not be sent.

use core::time::Duration;

use super::differences;
use super::smoltcp::config::IFACE_MAX_MULTICAST_GROUP_COUNT;
use super::smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, RxToken};
use super::smoltcp::time::Instant;
#[cfg(feature = "ipv6")]
use super::smoltcp::wire::Ipv6Packet;
use super::smoltcp::wire::{
    EthernetFrame, IgmpPacket, IgmpRepr, IgmpVersion, IpProtocol, IpVersion, Ipv4Packet,
};
use crate::answers::Query;

/// A device with an eye on it.
pub(crate) struct Tap<'d, D> {
    device: &'d mut D,
    /// What a router asked in the frame that was received.
    pub(crate) query: Option<Query>,
    /// Whether there was no room to send.
    pub(crate) refused: bool,
}

/// A received frame with an eye on it.
pub(crate) struct Tapped<'a, T> {
    frame: T,
    medium: Medium,
    query: &'a mut Option<Query>,
}

impl<'d, D: Device> Tap<'d, D> {
    pub(crate) const fn new(device: &'d mut D) -> Self {
        Self {
            device,
            query: None,
            refused: false,
        }
    }
}

impl<D: Device> Device for Tap<'_, D> {
    type RxToken<'a>
        = Tapped<'a, D::RxToken<'a>>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let medium = self.device.capabilities().medium;
        let (frame, room) = self.device.receive(now)?;
        let query = &mut self.query;
        let frame = Tapped {
            frame,
            medium,
            query,
        };
        Some((frame, room))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let room = self.device.transmit(now);
        self.refused |= room.is_none();
        room
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.device.capabilities()
    }
}

impl<T: RxToken> RxToken for Tapped<'_, T> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        self.frame.consume(|frame| {
            let query = query(self.medium, frame);
            if differences::is_deadly(query) {
                return read(&[]);
            }
            *self.query = query;
            read(frame)
        })
    }

    fn meta(&self) -> PacketMeta {
        self.frame.meta()
    }
}

/// What a router asks in a frame, if it is one of those.
fn query(medium: Medium, frame: &[u8]) -> Option<Query> {
    // What is neither Ethernet nor IP has no version of IP at its beginning.
    let packet = match medium {
        Medium::Ethernet => EthernetFrame::new_checked(frame).ok()?.payload(),
        _ => frame,
    };
    match IpVersion::of_packet(packet).ok()? {
        IpVersion::Ipv4 => igmp_query(packet),
        #[cfg(feature = "ipv6")]
        IpVersion::Ipv6 => mld_query(packet),
    }
}

fn igmp_query(packet: &[u8]) -> Option<Query> {
    let packet = Ipv4Packet::new_checked(packet).ok()?;
    if packet.next_header() != IpProtocol::Igmp {
        return None;
    }
    let message = IgmpPacket::new_checked(packet.payload()).ok()?;
    let IgmpRepr::MembershipQuery {
        max_resp_time,
        version,
        ..
    } = IgmpRepr::parse(&message).ok()?
    else {
        return None;
    };
    let within = match version {
        // A tenth of a second for each answer.
        IgmpVersion::Version1 => V1_PACE.saturating_mul(POLLS),
        IgmpVersion::Version2 => Duration::from_micros(max_resp_time.total_micros()),
    };
    Some(Query::V4(within))
}

/// How far smoltcp's answers to a router of IGMPv1 are from each other.
const V1_PACE: Duration = Duration::from_millis(100);

/// In how many parts the time for answers is divided.
#[expect(clippy::cast_possible_truncation, reason = "at most 1024")]
const POLLS: u32 = IFACE_MAX_MULTICAST_GROUP_COUNT as u32 + 1;

/// MLD is behind options for routers on the way (RFC 3810 §5), but smoltcp does not insist.
#[cfg(feature = "ipv6")]
fn mld_query(packet: &[u8]) -> Option<Query> {
    const MLD_QUERY: u8 = 130;
    let packet = Ipv6Packet::new_checked(packet).ok()?;
    let (mut kind, mut message) = (packet.next_header(), packet.payload());
    if kind == IpProtocol::HopByHop {
        let [next, units, ..] = *message else {
            return None;
        };
        kind = next.into();
        let length = usize::from(units).saturating_add(1).saturating_mul(8);
        message = message.get(length..)?;
    }
    match *message {
        [MLD_QUERY, _, _, _, high, low, ..] if kind == IpProtocol::Icmpv6 => {
            let millis = u16::from_be_bytes([high, low]);
            Some(Query::V6(Duration::from_millis(millis.into())))
        }
        _ => None,
    }
}
