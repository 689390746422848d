//! The library's packets, from plain types and to them.

use core::time::Duration;

use groupcast_bridge::{Incoming, Publication, Qos, Subscription};
use mqtt_protocol_core::mqtt::packet::v5_0;
use mqtt_protocol_core::mqtt::packet::{
    self, ContentType, MessageExpiryInterval, Property, ReceiveMaximum, RetainHandling,
    SessionExpiryInterval, SubEntry, SubOpts, UserProperty, WillDelayInterval,
};
use mqtt_protocol_core::mqtt::result_code::{MqttError, PubackReasonCode};
use zeroize::Zeroizing;

/// The broker is to give a client up that says nothing for one and a half times as long, in seconds.
pub(crate) const KEEP_ALIVE: u16 = 15;

/// The longest packet that a broker may send to a tunnel. A datagram has at most 1,472 bytes, a note 4,096.
const LONGEST_PACKET: u32 = 16 * 1024;

/// Who this client is, and what it asks of the broker.
pub(crate) struct Login {
    pub(crate) client_id: String,
    /// No other client can have that name.
    pub(crate) is_unique: bool,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Zeroizing<Vec<u8>>>,
    /// What the broker publishes when this client is gone without good-bye.
    pub(crate) will: Option<Will>,
    /// Whether the broker is to forget what it knows of this client.
    pub(crate) clean_start: bool,
    /// For how long the broker is to remember this client once it is gone.
    pub(crate) session_expiry: Duration,
    /// How many messages the broker may have under way that are not acknowledged. `None`: 65,535.
    pub(crate) receive_maximum: Option<u16>,
    /// The longest packet that the broker may send, in bytes.
    pub(crate) longest_packet: u32,
    /// What is impossible without.
    pub(crate) needs: Needs,
}

/// What a broker must be able to do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// Acknowledge messages (quality of service 1), those to it and those from it.
    pub(crate) at_least_once: bool,
    /// Retain messages.
    pub(crate) retained: bool,
}

/// What the broker publishes when a client is gone without good-bye.
#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) publication: Publication,
    /// Only if the client does not come back before.
    pub(crate) delay: Duration,
}

impl Default for Login {
    /// A client without a name, of which nothing is remembered.
    fn default() -> Self {
        Self {
            client_id: String::new(),
            is_unique: false,
            username: None,
            password: None,
            will: None,
            clean_start: true,
            session_expiry: Duration::ZERO,
            receive_maximum: None,
            longest_packet: LONGEST_PACKET,
            needs: Needs::default(),
        }
    }
}

impl core::fmt::Debug for Login {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Login")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// What the broker says when it accepts a client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Welcome {
    /// It remembers this client: its subscriptions, and what it had for it meanwhile.
    pub(crate) session_present: bool,
    /// How many messages may be under way to it that it has not acknowledged.
    pub(crate) receive_maximum: u16,
    /// The longest packet that it takes, in bytes.
    pub(crate) maximum_packet_size: Option<u32>,
    /// The best quality of service that it gives.
    pub(crate) maximum_qos: Qos,
    /// Whether it retains messages.
    pub(crate) is_retain_available: bool,
    /// Within which time it wants to hear something, if it says so. 0: it does not mind.
    pub(crate) keep_alive: Option<u16>,
    /// For how long it remembers this client, if not for as long as it was asked to.
    pub(crate) session_expiry: Option<Duration>,
}

impl Welcome {
    pub(super) fn new(packet: &v5_0::Connack) -> Self {
        let mut welcome = Self {
            session_present: packet.session_present(),
            receive_maximum: u16::MAX,
            maximum_packet_size: None,
            maximum_qos: Qos::AtLeastOnce,
            is_retain_available: true,
            keep_alive: None,
            session_expiry: None,
        };
        for property in packet.props() {
            match property {
                Property::ReceiveMaximum(value) => welcome.receive_maximum = value.val(),
                Property::MaximumPacketSize(value) => {
                    welcome.maximum_packet_size = Some(value.val());
                }
                Property::MaximumQos(value) if value.val() == 0 => {
                    welcome.maximum_qos = Qos::AtMostOnce;
                }
                Property::RetainAvailable(value) => {
                    welcome.is_retain_available = value.val() != 0;
                }
                Property::ServerKeepAlive(value) => welcome.keep_alive = Some(value.val()),
                Property::SessionExpiryInterval(value) => {
                    welcome.session_expiry = Some(Duration::from_secs(value.val().into()));
                }
                _ => {}
            }
        }
        welcome
    }
}

const fn qos_of(qos: Qos) -> packet::Qos {
    match qos {
        Qos::AtMostOnce => packet::Qos::AtMostOnce,
        Qos::AtLeastOnce => packet::Qos::AtLeastOnce,
    }
}

/// Whole seconds, at least as long.
fn seconds(time: Duration) -> u32 {
    let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

pub(super) fn connect(login: &Login) -> Result<v5_0::Connect, MqttError> {
    let mut props = Vec::new();
    let expiry = seconds(login.session_expiry);
    if expiry > 0 {
        props.push(Property::SessionExpiryInterval(SessionExpiryInterval::new(
            expiry,
        )?));
    }
    if let Some(maximum) = login.receive_maximum {
        props.push(Property::ReceiveMaximum(ReceiveMaximum::new(maximum)?));
    }
    let mut packet = v5_0::Connect::builder()
        .client_id(login.client_id.as_str())?
        .clean_start(login.clean_start)
        .keep_alive(KEEP_ALIVE)
        .props(props);
    if let Some(Will { publication, delay }) = &login.will {
        let mut props = properties(publication)?;
        let delay = WillDelayInterval::new(seconds(*delay))?;
        props.push(Property::WillDelayInterval(delay));
        let (qos, retained) = (qos_of(publication.qos), publication.retained);
        packet = packet
            .will_message(
                publication.topic.as_str(),
                publication.payload.clone(),
                qos,
                retained,
            )?
            .will_props(props);
    }
    if let Some(name) = &login.username {
        packet = packet.user_name(name.as_str())?;
    }
    if let Some(password) = &login.password {
        packet = packet.password(password.to_vec())?;
    }
    packet.build()
}

pub(super) fn subscribe(
    id: u16,
    subscriptions: &[Subscription],
) -> Result<v5_0::Subscribe, MqttError> {
    let entry = |subscription: &Subscription| {
        let retained = if subscription.retained {
            RetainHandling::SendRetained
        } else {
            RetainHandling::DoNotSendRetained
        };
        let options = SubOpts::new()
            .set_qos(qos_of(subscription.qos))
            .set_nl(true)
            .set_rh(retained);
        SubEntry::new(subscription.filter.as_str(), options)
    };
    let entries = subscriptions
        .iter()
        .map(entry)
        .collect::<Result<Vec<_>, _>>()?;
    v5_0::Subscribe::builder()
        .packet_id(id)
        .entries(entries)
        .build()
}

fn properties(publication: &Publication) -> Result<Vec<Property>, MqttError> {
    let mut props = Vec::new();
    if let Some(expiry) = publication.expiry {
        let expiry = MessageExpiryInterval::new(seconds(expiry))?;
        props.push(Property::MessageExpiryInterval(expiry));
    }
    if let Some(content_type) = &publication.content_type {
        props.push(Property::ContentType(ContentType::new(
            content_type.as_str(),
        )?));
    }
    for (name, value) in &publication.user_properties {
        let property = UserProperty::new(name.as_str(), value.as_str())?;
        props.push(Property::UserProperty(property));
    }
    Ok(props)
}

/// Brokers end the connection over control characters in a text.
fn is_text(text: &str) -> bool {
    !text.contains(char::is_control)
}

pub(super) fn publish(
    publication: &Publication,
    id: Option<u16>,
) -> Result<v5_0::Publish, MqttError> {
    let pairs = publication.user_properties.iter();
    let mut texts = pairs
        .flat_map(|(name, value)| [name, value])
        .chain([&publication.topic])
        .chain(&publication.content_type);
    if !texts.all(|text| is_text(text)) {
        return Err(MqttError::MalformedPacket);
    }
    let packet = v5_0::Publish::builder()
        .topic_name(publication.topic.as_str())?
        .qos(qos_of(publication.qos))
        .retain(publication.retained)
        .props(properties(publication)?)
        .payload(publication.payload.clone());
    match id {
        Some(id) => packet.packet_id(id).build(),
        None => packet.build(),
    }
}

pub(super) fn acknowledge(id: u16, reason: u8) -> Result<v5_0::Puback, MqttError> {
    let packet = v5_0::Puback::builder().packet_id(id);
    match reason {
        0 => packet.build(),
        _ => {
            let reason = PubackReasonCode::try_from(reason)
                .unwrap_or(PubackReasonCode::ImplementationSpecificError);
            packet.reason_code(reason).build()
        }
    }
}

/// A message of the broker. `None`: it is exactly once, which nobody asked for.
pub(super) fn incoming(packet: &v5_0::Publish) -> Option<Incoming> {
    let qos = match packet.qos() {
        packet::Qos::AtMostOnce => Qos::AtMostOnce,
        packet::Qos::AtLeastOnce => Qos::AtLeastOnce,
        packet::Qos::ExactlyOnce => return None,
    };
    let user_properties = packet.props().iter().filter_map(|property| match property {
        Property::UserProperty(pair) => Some((pair.key().to_owned(), pair.val().to_owned())),
        _ => None,
    });
    Some(Incoming {
        topic: packet.topic_name().to_owned(),
        payload: packet.payload().as_slice().to_vec(),
        qos,
        dup: packet.dup(),
        retained: packet.retain(),
        packet: packet.packet_id(),
        user_properties: user_properties.collect(),
    })
}
