//! A chat in one task: what is typed is sent, what is heard is printed, and both at once.
//!
//! ```text
//! cargo run -p groupcast-std --features tokio --example async -- 127.0.0.1
//! ```

use groupcast::{Channel, Event};
use groupcast_std::{Member, resolve_group};
use tokio::sync::mpsc;

const LINES: Channel = Channel::reliable_ordered(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let mut builder = Member::builder(resolve_group("239.1.2.3:12345")?).name("async");
    if let Some(interface) = std::env::args().nth(1) {
        builder = builder.interface(interface.parse()?);
    }
    let mut member = builder.join_async().await?;

    // Standard input blocks, so a thread reads it.
    let (typed, mut lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if typed.blocking_send(line).is_err() {
                break;
            }
        }
    });
    let print = |event: Event<'_>| println!("{event}");
    loop {
        tokio::select! {
            event = member.recv() => print(event?),
            line = lines.recv() => match line {
                Some(line) => drop(member.send(LINES, line, print).await?),
                None => break,
            },
        }
    }
    member.leave().await?;
    Ok(())
}
