//! The tutorial's program: joins a group, says hello to it, and prints what it hears.
//!
//! Start it in two terminals. The argument, an interface, can be left out:
//!
//! ```text
//! cargo run --example hello -- 127.0.0.1
//! ```

use core::time::Duration;

use groupcast_std::{Member, resolve_group};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut member = Member::builder(resolve_group("239.1.2.3:12345")?).name("hello");
    if let Some(interface) = std::env::args().nth(1) {
        member = member.interface(interface.parse()?);
    }
    let mut member = member.join()?;
    println!("Listening on {} by {}", member.group(), member.choice());

    member.send("Hello, multicast!")?;
    println!("Message sent: Hello, multicast!");

    for event in member.events(Duration::from_secs(30)) {
        println!("{}", event?);
    }
    member.leave()?;
    Ok(())
}
