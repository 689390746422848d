//! A connection's MQTT: bytes in, what they mean out. No socket, no clock.
//!
//! Nothing is kept for the next connection: what was not acknowledged is the caller's to send again.

mod packets;
mod puback;
mod reasons;

use std::collections::{BTreeMap, BTreeSet};

use groupcast_bridge::{Incoming, Publication, Qos, Subscription};
use mqtt_protocol_core::mqtt;
use mqtt_protocol_core::mqtt::connection::{Event, TimerKind};
use mqtt_protocol_core::mqtt::packet::{Packet, v5_0};
use mqtt_protocol_core::mqtt::prelude::*;
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, DisconnectReasonCode, MqttError, SubackReasonCode,
};

use crate::failure::Failure;
pub(crate) use packets::Will;
pub(crate) use packets::{KEEP_ALIVE, Login, Needs, Welcome};

/// Bytes of messages that may come before the broker answers the subscription.
const EARLY: usize = 1 << 20;

type Connection = mqtt::Connection<mqtt::role::Client>;

/// What the broker did.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It accepted the subscriptions: all is ready.
    Ready(Welcome),
    Message(Incoming),
    /// It has a message that was to be acknowledged; from 0x80 on it refuses it.
    Acknowledged {
        ticket: u64,
        reason: u8,
    },
    /// It ended, or made no sense.
    Over(Failure),
}

/// Why a message was not published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum NotSent {
    /// Not now: the broker is away, or has as much to acknowledge as it takes.
    NoRoom,
    /// This broker does not take it, however often it is offered.
    Never(String),
}

/// MQTT over one connection.
pub(crate) struct Session {
    connection: Connection,
    subscriptions: Vec<Subscription>,
    needs: Needs,
    is_clean: bool,
    /// To be written, in order.
    output: Vec<Vec<u8>>,
    welcome: Option<Welcome>,
    is_ready: bool,
    /// Why the broker ended the connection, if it said so.
    ended: Option<DisconnectReasonCode>,
    /// It broke the rules of MQTT.
    is_nonsense: bool,
    /// What came before the subscription was answered, and how many bytes that is.
    early: Vec<Incoming>,
    early_bytes: usize,
    /// What the broker has not acknowledged.
    in_flight: BTreeMap<u16, u64>,
    /// Those of them so far. The broker's packet ids come again, and the next message may have one before anybody looks at
    /// its last acknowledgement.
    tickets: u64,
    /// What the broker wants acknowledged.
    unacknowledged: BTreeSet<u16>,
    reasons: puback::Reasons,
}

impl core::fmt::Debug for Session {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session")
            .field("welcome", &self.welcome)
            .field("is_ready", &self.is_ready)
            .field("in_flight", &self.in_flight.len())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Greets the broker, and will subscribe to these.
    pub(crate) fn new(login: &Login, subscriptions: &[Subscription]) -> Result<Self, Failure> {
        let options = mqtt::connection::ConnectionOptions::new()
            .maximum_packet_size_recv(login.longest_packet);
        let mut session = Self {
            connection: Connection::with_options(mqtt::Version::V5_0, options),
            subscriptions: subscriptions.to_vec(),
            needs: login.needs,
            is_clean: login.clean_start,
            output: Vec::new(),
            welcome: None,
            is_ready: false,
            ended: None,
            is_nonsense: false,
            early: Vec::new(),
            early_bytes: 0,
            in_flight: BTreeMap::new(),
            tickets: 0,
            unacknowledged: BTreeSet::new(),
            reasons: puback::Reasons::new(),
        };
        let packet = packets::connect(login).map_err(|error| {
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

    /// Whether it is over because another client took this one's name.
    pub(crate) fn is_taken_over(&self) -> bool {
        self.ended == Some(DisconnectReasonCode::SessionTakenOver)
    }

    /// Whether it is known why it is over.
    pub(crate) const fn is_explained(&self) -> bool {
        self.ended.is_some() || self.is_nonsense
    }

    /// Bytes came from the broker.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        let bytes = &*self.reasons.listed(bytes);
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

    /// Publishes, if it is ready. Returns the ticket that is acknowledged later, if it is, and the bytes to write. No two
    /// messages of a session have the same ticket.
    pub(crate) fn publish(
        &mut self,
        publication: &Publication,
    ) -> Result<(Option<u64>, Vec<u8>), NotSent> {
        let Some(welcome) = self.welcome.filter(|_| self.is_ready) else {
            return Err(NotSent::NoRoom);
        };
        let never = |error: MqttError| NotSent::Never(format!("it is no message of MQTT: {error}"));
        if publication.retained && !welcome.is_retain_available {
            return Err(NotSent::Never("it retains no messages".to_owned()));
        }
        let id = match publication.qos {
            Qos::AtMostOnce => None,
            Qos::AtLeastOnce if welcome.maximum_qos < Qos::AtLeastOnce => {
                return Err(NotSent::Never("it acknowledges no messages".to_owned()));
            }
            Qos::AtLeastOnce if self.in_flight.len() >= usize::from(welcome.receive_maximum) => {
                return Err(NotSent::NoRoom);
            }
            Qos::AtLeastOnce => {
                let id = self.connection.acquire_packet_id();
                Some(id.map_err(|_| NotSent::NoRoom)?)
            }
        };
        let release = |session: &mut Self| {
            if let Some(id) = id {
                session.connection.release_packet_id(id);
            }
        };
        let packet = match packets::publish(publication, id) {
            Ok(packet) => packet,
            Err(error) => {
                release(self);
                return Err(never(error));
            }
        };
        if let Some(most) = welcome
            .maximum_packet_size
            .filter(|most| packet.size() > *most as usize)
        {
            release(self);
            return Err(NotSent::Never(format!(
                "it takes packets of at most {most} bytes, and this is one of {}",
                packet.size()
            )));
        }
        let before = self.output.len();
        let events = self.connection.checked_send(packet);
        let error = refusal(&events);
        self.take(events, &mut Vec::new());
        let written = self.output.split_off(before).concat();
        if let Some(error) = error {
            return Err(never(error));
        }
        let ticket = id.map(|id| {
            self.tickets += 1;
            self.in_flight.insert(id, self.tickets);
            self.tickets
        });
        Ok((ticket, written))
    }

    /// Acknowledges a message of the broker; from 0x80 on the reason is a refusal. `false`: there is none of this packet
    /// id that is not acknowledged.
    pub(crate) fn acknowledge(&mut self, packet: u16, reason: u8) -> bool {
        if !self.unacknowledged.remove(&packet) {
            return false;
        }
        let Ok(packet) = packets::acknowledge(packet, reason) else {
            return false;
        };
        let events = self.connection.checked_send(packet);
        self.take(events, &mut Vec::new());
        true
    }

    /// Asks the broker whether it is there.
    pub(crate) fn ping(&mut self) {
        let events = self.connection.notify_timer_fired(TimerKind::PingreqSend);
        self.take(events, &mut Vec::new());
    }

    /// Says good-bye. The broker does not publish the will.
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
                Event::NotifyError(error) => {
                    self.is_nonsense = true;
                    heard.push(Heard::Over(self.nonsense(error)));
                }
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
        let understood = match packet {
            Packet::V5_0Connack(answer) => self.accepted(&answer),
            Packet::V5_0Suback(answer) => self.subscribed(&answer, heard),
            Packet::V5_0Publish(message) => self.published(&message, heard),
            Packet::V5_0Puback(answer) => {
                let packet = answer.packet_id();
                let unlisted = self.reasons.take_unlisted(packet);
                let listed = answer.reason_code().map_or(0, |reason| reason as u8);
                let reason = unlisted.unwrap_or(listed);
                if let Some(ticket) = self.in_flight.remove(&packet) {
                    heard.push(Heard::Acknowledged { ticket, reason });
                }
                Ok(())
            }
            Packet::V5_0Disconnect(packet) => {
                let reason = packet.reason_code();
                self.ended = reason;
                let words = packet
                    .props()
                    .as_ref()
                    .map_or_else(String::new, reasons::words);
                Err(reasons::ended(reason, &words))
            }
            Packet::V5_0Pingresp(_) => Ok(()),
            packet => Err(Failure::Trouble(format!(
                "it sent what nobody asked for ({})",
                packet.packet_type()
            ))),
        };
        if let Err(failure) = understood {
            heard.push(Heard::Over(failure));
        }
    }

    fn accepted(&mut self, answer: &v5_0::Connack) -> Result<(), Failure> {
        if answer.reason_code() != ConnectReasonCode::Success {
            let words = reasons::words(answer.props());
            return Err(reasons::refused(answer.reason_code(), &words));
        }
        if self.welcome.is_some() {
            return Err(Failure::Trouble("it accepts this client twice".to_owned()));
        }
        let welcome = Welcome::new(answer);
        if let Some(failure) = reasons::lacking(self.needs, &welcome) {
            return Err(failure);
        }
        if welcome.session_present && self.is_clean {
            let text = "it remembers this client, which asked it not to".to_owned();
            return Err(Failure::Trouble(text));
        }
        self.welcome = Some(welcome);
        self.subscribe()
    }

    fn subscribe(&mut self) -> Result<(), Failure> {
        let wrong = |error: MqttError| Failure::Settings(format!("cannot subscribe: {error}"));
        let id = self.connection.acquire_packet_id().map_err(wrong)?;
        let packet = packets::subscribe(id, &self.subscriptions).map_err(wrong)?;
        let events = self.connection.checked_send(packet);
        let refused = refusal(&events).map(wrong);
        self.take(events, &mut Vec::new());
        refused.map_or(Ok(()), Err)
    }

    fn subscribed(&mut self, answer: &v5_0::Suback, heard: &mut Vec<Heard>) -> Result<(), Failure> {
        let codes = answer.reason_codes();
        if codes.len() != self.subscriptions.len() {
            return Err(Failure::Trouble(format!(
                "it answers {} subscriptions, and there are {}",
                codes.len(),
                self.subscriptions.len()
            )));
        }
        for (code, subscription) in codes.iter().zip(&self.subscriptions) {
            let filter = &subscription.filter;
            match code {
                SubackReasonCode::GrantedQos0 if subscription.qos == Qos::AtMostOnce => {}
                SubackReasonCode::GrantedQos1 | SubackReasonCode::GrantedQos2 => {}
                SubackReasonCode::GrantedQos0 => {
                    return Err(Failure::Settings(format!(
                        "it delivers {filter} at most once (QoS 0), so what is lost on the way could not be told"
                    )));
                }
                _ => {
                    return Err(Failure::Settings(format!(
                        "it does not let this user subscribe to {filter} ({code})"
                    )));
                }
            }
        }
        let Some(welcome) = self.welcome else {
            let text = "it answers before it accepts".to_owned();
            return Err(Failure::Trouble(text));
        };
        self.is_ready = true;
        heard.push(Heard::Ready(welcome));
        heard.extend(self.early.drain(..).map(Heard::Message));
        Ok(())
    }

    fn published(
        &mut self,
        message: &v5_0::Publish,
        heard: &mut Vec<Heard>,
    ) -> Result<(), Failure> {
        let is_asked_for = |qos| self.subscriptions.iter().any(|asked| asked.qos >= qos);
        let incoming = packets::incoming(message).filter(|incoming| is_asked_for(incoming.qos));
        let Some(incoming) = incoming else {
            return Err(Failure::Trouble(format!(
                "it sent a message of a quality of service that nobody asked for ({})",
                message.qos()
            )));
        };
        if self.welcome.is_none() {
            let text = "it sends messages before it accepts".to_owned();
            return Err(Failure::Trouble(text));
        }
        self.unacknowledged.extend(incoming.packet);
        if self.is_ready {
            heard.push(Heard::Message(incoming));
            return Ok(());
        }
        self.early_bytes += message.size();
        if self.early_bytes > EARLY {
            let text = "it sends messages, and does not answer the subscription".to_owned();
            return Err(Failure::Trouble(text));
        }
        self.early.push(incoming);
        Ok(())
    }

    fn nonsense(&self, error: MqttError) -> Failure {
        if self.welcome.is_some() {
            Failure::Trouble(format!("it broke the rules of MQTT: {error}"))
        } else {
            Failure::Settings(format!(
                "it does not answer in MQTT 5 ({error}): is this the port of a broker that does?"
            ))
        }
    }
}

/// Why the library does not send a packet, if it does not.
fn refusal(events: &[Event]) -> Option<MqttError> {
    events.iter().find_map(|event| match event {
        Event::NotifyError(error) => Some(*error),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
