//! A sensor: it publishes a reading each second, and obeys commands.
//!
//! ```text
//! groupcast chat                    then say: status, led on, rate 500, board-1 stop
//! ```

#![no_std]
#![no_main]

use core::time::Duration;

use cortex_m_rt::entry;
use groupcast::{Channel, Event, Instant, Node, Tiny};
use groupcast_board::{Board, BoardStack, Led};
use groupcast_smoltcp::Memory;
use kit::{Outbox, Text, Wakes, host, log, number, said};
use static_cell::ConstStaticCell;

/// What `groupcast chat` says goes here.
const COMMANDS: Channel = Channel::reliable_ordered(0);
/// The newest value always arrives, also at members that come late.
const READINGS: Channel = Channel::state(1);
const ANSWERS: Channel = Channel::reliable_ordered(2);

/// In each socket 4 datagrams wait, and so two of the 1,025 bytes that `Tiny` receives.
type Queues = Memory<2, 4, 2100, 1060>;
const BURST: u8 = 4;

#[entry]
fn main() -> ! {
    static STORAGE: ConstStaticCell<Tiny> = ConstStaticCell::new(Tiny::new());
    static QUEUES: ConstStaticCell<Queues> = ConstStaticCell::new(Queues::new());

    let board = Board::start("sensor");
    let stack = board.network(QUEUES.take());
    let mut node = board.join(&stack, STORAGE.take(), BURST);
    let mut answer = Outbox::new(ANSWERS);
    let (mut interval, mut readings, mut next_reading) = (1000, 0_u32, Instant::ZERO);
    let (mut led, mut stopping) = (Led::start(), false);
    loop {
        let now = board.now();
        stack.poll(now);
        // A command is taken when the answer to the last one is on its way.
        while answer.send(&mut node, now) {
            let mut command = Text::<40>::new();
            match node.poll(now) {
                Ok(Some(Event::Message(message))) if message.channel() == COMMANDS => {
                    let text = said(&message).unwrap_or("?");
                    log!("{}: {}", message.name(), text);
                    command = command.with(board.identity.hears(text).unwrap_or_default());
                }
                Ok(Some(event)) => log::event(&event),
                Ok(None) => break,
                Err(error) => log::network(&error),
            }
            let command = command.as_str();
            match command.split_once(' ').unwrap_or((command, "")) {
                ("", _) => {}
                ("led", state) => {
                    led.set(state == "on");
                    answer.put(Text::new().with("led ").with(led.state()));
                }
                ("rate", millis) => {
                    interval = number(millis).unwrap_or(interval).clamp(10, 60_000);
                    answer.put(Text::new().with("rate ").number(interval));
                }
                ("status", _) => answer.put(status(&node, readings)),
                ("stop", _) => {
                    stopping = true;
                    answer.put(Text::new().with("stops"));
                }
                _ => {
                    answer
                        .put(Text::new().with("led on, led off, rate MILLISECONDS, status, stop?"));
                }
            }
        }
        if stopping && answer.is_empty() {
            node.leave(now);
            if node.has_left() {
                log!("left");
                host::exit(true);
            }
        } else if now >= next_reading {
            next_reading = now + Duration::from_millis(interval.into());
            readings += 1;
            let text = Text::<40>::new()
                .with("reading ")
                .number(readings)
                .with(": 21.");
            let text = text.number(readings % 10).with(" C");
            let _ = node.queue(now, READINGS, text.as_str().as_bytes());
            node.flush(now);
        }
        let next = answer.wake(now, node.next_deadline());
        let reading = (!stopping).then_some(next_reading);
        board.sleep([stack.next_deadline(), next, reading]);
    }
}

/// How the board is. It is out of line, so that it takes stack only when somebody asks.
#[inline(never)]
fn status(node: &Node<&BoardStack, &mut Tiny>, readings: u32) -> Text<160> {
    let (members, counters) = (node.peers().count(), node.counters());
    let Wakes { timer, network, .. } = Wakes::now();
    let text = Text::new().with("readings ").number(readings);
    let text = text.with(" members ").number(members as u32);
    let text = text.with(" dropped ").number(counters.dropped() as u32);
    let text = text.with(" stale ").number(counters.stale as u32);
    let text = text.with(" wake-ups by timer ").number(timer);
    text.with(" by network ").number(network)
}
