//! A leaf on the desktop: what an actuator with 2 KB of memory does, where it can be looked at.
//!
//! It takes the values that others set, and says which it has. Set one from another terminal:
//!
//! ```text
//! cargo run --example leaf -- 127.0.0.1
//! cargo run -- send -i 127.0.0.1 --class state --channel 2 21.5
//! ```

use core::time::Duration;

use groupcast::{Channel, Config, Event, LeafNode};
use groupcast_std::{Clock, StdStack, entropy, resolve_group};

/// What others set, and what it says to have.
const TARGET: Channel = Channel::state(2);
const HAS: Channel = Channel::state(3);

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().unwrap_or_default();
    let group = resolve_group(arguments.next().as_deref().unwrap_or("239.1.2.3:12345"))?;
    let mut stack = StdStack::builder().group(group);
    if !interface.is_empty() {
        stack = stack.interface(interface.parse()?);
    }
    let config = Config::new(group).with_name("leaf");
    let mut leaf: LeafNode<StdStack> = LeafNode::new(stack.build()?, config, entropy::seed()?)
        .map_err(|failed| failed.error.to_string())?;

    let clock = Clock::new();
    loop {
        let mut target = None;
        while let Some(event) = leaf.poll(clock.now())? {
            println!("{event}");
            if let Event::Message(message) = event
                && message.channel() == TARGET
            {
                target = Some(message.payload().to_vec());
            }
        }
        if let Some(target) = target {
            leaf.queue(clock.now(), HAS, &target)?;
        }
        // As a board's loop does that has nothing to wait by.
        std::thread::sleep(Duration::from_millis(2));
    }
}
