//! A connection's MQTT: bytes in, what they mean out. No socket, no clock.

use core::time::Duration;

use mqtt_protocol_core::mqtt;
use mqtt_protocol_core::mqtt::connection::{Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::v5_0;
use mqtt_protocol_core::mqtt::packet::{
    MessageExpiryInterval, Packet, Property, Qos, RetainHandling, SubEntry, SubOpts,
};
use mqtt_protocol_core::mqtt::prelude::*;
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, DisconnectReasonCode, MqttError, SubackReasonCode,
};

use crate::failure::Failure;

/// The longest packet that the broker may send. A datagram has at most 1,472 bytes, a note 4,096.
const LONGEST_PACKET: u32 = 16 * 1024;

/// The broker is to give a client up that says nothing for one and a half times as long, in seconds.
const KEEP_ALIVE: u16 = 15;

type Connection = mqtt::Connection<mqtt::role::Client>;

/// Who this client is.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<zeroize::Zeroizing<Vec<u8>>>,
}

/// What the broker did.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It accepted the subscriptions: all is ready.
    Ready,
    Message(v5_0::Publish),
    /// It ended, or made no sense.
    Over(Failure),
}

/// MQTT over one connection.
pub(crate) struct Session {
    connection: Connection,
    filters: Vec<String>,
    /// To be written, in order.
    output: Vec<Vec<u8>>,
    is_accepted: bool,
    is_ready: bool,
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session")
            .field("is_ready", &self.is_ready)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Greets the broker, and will subscribe to these.
    pub(crate) fn new(login: &Login, filters: &[String]) -> Result<Self, Failure> {
        let options =
            mqtt::connection::ConnectionOptions::new().maximum_packet_size_recv(LONGEST_PACKET);
        let mut session = Self {
            connection: Connection::with_options(mqtt::Version::V5_0, options),
            filters: filters.to_vec(),
            output: Vec::new(),
            is_accepted: false,
            is_ready: false,
        };
        let packet = connect(login).map_err(|error| {
            Failure::Settings(format!("cannot log in to the broker so: {error}"))
        })?;
        let events = session.connection.checked_send(packet);
        session.take(events, &mut Vec::new());
        Ok(session)
    }

    /// What is to be written.
    pub(crate) fn take_output(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.output)
    }

    /// Bytes came from the broker.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        let mut cursor = mqtt::common::Cursor::new(bytes);
        while (cursor.position() as usize) < bytes.len() {
            let events = self.connection.recv(&mut cursor);
            self.take(events, &mut heard);
            if heard.iter().any(|heard| matches!(heard, Heard::Over(_))) {
                break;
            }
        }
        heard
    }

    /// Publishes, if it is ready: at most once, not retained, for so long. Returns the bytes to write.
    pub(crate) fn publish(
        &mut self,
        topic: &str,
        payload: &[u8],
        expiry: Duration,
    ) -> Option<Vec<u8>> {
        if !self.is_ready {
            return None;
        }
        let packet = publish(topic, payload, expiry).ok()?;
        let events = self.connection.checked_send(packet);
        self.take(events, &mut Vec::new());
        self.output.pop()
    }

    /// Asks the broker whether it is there.
    pub(crate) fn ping(&mut self) {
        let events = self.connection.notify_timer_fired(TimerKind::PingreqSend);
        self.take(events, &mut Vec::new());
    }

    /// Says good-bye.
    pub(crate) fn leave(&mut self) {
        if let Ok(packet) = v5_0::Disconnect::builder().build() {
            let events = self.connection.checked_send(packet);
            self.take(events, &mut Vec::new());
        }
    }

    fn take(&mut self, events: Vec<Event>, heard: &mut Vec<Heard>) {
        let mut is_closed = false;
        for event in events {
            match event {
                Event::RequestSendPacket { packet, .. } => {
                    self.output.push(packet.to_continuous_buffer());
                }
                Event::NotifyPacketReceived(packet) => self.understand(packet, heard),
                Event::NotifyError(error) => heard.push(Heard::Over(self.nonsense(error))),
                Event::RequestClose => is_closed = true,
                // Whether the broker is there is judged by what comes from it at all.
                Event::RequestTimerReset { .. }
                | Event::RequestTimerCancel(_)
                | Event::NotifyPacketIdReleased(_) => {}
            }
        }
        // Why, is said before or after that.
        if is_closed && !heard.iter().any(|heard| matches!(heard, Heard::Over(_))) {
            let text = "it ended the connection".to_owned();
            heard.push(Heard::Over(Failure::Trouble(text)));
        }
    }

    fn understand(&mut self, packet: Packet, heard: &mut Vec<Heard>) {
        match packet {
            Packet::V5_0Connack(answer) => match answer.reason_code() {
                ConnectReasonCode::Success => {
                    self.is_accepted = true;
                    if let Err(failure) = self.subscribe() {
                        heard.push(Heard::Over(failure));
                    }
                }
                reason => heard.push(Heard::Over(refused(reason))),
            },
            Packet::V5_0Suback(answer) => match self.denied(&answer) {
                Some(failure) => heard.push(Heard::Over(failure)),
                None => {
                    self.is_ready = true;
                    heard.push(Heard::Ready);
                }
            },
            Packet::V5_0Publish(message) => heard.push(Heard::Message(message)),
            Packet::V5_0Disconnect(packet) => heard.push(Heard::Over(ended(packet.reason_code()))),
            _ => {}
        }
    }

    /// What this client may not subscribe to.
    fn denied(&self, answer: &v5_0::Suback) -> Option<Failure> {
        use SubackReasonCode::{GrantedQos0, GrantedQos1, GrantedQos2};

        let codes = answer.reason_codes();
        let mut denied = codes.iter().zip(&self.filters);
        let is_denied = |code| !matches!(code, &GrantedQos0 | &GrantedQos1 | &GrantedQos2);
        denied
            .find(|(code, _)| is_denied(*code))
            .map(|(code, filter)| {
                Failure::Settings(format!(
                    "it does not let this user subscribe to {filter} ({code})"
                ))
            })
    }

    fn subscribe(&mut self) -> Result<(), Failure> {
        let wrong = |error: MqttError| Failure::Settings(format!("cannot subscribe: {error}"));
        let options = SubOpts::new()
            .set_qos(Qos::AtMostOnce)
            .set_nl(true)
            .set_rh(RetainHandling::DoNotSendRetained);
        let entries = self.filters.iter();
        let entries = entries.map(|filter| SubEntry::new(filter.as_str(), options));
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        let id = self.connection.acquire_packet_id().map_err(wrong)?;
        let packet = v5_0::Subscribe::builder()
            .packet_id(id)
            .entries(entries)
            .build();
        let events = self.connection.checked_send(packet.map_err(wrong)?);
        self.take(events, &mut Vec::new());
        Ok(())
    }

    fn nonsense(&self, error: MqttError) -> Failure {
        if self.is_accepted {
            Failure::Trouble(format!("it broke the rules of MQTT: {error}"))
        } else {
            Failure::Settings(format!(
                "it does not answer in MQTT 5 ({error}): is this the port of a broker that does?"
            ))
        }
    }
}

fn connect(login: &Login) -> Result<v5_0::Connect, MqttError> {
    let mut packet = v5_0::Connect::builder()
        .client_id(login.client_id.as_str())?
        .clean_start(true)
        .keep_alive(KEEP_ALIVE);
    if let Some(name) = &login.username {
        packet = packet.user_name(name.as_str())?;
    }
    if let Some(password) = &login.password {
        packet = packet.password(password.to_vec())?;
    }
    packet.build()
}

fn publish(topic: &str, payload: &[u8], expiry: Duration) -> Result<v5_0::Publish, MqttError> {
    let seconds = u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX);
    v5_0::Publish::builder()
        .topic_name(topic)?
        .qos(Qos::AtMostOnce)
        .retain(false)
        .props(vec![Property::MessageExpiryInterval(
            MessageExpiryInterval::new(seconds)?,
        )])
        .payload(payload.to_vec())
        .build()
}

/// The broker does not take this client.
fn refused(reason: ConnectReasonCode) -> Failure {
    let advice = match reason {
        ConnectReasonCode::BadUserNameOrPassword => "the user's name or password is wrong",
        ConnectReasonCode::NotAuthorized => {
            "this user may not log in, or the password is wrong: see --username and --password-file"
        }
        ConnectReasonCode::UnsupportedProtocolVersion => "the broker does not speak MQTT 5",
        ConnectReasonCode::ClientIdentifierNotValid => "the broker wants another --client-id",
        ConnectReasonCode::Banned => "the broker has banned this client",
        ConnectReasonCode::BadAuthenticationMethod => {
            "the broker wants to be logged in to in another way"
        }
        ConnectReasonCode::UseAnotherServer | ConnectReasonCode::ServerMoved => {
            "the broker says that another one is to be used"
        }
        _ => return Failure::Trouble(format!("it does not take this client now ({reason})")),
    };
    Failure::Settings(format!("it refuses this client: {advice}"))
}

/// The broker ended the connection.
fn ended(reason: Option<DisconnectReasonCode>) -> Failure {
    Failure::Trouble(match reason {
        Some(DisconnectReasonCode::SessionTakenOver) => {
            "another client took this one's name: give each its own --client-id".to_owned()
        }
        Some(reason) => format!("it ended the connection ({reason})"),
        None => "it ended the connection".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let login = Login {
            client_id: "x".to_owned(),
            username: None,
            password: None,
        };
        Session::new(&login, &["a/+".to_owned(), "b".to_owned()]).unwrap()
    }

    /// As a broker answers: accepted, and subscribed to both.
    const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];
    const SUBACK: &[u8] = &[0x90, 5, 0, 1, 0, 0, 0];

    fn ready() -> Session {
        let mut session = session();
        assert!(session.receive(CONNACK).is_empty());
        assert!(matches!(session.receive(SUBACK)[..], [Heard::Ready]));
        session.take_output();
        session
    }

    #[test]
    fn it_greets_subscribes_without_its_own_and_publishes_at_most_once_for_two_seconds() {
        let mut session = session();
        let greeting = session.take_output();
        // Clean start, keep alive 15 s, MQTT 5.
        assert_eq!(greeting.len(), 1);
        assert_eq!(greeting[0][2..12], *b"\0\x04MQTT\x05\x02\0\x0f");
        assert!(
            session
                .publish("a/b", b"x", Duration::from_secs(2))
                .is_none()
        );
        session.receive(CONNACK);
        let subscription = session.take_output().concat();
        // Each filter with No Local, and no retained messages.
        assert_eq!(subscription, b"\x82\x0d\0\x01\0\0\x03a/+\x24\0\x01b\x24");
        session.receive(SUBACK);
        let message = session
            .publish("a/b", b"x", Duration::from_secs(2))
            .unwrap();
        assert_eq!(message, b"\x30\x0c\0\x03a/b\x05\x02\0\0\0\x02x");
        session.ping();
        session.leave();
        assert_eq!(session.take_output().concat(), b"\xc0\0\xe0\0");
    }

    #[test]
    fn packets_are_understood_however_they_are_cut() {
        let mut session = ready();
        let packets = b"\x30\x06\0\x01b\0hi\x30\x07\0\x03a/b\0!";
        let mut got = Vec::new();
        for octet in packets {
            for heard in session.receive(&[*octet]) {
                let Heard::Message(message) = heard else {
                    panic!("{heard:?}");
                };
                got.push((
                    message.topic_name().to_owned(),
                    message.payload().as_slice().to_vec(),
                ));
            }
        }
        assert_eq!(
            got,
            [
                ("b".to_owned(), b"hi".to_vec()),
                ("a/b".to_owned(), b"!".to_vec())
            ]
        );
    }

    #[test]
    fn a_refusal_says_why_and_whether_to_try_again() {
        // The first is what is told.
        let over = |bytes: &[u8]| match session().receive(bytes).into_iter().next() {
            Some(Heard::Over(failure)) => failure,
            other => panic!("{other:?}"),
        };
        for (code, is_setting) in [
            (0x86, true),
            (0x87, true),
            (0x84, true),
            (0x88, false),
            (0x97, false),
        ] {
            let failure = over(&[0x20, 3, 0, code, 0]);
            assert_eq!(
                matches!(failure, Failure::Settings(_)),
                is_setting,
                "{failure}"
            );
        }
        // As a broker of 3.1.1 answers, and as one does that expects TLS.
        assert!(matches!(over(&[0x20, 2, 0, 1]), Failure::Settings(_)));
        assert!(matches!(
            over(b"\x15\x03\x03\0\x02\x02\x28"),
            Failure::Settings(_)
        ));
        let mut session = session();
        session.receive(CONNACK);
        let heard = session.receive(&[0x90, 5, 0, 1, 0, 0, 0x87]).pop();
        assert!(
            matches!(&heard, Some(Heard::Over(Failure::Settings(text))) if text.contains("subscribe to b")),
            "{heard:?}"
        );
        let heard = ready().receive(&[0xe0, 2, 0x8e, 0]).pop();
        assert!(
            matches!(&heard, Some(Heard::Over(Failure::Trouble(text))) if text.contains("--client-id"))
        );
    }

    #[test]
    fn what_is_too_large_ends_the_connection_before_it_takes_memory() {
        let heard = ready().receive(&[0x30, 0xff, 0xff, 0xff, 0x7f]);
        assert!(
            heard
                .iter()
                .any(|heard| matches!(heard, Heard::Over(Failure::Trouble(_)))),
            "{heard:?}"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_of_a_broker_are_borne(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), is_ready: bool
        ) {
            let mut session = if is_ready { ready() } else { session() };
            session.receive(&bytes);
            session.receive(&bytes);
            session.publish("a", &bytes, Duration::from_secs(2));
        }
    }
}
