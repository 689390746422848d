//! Why a broker refuses, in words.

use mqtt_protocol_core::mqtt::packet::{Properties, Property};
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, DisconnectReasonCode};

use super::packets::{Needs, Welcome};
use crate::failure::Failure;
use groupcast_bridge::Qos;

/// Letters of what a broker says itself.
const LONGEST_WORDS: usize = 200;

/// What the broker says itself of a refusal, if it says anything.
pub(super) fn words(props: &Properties) -> String {
    let said = props.iter().find_map(|property| match property {
        Property::ReasonString(words) => Some(words.val()),
        Property::ServerReference(server) => Some(server.val()),
        _ => None,
    });
    said.map_or_else(String::new, |said| {
        let said: String = said.chars().take(LONGEST_WORDS).collect();
        format!(": it says \"{said}\"")
    })
}

/// The broker does not take this client.
pub(super) fn refused(reason: ConnectReasonCode, words: &str) -> Failure {
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
        ConnectReasonCode::QosNotSupported => "the broker does not acknowledge messages (QoS 1)",
        ConnectReasonCode::RetainNotSupported => "the broker does not retain messages",
        ConnectReasonCode::TopicNameInvalid => "the broker does not take the topic of the will",
        _ => {
            return Failure::Trouble(format!(
                "it does not take this client now ({reason}){words}"
            ));
        }
    };
    Failure::Settings(format!("it refuses this client: {advice}{words}"))
}

/// The broker ended the connection.
pub(super) fn ended(reason: Option<DisconnectReasonCode>, words: &str) -> Failure {
    Failure::Trouble(match reason {
        Some(DisconnectReasonCode::SessionTakenOver) => {
            "another client took this one's name: give each its own --client-id".to_owned()
        }
        Some(reason) => format!("it ended the connection ({reason}){words}"),
        None => format!("it ended the connection{words}"),
    })
}

/// What the broker cannot do that is needed.
pub(super) fn lacking(needs: Needs, welcome: &Welcome) -> Option<Failure> {
    let lacks = if needs.at_least_once && welcome.maximum_qos < Qos::AtLeastOnce {
        "it does not acknowledge messages (its Maximum QoS is 0), so what is lost on the way could not be told"
    } else if needs.retained && !welcome.is_retain_available {
        "it does not retain messages (Retain Available is 0), so who subscribes later would have no values"
    } else {
        return None;
    };
    Some(Failure::Settings(format!(
        "{lacks}: this needs a broker that does"
    )))
}
