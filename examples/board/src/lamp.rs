//! A lamp: it is told to be on or off, and says which it is. The same application in `peer` and in `leaf`.

use groupcast::{Application, Channel, Endpoint, Event, Instant};

use crate::Led;
use kit::{log, said};

/// What all lamps are to be: `on`, `off` or `stop`. The newest command always arrives, also at a lamp that comes late.
pub const COMMAND: Channel = Channel::state(2);

/// What this lamp is.
pub const LIGHT: Channel = Channel::state(1);

/// A lamp.
pub struct Lamp {
    led: Led,
    /// Whether it is on, and what it said of that.
    is_on: bool,
    told: Option<bool>,
    stops: bool,
}

impl Lamp {
    /// It is off.
    pub fn start() -> Self {
        Self {
            led: Led::start(),
            is_on: false,
            told: None,
            stops: false,
        }
    }
}

impl Application for Lamp {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        match event {
            Event::Message(message) if message.channel() == COMMAND => {
                let text = said(message).unwrap_or("?");
                log!("command: {}", text);
                match text {
                    "on" | "off" => self.is_on = text == "on",
                    "stop" => self.stops = true,
                    _ => {}
                }
            }
            other => log::event(other),
        }
    }

    fn act(&mut self, _: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        let text = if self.is_on { "on" } else { "off" };
        if self.told != Some(self.is_on) && endpoint.queue(LIGHT, text.as_bytes()).is_ok() {
            self.led.set(self.is_on);
            self.told = Some(self.is_on);
        }
        if self.stops {
            endpoint.leave();
        }
        None
    }
}
