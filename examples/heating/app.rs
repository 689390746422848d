//! A heating system of three devices: a sensor, a panel and a boiler.
//!
//! It knows no socket, no clock and no operating system. The same file is in the desktop program beside it, in the
//! firmware of `examples/board`, and in the tests on virtual time.

use core::time::Duration;

use groupcast::{Application, Channel, Endpoint, Event, Instant, SendError};

/// The temperature, in tenths of a degree: two bytes. Every peer has the newest value, also one that joins late.
pub(crate) const TEMPERATURE: Channel = Channel::state(1);
/// The target temperature, as the boiler knows it.
pub(crate) const TARGET: Channel = Channel::state(2);
/// Whether the burner is on: one byte, 0 or 1.
pub(crate) const BURNER: Channel = Channel::state(3);
/// Orders to the boiler: a target temperature. Each arrives once, and in order.
pub(crate) const ORDERS: Channel = Channel::reliable_ordered(4);

/// When to try again if the queue was full.
const AGAIN: Duration = Duration::from_millis(50);

/// When to repeat an order that had no effect: the boiler restarted, or was not there.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tenths of a degree, in two bytes.
fn tenths(payload: &[u8]) -> Option<i16> {
    payload.try_into().ok().map(i16::from_be_bytes)
}

/// Measures the temperature. It sends it when it changes, and every ten seconds, so that the boiler knows the sensor works.
#[derive(Clone, Debug)]
pub(crate) struct Sensor {
    /// What is measured now, in tenths of a degree.
    pub(crate) reading: i16,
    said: Option<(i16, Instant)>,
}

impl Sensor {
    /// How often an old reading is said again.
    pub(crate) const INTERVAL: Duration = Duration::from_secs(10);

    /// A sensor that measures this, in tenths of a degree.
    pub(crate) const fn new(reading: i16) -> Self {
        Self {
            reading,
            said: None,
        }
    }
}

impl Application for Sensor {
    fn on_event(&mut self, _: Instant, _: &Event<'_>) {}

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        if let Some((reading, at)) = self.said
            && reading == self.reading
            && now < at + Self::INTERVAL
        {
            return Some(at + Self::INTERVAL);
        }
        match endpoint.queue(TEMPERATURE, &self.reading.to_be_bytes()) {
            Ok(_) => self.said = Some((self.reading, now)),
            Err(_) => return Some(now + AGAIN),
        }
        Some(now + Self::INTERVAL)
    }
}

/// Burns while it is too cold. After a minute without a reading it stops.
#[derive(Clone, Debug)]
pub(crate) struct Boiler {
    target: i16,
    reading: Option<(i16, Instant)>,
    burns: bool,
    said_target: Option<i16>,
    said_burns: Option<bool>,
}

impl Default for Boiler {
    fn default() -> Self {
        Self {
            target: 180,
            reading: None,
            burns: false,
            said_target: None,
            said_burns: None,
        }
    }
}

impl Boiler {
    /// How old a reading may be.
    pub(crate) const STALE: Duration = Duration::from_secs(60);
    /// What may be ordered, in tenths of a degree.
    pub(crate) const RANGE: core::ops::RangeInclusive<i16> = 50..=300;
    /// It begins to burn so far below the target, and ends so far above.
    const HYSTERESIS: i16 = 3;

    /// Whether it burns.
    pub(crate) const fn burns(&self) -> bool {
        self.burns
    }

    /// The target temperature, in tenths of a degree.
    pub(crate) const fn target(&self) -> i16 {
        self.target
    }

    fn decide(&mut self, now: Instant) {
        let fresh = self.reading.filter(|(_, at)| now < *at + Self::STALE);
        self.burns = match fresh {
            None => false,
            Some((reading, _)) if reading <= self.target - Self::HYSTERESIS => true,
            Some((reading, _)) if reading >= self.target + Self::HYSTERESIS => false,
            Some(_) => self.burns,
        };
    }

    fn say(&mut self, endpoint: &mut impl Endpoint) -> Result<(), SendError> {
        if self.said_target != Some(self.target) {
            endpoint.queue(TARGET, &self.target.to_be_bytes())?;
            self.said_target = Some(self.target);
        }
        if self.said_burns != Some(self.burns) {
            endpoint.queue(BURNER, &[self.burns.into()])?;
            self.said_burns = Some(self.burns);
        }
        Ok(())
    }
}

impl Application for Boiler {
    fn on_event(&mut self, now: Instant, event: &Event<'_>) {
        let Event::Message(message) = event else {
            return;
        };
        let Some(value) = tenths(message.payload()) else {
            return;
        };
        if message.channel() == TEMPERATURE {
            self.reading = Some((value, now));
        } else if message.channel() == ORDERS && Self::RANGE.contains(&value) {
            self.target = value;
        }
    }

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        self.decide(now);
        if self.say(endpoint).is_err() {
            return Some(now + AGAIN);
        }
        // If nothing is heard until then, it must go out.
        let stale = self.reading.map(|(_, at)| at + Self::STALE);
        stale.filter(|at| now < *at)
    }
}

/// Shows the temperature and the burner, and orders a target temperature.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panel {
    /// The target temperature that was chosen here, in tenths of a degree.
    pub(crate) wanted: Option<i16>,
    reading: Option<i16>,
    burns: Option<bool>,
    target: Option<i16>,
    ordered: Option<(i16, Instant)>,
}

impl Panel {
    /// The temperature, in tenths of a degree, if it is known.
    pub(crate) const fn reading(&self) -> Option<i16> {
        self.reading
    }

    /// Whether the boiler burns, if that is known.
    pub(crate) const fn burns(&self) -> Option<bool> {
        self.burns
    }

    /// The target temperature, as the boiler reported it.
    pub(crate) const fn target(&self) -> Option<i16> {
        self.target
    }
}

impl Application for Panel {
    fn on_event(&mut self, _: Instant, event: &Event<'_>) {
        let Event::Message(message) = event else {
            return;
        };
        match (message.channel(), message.payload()) {
            (TEMPERATURE, payload) => self.reading = tenths(payload).or(self.reading),
            (TARGET, payload) => self.target = tenths(payload).or(self.target),
            (BURNER, [burns]) => self.burns = Some(*burns != 0),
            _ => {}
        }
    }

    fn act(&mut self, now: Instant, endpoint: &mut impl Endpoint) -> Option<Instant> {
        let wanted = self.wanted.filter(|wanted| self.target != Some(*wanted))?;
        if let Some((ordered, at)) = self.ordered
            && ordered == wanted
            && now < at + PATIENCE
        {
            return Some(at + PATIENCE);
        }
        match endpoint.queue(ORDERS, &wanted.to_be_bytes()) {
            Ok(_) => {
                self.ordered = Some((wanted, now));
                Some(now + PATIENCE)
            }
            Err(_) => Some(now + AGAIN),
        }
    }
}
