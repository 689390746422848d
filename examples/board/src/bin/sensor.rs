//! A sensor: it publishes a reading each second, and obeys commands.
//!
//! ```text
//! groupcast chat                    then say: status, led on, rate 500, board-1 stop
//! ```

#![no_std]
#![no_main]

use core::fmt::Write;
use core::time::Duration;

use cortex_m_rt::entry;
use groupcast::{Channel, Event, Instant, Tiny};
use groupcast_board::{Board, Led, Outbox, host, log, make, said};
use groupcast_smoltcp::Memory;
use heapless::String;

/// What `groupcast chat` says goes here.
const COMMANDS: Channel = Channel::reliable_ordered(0);
/// The newest value always arrives, also at members that come late.
const READINGS: Channel = Channel::state(1);
const ANSWERS: Channel = Channel::reliable_ordered(2);

/// In each socket 4 datagrams wait, and so two of the 1,025 octets that `Tiny` receives.
type Queues = Memory<2, 4, 2100, 1060>;
const BURST: u8 = 4;

#[entry]
fn main() -> ! {
    run(make!(Tiny), make!(Queues))
}

/// The program. What `make!` took of the stack is free again.
#[inline(never)]
fn run(storage: &'static mut Tiny, queues: &'static mut Queues) -> ! {
    let mut board = Board::start("sensor");
    let stack = board.network(queues);
    let mut node = board.join(&stack, storage, BURST);
    let mut answer = Outbox::new(ANSWERS);
    let (mut interval, mut readings, mut next_reading) = (1000, 0_u32, Instant::ZERO);
    let (mut led, mut stopping) = (Led::start(), false);
    loop {
        let now = board.now();
        stack.poll(now);
        // A command is taken when the answer to the last one is on its way.
        while answer.send(&mut node, now) {
            let mut command = String::<40>::new();
            match node.poll(now) {
                Ok(Some(Event::Message(message))) if message.channel() == COMMANDS => {
                    let text = said(&message).unwrap_or("?");
                    log!("{}: {text}", message.name());
                    let _ = command.push_str(board.hears(text).unwrap_or_default());
                }
                Ok(Some(event)) => log::event(&event),
                Ok(None) => break,
                Err(error) => log!("network: {error}"),
            }
            match command.split_once(' ').unwrap_or((&command, "")) {
                ("", _) => {}
                ("led", state) => {
                    led.set(state == "on");
                    answer.put(format_args!("led {}", led.state()));
                }
                ("rate", millis) => {
                    interval = millis.parse().unwrap_or(interval).clamp(10, 60_000);
                    answer.put(format_args!("rate {interval}"));
                }
                ("status", _) => {
                    let (members, counters) = (node.members().count(), node.counters());
                    let (dropped, stale) = (counters.dropped(), counters.stale);
                    answer.put(format_args!(
                        "readings {readings} members {members} dropped {dropped} stale {stale}"
                    ));
                }
                ("stop", _) => {
                    stopping = true;
                    answer.put(format_args!("stops"));
                }
                _ => answer.put(format_args!(
                    "led on, led off, rate MILLISECONDS, status, stop?"
                )),
            }
        }
        if stopping && answer.is_empty() {
            node.leave(now);
            if node.has_left() {
                log!("left");
                host::exit(true);
            }
        } else if now >= next_reading {
            next_reading = now + Duration::from_millis(interval);
            readings += 1;
            let mut text = String::<40>::new();
            let _ = write!(text, "reading {readings}: 21.{} C", readings % 10);
            let _ = node.send(now, READINGS, text.as_bytes());
        }
        board.sleep();
    }
}
