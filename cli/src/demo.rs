//! `groupcast demo`: the tutorial's job, done by two members in one process over real sockets.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::time::Instant;

use groupcast::{Channel, Event};
use groupcast_std::{InterfaceSelector, Member};

use crate::options::{Common, Limits};
use crate::output::Output;
use crate::output::json;
use crate::output::json::results::Sent;
use crate::output::show::Show;
use crate::process::failure::Failure;
use crate::process::signal;
use crate::session::{builder_on, say_start};

const TEXT: &str = "Hello, multicast!";

/// How often the message is sent, in case a busy machine loses it, and how long each time is waited.
const ATTEMPTS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait at once, so that both members get their turn.
const TURN: Duration = Duration::from_millis(5);

pub(crate) fn run(common: &Common) -> Result<(), Failure> {
    let mut output = Output::new(common.json);
    let mut listener = join(common, "listener")?;
    let mut sender = join(common, "sender")?;
    let group = sender.group();
    say_start(common, &sender);

    // Plain lines are what the tutorial prints.
    if !common.json {
        output.line(&format!(
            "Listening for messages from multicast group {group}"
        ))?;
    }
    let mut heard = None;
    for attempt in 0..ATTEMPTS {
        let number = sender.send(TEXT)?;
        if common.json {
            let who = (sender.id(), sender.session());
            let numbers = Some(number.into());
            let sent = Sent::by(who, Channel::default(), 1, numbers, None);
            output.line(&sent.line())?;
        } else if attempt == 0 {
            output.line(&format!("Message sent: {TEXT}"))?;
        }
        heard = wait_for_text(&mut listener, &mut sender, common.json)?;
        if heard.is_some() || signal::end_requested() {
            break;
        }
    }
    if let Some(line) = &heard {
        output.line(line)?;
    }
    sender.leave()?;
    listener.leave()?;
    if heard.is_none() && !signal::end_requested() {
        return Err(Failure::Unmet(format!(
            "the message did not come back within {} s; a firewall may block UDP on this interface, \
             or the machine may be very busy; `groupcast doctor` finds out",
            (PATIENCE * ATTEMPTS).as_secs()
        )));
    }
    Ok(())
}

/// A member of the demonstration: on this machine alone, unless an interface is given.
fn join(common: &Common, name: &str) -> Result<Member, Failure> {
    let loopback = InterfaceSelector::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let selector = common.interface.clone().unwrap_or(loopback);
    let builder = builder_on(common, Limits::default(), selector)?;
    Ok(builder.name(name).join()?)
}

/// Waits until the listener hears the sender's text: the line about it. What others say is passed over.
fn wait_for_text(
    listener: &mut Member,
    sender: &mut Member,
    json: bool,
) -> Result<Option<String>, Failure> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && !signal::end_requested() {
        // The sender takes part, too. What it hears is of no interest here.
        while sender.poll()?.is_some() {}
        let choice = listener.choice().label().to_owned();
        while let Some(event) = listener.poll()? {
            if let Event::Message(message) = &event
                && message.sender() == sender.id()
                && message.payload() == TEXT.as_bytes()
            {
                let (name, address) = (message.name(), message.address());
                return Ok(if json {
                    json::event(&event, Show::Yes, false, None)
                } else {
                    Some(format!(
                        "Received message: {TEXT} (from {name} at {address}, via {choice})"
                    ))
                });
            }
        }
        listener.wait(TURN)?;
    }
    Ok(None)
}
