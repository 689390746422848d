//! A boiler that says its temperature: the same application on a desktop, and in a simulated group.

use groupcast::{Application, Channel, Endpoint, Event, Instant};

/// The newest value always arrives.
pub const TEMPERATURE: Channel = Channel::state(1);

/// Says a temperature once, and keeps the last one that it hears.
#[derive(Debug, Default)]
pub struct Boiler {
    pub says: Option<&'static [u8]>,
    pub heard: Vec<u8>,
}

impl Application for Boiler {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        if let Event::Message(message) = event
            && message.channel() == TEMPERATURE
        {
            self.heard = message.payload().to_vec();
        }
    }

    fn act(&mut self, _: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        if let Some(value) = self.says
            && endpoint.queue(TEMPERATURE, value).is_ok()
        {
            self.says = None;
        }
        None
    }
}

/// What firmware would use: memory for a board, on either stack.
pub type OnSmoltcp = groupcast_smoltcp::BoardMemory;
pub type OnEmbassy = groupcast_embassy::BoardBuffers;
